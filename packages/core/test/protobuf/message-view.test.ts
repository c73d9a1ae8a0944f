import { expect, test } from 'vitest';
import { viewMessage } from '../../src/protobuf/message-view.ts';
import { SchemaRegistry } from '../../src/protobuf/schema-registry.ts';
import { descriptorSet } from './descriptor-set.ts';
import { everyKind, messageType } from './every-kind.ts';
import { group, int, schemaOf, sized, tag, varint } from './support.ts';

const registryOf = (...schemas: readonly Uint8Array[]): SchemaRegistry => {
  const registry = new SchemaRegistry();
  for (const schema of schemas) registry.add(schema);
  return registry;
};
const every = registryOf(everyKind.schema);
const view = (
  bytes: readonly number[] | Uint8Array,
  registry = every,
  type = 'test.Message',
  defaults = false,
) => {
  const found = viewMessage(registry, type, Uint8Array.from(bytes), { defaults });
  return 'value' in found ? found : { value: found.problem, unread: [] };
};
const encoded = (object: Record<string, unknown>) =>
  messageType.encode(messageType.fromObject(object)).finish();

test('numbers of 64 bits are texts, bytes base64, enums names, and numbers that JSON has not are texts', () => {
  const bytes = encoded({
    a_uint64: '18446744073709551615',
    an_sint64: '-9223372036854775808',
    some_bytes: Buffer.from([251, 255]),
    levels: [1, -1, 77],
    doubles: [Number.NaN, Number.NEGATIVE_INFINITY, -0, 0.1],
    floats: [0.1, 16777216, Number.POSITIVE_INFINITY],
    an_int32: -1,
  });
  expect(view(bytes).value).toEqual({
    a_uint64: '18446744073709551615',
    an_sint64: '-9223372036854775808',
    some_bytes: '+/8=',
    levels: ['LOW', 'COLD', 77],
    doubles: ['NaN', '-Infinity', -0, 0.1],
    floats: [0.1, 16777216, 'Infinity'],
    an_int32: -1,
  });
});

test('types with a JSON form have it', () => {
  const value = {
    at: '2026-01-02T03:04:05.006Z',
    took: '-1.500s',
    struct: { a: [null, true, 'x', { b: 1 }], __proto__x: {} },
    value: null,
    list: [],
    mask: 'aB,c.dE',
    empty: {},
    boxed: '-5',
    boxed_text: '',
    boxed_flag: false,
    nothing: null,
  };
  const bytes = encoded({
    at: { seconds: Date.parse('2026-01-02T03:04:05Z') / 1000, nanos: 6_000_000 },
    took: { seconds: -1, nanos: -500_000_000 },
    struct: {
      fields: {
        a: {
          listValue: {
            values: [
              { nullValue: 0 },
              { boolValue: true },
              { stringValue: 'x' },
              { structValue: { fields: { b: { numberValue: 1 } } } },
            ],
          },
        },
        __proto__x: { structValue: {} },
      },
    },
    value: { nullValue: 0 },
    list: {},
    mask: { paths: ['a_b', 'c.d_e'] },
    empty: {},
    boxed: { value: -5 },
    boxed_text: {},
    boxed_flag: {},
  });
  expect(view([...bytes, ...int(75, 0)])).toEqual({ value, unread: [] });
});

test('types with a JSON form stand with their fields where it would not lead back to them', () => {
  const stamp = (seconds: bigint, nanos: number) => [...int(1, seconds), ...int(2, nanos)];
  expect(view(sized(61, stamp(253_402_300_800n, 0))).value).toEqual({
    at: { seconds: '253402300800', nanos: 0 },
  });
  expect(view(sized(61, stamp(1n, 1_000_000_000))).value).toEqual({ at: { seconds: '1', nanos: 1e9 } });
  expect(view(sized(62, stamp(-1n, 5))).value).toEqual({ took: { seconds: '-1', nanos: 5 } });
  expect(view(sized(67, sized(1, 'aB'))).value).toEqual({ mask: { paths: ['aB'] } });
  expect(view(sized(64, [])).value).toEqual({ value: {} });
  expect(view(sized(63, sized(1, [...sized(1, 'a'), ...sized(2, [])]))).value).toEqual({
    struct: { fields: { a: {} } },
  });
});

test('an Any is told by its type, or as it stands where that is not known', () => {
  const any = (url: string, content: readonly number[]) =>
    sized(66, [...sized(2, content), ...sized(1, url)]);
  expect(view(any('type.googleapis.com/test.Message', sized(9, 'x'))).value).toEqual({
    any: { '@type': 'type.googleapis.com/test.Message', a_string: 'x' },
  });
  expect(view(any('x/google.protobuf.Duration', int(1, 3))).value).toEqual({
    any: { '@type': 'x/google.protobuf.Duration', value: '3s' },
  });
  expect(view(any('x/unknown.Type', [1, 2])).value).toEqual({
    any: { type_url: 'x/unknown.Type', value: 'AQI=' },
  });
  expect(view(any('x/test.Message', [255])).value).toEqual({
    any: { type_url: 'x/test.Message', value: '/w==' },
  });
  expect(view(sized(66, [])).value).toEqual({ any: {} });
});

test('of a oneof the last field counts, messages of one field are one, and of entries with one key the last counts', () => {
  expect(view([...sized(51, 'x'), ...int(53, 2)]).value).toEqual({ one_number: 2 });
  expect(view([...sized(52, sized(9, 'x')), ...int(53, 2), ...sized(52, int(5, 1))]).value).toEqual({
    one_message: { an_int32: 1 },
  });
  expect(view([...sized(19, sized(9, 'x')), ...sized(19, int(5, 1))]).value).toEqual({
    inner: { a_string: 'x', an_int32: 1 },
  });
  const entry = (key: string, value: string) => sized(41, [...sized(1, key), ...sized(2, value)]);
  expect(view([...entry('a', '1'), ...entry('b', '2'), ...entry('a', '3'), ...sized(41, [])]).value).toEqual({
    by_name: { a: '3', b: '2', '': '' },
  });
  expect(view([...int(40, 1), ...sized(40, [2, 3]), ...int(40, 4)]).value).toEqual({ loose: [1, 2, 3, 4] });
});

test('what a view cannot tell is told apart, with where it stands', () => {
  const bytes = [...sized(39, []), ...sized(39, [...int(999, 5), ...int(9, 3), ...sized(9, [0x61, 0xff])])];
  const found = view(bytes);
  expect(found.value).toEqual({ many: [{}, { a_string: 'a\ufffd' }] });
  expect(found.unread).toEqual([
    {
      pointer: '/many/1/a_string',
      number: 9,
      wireType: 2,
      reason: 'utf8',
      data: Buffer.from(sized(9, [0x61, 0xff])),
    },
    { pointer: '/many/1', number: 999, wireType: 0, reason: 'unknown', data: Buffer.from(int(999, 5)) },
    { pointer: '/many/1', number: 9, wireType: 0, reason: 'wire-type', data: Buffer.from(int(9, 3)) },
  ]);
});

test('bytes that are no message, too deep or too many are told', () => {
  expect(view([0x0a, 5])).toMatchObject({ value: 'protobuf-syntax' });
  expect(view([7])).toMatchObject({ value: 'protobuf-syntax' });
  expect(view(sized(21, [1, 2, 3]))).toMatchObject({ value: 'protobuf-syntax' });
  let deep: number[] = [];
  for (let i = 0; i < 101; i++) deep = sized(19, deep);
  expect(view(deep)).toMatchObject({ value: 'protobuf-depth' });
  let groups: number[] = [];
  for (let i = 0; i < 110; i++) groups = group(19, groups);
  expect(view(groups)).toMatchObject({ value: 'protobuf-depth' });
  const many = Uint8Array.from(sized(25, Array(1000).fill(1)));
  expect(viewMessage(every, 'test.Message', many, { maxValues: 500 })).toEqual({ problem: 'protobuf-size' });
  expect(viewMessage(every, 'test.None', many)).toEqual({ problem: 'schema-unknown' });
});

test('fields without presence are told on demand', () => {
  const { value } = view(
    int(1, 1),
    registryOf(
      schemaOf(`syntax = "proto3"; package p; enum E { ZERO = 0; }
    message M { int64 a = 1; bool b = 2; string c = 3; bytes d = 4; E e = 5; repeated M f = 6; map<string, M> g = 7; M h = 8;
    optional int32 i = 9; oneof o { int32 j = 10; } double k = 11; }`).schema,
    ),
    'p.M',
    true,
  );
  expect(value).toEqual({ a: '1', b: false, c: '', d: '', e: 'ZERO', f: [], g: {}, k: 0 });
});

test('names that are those of Object are names like others', () => {
  const field = (name: string, number: number, more: Record<string, unknown>) => ({
    name,
    number,
    label: 'LABEL_OPTIONAL',
    type: 'TYPE_STRING',
    ...more,
  });
  const schema = descriptorSet({
    name: 'p.proto',
    package: 'p',
    messageType: [
      {
        name: 'M',
        field: [
          field('constructor', 1, {}),
          field('toString', 2, { type: 'TYPE_MESSAGE', typeName: '.p.M.Entry', label: 'LABEL_REPEATED' }),
          field('__proto__', 3, { type: 'TYPE_MESSAGE', typeName: '.p.M' }),
        ],
        nestedType: [
          { name: 'Entry', options: { mapEntry: true }, field: [field('key', 1, {}), field('value', 2, {})] },
        ],
      },
    ],
  });
  const registry = registryOf(schema);
  const entry = sized(2, [...sized(1, '__proto__'), ...sized(2, 'x')]);
  const { value } = view([...sized(1, 'c'), ...entry, ...sized(3, entry)], registry, 'p.M');
  expect(JSON.stringify(value)).toBe(
    '{"constructor":"c","toString":{"__proto__":"x"},"__proto__":{"toString":{"__proto__":"x"}}}',
  );
});

const edition = registryOf(
  descriptorSet({
    name: 'e.proto',
    package: 'e',
    syntax: 'editions',
    edition: 1000,
    options: { features: { messageEncoding: 'DELIMITED' } },
    messageType: [
      {
        name: 'M',
        field: [
          { name: 'inner', number: 1, label: 'LABEL_OPTIONAL', type: 'TYPE_MESSAGE', typeName: '.e.M' },
          { name: 'count', number: 2, label: 'LABEL_OPTIONAL', type: 'TYPE_INT32' },
          {
            name: 'implicit',
            number: 3,
            label: 'LABEL_OPTIONAL',
            type: 'TYPE_INT32',
            options: { features: { fieldPresence: 'IMPLICIT' } },
          },
        ],
        extensionRange: [{ start: 100, end: 200 }],
      },
      {
        name: 'Set',
        options: { messageSetWireFormat: true },
        extensionRange: [{ start: 4, end: 1000 }],
      },
    ],
    extension: [
      { name: 'extra', number: 100, label: 'LABEL_OPTIONAL', type: 'TYPE_STRING', extendee: '.e.M' },
      {
        name: 'item',
        number: 500,
        label: 'LABEL_OPTIONAL',
        type: 'TYPE_MESSAGE',
        typeName: '.e.M',
        extendee: '.e.Set',
      },
    ],
  }),
);

test('groups, delimited messages, extensions and message sets are read', () => {
  expect(view([...group(1, int(2, 0)), ...sized(100, 'x')], edition, 'e.M').value).toEqual({
    inner: { count: 0 },
    '[e.extra]': 'x',
  });
  expect(view([], edition, 'e.M', true).value).toEqual({ implicit: 0 });
  const item = (...fields: readonly number[][]) => group(1, ...fields);
  expect(view(item(int(2, 500), sized(3, int(2, 7))), edition, 'e.Set').value).toEqual({
    '[e.item]': { count: 7 },
  });
  expect(view(item(sized(3, int(2, 7)), int(2, 500)), edition, 'e.Set').value).toEqual({
    '[e.item]': { count: 7 },
  });
  expect(view(item(int(2, 501), sized(3, int(2, 7))), edition, 'e.Set')).toMatchObject({
    value: {},
    unread: [{ number: 501, reason: 'unknown' }],
  });
});

test('varints that are longer than need be, and of more bits than their type, are read as others read them', () => {
  expect(view([...tag(5, 0), 0x80, 0x80, 0x00]).value).toEqual({ an_int32: 0 });
  expect(view(int(5, 2n ** 32n + 5n)).value).toEqual({ an_int32: 5 });
  expect(view(int(13, 2n ** 63n + 7n)).value).toEqual({ a_uint32: 7 });
  expect(view(int(8, 2n ** 40n)).value).toEqual({ a_bool: true });
  expect(view([...tag(17, 0), ...varint(4_294_967_295)]).value).toEqual({ an_sint32: -2_147_483_648 });
});
