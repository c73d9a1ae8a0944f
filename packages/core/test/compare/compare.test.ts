import fc from 'fast-check';
import jsonPatch from 'fast-json-patch';
import { expect, test } from 'vitest';
import { compareExchange, createComparer } from '../../src/compare/compare.ts';
import type { CompareOptions } from '../../src/compare/options.ts';
import { createMasker } from '../../src/mask/create-masker.ts';
import { maskExchange } from '../../src/mask/mask-exchange.ts';
import type { Response } from '../../src/model/exchange.ts';
import { aChunk, anExchange } from '../../src/testing/factories.ts';
import { ManualClock } from '../../src/testing/manual-clock.ts';

const answer = (body: unknown, over: Partial<Response> = {}) =>
  anExchange({
    response: { chunks: [aChunk(typeof body === 'string' ? body : JSON.stringify(body))], ...over },
  });
const headers = (...list: string[]) => anExchange({ response: { headers: list } });

/** `verdict kind path: recorded → replayed` of each difference. */
function told(recorded = anExchange(), replayed = anExchange(), options: CompareOptions = {}) {
  return compareExchange(recorded, replayed, options).differences.map(
    ({ verdict, kind, path, patch, recorded }) => {
      const value = 'value' in patch ? JSON.stringify(patch.value) : '';
      return `${verdict} ${kind} ${path}: ${JSON.stringify(recorded) ?? ''} → ${value}`;
    },
  );
}

test('compareExchange() finds nothing between equal responses', () => {
  expect(compareExchange(anExchange(), anExchange())).toEqual({
    differences: [],
    explained: 0,
    more: { changed: 0, suspect: 0, unverified: 0 },
    ignored: [],
    notCompared: [],
  });
});

test('compareExchange() tells outcome, status, headers and body in this order', () => {
  const replayed = answer(
    { id: 8 },
    { status: 500, complete: false, headers: ['Content-Type', 'application/json', 'X-New', '1'] },
  );
  expect(told(anExchange(), replayed)).toEqual([
    'changed value outcome: "answered" → "cut"',
    'changed value status: 200 → 500',
    'changed extra header:x-new:  → ["1"]',
  ]);
  expect(compareExchange(anExchange(), replayed).notCompared).toEqual([
    { part: 'body', reason: 'replayed incomplete' },
  ]);
});

test('compareExchange() tells changes inside of a JSON body by their place', () => {
  const recorded = answer({
    orders: [
      { id: 1, total: 10 },
      { id: 2, total: 20, note: null },
    ],
    'a/b~': 1,
  });
  const replayed = answer({ orders: [{ id: 1, total: 11 }, { id: 2, total: '20' }, { id: 3 }], 'a/b~': 2 });
  expect(told(recorded, replayed).sort()).toEqual([
    'changed extra body:$.orders[2]:  → {"id":3}',
    'changed missing body:$.orders[1].note: null → ',
    'changed type body:$.orders[1].total: 20 → "20"',
    'changed value body:$.orders[0].total: 10 → 11',
    "changed value body:$['a/b~']: 1 → 2",
  ]);
});

test('compareExchange() compares the events that both streams had where the recorded client went away', () => {
  const headers = ['content-type', 'text/event-stream'];
  const stream = (text: string) => ({ chunks: [aChunk(text)], headers, complete: false });
  const abort = { at: 9e6, by: 'client', code: 'closed' } as const;
  const recorded = anExchange({ response: stream('id: 1\ndata: {"a":1}\n\ndata: {"a":2}\n\nda'), abort });
  const replayed = (text: string) => anExchange({ response: stream(text), abort });
  expect(told(recorded, replayed('id: 1\ndata: {"a":1}\n\n'))).toEqual([]);
  expect(told(recorded, replayed('id: 1\ndata: {"a":1}\n\ndata: {"a":3}\n\ndata: {"a":4}\n\n'))).toEqual([
    'changed value body:$[1].data.a: 2 → 3',
  ]);
  expect(compareExchange(recorded, replayed('da')).notCompared).toContainEqual({
    part: 'body',
    reason: 'recorded incomplete',
  });
});

test('compareExchange() does not round large numbers', () => {
  expect(told(answer('{"id":12345678901234567890}'), answer('{"id":12345678901234567891}'))).toEqual([
    'changed value body:$.id: "12345678901234567890" → "12345678901234567891"',
  ]);
  expect(told(answer('{"id":1.0}'), answer('{"id":1}'))).toEqual([]);
});

test('compareExchange() compares headers in any case and order, repeats as lists', () => {
  expect(told(headers('A', '1', 'B', '2'), headers('b', '2', 'a', '1'))).toEqual([]);
  expect(told(headers('Vary', 'a', 'vary', 'b'), headers('Vary', 'a'))).toEqual([
    'changed missing header:vary: "b" → ',
  ]);
});

test('compareExchange() leaves out hop-by-hop headers and values that name one request', () => {
  const recorded = headers('Date', 'Sat', 'Connection', 'close, X-Hop', 'X-Hop', '1', 'X-Request-Id', 'a');
  const replayed = headers('Date', 'Sun', 'Keep-Alive', 'timeout=5', 'X-Request-Id', 'b');
  expect(told(recorded, replayed)).toEqual([]);
  expect(told(headers('Date', 'Sat'), headers())).toEqual(['changed missing header:date: ["(any)"] → ']);
});

test('compareExchange() calls values that differ between any two runs suspect', () => {
  const clock = new ManualClock();
  const recorded = answer(
    { at: '2026-11-21T12:00:00Z', id: '9f86d081884c7d65', n: 1 },
    { headers: ['ETag', '"a"'] },
  );
  const replayed = answer({ at: '2026-11-21T12:01:00Z', id: 'other', n: 2 }, { headers: ['ETag', '"b"'] });
  expect(told(recorded, replayed, { clock }).sort()).toEqual([
    'changed value body:$.id: "9f86d081884c7d65" → "other"',
    'changed value body:$.n: 1 → 2',
    'suspect value body:$.at: "2026-11-21T12:00:00Z" → "2026-11-21T12:01:00Z"',
    'suspect value header:etag: "\\"a\\"" → "\\"b\\""',
  ]);
});

test('compareExchange() counts what its ignore list covers, and what it could not compare', () => {
  const recorded = answer({
    items: [
      { at: 1, x: 1 },
      { at: 2, x: 2 },
    ],
  });
  const replayed = answer({
    items: [
      { at: 3, x: 1 },
      { at: 4, x: 3 },
    ],
  });
  const { differences, ignored } = compareExchange(recorded, replayed, {
    ignore: ['body:$.items[*].at', 'header:a'],
  });
  expect(differences.map(({ path }) => path)).toEqual(['body:$.items[1].x']);
  expect(ignored).toEqual([{ path: 'body:$.items[*].at', count: 2 }]);
  const dropped = answer('', { chunks: [], state: 'dropped:size' });
  expect(compareExchange(dropped, answer({ any: 1 }))).toMatchObject({
    differences: [],
    notCompared: [{ part: 'body', reason: 'recorded dropped:size' }],
  });
});

test('compareExchange() tells one difference when there is no answer', () => {
  expect(told(anExchange(), anExchange({ response: null }))).toEqual([
    'changed value outcome: "answered" → "no answer"',
  ]);
});

test('compareExchange() does not judge the end of an exchange whose recording does not know it', () => {
  const gone = anExchange({
    response: { complete: false },
    abort: { at: 1, by: 'client', code: 'ECONNRESET' },
  });
  const partial = anExchange({ partial: ['no-end'], response: { complete: false } });
  for (const recorded of [gone, partial]) {
    const { differences, notCompared } = compareExchange(recorded, anExchange());
    expect(differences).toEqual([]);
    expect(notCompared.map(({ part }) => part)).toEqual(['outcome', 'body']);
  }
});

test('compareExchange() keeps a bounded number of differences and counts the rest', () => {
  const list = (from: number) => answer(Array.from({ length: 50 }, (_, i) => i + from));
  const { differences, more } = compareExchange(list(0), list(1), { maxDifferences: 3 });
  expect(differences).toHaveLength(3);
  expect(more).toEqual({ changed: 47, suspect: 0, unverified: 0 });
});

test('compareExchange() clips values that are too large to keep', () => {
  const { differences } = compareExchange(
    answer({ text: '', list: 1 }),
    answer({ text: 'x'.repeat(5_000), list: Array.from({ length: 5_000 }, () => 7) }),
  );
  const [long, many] = [...differences].sort((a, b) => (a.path < b.path ? 1 : -1));
  expect(long).toMatchObject({ path: 'body:$.text', clipped: true, patch: { value: 'x'.repeat(1_024) } });
  expect(many).toMatchObject({ path: 'body:$.list', clipped: true, kind: 'type' });
});

test('compareExchange() gives patches that turn the recorded body into the replayed one', () => {
  // The library that applies the patches here sets a prototype where it should add a member of that name.
  const json = fc.json({ maxDepth: 4 }).filter((text) => !text.includes('__proto__'));
  fc.assert(
    fc.property(json, json, (before, now) => {
      const patches = compareExchange(answer(before), answer(now), {
        maxDifferences: 10_000,
      }).differences.map(({ patch }) => patch);
      const document = { body: JSON.parse(before) };
      jsonPatch.applyPatch(document, patches, false, true, false);
      expect(document).toEqual({ body: JSON.parse(now) });
    }),
  );
});

test('compareExchange() says that masked values are unverified when they cannot be joined', () => {
  const recorded = answer({
    email: 'mk_email_abcdefghijklmnop',
    auth: 'Bearer mk_secret_abcdefghijklmnop',
    link: '/u/mk_user_abcdefghijklmnop/x',
  });
  const plain = answer({ email: 'ann@shop.test', auth: 'Bearer abc', link: '/u/ann/y' });
  expect(told(recorded, plain).sort()).toEqual([
    'changed value body:$.link: "/u/mk_user_abcdefghijklmnop/x" → "/u/ann/y"',
    'unverified value body:$.auth: "Bearer mk_secret_abcdefghijklmnop" → "Bearer abc"',
    'unverified value body:$.email: "mk_email_abcdefghijklmnop" → "ann@shop.test"',
  ]);
});

const key = (fill: number) => ({ base64: Buffer.alloc(32, fill).toString('base64') });
const people = (email: string, sid: string, total = 10) =>
  answer(
    { customer: { email }, total },
    { headers: ['Content-Type', 'application/json', 'Set-Cookie', `sid=${sid}; Path=/; HttpOnly`] },
  );

test('compareExchange() finds what changed beneath masks made with the key of the recording', () => {
  const masker = createMasker({ version: 1, key: key(1) });
  const options = { masker, recordedPolicy: masker.summary };
  const recorded = maskExchange(masker, people('ann@shop.test', 'aaaabbbbccccdddd11'));
  const before = JSON.stringify(recorded);
  expect(told(recorded, people('ann@shop.test', 'aaaabbbbccccdddd11'), options)).toEqual([]);
  const changed = told(recorded, people('bob@shop.test', 'eeeeffffgggghhhh22', 11), options).sort();
  expect(changed).toEqual([
    expect.stringMatching(
      /^changed value body:\$\.customer\.email: "mk_email_[\w-]{16}" → "mk_email_[\w-]{16}"$/,
    ),
    'changed value body:$.total: 10 → 11',
    expect.stringMatching(/^suspect value header:set-cookie: "sid=mk_secret_/),
  ]);
  expect(JSON.stringify(changed)).not.toContain('bob@');
  expect(JSON.stringify(recorded)).toBe(before);
});

test('compareExchange() compares types alone beneath masks made with another key', () => {
  const recording = createMasker({ version: 1 });
  const person = (email: string, phone: number, total: number) =>
    answer({ customer: { email, phone, password: 'hunter2-hunter2' }, total }, { headers: ['X-Odd', email] });
  const recorded = maskExchange(recording, person('ann@shop.test', 4155550123, 10));
  const masker = createMasker({ version: 1 });
  for (const options of [
    { masker, recordedPolicy: recording.summary },
    { recordedPolicy: recording.summary },
  ]) {
    const again = told(recorded, person('ann@shop.test', 4155550123, 10), options);
    expect(again.map((text) => text.split(' → ')[0]?.replace(/: .*/, '')).sort()).toEqual([
      'unverified value body:$.customer.email',
      'unverified value body:$.customer.password',
      'unverified value body:$.customer.phone',
      'unverified value header:x-odd',
    ]);
    // The header held an email, and now holds none: the types tell.
    const other = told(recorded, person('n/a', 4155550123, 11), options);
    expect(
      other.filter((text) => text.startsWith('changed')).map((text) => text.replace(/: .*/, '')),
    ).toEqual(['changed value header:x-odd', 'changed value body:$.total']);
  }
});

test('compareExchange() lets a policy hide more than that of the recording did', () => {
  const recordedPolicy = { ...createMasker({ version: 1 }).summary, keyId: 'other' };
  const plain = answer({ email: 'ann@shop.test' });
  expect(told(plain, plain, { recordedPolicy }).map((text) => text.replace(/: .*/, ''))).toEqual([
    'unverified value body:$.email',
  ]);
});

test('compareExchange() stays quick and small on names made to be long', () => {
  const name = 'n'.repeat(400_000);
  const list = (value: number) => answer({ [name]: Array.from({ length: 20_000 }, () => value) });
  const { differences, more } = compareExchange(list(1), list(2), { maxDifferences: 2 });
  expect(differences.map(({ path }) => path)).toEqual(['body:$', 'body:$']);
  expect(more.changed).toBe(19_998);
});

test('compareExchange() does not mask for a recording that was not masked', () => {
  const masker = createMasker({ version: 1, key: key(1) });
  const recordedPolicy = createMasker({ version: 1, extends: 'none' }).summary;
  const person = people('ann@shop.test', 'aaaabbbbccccdddd11');
  expect(told(person, person, { masker, recordedPolicy })).toEqual([]);
});

test('createComparer() rejects options that make no sense', () => {
  expect(() => createComparer({ ignore: ['status', 'body.a'] })).toThrow(
    /^ignore\[1\]: expected outcome, status/,
  );
  expect(() => createComparer({ maxDifferences: -1 })).toThrow(/^maxDifferences: expected a whole number/);
  expect(() => createComparer({ maxBodyBytes: Number.NaN })).toThrow(/^maxBodyBytes/);
});

const encoder = new TextEncoder();
/** A gRPC call that was answered with these messages and this status. */
const callAnswered = (messages: readonly string[], status: string, over: Partial<Response> = {}) =>
  anExchange({
    protocol: 'grpc',
    response: {
      chunks: [],
      headers: ['content-type', 'application/grpc'],
      messages: messages.map((text, seq) => {
        const data = encoder.encode(text);
        return { at: seq, seq, kind: 0, size: data.length, state: 'kept', data };
      }),
      trailers: ['grpc-status', status],
      ...over,
    },
  });

test('gRPC calls are compared by status code, and message by message', () => {
  expect(told(callAnswered(['\u0001a'], '0'), callAnswered(['\u0001a'], '0', { headers: [] }))).toEqual([]);
  expect(told(callAnswered(['a', 'b'], '0'), callAnswered(['a'], '0'))).toEqual([
    expect.stringContaining('changed missing body:$[1]'),
  ]);
  expect(told(callAnswered(['a', 'b'], '0'), callAnswered(['a', 'c'], '0'))).toEqual([
    expect.stringMatching(/^changed value body:\$\[1\]\.sha256/),
  ]);
  const said = (message: string) =>
    callAnswered([], '5', { trailers: ['grpc-status', '5', 'grpc-message', message] });
  expect(told(said('no%20such é'), said('no such %C3%A9'))).toEqual([]);
  expect(told(said('100%'), said('none'))).toEqual(['changed value trailer:grpc-message: "100%" → "none"']);
  expect(told(callAnswered([], '5'), callAnswered([], '13'))).toEqual(['changed value status: 5 → 13']);
});

test('a call that its deadline ended is compared with one that ended so, whichever side saw it', () => {
  const ended = (by: 'client' | 'server') => ({
    ...callAnswered([], '0'),
    response: undefined,
    abort: { at: 5, by, code: 'DEADLINE_EXCEEDED' },
  });
  expect(told(ended('server'), callAnswered([], '4'))).toEqual([]);
  expect(told(ended('server'), callAnswered(['a'], '0'))).toEqual(['changed value status: 4 → 0']);
});
