import { describe, expect, test } from 'vitest';
import { detectorIds } from '../../../src/mask/policy/detector-ids.ts';
import { int, schemaOf, sized } from '../../protobuf/support.ts';
import { callMasker } from './support.ts';

const service =
  'service Service { rpc Call(Message) returns (Message); rpc Other(Message) returns (Message); }';
const proto3 = (body: string): Uint8Array =>
  schemaOf(`syntax = "proto3"; package test; ${service} ${body}`).schema;
const canary = 'canary';
/** Nothing looks at values, and unknown fields stay. */
const blind = [
  'default/proto/unknown-field',
  ...detectorIds.filter((id) => id !== 'private-key').map((id) => `default/detect/${id}` as const),
] as const;

describe('schemas written byte by byte', () => {
  const fieldOptions = '.google.protobuf.FieldOptions';
  const field = (name: string, number: number, type: number, options: number[] = []) => [
    ...sized(1, name),
    ...int(3, number),
    ...int(4, 1),
    ...int(5, type),
    ...(options.length === 0 ? [] : sized(8, options)),
  ];
  const message = (...fields: number[][]) =>
    sized(4, [...sized(1, 'Message'), ...fields.flatMap((one) => sized(2, one))]);
  const call = sized(6, [
    ...sized(1, 'Service'),
    ...sized(2, [...sized(1, 'Call'), ...sized(2, '.test.Message'), ...sized(3, '.test.Message')]),
  ]);
  const extension = (extendee: string, one: number[], typeName = '') =>
    sized(7, [...one, ...sized(2, extendee), ...(typeName === '' ? [] : sized(6, typeName))]);
  const file = (...parts: number[][]): Uint8Array =>
    Uint8Array.from(sized(1, [...sized(2, 'test'), ...parts.flat()]));
  const [aBool, aString, anEnum] = [8, 9, 14];

  /** A message whose field `note` has option 50002, of the enum `Level`, at this value. */
  const withLevel = (value: number | bigint, ...level: number[][]) =>
    file(
      message(field('note', 1, aString, int(50002, value))),
      extension(fieldOptions, field('level', 50002, anEnum), '.test.Level'),
      sized(5, [...sized(1, 'Level'), ...level.flat()]),
      call,
    );
  const levelValue = (name: string, number: number | bigint, redacts: boolean) =>
    sized(2, [...sized(1, name), ...int(2, number), ...(redacts ? sized(3, int(3, 1)) : [])]);
  const isShown = (schema: Uint8Array) => callMasker(schema)(sized(1, canary)).data?.includes(canary);

  test('an option of an enum whose descriptor is broken hides its field', () => {
    expect(isShown(withLevel(1, levelValue('LOW', 1, false)))).toBe(true);
    expect(isShown(withLevel(1, levelValue('LOW', 1, false), sized(2, [0x0f])))).toBe(false);
  });

  test('values of an enum below zero hide their fields as others do, in either way of writing them', () => {
    const values = [
      levelValue('LOW', 1, false),
      levelValue('NONE', -1n, true),
      levelValue('LEAST', -2_147_483_648n, true),
    ];
    for (const value of [-1n, -2_147_483_648n, 4_294_967_295n])
      expect([value, isShown(withLevel(value, ...values))]).toEqual([value, false]);
    expect(isShown(withLevel(-2n, ...values))).toBe(true);
  });

  test('an option of 64 bits whose lower half is nothing is set', () => {
    const schema = file(
      message(field('note', 1, aString, int(50003, 1n << 63n))),
      extension(fieldOptions, field('mask', 50003, 4)),
      call,
    );
    const rules = [{ id: 'r', at: 'proto-option:test.mask', mask: 'token' }] as const;
    expect(callMasker(schema, { rules })(sized(1, canary)).data?.includes(canary)).toBe(false);
  });

  test('an option that a later schema declares marks fields that were known before', () => {
    const rules = [{ id: 'r', at: 'proto-option:test.sensitive', mask: 'token' }] as const;
    const mask = callMasker(file(message(field('note', 1, aString, int(50001, 1))), call), { rules });
    expect(mask(sized(1, canary)).data?.includes(canary)).toBe(true);
    mask.describe(file(extension(fieldOptions, field('sensitive', 50001, aBool))));
    expect(mask(sized(1, canary)).data?.includes(canary)).toBe(false);
  });

  test('of extensions, and of fields, with one number the first holds', () => {
    const twice = (first: string, second: string, number: number) => {
      const fields = [field(first, number, aString), field(second, number, aString)];
      return [
        file(message(...fields), call),
        file(message(), ...fields.map((one) => extension('.test.Message', one)), call),
      ];
    };
    for (const number of [5, 150, 3000]) {
      for (const schema of twice('home_password', 'colour', number))
        expect(callMasker(schema)(sized(number, canary)).data?.includes(canary)).toBe(false);
      for (const schema of twice('colour', 'home_password', number))
        expect(callMasker(schema)(sized(number, canary)).data?.includes(canary)).toBe(true);
    }
  });

  test('a message that holds one of a type that nobody knows is not passed over, though nothing looks at values', () => {
    const aMessage = 11;
    const holding = (name: string, type: string) =>
      sized(4, [...sized(1, name), ...sized(2, [...field('inner', 1, aMessage), ...sized(6, type)])]);
    const schema = file(holding('Message', '.test.Holder'), holding('Holder', '.test.Missing'), call);
    const { data } = callMasker(schema, { disable: blind })(sized(1, sized(1, canary)));
    expect(data).toEqual(Buffer.from(sized(1, sized(1, []))));
  });

  test('an option with several values of an enum hides its field where one of them could', () => {
    const level = (redacts: boolean) =>
      file(
        message(field('note', 1, aString, sized(50002, [2, 1]))),
        extension(fieldOptions, [...field('level', 50002, anEnum), ...int(4, 3)], '.test.Level'),
        sized(5, [...sized(1, 'Level'), ...levelValue('LOW', 1, false), ...levelValue('HIGH', 2, redacts)]),
        call,
      );
    expect([isShown(level(true)), isShown(level(false))]).toEqual([false, true]);
  });

  test('a field of a type that is not known yet, or of none, is bytes of which nothing is shown', () => {
    for (const type of [0, 19, 200]) {
      const mask = callMasker(file(message(field('note', 1, type)), call));
      expect(mask(sized(1, [1, 2])).data).toEqual(Buffer.from(sized(1, [0, 0])));
      expect(mask(int(1, 77)).data).toEqual(Buffer.alloc(0));
    }
  });

  test('of a message with a field of a number that none can have, nothing is known', () => {
    for (const number of [0, 2 ** 29, -1n]) {
      const odd = [...sized(1, 'odd'), ...int(3, number), ...int(4, 1), ...int(5, aString)];
      const mask = callMasker(file(message(field('note', 1, aString), odd), call));
      expect(mask(sized(1, 'x')).state).toBe('dropped:schema-unknown');
    }
  });
});

test('a rule for lists masks what is repeated, and one for texts what is', () => {
  const schema = proto3(
    'message Message { repeated string notes = 1; string note = 2; repeated int32 n = 3; int32 m = 4; }',
  );
  const masked = (types: readonly ('array' | 'string' | 'number')[], bytes: readonly number[]) =>
    callMasker(schema, {
      rules: [{ id: 'r', at: 'proto:test.Message.*', mask: 'token', types: [...types] }],
    })(bytes).state;
  const [notes, note, packed, number] = [sized(1, canary), sized(2, canary), sized(3, [7]), int(4, 7)];
  expect([notes, note, packed, number].map((bytes) => masked(['array'], bytes))).toEqual([
    'masked',
    'kept',
    'masked',
    'kept',
  ]);
  expect([notes, note, packed, number].map((bytes) => masked(['string'], bytes))).toEqual([
    'masked',
    'masked',
    'kept',
    'kept',
  ]);
  expect([notes, note, packed, number].map((bytes) => masked(['number'], bytes))).toEqual([
    'kept',
    'kept',
    'masked',
    'masked',
  ]);
});

test('calls of other rules are masked by theirs, whichever came before', () => {
  const mask = callMasker(proto3('message Message { string note = 1; }'), {
    rules: [
      { id: 'r', at: 'proto:test.Message.note', when: { path: ['/test.Service/Call'] }, mask: 'token' },
    ],
  });
  const isShown = (path: string) => mask(sized(1, canary), path).data?.includes(canary);
  const [call, other] = ['/test.Service/Call', '/test.Service/Other'];
  expect([other, call, other, call, call].map(isShown)).toEqual([true, false, true, false, false]);
});

test('where nothing looks at values, a message is passed over only if nothing within it can be masked', () => {
  // Of each, something stands in a message that holds no text itself.
  const holders = ['Known', 'Whatever', 'Pairs', 'Pointed', 'Blob', 'Text', 'Loop', 'google.protobuf.Any'];
  const schema = proto3(`
    message Message { ${holders.map((_, i) => `H${i} h${i} = ${i + 1};`).join(' ')} }
    ${holders.map((name, i) => `message H${i} { ${name} inner = 1; }`).join(' ')}
    message Known { int32 n = 1; }
    message Whatever { map<string, int32> m = 1; }
    message Pairs { Name name = 1; } message Name { string name = 1; int32 value = 2; }
    message Pointed { int32 n = 1; }
    message Blob { bytes blob = 1; }
    message Text { string password = 1; }
    message Loop { Loop loop = 1; Text text = 2; }`);
  const rules = [{ id: 'n', at: 'proto:test.Pointed.n', mask: 'token' }] as const;
  const mask = callMasker(schema, { disable: blind, rules });
  const inHolder = (i: number, bytes: readonly number[]) => sized(i + 1, sized(1, bytes));
  const seen = (i: number, bytes: readonly number[]) => mask(inHolder(i, bytes)).state;
  expect(seen(0, int(1, 77))).toBe('kept');
  expect(seen(1, sized(1, [...sized(1, 'password'), ...int(2, 77)]))).toBe('masked');
  expect(seen(2, sized(1, [...sized(1, 'password'), ...int(2, 77)]))).toBe('masked');
  expect(seen(3, int(1, 77))).toBe('masked');
  expect(seen(4, sized(1, [1, 2]))).toBe('masked');
  expect(seen(5, sized(1, canary))).toBe('masked');
  expect(seen(6, sized(1, sized(1, sized(2, sized(1, canary)))))).toBe('masked');
  expect(seen(7, [...sized(1, 'x/test.Text'), ...sized(2, sized(1, canary))])).toBe('masked');
});

test('what nobody knows is left out of messages in which nothing else can be masked, though nothing looks at values', () => {
  const schema = proto3('message Message { Inner inner = 1; } message Inner { int32 n = 1; }');
  const mask = callMasker(schema, {
    disable: blind.filter((rule) => rule !== 'default/proto/unknown-field'),
  });
  const known = int(1, 77);
  expect(mask(sized(1, [...known, ...sized(9, canary)])).data).toEqual(Buffer.from(sized(1, known)));
});
