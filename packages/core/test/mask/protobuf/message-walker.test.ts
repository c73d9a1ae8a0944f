import { expect, test } from 'vitest';
import { group, int, schemaOf, sized, tag } from '../../protobuf/support.ts';
import { callMasker } from './support.ts';

const service = 'service Service { rpc Call(Message) returns (Message); }';
const proto3 = (body: string): Uint8Array =>
  schemaOf(`syntax = "proto3"; package test; ${service} ${body}`).schema;
const proto2 = (body: string): Uint8Array =>
  schemaOf(`syntax = "proto2"; package test; ${service} ${body}`).schema;
const canary = 'canary';
const fixed64 = (number: number, ...bytes: number[]) => [...tag(number, 1), ...bytes];
const fixed32 = (number: number, ...bytes: number[]) => [...tag(number, 5), ...bytes];

test('a number where a text or a message is sent is left out, whatever its width', () => {
  const mask = callMasker(proto3('message Message { string note = 1; Message inner = 2; int32 n = 3; }'));
  for (const number of [1, 2]) {
    for (const field of [
      fixed64(number, 1, 2, 3, 4, 5, 6, 7, 8),
      fixed32(number, 1, 2, 3, 4),
      int(number, 77),
    ]) {
      expect(mask([...int(3, 1), ...field]).data).toEqual(Buffer.from(int(3, 1)));
    }
  }
  // And a number of another width.
  expect(mask([...int(3, 1), ...fixed32(3, 1, 2, 3, 4)]).data).toEqual(Buffer.from(int(3, 1)));
});

test('a group that ends with the number of another is malformed, also where its field is known', () => {
  const mask = callMasker(
    proto2('message Message { repeated group Item = 1 { optional string note = 2; } }'),
  );
  const odd = [...tag(1, 3), ...sized(2, canary), ...tag(2, 4)];
  expect(mask(odd)).toMatchObject({ data: undefined, state: 'dropped:protobuf-syntax' });
  expect(mask([...tag(1, 3), ...sized(2, canary)]).state).toBe('dropped:protobuf-syntax');
});

test('what masks a message as a whole masks values of maps in it, and no keys', () => {
  const schema = proto3('message Message { Inner inner = 1; } message Inner { map<string, string> m = 1; }');
  const mask = callMasker(schema, {
    rules: [{ id: 'inner', at: 'proto:test.Message.inner', mask: 'token' }],
  });
  const { data } = mask(sized(1, sized(1, [...sized(1, 'colour'), ...sized(2, canary)])));
  expect(data?.includes('colour')).toBe(true);
  expect(data?.includes(canary)).toBe(false);
});

test('of a rule for a message and one for a field in it, the one that comes first holds', () => {
  const schema = proto3('message Message { Inner inner = 1; } message Inner { string note = 1; }');
  const keep = { id: 'note', at: 'proto:test.Inner.note', mask: 'keep' } as const;
  const hide = { id: 'inner', at: 'proto:test.Message.inner', mask: 'token' } as const;
  const bytes = sized(1, sized(1, canary));
  expect(callMasker(schema, { rules: [hide, keep] })(bytes).data?.includes(canary)).toBe(false);
  expect(callMasker(schema, { rules: [keep, hide] })(bytes).data?.includes(canary)).toBe(true);
});

test('the rule for a field of a map comes before what its key means', () => {
  const schema = proto3('message Message { map<string, string> password = 1; map<string, string> m = 2; }');
  const entry = (number: number, key: string) => sized(number, [...sized(1, key), ...sized(2, canary)]);
  const mask = callMasker(schema);
  // By the name of the map, by that of its key, by neither.
  expect(mask(entry(1, 'colour')).data?.includes(canary)).toBe(false);
  expect(mask(entry(2, 'password')).data?.includes(canary)).toBe(false);
  expect(mask(entry(2, 'colour')).data?.includes(canary)).toBe(true);
});

test('of two keys of an entry, either can say that its value is a secret', () => {
  const mask = callMasker(proto3('message Message { map<string, string> m = 1; }'));
  const entry = (...keys: string[]) =>
    sized(1, [...keys.flatMap((key) => sized(1, key)), ...sized(2, canary)]);
  for (const keys of [
    ['password', 'x'],
    ['x', 'password'],
    ['a_password_of_those_who_came_here_yesterday'],
  ]) {
    expect(mask(entry(...keys)).data?.includes(canary)).toBe(false);
  }
});

test('an entry of a map without its key or its value, and two of one key, are masked each by what they say', () => {
  const mask = callMasker(proto3('message Message { map<string, string> labels = 1; }'));
  const mail = ['canary', 'example.com'].join('@');
  const entry = (...parts: number[][]) => sized(1, parts.flat());
  const password = sized(1, 'password');
  expect(mask(entry(sized(2, mail))).data?.includes(canary)).toBe(false);
  expect(mask(entry(password)).data).toEqual(Buffer.from(entry(password)));
  const twice = [...entry(password, sized(2, canary)), ...entry(password, sized(2, 'canary too'))];
  const { data, entries } = mask(twice);
  expect(data?.includes(canary)).toBe(false);
  expect(entries).toEqual([expect.objectContaining({ rule: 'default/key/secret', count: 2 })]);
});

test('lengths that are written longer than need be stay so where nothing changes its length', () => {
  const schema = proto3('message Message { Message inner = 1; bytes password = 2; }');
  const long = (number: number, content: readonly number[]) => [
    ...tag(number, 2),
    (content.length & 0x7f) | 0x80,
    0,
    ...content,
  ];
  const at = (content: readonly number[]) => long(1, long(1, sized(2, content)));
  expect(callMasker(schema)(at([1, 2, 3])).data).toEqual(Buffer.from(at([0, 0, 0])));
});

test('of two types of an Any the last counts, and all before its last slash is not its name', () => {
  const schema = proto3(
    'message Message { google.protobuf.Any any = 1; } message Inner { string password = 1; string note = 2; }',
  );
  const mask = callMasker(schema);
  const value = sized(2, [...sized(1, canary), ...sized(2, 'x')]);
  const any = (...urls: string[]) => sized(1, [...urls.flatMap((url) => sized(1, url)), ...value]);
  for (const urls of [['a/b/c/test.Inner'], ['x/other.Type', 'x/test.Inner']]) {
    const { data, entries } = mask(any(...urls));
    expect(data?.includes(canary)).toBe(false);
    expect(entries).toEqual([expect.objectContaining({ rule: 'default/key/secret' })]);
  }
  expect(mask(any('x/test.Inner', 'x/other.Type')).entries).toEqual([
    expect.objectContaining({ rule: 'dropped:schema-unknown' }),
  ]);
});

test('what stands beside the type and the value of an Any is left out', () => {
  const mask = callMasker(proto3('message Message { google.protobuf.Any any = 1; }'));
  const url = sized(1, 'x/test.Message');
  expect(mask(sized(1, [...url, ...sized(3, canary), ...int(2, 5)])).data).toEqual(
    Buffer.from(sized(1, url)),
  );
});

const set = proto2(`message Message { optional Set set = 1; }
  message Set { option message_set_wire_format = true; extensions 4 to max; }
  message Item { optional string password = 1; optional string note = 2; } extend Set { optional Item item = 1000; }`);
const content = sized(3, [...sized(1, canary), ...sized(2, 'x')]);

test('what stands beside the number and the content of an item of a set is left out', () => {
  const mask = callMasker(set);
  const { data } = mask(sized(1, group(1, int(2, 1000), sized(3, sized(2, 'x')), sized(4, canary))));
  expect(data).toEqual(Buffer.from(sized(1, group(1, int(2, 1000), sized(3, sized(2, 'x'))))));
});

test('an item of a set that has two numbers is of no known type: readers differ in which they take', () => {
  const mask = callMasker(set);
  for (const item of [
    group(1, int(2, 1000), content, int(2, 1001)),
    group(1, int(2, 1001), content, int(2, 1000)),
  ]) {
    expect(mask(sized(1, item)).data).toEqual(Buffer.from(sized(1, [])));
  }
  const twice = group(1, int(2, 1000), content, int(2, 1000));
  expect(mask(sized(1, twice)).data?.includes(canary)).toBe(false);
  expect(mask(sized(1, twice)).data?.length).toBeGreaterThan(10);
});

test('a rule that empties an item of a set takes it out', () => {
  for (const how of ['redact', 'remove'] as const) {
    const mask = callMasker(set, { rules: [{ id: 'item', at: 'proto:test.Item', mask: how }] });
    const { data } = mask(sized(1, group(1, int(2, 1000), content)));
    expect(data).toEqual(Buffer.from(sized(1, [])));
  }
});

test('packed numbers that do not fill their length are malformed', () => {
  const mask = callMasker(proto3('message Message { repeated fixed32 f = 1; repeated fixed64 g = 2; }'));
  for (const field of [sized(1, [1, 2, 3, 4, 5]), sized(2, [1, 2, 3, 4])]) {
    expect(mask(field).state).toBe('dropped:protobuf-syntax');
  }
});

test('a number that is nothing already is no masked value', () => {
  const mask = callMasker(proto3('message Message { int64 phone = 1; fixed32 pin = 2; bytes secret = 3; }'));
  const { state, entries } = mask([...int(1, 0), ...fixed32(2, 0, 0, 0, 0), ...sized(3, [0, 0])]);
  expect([state, entries]).toEqual(['kept', []]);
});

test('tags and varints that are too long, and lengths beyond the message that they stand in, are malformed', () => {
  const mask = callMasker(proto3('message Message { Message inner = 1; string note = 2; int64 n = 3; }'));
  const problems = [
    // A tag of six bytes, one above 2^32.
    [0x98, 0x80, 0x80, 0x80, 0x80, 0x00, 1],
    [0xf8, 0xff, 0xff, 0xff, 0x7f, 1],
    // A varint of eleven bytes.
    [...tag(3, 0), ...Array<number>(10).fill(0x80), 0],
    // A text, and a number of eight bytes, that reach into what follows their message.
    [...sized(1, [...tag(2, 2), 10, 65]), ...sized(2, `${canary} and more`)],
    [...sized(1, [...tag(99, 1), 1, 2]), ...sized(2, canary)],
  ];
  for (const bytes of problems)
    expect([bytes, mask(bytes).state]).toEqual([bytes, 'dropped:protobuf-syntax']);
});

test('a field that is masked is left out where its wire type is another, also where unknown fields are shown', () => {
  const schema = proto3('message Message { int64 password = 1; int32 colour = 2; Message token = 3; }');
  const mask = callMasker(schema, { disable: ['default/proto/unknown-field'] });
  const shown = sized(2, 'red');
  expect(mask([...shown, ...sized(1, canary), ...int(3, 5)]).data).toEqual(Buffer.from(shown));
});

test('a rule that removes takes numbers out, one by one or packed', () => {
  const schema = proto3(
    'message Message { int32 n = 1; repeated int32 list = 2; double d = 3; int32 kept = 4; }',
  );
  const rules = ['n', 'list', 'd'].map(
    (name) => ({ id: name, at: `proto:test.Message.${name}`, mask: 'remove' }) as const,
  );
  const mask = callMasker(schema, { rules });
  const bytes = [...int(1, 7), ...sized(2, [1, 2]), ...int(2, 3), ...fixed64(3, 1, 1, 1, 1, 1, 1, 1, 1)];
  expect(mask([...bytes, ...int(4, 1)]).data).toEqual(Buffer.from(int(4, 1)));
});

test('of a message that is sent in parts nothing is kept where what one part says tells how another is masked', () => {
  const mask = callMasker(
    proto2(`message Message { optional Attribute one = 1; optional group Pair = 2 { optional Attribute in = 1; }
      map<string, Attribute> m = 3; optional google.protobuf.Any any = 4; repeated Attribute many = 5;
      optional Plain plain = 6; }
      message Attribute { optional string key = 1; optional string value = 2; }
      message Plain { optional string password = 1; optional string note = 2; }
      message Other { optional string note = 1; } message Secret { optional string password = 1; }`),
  );
  const name = sized(1, 'password');
  const value = sized(2, canary);
  const other = [...sized(1, 'x/test.Other'), ...sized(2, sized(1, canary))];
  for (const [parts, kept] of [
    [[sized(1, name), sized(1, value)], []],
    [[sized(1, name), int(9, 1), sized(1, value), sized(1, name)], []],
    [[group(2, sized(1, name)), group(2, sized(1, value))], []],
    [[sized(3, [...sized(2, name), ...sized(2, value)])], sized(3, [])],
    [[sized(4, other), sized(4, sized(1, 'x/test.Secret'))], []],
    [
      [sized(5, name), sized(5, name)],
      [...sized(5, name), ...sized(5, name)],
    ],
    [
      [sized(6, sized(2, 'x')), sized(6, sized(2, 'y'))],
      [...sized(6, sized(2, 'x')), ...sized(6, sized(2, 'y'))],
    ],
  ] as const) {
    expect(mask(parts.flat()).data).toEqual(Buffer.from(kept));
    expect(mask(parts.toReversed().flat()).data?.includes(canary)).toBe(false);
  }
});

test('items of one type in a message set, and contents of one item, are parts of one message too', () => {
  const mask = callMasker(
    proto2(`message Message { optional Set set = 1; }
      message Set { option message_set_wire_format = true; extensions 4 to max; }
      message Attribute { optional string key = 1; optional string value = 2; }
      message Plain { optional string password = 1; optional string note = 2; }
      extend Set { optional Attribute attribute = 1000; optional Plain plain = 1001; }`),
  );
  const name = sized(1, 'password');
  const value = sized(2, canary);
  const item = (...contents: number[][]) => group(1, int(2, 1000), ...contents.map((one) => sized(3, one)));
  const numberLast = (...contents: number[][]) =>
    group(1, ...contents.map((one) => sized(3, one)), int(2, 1000));
  const plain = group(1, int(2, 1001), sized(3, sized(2, 'x')), sized(3, sized(2, 'y')));
  for (const parts of [
    [item(name), item(value)],
    [numberLast(name), numberLast(value)],
    [item(name, value)],
    [numberLast(value, name)],
    [sized(1000, name), item(value)],
    [item(name), sized(1000, value)],
  ]) {
    for (const items of [parts, parts.toReversed()]) {
      expect(mask(sized(1, [...plain, ...items.flat()])).data).toEqual(Buffer.from(sized(1, plain)));
    }
    // The set itself in two parts.
    expect(mask([...sized(1, plain), ...sized(1, parts.flat())]).data).toEqual(Buffer.from([]));
  }
  // Where no part says anything of another, all are kept and masked.
  const secrets = group(1, int(2, 1001), sized(3, sized(1, canary)), sized(3, sized(2, 'x')));
  const { data } = mask(sized(1, [...secrets, ...secrets]));
  expect(data?.includes(canary)).toBe(false);
  expect(data?.length).toBeGreaterThan(secrets.length * 2);
});

test('a schema that comes later tells more of messages that were masked before', () => {
  const mask = callMasker(proto2('message Message { optional string note = 1; extensions 100 to 200; }'), {
    disable: ['default/proto/unknown-field'],
  });
  const bytes = sized(150, canary);
  expect(mask(bytes).data).toEqual(Buffer.from(bytes));
  mask.describe(
    schemaOf(
      'syntax = "proto2"; package test; message Message { extensions 100 to 200; } extend Message { optional string home_password = 150; }',
    ).schema,
  );
  expect(mask(bytes).data?.includes(canary)).toBe(false);
});

test('groups and Anys within each other count as deep as messages do', () => {
  const mask = callMasker(
    proto2(
      'message Message { optional group Item = 1 { optional Message more = 2; optional Item item = 1; } optional google.protobuf.Any any = 3; }',
    ),
  );
  const groups = (depth: number) => [...Array<number>(depth).fill(0x0b), ...Array<number>(depth).fill(0x0c)];
  expect(mask(groups(100)).state).toBe('kept');
  expect(mask(groups(101)).state).toBe('dropped:protobuf-depth');
  const url = sized(1, 'x/google.protobuf.Any');
  const anys = (depth: number) => {
    let bytes = url;
    for (let i = 1; i < depth; i++) bytes = [...url, ...sized(2, bytes)];
    return sized(3, bytes);
  };
  expect(mask(anys(100)).state).toBe('kept');
  expect(mask(anys(101)).state).toBe('dropped:protobuf-depth');
});

test('what masks a group, an Any or a set as a whole masks what is in it', () => {
  const groups = proto2('message Message { optional group Item = 1 { optional string note = 2; } }');
  const anys = proto3('message Message { google.protobuf.Any any = 1; } message Inner { string note = 1; }');
  const any = sized(1, [...sized(1, 'x/test.Inner'), ...sized(2, sized(1, canary))]);
  for (const [schema, at, bytes] of [
    [groups, 'proto:test.Message.item', group(1, sized(2, canary))],
    [anys, 'proto:test.Message.any', any],
    [set, 'proto:test.Message.set', sized(1, group(1, int(2, 1000), sized(3, sized(2, canary))))],
  ] as const) {
    for (const how of ['token', 'redact', 'remove'] as const) {
      const { data, state } = callMasker(schema, { rules: [{ id: 'r', at, mask: how }] })(bytes);
      expect([at, how, data?.includes(canary), state]).toEqual([at, how, false, 'masked']);
    }
    expect(callMasker(schema)(bytes).data?.includes(canary)).toBe(true);
  }
});

test('the type of an Any is looked at as any text is', () => {
  const mask = callMasker(proto3('message Message { google.protobuf.Any any = 1; }'));
  expect(mask(sized(1, sized(1, 'to bob@example.com now'))).data?.includes('bob@')).toBe(false);
});

test('what a rule keeps is not what its descriptor says where it has another wire type, or is of no known type', () => {
  const schema = proto3('message Message { string note = 1; google.protobuf.Any any = 2; string x = 256; }');
  const rules = ['note', 'any'].map(
    (name) => ({ id: name, at: `proto:test.Message.${name}`, mask: 'keep' }) as const,
  );
  const mask = callMasker(schema, { rules });
  const shown = [...sized(1, canary), ...sized(256, 'x')];
  expect(mask([...shown, ...fixed64(1, 1, 2, 3, 4, 5, 6, 7, 8)]).data).toEqual(Buffer.from(shown));
  const any = sized(2, [...sized(1, 'x/other.Type'), ...sized(2, canary)]);
  expect(mask(any).data?.includes(canary)).toBe(false);
});
