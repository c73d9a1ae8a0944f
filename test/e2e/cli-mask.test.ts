import { existsSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { type Exchange, openCapture } from '@gardenhose/core';
import { expect, test, vi } from 'vitest';
import { tempDir } from '../support/captures.ts';
import { runCli, startCli } from '../support/run-cli.ts';
import { recordSecrets, secretTexts } from '../support/secret-traffic.ts';

// Many processes, one after the other, on a machine that may be busy.
vi.setConfig({ testTimeout: 120_000 });

const unmasked = { version: 1, extends: 'none' } as const;
const key = { base64: Buffer.alloc(32, 'k').toString('base64') };

async function exchangesOf(path: string): Promise<Exchange[]> {
  await using capture = await openCapture(path);
  const exchanges: Exchange[] = [];
  for await (const exchange of capture.exchanges()) exchanges.push(exchange);
  return exchanges;
}

test('mask makes a capture that was recorded without a mask fit to be shared', async () => {
  using dir = tempDir();
  await recordSecrets(dir.file('raw.hose'), unmasked);
  const { code, stdout, stderr } = await runCli(['mask', dir.file('raw.hose'), '-o', dir.file('a.hose')]);
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  expect(stdout).toMatch(/^\d+ values masked in \d+ events, written to \S*a\.hose \(.*\)\n$/);
  expect(statSync(dir.file('a.hose')).mode & 0o777).toBe(0o600);
  expect((await runCli(['scan', dir.file('a.hose')])).code).toBe(0);
  expect(JSON.parse((await runCli(['verify', dir.file('a.hose'), '--json'])).stdout)).toMatchObject({
    state: 'complete',
    faultCount: 0,
  });
  const shown = (await runCli(['inspect', dir.file('a.hose')])).stdout;
  expect(shown).not.toContain('NOT MASKED');
  expect(shown).toMatch(/^policy secure, .*\nbefore that, policy none$/m);

  const [before, after] = await Promise.all(
    ['raw.hose', 'a.hose'].map((name) => exchangesOf(dir.file(name))),
  );
  const times = (list: typeof before) =>
    list?.map(({ id, seq, startAt, endAt, request, response }) => [
      [id, seq, startAt, endAt, request.endAt, response?.endAt],
      [request.chunks, response?.chunks].map((chunks) => chunks?.map(({ at, size }) => [at, size])),
    ]);
  expect(times(after)).toEqual(times(before));
  const text = JSON.stringify(after);
  for (const secret of secretTexts) expect(text).not.toContain(secret);
  expect(after?.[0]?.unknownHeaders).toContain('x-tenant');
});

test('what was masked before stays, and what is masked now under the same key joins it', async () => {
  using dir = tempDir();
  const keeping = { id: 'keep/mail', at: 'key:email', mask: { do: 'keep', detectors: false } } as const;
  writeFileSync(dir.file('mask.key'), key.base64, { mode: 0o600 });
  await recordSecrets(dir.file('whole.hose'), { version: 1, key, rules: [keeping] });
  const keyed = ['--mask-key-file', dir.file('mask.key')];
  expect((await runCli(['mask', dir.file('whole.hose'), '-o', dir.file('a.hose'), ...keyed])).code).toBe(0);
  const twice = await runCli(['mask', dir.file('a.hose'), '-o', dir.file('b.hose'), ...keyed]);
  expect(twice.stdout).toMatch(/^0 values masked/);

  const [whole, once, again] = await Promise.all(
    ['whole.hose', 'a.hose', 'b.hose'].map((name) => exchangesOf(dir.file(name))),
  );
  expect(again).toEqual(once);
  expect(once?.[0]?.request.headers).toEqual(whole?.[0]?.request.headers);
  const target = once?.[0]?.request.target ?? '';
  const token = /email=(mk_email_[\w-]{16})/.exec(target)?.[1];
  expect(token).toBeDefined();
  const rules = (list: typeof whole) => list?.[0]?.audit.map(({ rule, count }) => [rule, count]);
  expect(rules(once)).toEqual(expect.arrayContaining(rules(whole) ?? []));
  expect(JSON.stringify(rules(once))).toContain('default/key/contact');
});

test('another key than before is told, and so is damage', async () => {
  using dir = tempDir();
  await recordSecrets(dir.file('a.hose'));
  const { stdout } = await runCli(['mask', dir.file('a.hose'), '-o', dir.file('b.hose')]);
  expect(stdout).toMatch(
    /^tokens of before are of the key ephemeral-\w+, those of now of ephemeral-\w+: they do not join$/m,
  );
  const whole = readFileSync(dir.file('a.hose'));
  const cut = await runCli(
    ['mask', '-', '-o', dir.file('c.hose'), '--json'],
    whole.subarray(0, whole.length - 30),
  );
  expect(cut.code).toBe(65);
  expect(JSON.parse(cut.stdout)).toMatchObject({
    state: 'truncated',
    header: { policy: { mode: 'masked' } },
  });
  expect(JSON.parse((await runCli(['verify', dir.file('c.hose'), '--json'])).stdout)).toMatchObject({
    state: 'complete',
  });
});

test('mask refuses what it cannot do in one sentence, and leaves nothing', async () => {
  using dir = tempDir();
  await recordSecrets(dir.file('a.hose'));
  writeFileSync(dir.file('there.hose'), 'mine');
  writeFileSync(dir.file('none.json'), JSON.stringify(unmasked));
  const [a, out] = [dir.file('a.hose'), dir.file('out.hose')];
  const cases: [args: string[], exit: number, sentence: RegExp][] = [
    [[a], 64, /required option '-o, --output <file>' not specified/],
    [[a, '-o', a], 64, /the capture itself/],
    [[a, '-o', dir.file('there.hose')], 74, /add --overwrite/],
    [[a, '-o', out, '--policy', dir.file('none.json')], 65, /'none' masks nothing/],
    [[a, '-o', out, '--mask-key-file', dir.file('no.key')], 64, /cannot be read/],
    [[dir.file('none.hose'), '-o', out], 74, /none\.hose/],
  ];
  for (const [args, exit, sentence] of cases) {
    const { code, stdout, stderr } = await runCli(['mask', ...args]);
    expect({ args, code, stdout }).toEqual({ args, code: exit, stdout: '' });
    expect(stderr).toMatch(/^gardenhose: [^\n]*\n$/);
    expect(stderr).toMatch(sentence);
    expect(existsSync(out)).toBe(false);
  }
});

test.skipIf(process.platform === 'win32')('an interrupted mask leaves no file', async () => {
  using dir = tempDir();
  await recordSecrets(dir.file('raw.hose'), unmasked);
  const cli = startCli(['mask', '-', '-o', dir.file('a.hose')]);
  // Whole events, and then no end.
  cli.child.stdin?.write(readFileSync(dir.file('raw.hose')));
  await vi.waitFor(() => expect(existsSync(dir.file('a.hose'))).toBe(true), { timeout: 20_000 });
  cli.child.kill('SIGINT');
  expect(await cli.done).toEqual({
    code: 130,
    stdout: '',
    stderr: 'gardenhose: interrupted; no capture was written\n',
  });
  expect(existsSync(dir.file('a.hose'))).toBe(false);
});
