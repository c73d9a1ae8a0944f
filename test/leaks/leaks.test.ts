import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { join } from 'node:path';
import { openCapture, type Policy } from '@gardenhose/core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { tempDir } from '../support/captures.ts';
import { runCli } from '../support/run-cli.ts';
import { canary } from './canary.ts';
import { framesOf, textOf } from './evidence.ts';
import { type Guards, guardsOf } from './mutation.ts';
import { haystack, leaksIn, spellingsIn } from './needles.ts';
import { page, pagePath } from './page.ts';
import { cases, type Numbered, positions } from './positions.ts';
import { type Control, control, eventsOf, maskedTexts, policy, recordAll } from './record.ts';
import type { Service } from './run-service.ts';

// Every case through a real server, recorded by a process of its own: without a mask, to show that the search finds all
// canaries, and masked, to find none in anything that the process wrote or said.

interface Recorded {
  readonly service: Service;
  readonly stats: string;
}

const folder = tempDir();
const key = randomBytes(32);
/** Not to be found in the capture either: what a policy says of values. */
const patternStem = 'PtRnStEm';
const ownPolicy: Policy = {
  ...policy,
  key: { env: 'GARDENHOSE_MASK_KEY' },
  rules: [
    ...(policy.rules ?? []),
    { id: 'own', value: { pattern: `${patternStem}[0-9]{4}`, maxLength: 12 }, mask: 'token' },
  ],
};
let plain: Control;
let rotated: Recorded;
let whole: Recorded;
let guards: Guards;

beforeAll(async () => {
  const unmasked = recordAll({
    folder: folder.file('plain'),
    recorder: { mask: { version: 1, extends: 'none' } },
    marksCases: true,
  });
  const others = Promise.all([
    recordAll({
      folder: folder.file('rotated'),
      file: { maxFileBytes: 16_384, chunkBytes: 4096 },
      recorder: { mask: policy, maxBodyBytes: 16_384, onBodyLimit: 'truncate', flushIntervalMs: 20 },
    }),
    recordAll({
      folder: folder.file('whole'),
      file: { compression: 'none' },
      recorder: { mask: ownPolicy, maxBodyBytes: 16_384 },
      env: { GARDENHOSE_MASK_KEY: key.toString('base64') },
    }),
  ]);
  plain = control(await eventsOf((await unmasked).service.path));
  [rotated, whole] = await others;
  guards = guardsOf(plain);
}, 120_000);

afterAll(() => folder[Symbol.dispose]());

const titleOf = ({ position, title }: { readonly position: number; readonly title: string }) =>
  `${position}, ${title}`;

test('every position has its cases or its own test, and there are 130', () => {
  const numbers = positions.map(({ number }) => number);
  expect(numbers.slice(0, 130)).toEqual(Array.from({ length: 130 }, (_, i) => i + 1));
  for (const { cases: of, elsewhere } of positions) expect(of ?? elsewhere).toBeDefined();
});

test('without a mask every canary is found: the search would find a leak', () => {
  const missing = cases.filter((one) => one.unseen === undefined && !plain.found.has(one));
  expect(missing.map(titleOf)).toEqual([]);
});

test('what is said to be never seen is not in the unmasked capture', () => {
  const all = haystack([...plain.events.values()].map((events) => textOf(events)).join('\n'));
  const seen = cases.filter(
    (one) => one.unseen !== undefined && spellingsIn(all, one.canary.word).length > 0,
  );
  expect(seen.map(titleOf)).toEqual([]);
});

const leaking = (by: Policy, these: (one: Numbered) => boolean): string[] =>
  [...maskedTexts(plain.events, by)].flatMap(([one, text]) =>
    these(one) ? leaksIn(text, titleOf(one)) : [],
  );

test('masked, no canary is in any event, case by case', () => {
  expect(leaking(policy, ({ strict }) => strict === undefined)).toEqual([]);
});

test('under the policy strict there is none either', () => {
  expect(leaking({ ...policy, extends: 'strict' }, () => true)).toEqual([]);
});

/** Cases that only the policy strict masks are in the captures, and shall be. */
const expected = cases.filter((one) => one.strict).map(({ canary: { word } }) => word);
const without = (text: string): string => expected.reduce((all, word) => all.replaceAll(word, ''), text);

test.each([
  ['in files of 16 kB, compressed, with long bodies cut', () => rotated],
  ['in one file, not compressed, with a key of its own', () => whole],
])('masked, no canary is in anything that a process recorded and wrote: %s', async (_, recorded) => {
  const { service, stats } = recorded();
  const captures = service.files.filter((name) => name.endsWith('.hose'));
  // 122, 123: nothing but captures was ever there, and nothing in their names.
  expect(service.files).toEqual(captures);
  for (const name of captures) {
    const path = join(service.folder, name);
    const frames = await framesOf(path);
    expect(frames.length).toBeGreaterThan(3);
    const text = [name, readFileSync(path, 'latin1'), ...frames, textOf(await eventsOf(path))].join('\n');
    expect(leaksIn(without(text), name)).toEqual([]);
    // 124: the key, and what rules look for.
    for (const secret of [key.toString('latin1'), key.toString('base64'), key.toString('hex'), patternStem]) {
      expect(spellingsIn(haystack(text), secret)).toEqual([]);
    }
  }
  expect(leaksIn(without(service.seen), 'what was in the folders meanwhile')).toEqual([]);
  expect(leaksIn(service.said, 'standard output and error')).toEqual([]);
  // 125
  expect(leaksIn(stats, 'statistics')).toEqual([]);
});

test('the rotated capture has several parts, and both recorded every exchange', async () => {
  expect(rotated.service.files.length).toBeGreaterThan(3);
  await using capture = await openCapture(whole.service.path);
  let exchanges = 0;
  for await (const _ of capture.exchanges()) exchanges++;
  expect(exchanges).toBeGreaterThanOrEqual(plain.events.size);
});

test('no command prints or writes a canary of a masked capture', async () => {
  const { path } = whole.service;
  const out = (name: string) => folder.file(name);
  const policyFile = out('policy.json');
  writeFileSync(policyFile, JSON.stringify({ version: 1 }));
  const commands = [
    ['inspect', path],
    ['inspect', path, '--json'],
    ['inspect', path, '--exchange', '7'],
    ['inspect', path, '--where', 'target ~ e', '--json'],
    ['verify', path, '--json'],
    ['recover', path, '-o', out('recovered.hose'), '--json'],
    ['scan', path],
    ['scan', path, '--json'],
    ['mask', path, '-o', out('again.hose'), '--policy', policyFile],
    ['policy', 'suggest', path],
    ['policy', 'suggest', path, '--json'],
  ];
  // Two at a time: there are two processors.
  const results: string[] = [];
  for (let i = 0; i < commands.length; i += 2) {
    const pair = await Promise.all(commands.slice(i, i + 2).map((args) => runCli(args)));
    results.push(
      ...pair.map((result, k) => `${commands[i + k]?.join(' ')}\n${result.stdout}\n${result.stderr}`),
    );
  }
  for (const result of results) expect(leaksIn(without(result), result.split('\n', 1)[0])).toEqual([]);
  for (const name of ['recovered.hose', 'again.hose']) {
    const frames = await framesOf(out(name));
    expect(leaksIn(without(frames.join('\n')), name)).toEqual([]);
  }
}, 60_000);

test('scan and suggest show no value of a capture without a mask', async () => {
  const path = join(folder.file('plain'), 'captures', 'traffic.hose');
  const results = await Promise.all([runCli(['scan', path, '--json']), runCli(['policy', 'suggest', path])]);
  for (const { stdout, stderr } of results) {
    expect(stdout.length).toBeGreaterThan(1000);
    expect(leaksIn(stdout + stderr)).toEqual([]);
  }
  // Masked by a policy afterwards, it is as if it had been recorded so.
  writeFileSync(folder.file('own.json'), JSON.stringify(policy));
  await runCli(['mask', path, '-o', folder.file('masked.hose'), '--policy', folder.file('own.json')]);
  expect(leaksIn(without((await framesOf(folder.file('masked.hose'))).join('\n')))).toEqual([]);
}, 60_000);

test('the report of a replay and its differences show nothing of live answers', async () => {
  const live = canary(9999);
  const server = createServer((req, res) => {
    req.resume();
    req.on('end', () => {
      res.writeHead(200, `Hi ${live.email}`, {
        'content-type': 'application/json',
        'set-cookie': `a=${live.word}`,
      });
      const { word, email, card, iban, phone, ssn, jwt, apiKey } = live;
      res.end(
        JSON.stringify({
          password: word,
          note: `${email} ${card} ${iban} ${phone} ${ssn}`,
          jwt,
          apiKey,
          [email]: 1,
        }),
      );
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  const to = `http://127.0.0.1:${typeof address === 'object' && address !== null ? address.port : 0}`;
  try {
    const report = folder.file('report.json');
    const args = [
      'replay',
      whole.service.path,
      '--to',
      to,
      '--pace',
      'asap',
      '--compare',
      '--report',
      report,
    ];
    const results = [await runCli(args), await runCli([...args, '--json'])];
    for (const { stdout, stderr } of results) {
      expect(stdout).toMatch(/differ/i);
      expect(leaksIn(without(stdout + stderr))).toEqual([]);
    }
    expect(leaksIn(without(readFileSync(report, 'utf8')))).toEqual([]);
  } finally {
    server.closeAllConnections();
    server.close();
  }
}, 60_000);

test('no default rule can be switched off without a position that fails', () => {
  const unguarded = [...guards].filter(([, of]) => of.length === 0).map(([rule]) => rule);
  expect(unguarded).toEqual([]);
});

test('docs/reference/leak-test.md says what this test does (LEAKS_UPDATE=1 writes it)', () => {
  const text = page(plain, guards);
  if (process.env.LEAKS_UPDATE === '1') writeFileSync(pagePath, text);
  expect(readFileSync(pagePath, 'utf8')).toBe(text);
});
