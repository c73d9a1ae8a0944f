import { expect, test } from 'vitest';
import { compareExchange, createComparer } from '../../src/compare/compare.ts';
import type { CompareOptions } from '../../src/compare/options.ts';
import { createMasker } from '../../src/mask/create-masker.ts';
import { maskExchange } from '../../src/mask/mask-exchange.ts';
import type { Exchange } from '../../src/model/exchange.ts';
import { anExchange } from '../../src/testing/factories.ts';
import { int, schemaOf, sized } from '../protobuf/support.ts';

const { root, schema } = schemaOf(`syntax = "proto3"; package shop;
  service Orders { rpc Watch(Order) returns (stream Order); }
  message Order { string id = 1; string email = 2; int32 total = 3; repeated Line lines = 4; bytes password = 5; int64 phone = 6;
    map<string, string> notes = 7; }
  message Line { string sku = 1; int32 count = 2; }`);
const order = root.lookupType('shop.Order');
const schemas = [schema];

/** A call that was answered with these messages. */
function answered(...messages: readonly (Record<string, unknown> | Uint8Array)[]): Exchange {
  return anExchange({
    protocol: 'grpc',
    request: { target: '/shop.Orders/Watch', headers: ['content-type', 'application/grpc'] },
    response: {
      chunks: [],
      headers: ['content-type', 'application/grpc'],
      trailers: ['grpc-status', '0'],
      messages: messages.map((message, seq) => {
        const data =
          message instanceof Uint8Array ? message : order.encode(order.fromObject(message)).finish();
        return { at: seq, seq, kind: 1, size: data.length, state: 'kept', data };
      }),
    },
  });
}

/** `verdict kind path: recorded → replayed` of each difference. */
function told(recorded: Exchange, replayed: Exchange, options: CompareOptions = { schemas }) {
  return compareExchange(recorded, replayed, options).differences.map(
    ({ verdict, kind, path, patch, recorded }) => {
      const value = 'value' in patch ? JSON.stringify(patch.value) : '';
      return `${verdict} ${kind} ${path}: ${JSON.stringify(recorded) ?? ''} → ${value}`;
    },
  );
}

const a = { id: 'a', total: 5, lines: [{ sku: 'x', count: 1 }], notes: { 'in house': 'yes' } };

test('messages are compared as fields, by their place in the stream and in the message', () => {
  const now = {
    id: 'a',
    total: 6,
    lines: [{ sku: 'x', count: 2 }, { sku: 'y' }],
    notes: { 'in house': 'no' },
  };
  expect(told(answered(a, a), answered(a, a))).toEqual([]);
  expect(told(answered(a, a), answered(a, now)).sort()).toEqual([
    'changed extra body:$[1].lines[1]:  → {"sku":"y","count":0}',
    'changed value body:$[1].lines[0].count: 1 → 2',
    `changed value body:$[1].notes['in house']: "yes" → "no"`,
    'changed value body:$[1].total: 5 → 6',
  ]);
  expect(told(answered(a), answered(a, { id: 'b' }))).toEqual([
    'changed extra body:$[1]:  → {"id":"b","email":"","total":0,"lines":[],"password":"","phone":"0","notes":{}}',
  ]);
  expect(
    compareExchange(answered(a), answered(now), { schemas, ignore: ['body:$[*].lines', 'body:$[*].total'] })
      .ignored,
  ).toEqual([
    { path: 'body:$[*].lines', count: 2 },
    { path: 'body:$[*].total', count: 1 },
  ]);
});

test('other bytes for the same fields are no difference', () => {
  const plain = Uint8Array.from([...sized(1, 'a'), ...int(3, 5)]);
  expect(told(answered(plain), answered(Uint8Array.from([...int(3, 5), ...sized(1, 'a')])))).toEqual([]);
  expect(told(answered(plain), answered(Uint8Array.from([...plain, ...sized(2, '')])))).toEqual([]);
});

test('what the schema does not know is compared by its bytes', () => {
  const found = told(answered(Uint8Array.from(int(99, 1))), answered(Uint8Array.from(int(99, 2))));
  expect(found).toEqual([expect.stringMatching(/^changed value body:\$\[0\]\['#unread'\]\['#99'\]\.sha256/)]);
  expect(told(answered({ id: 'a' }), answered(Uint8Array.from([...sized(1, 'a'), ...int(99, 2)])))).toEqual([
    expect.stringMatching(/^changed extra body:\$\[0\]\['#unread'\]: /),
  ]);
});

test('without a schema, or with one that does not fit, bytes are compared, and that is said', () => {
  const [before, now] = [answered({ id: 'a' }), answered({ id: 'b' })];
  expect(compareExchange(before, before)).toMatchObject({ differences: [], notCompared: [] });
  for (const [other, options, reason] of [
    [now, {}, 'schema-unknown'],
    [now, { schemas: [] }, 'schema-unknown'],
    [answered(Uint8Array.of(0x0a, 9)), { schemas }, 'protobuf-syntax'],
    [now, { schemas, maxBodyBytes: 2 }, 'protobuf-size'],
  ] as const) {
    expect(compareExchange(before, other, options)).toMatchObject({
      differences: expect.arrayContaining([expect.objectContaining({ path: 'body:$[0].sha256' })]),
      notCompared: [{ part: 'body', reason: `messages as bytes alone, ${reason}` }],
    });
  }
});

const person = {
  id: 'a',
  email: 'ann@shop.test',
  password: Buffer.from('hunter2'),
  phone: 4155550123,
  total: 5,
};
const key = { base64: Buffer.alloc(32, 7).toString('base64') };

function maskedBy(masker: ReturnType<typeof createMasker>, exchange: Exchange): Exchange {
  masker.mask({ type: 'schema', seq: 1, at: 1, format: 'protobuf', data: schema });
  return maskExchange(masker, exchange);
}

test('with the key of the recording, masked fields are joined, and a changed one is found', () => {
  const recorded = maskedBy(createMasker({ version: 1, key }), answered(person));
  const masker = createMasker({ version: 1, key });
  const options = { schemas, masker, recordedPolicy: masker.summary };
  expect(compareExchange(recorded, answered(person), options)).toMatchObject({
    differences: [],
    notCompared: [],
  });
  expect(told(recorded, answered({ ...person, email: 'bob@shop.test', total: 6 }), options).sort()).toEqual([
    expect.stringMatching(/^changed value body:\$\[0\]\.email: "mk_email_[\w-]{16}" → "mk_email_[\w-]{16}"$/),
    'changed value body:$[0].total: 5 → 6',
  ]);
});

test('with another key, or none, a masked field is unverified', () => {
  const recording = createMasker({ version: 1 });
  const recorded = maskedBy(recording, answered(person));
  for (const options of [
    { schemas, recordedPolicy: recording.summary },
    { schemas, recordedPolicy: recording.summary, masker: createMasker({ version: 1 }) },
  ]) {
    expect(told(recorded, answered({ ...person, total: 6 }), options).sort()).toEqual([
      'changed value body:$[0].total: 5 → 6',
      expect.stringMatching(/^unverified value body:\$\[0\]\.email: /),
    ]);
  }
  expect(told(recorded, answered(person), { schemas }).filter((one) => one.includes('email'))).toEqual([
    expect.stringMatching(/^unverified value body:\$\[0\]\.email: "mk_email_[\w-]{16}" → "ann@shop.test"$/),
  ]);
});

test('with another key, entries of a map under masked keys are unverified, unless their number is another', () => {
  const recording = createMasker({ version: 1 });
  const notes = (...names: readonly string[]) =>
    answered({ notes: Object.fromEntries(names.map((name) => [name, 'x'])) });
  const recorded = maskedBy(recording, notes('ann@shop.test', 'bob@shop.test', 'plain'));
  const options = { schemas, recordedPolicy: recording.summary, masker: createMasker({ version: 1 }) };
  const verdicts = (now: Exchange) =>
    told(recorded, now, options)
      .map((one) => one.replace(/ body.*/, ''))
      .sort();
  expect(verdicts(notes('bob@shop.test', 'ann@shop.test', 'plain'))).toEqual([
    'unverified extra',
    'unverified extra',
    'unverified missing',
    'unverified missing',
  ]);
  expect(verdicts(notes('ann@shop.test', 'plain'))).toEqual([
    'changed extra',
    'changed missing',
    'changed missing',
  ]);
  expect(verdicts(notes('ann@shop.test', 'bob@shop.test', 'other'))).toContain('changed missing');
  const same = createMasker({ version: 1, key });
  const joined = { schemas, recordedPolicy: same.summary, masker: same };
  expect(told(maskedBy(same, notes('ann@shop.test')), notes('ann@shop.test'), joined)).toEqual([]);
  expect(told(maskedBy(same, notes('ann@shop.test')), notes('bob@shop.test'), joined)).toHaveLength(2);
});

test('a number that only one of two policies masks is unverified', () => {
  const recording = createMasker({
    version: 1,
    key,
    rules: [{ id: 'total', at: 'proto:shop.Order.total', mask: 'redact' }],
  });
  const recorded = maskedBy(recording, answered(person));
  const masker = createMasker({ version: 1, key });
  const options = { schemas, masker, recordedPolicy: recording.summary };
  expect(
    told(maskedBy(masker, answered(person)), answered(person), {
      ...options,
      recordedPolicy: masker.summary,
      masker: recording,
    }),
  ).toEqual(['unverified value body:$[0].total: 5 → 0']);
  expect(told(recorded, answered(person), options)).toEqual(['changed value body:$[0].total: 0 → 5']);
});

test('a message that was not kept is not compared, and the others are', () => {
  const recorded = answered({ id: 'a' }, { id: 'b' });
  const messages = recorded.response?.messages.map((message, i) =>
    i === 0 ? { ...message, state: 'dropped:size' as const, data: new Uint8Array(0) } : message,
  );
  if (recorded.response === undefined || messages === undefined) throw new Error('no messages');
  const partly = { ...recorded, response: { ...recorded.response, messages } };
  expect(compareExchange(partly, answered({ id: 'x' }, { id: 'c' }), { schemas })).toMatchObject({
    differences: [{ path: 'body:$[1].id' }],
    notCompared: [{ part: 'body', reason: 'recorded message dropped:size' }],
  });
});

test('a comparer learns schemas while exchanges are read, and tells them what masks', () => {
  const later: Uint8Array[] = [];
  const masker = createMasker({ version: 1, key });
  const comparer = createComparer({ schemas: later, masker, recordedPolicy: masker.summary });
  const recorded = maskedBy(createMasker({ version: 1, key }), answered(person));
  expect(comparer(recorded, answered(person)).notCompared).toEqual([
    { part: 'body', reason: 'replayed message dropped:schema-unknown' },
  ]);
  later.push(schema);
  expect(comparer(recorded, answered(person))).toMatchObject({ differences: [], notCompared: [] });
});
