import { expect, test } from 'vitest';
import { detectorIds } from '../../../src/mask/policy/detector-ids.ts';
import { group, int, schemaOf, sized, tag, varint } from '../../protobuf/support.ts';
import { maskJson } from '../support.ts';
import { callMasker } from './support.ts';

const service = 'service Service { rpc Call(Message) returns (Message); }';
const proto3 = (body: string): Uint8Array =>
  schemaOf(`syntax = "proto3"; package test; ${service} ${body}`).schema;

const flat = proto3(`message Message {
  string email = 1; string note = 2; bytes password = 3; int64 phone = 4; fixed32 pin = 5; fixed64 card_number = 6;
  double latitude = 7; repeated int32 otp = 8; repeated string first_name = 9; bool password_set = 10; bytes blob = 11;
  uint64 number = 12; double amount = 13; repeated fixed32 secret = 14; string secret_text = 3000;
}`);
/** What JSON has in place of a value. */
const token = (name: string, value: string): string => {
  const masked: unknown = JSON.parse(maskJson(JSON.stringify({ [name]: value })));
  return Object.values(masked ?? {}).join('');
};
const mail = 'bob@example.com';

test('a string is masked by the name of its field, with the token that it has in JSON', () => {
  const mask = callMasker(flat);
  const { data, state } = mask([...sized(2, 'hello'), ...sized(1, mail), ...int(12, 7)]);
  expect(data).toEqual(Buffer.from([...sized(2, 'hello'), ...sized(1, token('email', mail)), ...int(12, 7)]));
  expect(token('email', mail)).toMatch(/^mk_email_/);
  expect(state).toBe('masked');
});

test('each of repeated strings is masked, also with a field number of several bytes', () => {
  const { data } = callMasker(flat)([
    ...sized(9, 'Ann'),
    ...sized(2, ''),
    ...sized(9, 'Bob'),
    ...sized(3000, 'x9'),
  ]);
  expect(data).toEqual(
    Buffer.from([
      ...sized(9, token('first_name', 'Ann')),
      ...sized(2, ''),
      ...sized(9, token('first_name', 'Bob')),
      ...sized(3000, token('secret_text', 'x9')),
    ]),
  );
});

test('what detectors find in a string is masked, as in JSON', () => {
  const { data } = callMasker(flat)(sized(2, `write to ${mail}, or not`));
  expect(data).toEqual(Buffer.from(sized(2, `write to ${token('email', mail)}, or not`)));
});

test('JSON within a string is masked as JSON', () => {
  const nested = JSON.stringify({ password: 'hunter2', colour: 'red' });
  const { data } = callMasker(flat)(sized(2, nested));
  expect(data).toEqual(Buffer.from(sized(2, maskJson(nested))));
});

test('bytes and numbers become zeros of the same length', () => {
  const fixed32 = (number: number, ...bytes: number[]) => [...tag(number, 5), ...bytes];
  const fixed64 = (number: number, ...bytes: number[]) => [...tag(number, 1), ...bytes];
  const { data } = callMasker(flat)([
    ...sized(3, 'hunter2'),
    ...int(4, 4915112345678),
    ...fixed32(5, 1, 2, 3, 4),
    ...fixed64(6, 1, 2, 3, 4, 5, 6, 7, 8),
    ...fixed64(7, 9, 9, 9, 9, 9, 9, 9, 9),
  ]);
  expect(data).toEqual(
    Buffer.from([
      ...sized(3, Buffer.alloc(7)),
      ...tag(4, 0),
      ...varint(4915112345678).map((_, i, { length }) => (i === length - 1 ? 0 : 0x80)),
      ...fixed32(5, 0, 0, 0, 0),
      ...fixed64(6, 0, 0, 0, 0, 0, 0, 0, 0),
      ...fixed64(7, 0, 0, 0, 0, 0, 0, 0, 0),
    ]),
  );
});

test('packed numbers keep their count and lengths, unpacked ones of the same field are masked as well', () => {
  const { data } = callMasker(flat)([
    ...sized(8, [1, 0xff, 0x01, 2]),
    ...int(8, 300),
    ...sized(14, [1, 2, 3, 4, 5, 6, 7, 8]),
  ]);
  expect(data).toEqual(
    Buffer.from([...sized(8, [0, 0x80, 0, 0]), ...tag(8, 0), 0x80, 0, ...sized(14, Buffer.alloc(8))]),
  );
});

test('a flag stays though its name means a secret, unless a rule points at it', () => {
  expect(callMasker(flat)(int(10, 1)).data).toEqual(Buffer.from(int(10, 1)));
  const rules = [{ id: 'r', at: 'proto:test.Message.password_set', mask: 'redact' }] as const;
  expect(callMasker(flat, { rules })(int(10, 1)).data).toEqual(Buffer.from(int(10, 0)));
});

test('a number that is that of a card is masked by how it looks', () => {
  const card = 4242424242424242n;
  const { data } = callMasker(flat)([...int(12, card), ...int(12, 4242424242424243n)]);
  expect(data?.subarray(0, 9).toString('hex')).toBe(
    Buffer.from([...tag(12, 0), ...varint(card).map((_, i) => (i === 7 ? 0 : 0x80))]).toString('hex'),
  );
  expect(data?.subarray(9)).toEqual(Buffer.from(int(12, 4242424242424243n)));
  const double = Buffer.alloc(8);
  double.writeDoubleLE(Number(card));
  expect(callMasker(flat)([...tag(13, 1), ...double]).data).toEqual(
    Buffer.from([...tag(13, 1), ...Buffer.alloc(8)]),
  );
});

test('bytes that are text are looked at as text; of others, nobody knows what they hold', () => {
  const mask = callMasker(flat);
  expect(mask(sized(11, `to ${mail}`)).data).toEqual(Buffer.from(sized(11, `to ${token('email', mail)}`)));
  const nested = sized(1, [0x01, ...Buffer.from('canary')]);
  expect(mask(sized(11, nested)).data).toEqual(Buffer.from(sized(11, Buffer.alloc(nested.length))));
  const keeping = callMasker(flat, { disable: ['default/proto/bytes'] });
  expect(keeping(sized(11, nested)).data).toEqual(Buffer.from(sized(11, nested)));
});

test('a string that is not UTF-8 is a token', () => {
  const { data } = callMasker(flat)(sized(2, [0xff, 0x63, 0x61, 0x6e]));
  expect(data?.toString('latin1', 2)).toMatch(/^mk_value_/);
});

test('a field is masked by its number, whatever wire type it has', () => {
  const mask = callMasker(flat);
  expect(mask([...int(1, 5), ...int(12, 1)]).data).toEqual(Buffer.from(int(12, 1)));
  expect(mask([...sized(4, 'canary'), ...int(12, 1)]).data).toEqual(Buffer.from(int(12, 1)));
  expect(mask([...group(1, sized(1, 'canary')), ...int(12, 1)]).data).toEqual(Buffer.from(int(12, 1)));
  expect(mask([...group(12, sized(1, 'canary')), ...int(12, 1)]).data).toEqual(Buffer.from(int(12, 1)));
});

test('unknown fields are left out, unless the policy lets them be', () => {
  const bytes = [...int(99, 1), ...sized(98, 'canary'), ...group(97, sized(1, 'canary')), ...int(12, 1)];
  const { data, entries } = callMasker(flat)(bytes);
  expect(data).toEqual(Buffer.from(int(12, 1)));
  expect(entries).toEqual([
    { rule: 'default/proto/unknown-field', part: 'message', side: 'request', count: 3 },
  ]);
  const keeping = callMasker(flat, { disable: ['default/proto/unknown-field'] });
  expect(keeping(bytes).data).toEqual(Buffer.from(bytes));
});

test('what nothing is masked in keeps every byte', () => {
  // A tag and a length longer than they need be, a field twice, fields out of order, an empty string.
  const bytes = [
    0xe0,
    0x00,
    0x81,
    0x80,
    0x00,
    ...int(12, 2),
    0x12,
    0x83,
    0x80,
    0x00,
    0x61,
    0x62,
    0x63,
    ...sized(2, ''),
  ];
  const { data, state } = callMasker(flat)(bytes);
  expect(data).toEqual(Buffer.from(bytes));
  expect(state).toBe('kept');
});

test('messages within messages get new lengths', () => {
  const schema = proto3(
    `message Message { Inner inner = 1; int32 n = 2; } message Inner { Inner more = 1; string email = 2; int32 n = 3; }`,
  );
  const at = (text: string) => [
    ...sized(1, [...int(3, 1), ...sized(1, [...sized(2, text), ...int(3, 2)]), ...int(3, 4)]),
    ...int(2, 5),
  ];
  const long = 'a'.repeat(60);
  const mask = callMasker(schema);
  expect(mask(at('a@b.example')).data).toEqual(Buffer.from(at(token('email', 'a@b.example'))));
  expect(mask(at(`${long}${long}@b.example`)).data).toEqual(
    Buffer.from(at(token('email', `${long}${long}@b.example`))),
  );
});

test('names of a map are those of its values, whichever comes first', () => {
  const schema = proto3(
    'message Message { map<string, string> labels = 1; map<string, Inner> more = 2; map<int32, string> by_id = 3; } message Inner { string text = 1; }',
  );
  const mask = callMasker(schema);
  const masked = token('password', 'canary');
  expect(mask(sized(1, [...sized(1, 'password'), ...sized(2, 'canary')])).data).toEqual(
    Buffer.from(sized(1, [...sized(1, 'password'), ...sized(2, masked)])),
  );
  expect(mask(sized(1, [...sized(2, 'canary'), ...sized(1, 'password')])).data).toEqual(
    Buffer.from(sized(1, [...sized(2, masked), ...sized(1, 'password')])),
  );
  expect(mask(sized(1, [...sized(1, 'colour'), ...sized(2, 'red')])).state).toBe('kept');
  expect(mask(sized(2, [...sized(2, sized(1, 'canary')), ...sized(1, 'password')])).data).toEqual(
    Buffer.from(sized(2, [...sized(2, sized(1, masked)), ...sized(1, 'password')])),
  );
  expect(mask(sized(3, [...int(1, 5), ...sized(2, mail)])).data).toEqual(
    Buffer.from(sized(3, [...int(1, 5), ...sized(2, token('email', mail))])),
  );
});

test('fields that name each other are pairs, as in JSON', () => {
  const schema = proto3(
    'message Message { repeated Attribute attributes = 1; } message Attribute { string key = 1; Value value = 2; } message Value { string text = 1; }',
  );
  const pair = (name: string, value: string) => sized(1, [...sized(2, sized(1, value)), ...sized(1, name)]);
  const { data } = callMasker(schema)([...pair('colour', 'red'), ...pair('user.password', 'canary')]);
  expect(data).toEqual(
    Buffer.from([...pair('colour', 'red'), ...pair('user.password', token('password', 'canary'))]),
  );
});

test('a struct is masked as the JSON that it stands for', () => {
  const mask = callMasker(proto3('message Message { google.protobuf.Struct data = 1; }'));
  const text = (value: string) => sized(3, value);
  const entry = (name: string, value: number[]) => sized(1, [...sized(1, name), ...sized(2, value)]);
  const struct = (email: string, secret: string, zip: Uint8Array) =>
    sized(1, [
      ...entry('colour', text('red')),
      ...entry('email', text(email)),
      ...entry('home', sized(5, entry('zip', [...tag(2, 1), ...zip]))),
      ...entry('passwords', sized(6, sized(1, text(secret)))),
    ]);
  const { data } = mask(struct(mail, 'canary', Buffer.from([0, 0, 0, 0, 0x40, 0xe2, 0xe4, 0x40])));
  const masked = struct(token('email', mail), token('password', 'canary'), Buffer.alloc(8));
  expect(data).toEqual(Buffer.from(masked));
});

test('an Any is masked as the message that it names, also when that comes last', () => {
  const schema = proto3(
    'message Message { google.protobuf.Any any = 1; } message Inner { string email = 1; google.protobuf.Any any = 2; }',
  );
  const mask = callMasker(schema);
  const inner = (text: string) => sized(1, text);
  const url = sized(1, 'type.googleapis.com/test.Inner');
  const masked = token('email', mail);
  expect(mask(sized(1, [...url, ...sized(2, inner(mail))])).data).toEqual(
    Buffer.from(sized(1, [...url, ...sized(2, inner(masked))])),
  );
  expect(mask(sized(1, [...sized(2, inner(mail)), ...url])).data).toEqual(
    Buffer.from(sized(1, [...sized(2, inner(masked)), ...url])),
  );
  const nested = (text: string) =>
    sized(1, [...url, ...sized(2, sized(2, [...sized(2, inner(text)), ...url]))]);
  expect(mask(nested(mail)).data).toEqual(Buffer.from(nested(masked)));
});

test('of an Any whose type nobody knows, nothing is shown', () => {
  const mask = callMasker(
    proto3(
      'message Message { google.protobuf.Any any = 1; } message Deep { message Inner { string x = 1; } }',
    ),
  );
  for (const name of ['x/other.Type', 'x/', '', 'x/.test.Deep', 'x/Inner', 'Deep']) {
    const { data, entries } = mask(sized(1, [...sized(1, name), ...sized(2, sized(1, 'canary'))]));
    expect(data).toEqual(Buffer.from(sized(1, [...sized(1, name), ...sized(2, '')])));
    expect(entries).toEqual([expect.objectContaining({ rule: 'dropped:schema-unknown' })]);
  }
});

test('groups are walked, and stay groups', () => {
  const { schema } = schemaOf(`syntax = "proto2"; package test; ${service}
    message Message { repeated group Item = 1 { optional string email = 2; optional int32 n = 3; } }`);
  const at = (text: string) => [...group(1, sized(2, text), int(3, 1)), ...group(1, int(3, 2))];
  expect(callMasker(schema)(at(mail)).data).toEqual(Buffer.from(at(token('email', mail))));
});

test('extensions are fields like others', () => {
  const { schema } = schemaOf(`syntax = "proto2"; package test; ${service}
    message Message { extensions 100 to 200; } extend Message { optional string home_email = 150; }`);
  expect(callMasker(schema)(sized(150, mail)).data).toEqual(Buffer.from(sized(150, token('email', mail))));
});

test('items of a message set are masked by their numbers, unknown ones left out', () => {
  const { schema } = schemaOf(`syntax = "proto2"; package test; ${service}
    message Message { optional Set set = 1; }
    message Set { option message_set_wire_format = true; extensions 4 to max; }
    message Item { optional string email = 1; } extend Set { optional Item item = 1000; }`);
  const item = (number: number, text: string) => group(1, sized(3, sized(1, text)), int(2, number));
  const { data } = callMasker(schema)(sized(1, [...item(1000, mail), ...item(1001, 'canary')]));
  expect(data).toEqual(Buffer.from(sized(1, item(1000, token('email', mail)))));
});

test('what is malformed is dropped as a whole', () => {
  const mask = callMasker(flat);
  const cases = [
    [0x00],
    [0x0a],
    [0x0a, 5, 1],
    [0x0f],
    [0x0e],
    [...tag(12, 4)],
    [...tag(50, 3)],
    [0x08, ...Array<number>(11).fill(0x80)],
    [...tag(5, 5), 1, 2],
    [...group(50).slice(0, -2), ...tag(51, 4)],
  ];
  for (const bytes of cases) {
    const { data, state } = mask([...sized(2, 'canary'), ...bytes]);
    expect([bytes, data, state]).toEqual([bytes, undefined, 'dropped:protobuf-syntax']);
  }
});

test('a message that is nested too deeply is dropped', () => {
  const schema = proto3('message Message { Message inner = 1; int32 n = 2; }');
  const nested = (depth: number) => {
    let bytes: number[] = int(2, 1);
    for (let i = 0; i < depth; i++) bytes = sized(1, bytes);
    return bytes;
  };
  expect(callMasker(schema)(nested(100)).state).toBe('kept');
  expect(callMasker(schema)(nested(101)).state).toBe('dropped:protobuf-depth');
  expect(callMasker(flat)([...Array<number>(200).fill(0x53), ...Array<number>(200).fill(0x54)]).state).toBe(
    'dropped:protobuf-depth',
  );
});

test('a message of a method that no schema describes is dropped', () => {
  expect(callMasker(undefined)(sized(1, 'canary'))).toMatchObject({
    data: undefined,
    state: 'dropped:schema-unknown',
  });
  expect(callMasker(flat)(sized(1, 'canary'), '/test.Service/Other').state).toBe('dropped:schema-unknown');
  expect(callMasker(flat)(sized(1, 'canary'), '/toString').state).toBe('dropped:schema-unknown');
  expect(callMasker(Buffer.from('no schema'))(sized(1, 'canary')).state).toBe('dropped:schema-unknown');
});

test('messages of a call that says JSON are JSON', () => {
  const text = JSON.stringify({ email: mail });
  expect(callMasker(flat)(Buffer.from(text), undefined, 'application/grpc+json').data?.toString()).toBe(
    maskJson(text),
  );
});

test('rules point at fields by full name, and at what holds a message by that of the message', () => {
  const { schema } = schemaOf(`syntax = "proto3"; package test; ${service}
    message Message { string a = 1; string b = 2; Inner inner = 3; Inner other = 4; string email = 5; }
    message Inner { string a = 1; int32 n = 2; }`);
  const at = (a: string, b: string, inner: number[]) => [
    ...sized(1, a),
    ...sized(2, b),
    ...sized(3, inner),
    ...sized(5, 'x'),
  ];
  const inner = [...sized(1, 'aa'), ...int(2, 300)];
  const mask = (
    at: 'proto:test.Message.a' | 'proto:test.Inner' | 'proto:test.*.a',
    what: 'redact' | 'remove' | { do: 'redact'; with: string },
  ) =>
    callMasker(schema, {
      rules: [
        { id: 'r', at, mask: what },
        { id: 'k', at: 'key:email', mask: 'keep' },
      ],
    })(at2).data;
  const at2 = at('one', 'two', inner);
  const star = { do: 'redact', with: '*' } as const;
  expect(mask('proto:test.Message.a', star)).toEqual(Buffer.from(at('*', 'two', inner)));
  expect(mask('proto:test.Message.a', 'remove')).toEqual(Buffer.from(at('one', 'two', inner).slice(5)));
  expect(mask('proto:test.*.a', star)).toEqual(
    Buffer.from(at('*', 'two', [...sized(1, '*'), ...int(2, 300)])),
  );
  expect(mask('proto:test.Inner', 'redact')).toEqual(Buffer.from(at('one', 'two', [])));
  const tokens = callMasker(schema, { rules: [{ id: 'r', at: 'proto:test.Inner', mask: 'token' }] })(
    at2,
  ).data;
  expect(tokens?.toString('latin1')).toContain('mk_value_');
  expect(tokens?.toString('latin1')).not.toContain('aa');
});

test('debug_redact and custom options mark fields', () => {
  // FieldOptions: debug_redact is 16, an extension of ours 50001.
  const field = (name: string, number: number, options: number[]) =>
    sized(2, [...sized(1, name), ...int(3, number), ...int(4, 1), ...int(5, 9), ...sized(8, options)]);
  const message = sized(4, [
    ...sized(1, 'Message'),
    ...field('a', 1, int(16, 1)),
    ...field('b', 2, int(50001, 1)),
    ...field('c', 3, int(50001, 0)),
    ...field('d', 4, int(50002, 2)),
  ]);
  const option = (name: string, number: number, type: number, enumName: string) =>
    sized(7, [
      ...sized(1, name),
      ...sized(2, '.google.protobuf.FieldOptions'),
      ...int(3, number),
      ...int(4, 1),
      ...int(5, type),
      ...sized(6, enumName),
    ]);
  const level = sized(5, [
    ...sized(1, 'Level'),
    ...sized(2, [...sized(1, 'LOW'), ...int(2, 1)]),
    ...sized(2, [...sized(1, 'HIGH'), ...int(2, 2), ...sized(3, int(3, 1))]),
  ]);
  const method = sized(6, [
    ...sized(1, 'Service'),
    ...sized(2, [...sized(1, 'Call'), ...sized(2, '.test.Message'), ...sized(3, '.test.Message')]),
  ]);
  const schema = Uint8Array.from(
    sized(1, [
      ...sized(2, 'test'),
      ...message,
      ...option('sensitive', 50001, 8, ''),
      ...option('level', 50002, 14, '.test.Level'),
      ...level,
      ...method,
    ]),
  );
  const bytes = [...sized(1, 'one'), ...sized(2, 'two'), ...sized(3, 'three'), ...sized(4, 'four')];
  const seen = callMasker(schema, {
    rules: [{ id: 'r', at: 'proto-option:test.sensitive', mask: 'redact' }],
  })(bytes);
  const text = seen.data?.toString('latin1') ?? '';
  expect(text.match(/mk_value_/g)).toHaveLength(2);
  expect(text).toContain('[REDACTED]');
  expect(text).toContain('three');
  expect(text).not.toMatch(/one|two|four/);
  expect(callMasker(schema, { disable: ['default/proto/debug-redact'] })(bytes).state).toBe('kept');
});

test('a rule for whole bodies shows messages, or takes them', () => {
  const bytes = sized(1, mail);
  const with_ = (mask: 'keep' | 'remove' | 'redact' | { do: 'keep'; detectors: false }) =>
    callMasker(flat, { rules: [{ id: 'r', at: 'body', when: { path: ['/test.Service/Call'] }, mask }] })(
      bytes,
    );
  expect(with_({ do: 'keep', detectors: false })).toMatchObject({ data: Buffer.from(bytes), state: 'kept' });
  expect(with_('keep').data).toEqual(Buffer.from(sized(1, token('email', mail))));
  expect(with_('remove').state).toBe('dropped:removed');
  expect(with_('redact').data).toEqual(Buffer.alloc(0));
});

test('strict masks every string and number that no rule keeps', () => {
  const { data } = callMasker(flat, {
    extends: 'strict',
    rules: [{ id: 'k', at: 'proto:test.Message.note', mask: 'keep' }],
  })([...sized(2, 'kept'), ...int(12, 300), ...sized(11, 'blob')]);
  expect(data).toEqual(
    Buffer.from([...sized(2, 'kept'), ...tag(12, 0), 0x80, 0, ...sized(11, Buffer.alloc(4))]),
  );
});

test('what was masked once stays as it is', () => {
  const mask = callMasker(flat);
  const once = mask([...sized(1, mail), ...sized(2, `x ${mail}`), ...sized(3, 'pw'), ...int(4, 300)]);
  const twice = mask(once.data ?? []);
  expect(twice.data).toEqual(once.data);
});

test('a text that a rule keeps is looked at all the same', () => {
  const rules = [{ id: 'r', at: 'proto:test.Message.note', mask: 'keep' }] as const;
  const { data } = callMasker(flat, { rules })(sized(2, `to ${mail}`));
  expect(data).toEqual(Buffer.from(sized(2, `to ${token('email', mail)}`)));
});

test('bytes with one character that text has none of, or that are not UTF-8, are opaque, long or short', () => {
  const mask = callMasker(flat);
  for (const odd of [[0x7f], [0x00], [0x1f], [0xff], [0xc3]]) {
    for (const text of ['canary', 'canary that is a longer text']) {
      for (const bytes of [
        [...odd, ...Buffer.from(text)],
        [...Buffer.from(text), ...odd],
      ]) {
        expect([bytes, mask(sized(11, bytes)).data]).toEqual([
          bytes,
          Buffer.from(sized(11, Buffer.alloc(bytes.length))),
        ]);
      }
    }
  }
});

test('a long string that is not UTF-8 is a token as a short one is', () => {
  const { data } = callMasker(flat)(sized(2, [...Buffer.from('canary that is a longer text'), 0xff]));
  expect(data?.includes('canary')).toBe(false);
});

test('numbers of 13 and of 19 digits, fixed ones, and packed ones are looked at as those of cards', () => {
  const mask = callMasker(
    proto3(
      'message Message { uint64 n = 1; fixed64 f = 2; repeated uint64 list = 3; repeated fixed64 fs = 4; }',
    ),
  );
  const fixed = (value: bigint) => {
    const bytes = Buffer.alloc(8);
    bytes.writeBigUInt64LE(value);
    return [...bytes];
  };
  for (const card of [4222222222222n, 4242424242424242n, 6304000000000000000n]) {
    for (const bytes of [
      int(1, card),
      [...tag(2, 1), ...fixed(card)],
      sized(3, [...varint(7), ...varint(card)]),
      sized(4, [...fixed(7n), ...fixed(card)]),
    ]) {
      expect([card, bytes, mask(bytes).state]).toEqual([card, bytes, 'masked']);
    }
  }
});

test('the two sides of a call are masked by the types that they have', () => {
  const { schema } =
    schemaOf(`syntax = "proto3"; package test; service Service { rpc Call(Message) returns (Other); }
    message Message { string password = 1; } message Other { string colour = 1; }`);
  expect(callMasker(schema)(sized(1, 'canary')).data?.includes('canary')).toBe(false);
  const answer = callMasker(schema)(sized(1, 'red'), undefined, undefined, 'response');
  expect(answer.data).toEqual(Buffer.from(sized(1, 'red')));
});

test('a name in bytes pairs as one in text does, and of several names the first secret one holds', () => {
  const only = callMasker(proto3('message Message { bytes key = 1; string value = 3; }'));
  const mask = callMasker(proto3('message Message { bytes key = 1; string name = 2; string value = 3; }'));
  const value = sized(3, 'canary');
  expect(only([...value, ...sized(1, 'password')]).data?.includes('canary')).toBe(false);
  for (const bytes of [
    [...sized(1, 'password'), ...value],
    [...sized(2, 'colour'), ...sized(1, 'password'), ...value],
    [...sized(1, 'password'), ...sized(2, 'colour'), ...value],
  ]) {
    expect([bytes, mask(bytes).data?.includes('canary')]).toEqual([bytes, false]);
  }
});

const blind = [
  'default/proto/unknown-field',
  ...detectorIds.filter((id) => id !== 'private-key').map((id) => `default/detect/${id}` as const),
] as const;

test('without detectors, and with unknown fields shown, names and rules mask all the same', () => {
  const schema =
    proto3(`message Message { A a = 1; B b = 2; map<string, int32> m = 3; google.protobuf.Any any = 4; C c = 5; }
    message A { int64 password = 1; } message B { int32 n = 1; } message C { D d = 1; } message D { bytes password = 1; }`);
  const rules = [{ id: 'b', at: 'proto:test.B.n', mask: 'token' }] as const;
  const mask = callMasker(schema, { disable: blind, rules });
  const at = (n: number, secret: readonly number[]) => [
    ...sized(1, int(1, n)),
    ...sized(2, int(1, n)),
    ...sized(3, [...sized(1, 'password'), ...int(2, n)]),
    ...sized(4, [...sized(1, 'x/test.A'), ...sized(2, int(1, n))]),
    ...sized(5, sized(1, sized(1, secret))),
  ];
  expect(mask(at(77, [1, 2])).data).toEqual(Buffer.from(at(0, [0, 0])));
  const whole = callMasker(schema, {
    disable: blind,
    rules: [{ id: 'b', at: 'proto:test.Message.b', mask: 'token' }],
  });
  expect(whole(sized(2, int(1, 77))).data).toEqual(Buffer.from(sized(2, int(1, 0))));
});

test('a pattern of the user finds short texts, bytes and numbers, also where no detector looks', () => {
  const rules = [{ id: 'p', value: { pattern: '31415', maxLength: 5 }, mask: 'token' }] as const;
  const mask = callMasker(flat, { disable: blind, rules });
  const double = Buffer.alloc(8);
  double.writeDoubleLE(31415);
  for (const bytes of [sized(2, '31415'), sized(11, '31415'), int(12, 31415), [...tag(13, 1), ...double]])
    expect([bytes, mask(bytes).state]).toEqual([bytes, 'masked']);
});

test('thousands of masked texts in one message all stand where they stood', () => {
  const bytes = (text: string) => Array<number[]>(2000).fill(sized(1, text)).flat();
  expect(callMasker(flat)(bytes(mail)).data).toEqual(Buffer.from(bytes(token('email', mail))));
});

test('where unknown fields are shown, numbers and bytes within messages are looked at all the same', () => {
  const schema = proto3(
    'message Message { A a = 1; B b = 2; } message A { uint64 n = 1; } message B { bytes b = 1; }',
  );
  const shown = callMasker(schema, { disable: ['default/proto/unknown-field'] });
  expect(shown(sized(1, int(1, 4242424242424242n))).state).toBe('masked');
  expect(callMasker(schema, { disable: blind })(sized(2, sized(1, [1, 2]))).data).toEqual(
    Buffer.from(sized(2, sized(1, [0, 0]))),
  );
});

test('of a message that turns out to be malformed, what was masked in it before does not count', () => {
  const mask = callMasker(flat);
  const { entries, state } = mask([...sized(1, mail), ...int(4, 77), 0x0f]);
  expect(state).toBe('dropped:protobuf-syntax');
  expect(entries.filter(({ rule }) => !rule.startsWith('dropped:'))).toEqual([]);
  expect(mask(sized(1, mail)).entries).toMatchObject([{ count: 1 }]);
});

test('short texts are looked at whatever they begin with, and JSON in them is JSON: as in JSON itself', () => {
  const mask = callMasker(flat);
  const texts = ['\u0001a@b.io', '\ta@b.io', 'é a@b.io'];
  for (const text of [...texts, '{"pin":"77"}', '[{"otp":"9"}]', ' {"pwd":"x"}']) {
    const masked = token('note', text);
    expect([text, masked]).not.toEqual([text, text]);
    expect([text, mask(sized(2, text)).data]).toEqual([text, Buffer.from(sized(2, masked))]);
  }
});
