import { expect, test } from 'vitest';
import type { JsonObject, JsonValue } from '../../src/model/json-value.ts';
import { isJsonObject } from '../../src/model/json-value.ts';
import { viewMessage } from '../../src/protobuf/message-view.ts';
import { rewriteMessage } from '../../src/protobuf/rewrite-message.ts';
import { SchemaRegistry } from '../../src/protobuf/schema-registry.ts';
import { descriptorSet } from './descriptor-set.ts';
import { everyKind } from './every-kind.ts';
import { group, int, sized, tag } from './support.ts';

const every = new SchemaRegistry();
every.add(everyKind.schema);

/** The bytes after a change of the view; or what does not fit. */
function edited(
  bytes: readonly number[],
  edit: (view: JsonObject) => JsonValue | void,
  registry = every,
  type = 'test.Message',
): readonly number[] | { readonly problem: string } {
  const before = Uint8Array.from(bytes);
  const view = viewMessage(registry, type, before);
  if (!('value' in view) || !isJsonObject(view.value)) throw new Error('no view');
  const out = rewriteMessage(registry, type, before, edit(view.value) ?? view.value);
  return 'bytes' in out ? [...out.bytes] : out;
}

const unknown = int(999, 5);

test('a changed field stands in the place of the last one before, and the rest keeps its bytes', () => {
  const loose = [...tag(5, 0), 0x85, 0x80, 0x00];
  const bytes = [...sized(9, 'old'), ...unknown, ...loose, ...sized(9, 'older'), ...int(3, 7)];
  const change = (view: JsonObject) => {
    view.a_string = 'new';
  };
  expect(edited(bytes, change)).toEqual([...unknown, ...loose, ...sized(9, 'new'), ...int(3, 7)]);
});

test('what is set anew comes last, and what is taken out or null is gone', () => {
  expect(edited(int(3, 7), (view) => ({ ...view, an_int32: -1 }))).toEqual([...int(3, 7), ...int(5, -1)]);
  expect(edited([...int(3, 7), ...unknown], () => ({}))).toEqual(unknown);
  expect(edited([...int(3, 7), ...unknown], () => ({ an_int64: null }))).toEqual(unknown);
  // Of a field without presence, unset and its default value are the same; where there is presence they are not.
  expect(edited(int(5, 0), () => ({}))).toEqual(int(5, 0));
  expect(edited([], () => ({ an_int32: 0, strings: [], by_name: {} }))).toEqual([]);
  expect(edited([], () => ({ maybe: 0 }))).toEqual(int(54, 0));
  expect(edited([], () => ({ value: null, nothing: null }))).toEqual([...sized(64, int(1, 0))]);
});

test('within a message, a group and an Any, the rest keeps its bytes', () => {
  const inner = [...unknown, ...sized(9, 'x'), ...tag(5, 0), 0x85, 0x00];
  const changed = [...unknown, ...sized(9, 'longer'), ...tag(5, 0), 0x85, 0x00];
  const edit = (name: string) => (view: JsonObject) => {
    const message = view[name];
    if (isJsonObject(message)) message.a_string = 'longer';
  };
  expect(edited(sized(19, inner), edit('inner'))).toEqual(sized(19, changed));
  expect(edited(group(19, inner), edit('inner'))).toEqual(group(19, changed));
  const any = (content: readonly number[]) =>
    sized(66, [...sized(2, content), ...unknown, ...sized(1, 'x/test.Message')]);
  expect(edited(any(inner), edit('any'))).toEqual(any(changed));
});

test('an Any is given another type with its fields', () => {
  const bytes = sized(66, [...sized(1, 'x/test.Message'), ...sized(2, [])]);
  expect(edited(bytes, () => ({ any: { '@type': 'y/google.protobuf.Int64Value', value: '3' } }))).toEqual(
    sized(66, [...sized(1, 'y/google.protobuf.Int64Value'), ...sized(2, int(1, 3))]),
  );
  expect(edited(bytes, () => ({ any: { '@type': 'y/some.Type' } }))).toMatchObject({
    problem: 'view-misfit',
    pointer: '/any/@type',
  });
});

test('values of a list that are not changed keep their bytes, wherever others are put in or taken out', () => {
  const item = (n: number) => sized(39, [...int(999, n), ...int(5, n)]);
  const change = (values: (list: JsonValue[]) => JsonValue[]) => (view: JsonObject) => {
    view.many = values(Array.isArray(view.many) ? view.many : []);
  };
  const bytes = [...item(1), ...unknown, ...item(2), ...item(3)];
  const fresh = sized(39, int(5, 9));
  expect(
    edited(
      bytes,
      change((list) => list.slice(1)),
    ),
  ).toEqual([...unknown, ...item(2), ...item(3)]);
  expect(
    edited(
      bytes,
      change((list) => [{ an_int32: 9 }, ...list]),
    ),
  ).toEqual([...fresh, ...bytes]);
  expect(
    edited(
      bytes,
      change((list) => [...list.slice(1), { an_int32: 9 }]),
    ),
  ).toEqual([...unknown, ...item(2), ...item(3), ...fresh]);
  expect(
    edited(
      bytes,
      change(([a = null, , c = null]) => [a, { an_int32: 9 }, c]),
    ),
  ).toEqual([...item(1), ...unknown, ...sized(39, [...int(999, 2), ...int(5, 9)]), ...item(3)]);
  expect(
    edited(
      bytes,
      change(() => []),
    ),
  ).toEqual(unknown);
});

test('lists of very many values are changed', () => {
  const many = Array.from({ length: 200_000 }, () => 1);
  const bytes = many.flatMap((value) => int(40, value));
  expect(edited(bytes, () => ({ loose: [...many, 2] }))).toHaveLength(bytes.length + int(40, 2).length);
  expect(edited([], () => ({ loose: many }))).toHaveLength(bytes.length);
});

test('numbers that stand behind one length stay there', () => {
  const bytes = [...sized(25, [0x81, 0x00, 2]), ...unknown, ...int(25, 3)];
  const change = (int32s: JsonValue[]) => () => ({ int32s });
  expect(edited(bytes, change([1, 5, 3]))).toEqual([
    ...sized(25, [0x81, 0x00, 5]),
    ...unknown,
    ...int(25, 3),
  ]);
  expect(edited(bytes, change([1, 2]))).toEqual([...sized(25, [0x81, 0x00, 2]), ...unknown]);
  expect(edited([], change([1, 2]))).toEqual(sized(25, [1, 2]));
  expect(edited([], () => ({ loose: [1, 2] }))).toEqual([...int(40, 1), ...int(40, 2)]);
});

test('an entry of a map is changed within, and what it has beside key and value stays', () => {
  const entry = (key: string, value: string, ...more: number[][]) =>
    sized(41, [...more.flat(), ...sized(1, key), ...sized(2, value)]);
  const bytes = [...entry('a', '1', unknown), ...entry('b', '2')];
  expect(edited(bytes, () => ({ by_name: { b: '2', a: 'new', c: '3' } }))).toEqual([
    ...entry('a', 'new', unknown),
    ...entry('b', '2'),
    ...entry('c', '3'),
  ]);
  expect(edited(bytes, () => ({ by_name: { b: '2' } }))).toEqual(entry('b', '2'));
  expect(edited([], () => ({ by_flag: { true: 'LOW' }, by_id: { '-1': {} } }))).toEqual([
    ...sized(43, [...int(1, 1), ...int(2, 1)]),
    ...sized(42, [...int(1, -1), ...sized(2, [])]),
  ]);
});

test('of a oneof what was said before does not come back, and two at once do not fit', () => {
  const bytes = [...sized(51, 'x'), ...int(53, 2)];
  expect(edited(bytes, () => ({}))).toEqual([]);
  expect(edited(bytes, () => ({ one_text: 'y' }))).toEqual(sized(51, 'y'));
  expect(edited(bytes, () => ({ one_number: 2, one_text: 'y' }))).toMatchObject({ problem: 'view-misfit' });
});

test('types with a JSON form take it, and what is written with their fields too', () => {
  const stamp = [...unknown, ...int(1, 5)];
  expect(edited(sized(61, stamp), () => ({ at: '1970-01-01T00:00:06.5Z' }))).toEqual(
    sized(61, [...unknown, ...int(1, 6), ...int(2, 500_000_000)]),
  );
  expect(edited([], () => ({ took: '-0.5s', mask: 'aB', boxed: 5, struct: { a: [null] } }))).toEqual([
    ...sized(62, int(2, -500_000_000)),
    ...sized(67, sized(1, 'a_b')),
    ...sized(69, int(1, 5)),
    ...sized(63, sized(1, [...sized(1, 'a'), ...sized(2, sized(6, sized(1, int(1, 0))))])),
  ]);
  expect(edited([], () => ({ at: { seconds: 1, nanos: 2_000_000_000 } }))).toEqual(
    sized(61, [...int(1, 1), ...int(2, 2_000_000_000)]),
  );
});

test('what does not fit is told with its place and without its value, and nothing is half changed', () => {
  const misfit = (view: JsonObject) => edited(int(5, 1), () => ({ an_int32: 2, ...view }));
  expect(misfit({ inner: { a_level: 'HIGHEST' } })).toEqual({
    problem: 'view-misfit',
    pointer: '/inner/a_level',
    field: 'test.Message.a_level',
    expected: 'a name or number of test.Level',
  });
  for (const [view, pointer] of [
    [{ nobody: 1 }, '/nobody'],
    [{ an_int64: 2 ** 60 }, '/an_int64'],
    [{ an_int64: '9223372036854775808' }, '/an_int64'],
    [{ a_uint32: -1 }, '/a_uint32'],
    [{ a_float: 1e300 }, '/a_float'],
    [{ a_string: '\ud800' }, '/a_string'],
    [{ some_bytes: '***' }, '/some_bytes'],
    [{ a_bool: 1 }, '/a_bool'],
    [{ many: {} }, '/many'],
    [{ many: [{}, 5] }, '/many/1'],
    [{ by_id: { x: {} } }, '/by_id/x'],
    [{ by_id: [] }, '/by_id'],
    [{ at: '2026-02-30T00:00:00Z' }, '/at'],
    [{ took: '5 s' }, '/took'],
    [{ inner: 5 }, '/inner'],
    [{ strings: [null] }, '/strings/0'],
  ] as const) {
    expect(misfit(JSON.parse(JSON.stringify(view)))).toMatchObject({ problem: 'view-misfit', pointer });
  }
});

test('groups, delimited messages, extensions and items of message sets are written as their schema says', () => {
  const field = { label: 'LABEL_OPTIONAL', type: 'TYPE_MESSAGE', typeName: '.e.M' };
  const registry = new SchemaRegistry();
  registry.add(
    descriptorSet({
      name: 'e.proto',
      package: 'e',
      syntax: 'editions',
      edition: 1000,
      options: { features: { messageEncoding: 'DELIMITED' } },
      messageType: [
        {
          name: 'M',
          field: [{ name: 'inner', number: 1, ...field }],
          extensionRange: [{ start: 100, end: 200 }],
        },
        { name: 'Set', options: { messageSetWireFormat: true }, extensionRange: [{ start: 4, end: 1000 }] },
      ],
      extension: [
        { name: 'extra', number: 100, label: 'LABEL_OPTIONAL', type: 'TYPE_INT32', extendee: '.e.M' },
        { name: 'item', number: 500, ...field, extendee: '.e.Set' },
      ],
    }),
  );
  expect(edited([], () => ({ inner: { inner: {} }, '[e.extra]': 5 }), registry, 'e.M')).toEqual([
    ...group(1, group(1)),
    ...int(100, 5),
  ]);
  const item = (...fields: number[][]) => group(1, int(2, 500), sized(3, fields.flat()));
  const change = () => ({ '[e.item]': { '[e.extra]': 6 } });
  expect(edited([], change, registry, 'e.Set')).toEqual(item(int(100, 6)));
  expect(edited([...unknown, ...item(unknown, int(100, 5))], change, registry, 'e.Set')).toEqual([
    ...unknown,
    ...item(unknown, int(100, 6)),
  ]);
});
