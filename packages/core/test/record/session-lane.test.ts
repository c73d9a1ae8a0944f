import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ExchangeStart, Policy, RecorderOptions } from '@gardenhose/core';
import { createRecorder, fileSink, memorySink, openCapture, tokenType } from '@gardenhose/core';
import { aStart, ManualClock } from '@gardenhose/core/testing';
import { afterAll, expect, test } from 'vitest';
import { parseLane } from '../../src/record/session-lane.ts';

const folder = mkdtempSync(join(tmpdir(), 'gardenhose-lane-'));
afterAll(() => rmSync(folder, { recursive: true }));

const key = { base64: Buffer.alloc(32, 7).toString('base64') };

/** The lanes of exchanges that began so, and all that was written. */
async function lanesOf(
  lane: RecorderOptions['lane'],
  starts: readonly Partial<ExchangeStart>[],
  mask: Policy = { version: 1, key },
): Promise<{ lanes: string[]; text: string; failures: number }> {
  const sink = memorySink();
  const recorder = createRecorder({ service: 'shop', sink, mask, lane, clock: new ManualClock() });
  for (const start of starts) recorder.begin(aStart(start))?.abort('client', 'gone');
  const stats = await recorder.close();
  const lanes = sink.events.flatMap((event) => (event.type === 'start' ? [event.lane] : []));
  return { lanes, text: JSON.stringify(sink.events), failures: stats.tapFailures };
}

const cookie = (value: string, name = 'Cookie') => ({ headers: ['Host', 'shop.test', name, value] });
const bearer = (claims: string) => {
  const part = (text: string) => Buffer.from(text).toString('base64url');
  return { headers: ['authorization', `Bearer ${part('{"alg":"HS256"}')}.${part(claims)}.c2lnbmF0dXJl`] };
};

test('the exchanges of one session are a lane on whatever connection they came, and its name is a token', async () => {
  const { lanes, text } = await lanesOf('cookie:sid', [
    { ...cookie('theme=dark; sid=session-4711; a=b'), lane: 'c1' },
    { ...cookie('sid=session-4711', 'cookie'), lane: 'c2' },
    { ...cookie('sid=session-4712'), lane: 'c1' },
    { ...cookie('xsid=session-4711; sid=; SID=session-4711'), lane: 'c3' },
    { headers: ['cookie', 'a=b', 'cookie', 'sid=session-4711'], lane: 'c4' },
  ]);
  const [first = '', second, third, fourth, fifth] = lanes;
  expect(tokenType(first)).toBe('lane');
  expect(second).toBe(first);
  expect(tokenType(third ?? '')).toBe('lane');
  expect(third).not.toBe(first);
  expect(fourth).toBe('c3');
  expect(fifth).toBe(first);
  expect(text).not.toContain('session-47');
});

test('the token is that of the key: the same in every recording, another under another key', async () => {
  const start = { ...cookie('sid=42') };
  const [once] = (await lanesOf('cookie:sid', [start])).lanes;
  const [again] = (await lanesOf(['header:x-none', 'cookie:sid'], [start])).lanes;
  const other: Policy = { version: 1, key: { base64: Buffer.alloc(32, 8).toString('base64') } };
  const [elsewhere] = (await lanesOf('cookie:sid', [start], other)).lanes;
  expect(again).toBe(once);
  expect(elsewhere).not.toBe(once);
});

test.each<[string, Policy]>([
  ['with a policy that masks nothing', { version: 1, extends: 'none' }],
  ['with the strict policy', { version: 1, extends: 'strict' }],
])('a session is a token also %s', async (_, mask) => {
  const starts = [cookie('sid=bob'), cookie('sid=bob'), cookie('sid=eve')];
  const { lanes } = await lanesOf('cookie:sid', starts, mask);
  expect(lanes.map(tokenType)).toEqual(['lane', 'lane', 'lane']);
  expect(new Set(lanes).size).toBe(2);
});

test('what looks like a token is a session like any other: nobody names the lane of another', async () => {
  const [first = ''] = (await lanesOf('header:x-user', [{ headers: ['X-User', 'bob'] }])).lanes;
  const [forged] = (await lanesOf('header:x-user', [{ headers: ['X-User', first] }])).lanes;
  expect(forged).not.toBe(first);
});

test('a claim of the bearer token is a session; a token that cannot be read is none', async () => {
  const sub = (lane: RecorderOptions['lane'], claims: string) => lanesOf(lane, [bearer(claims)]);
  const [bob = ''] = (await sub('jwt', '{"sub":"bob","iat":1}')).lanes;
  expect(tokenType(bob)).toBe('lane');
  expect((await sub('jwt:sub', '{"iat":2,"sub":"bob"}')).lanes).toEqual([bob]);
  expect((await sub('jwt:tenant', '{"tenant":7}')).lanes.map(tokenType)).toEqual(['lane']);
  for (const claims of ['{"sub":{"a":1}}', '{"sub":""}', '["sub"]', 'null', '{', '{}']) {
    expect((await sub('jwt', claims)).lanes).toEqual(['1']);
  }
  for (const authorization of ['Bearer abc', 'Basic Ym9iOmJvYg==', `Bearer a.${'b'.repeat(100_000)}.c`]) {
    expect((await lanesOf('jwt', [{ headers: ['authorization', authorization] }])).lanes).toEqual(['1']);
  }
});

test('of several keys the first that a request has counts', async () => {
  const { lanes } = await lanesOf(
    ['header:x-session', 'jwt'],
    [
      { headers: ['x-session', 'bob', ...bearer('{"sub":"eve"}').headers] },
      bearer('{"sub":"bob"}'),
      { lane: 'c9' },
    ],
  );
  expect(lanes[0]).toBe(lanes[1]);
  expect(lanes[2]).toBe('c9');
});

test('outbound exchanges stay in the lanes of their connections', async () => {
  const start = { ...cookie('sid=bob'), direction: 'outbound', lane: 'c2' } as const;
  expect((await lanesOf('cookie:sid', [start])).lanes).toEqual(['c2']);
});

test('a function tells the session; one that throws, or tells none, leaves the lane of the connection', async () => {
  const { lanes, text, failures } = await lanesOf(
    ({ target }) => {
      if (target === '/throws') throw new Error('session-4711');
      return target.startsWith('/of/') ? target.slice(4) : undefined;
    },
    [
      { target: '/of/bob' },
      { target: '/of/bob' },
      { target: '/of/' },
      { target: '/throws' },
      { target: '/' },
    ],
  );
  expect(tokenType(lanes[0] ?? '')).toBe('lane');
  expect(lanes).toEqual([lanes[0], lanes[0], '1', '1', '1']);
  expect(failures).toBe(1);
  expect(text).not.toContain('session-4711');
});

test.each<[string, RecorderOptions['lane']]>([
  ['a key', 'cookie:sid'],
  ['a function', ({ headers }) => headers.at(-1)?.slice(4)],
])('%s goes to the worker, and no byte of the session to the file', async (name, lane) => {
  const path = join(folder, `${name}.hose`);
  const recorder = createRecorder({
    service: 'shop',
    sink: fileSink({ path, compression: 'none' }),
    mask: { version: 1, key },
    lane,
  });
  for (const connection of ['c1', 'c2']) {
    recorder.begin(aStart({ ...cookie('sid=bob-4711-ünique'), lane: connection }))?.abort('client', 'gone');
  }
  await recorder.close();
  await using capture = await openCapture(path);
  const lanes: string[] = [];
  for await (const event of capture.events()) if (event.type === 'start') lanes.push(event.lane);
  expect(lanes).toHaveLength(2);
  expect(lanes[0]).toBe(lanes[1]);
  expect(tokenType(lanes[0] ?? '')).toBe('lane');
  expect(readFileSync(path).includes('bob-4711')).toBe(false);
});

test.each<unknown>([
  'session',
  'cookie:',
  'cookie',
  'header:a b',
  'jwt:',
  '',
  [],
  ['cookie:sid', 'x'],
  7,
  {},
])('the lane %j is refused', (lane) => {
  const options: unknown = { service: 'shop', sink: memorySink(), lane };
  const make = createRecorder as (options: unknown) => unknown;
  expect(() => make(options)).toThrow("lane must be 'connection', 'cookie:NAME'");
});

test('keys in one text have commas between them', () => {
  expect(parseLane('connection')).toBe('connection');
  expect(parseLane('cookie:sid,jwt,header:X-User')).toEqual(['cookie:sid', 'jwt:sub', 'header:x-user']);
  expect(() => parseLane('cookie:sid,')).toThrow("got ''");
});
