import { expect, test } from 'vitest';
import { outlineSchema } from '../../src/protobuf/schema-outline.ts';
import { SchemaRegistry } from '../../src/protobuf/schema-registry.ts';
import { aSchema } from '../../src/testing/factories.ts';
import { int, schemaOf, tag, varint } from './support.ts';

const number = (field: number, value: number): Buffer => Buffer.from(int(field, value));
/** A field behind its length, made of parts. */
const part = (
  field: number,
  ...content: readonly (string | Uint8Array | readonly Uint8Array[])[]
): Buffer => {
  const bytes = Buffer.concat(
    content.flatMap((each) => (typeof each === 'string' ? Buffer.from(each) : each)),
  );
  return Buffer.concat([Buffer.from([...tag(field, 2), ...varint(bytes.length)]), bytes]);
};

test('finds messages and methods by their full names, and by nothing else', () => {
  const registry = new SchemaRegistry();
  expect(registry.add(aSchema().data)).toBe(true);
  expect([registry.schemaCount, registry.messageCount, registry.methodCount]).toEqual([1, 1, 1]);
  expect(registry.method('/shop.Orders/Get')).toEqual({ request: 'shop.Order', response: 'shop.Order' });
  expect(registry.message('shop.Order')?.fields).toMatchObject([
    { name: 'id', fullName: 'shop.Order.id', kind: 'string' },
  ]);
  for (const name of ['', 'Order', '.shop.Order', 'shop.order', 'shop', '__proto__'])
    expect(registry.message(name)).toBeUndefined();
});

test('keeps names as the schema writes them, and finds those that are written without their package', () => {
  const { schema } = schemaOf(`syntax = "proto3"; package a.b;
    message Outer { message Inner { string snake_case = 1; } Inner inner = 1; map<string, Inner> by_name = 2; }
    service S { rpc Call(Outer) returns (Outer.Inner); }`);
  const registry = new SchemaRegistry();
  registry.add(schema);
  expect(registry.method('/a.b.S/Call')).toEqual({ request: 'a.b.Outer', response: 'a.b.Outer.Inner' });
  expect(registry.message('a.b.Outer')?.fields[0]?.typeName).toBe('a.b.Outer.Inner');
  const entry = registry.message(registry.message('a.b.Outer')?.fields[1]?.typeName ?? '');
  expect(entry).toMatchObject({
    isMapEntry: true,
    fields: [{ number: 1 }, { number: 2, typeName: 'a.b.Outer.Inner' }],
  });
  expect(registry.message('a.b.Outer.Inner')?.fields[0]?.name).toBe('snake_case');
});

test('the first of two schemas that describe one name holds, and what is no schema changes nothing', () => {
  const registry = new SchemaRegistry();
  registry.add(aSchema().data);
  expect(
    registry.add(
      schemaOf('syntax = "proto3"; package shop; message Order { int32 id = 9; } message New {}').schema,
    ),
  ).toBe(true);
  expect(registry.message('shop.Order')?.fields[0]?.number).toBe(1);
  expect(registry.message('shop.New')?.fields).toEqual([]);
  expect(registry.add(Uint8Array.of(0x0a, 0xff))).toBe(false);
  expect(registry.messageCount).toBe(2);
});

test('methods that change nothing are those of which every schema says so', () => {
  const service = (level: string) =>
    schemaOf(`syntax = "proto3"; package shop; message Order {}
      service Orders {
        rpc Get(Order) returns (Order) { option idempotency_level = ${level}; }
        rpc Put(Order) returns (Order) { option idempotency_level = IDEMPOTENT; }
        rpc Add(Order) returns (Order);
      }`).schema;
  const registry = new SchemaRegistry();
  registry.add(service('NO_SIDE_EFFECTS'));
  expect(registry.readOnlyMethods()).toEqual(['shop.Orders/Get']);
  registry.add(service('IDEMPOTENCY_UNKNOWN'));
  expect(registry.readOnlyMethods()).toEqual([]);
});

test('bytes of any kind do not make it fail', () => {
  const { data } = aSchema();
  for (let at = 0; at < data.length; at++) {
    for (const byte of [0, 1, 0x0a, 0x7f, 0x80, 0xff]) {
      const broken = Uint8Array.from(data);
      broken[at] = byte;
      const registry = new SchemaRegistry();
      registry.add(broken);
      for (const name of registry.messageNames()) registry.message(name);
    }
  }
});

// A megabyte of any of these took minutes, or all memory.
test.each<[string, Uint8Array, whole: boolean, fields: number | undefined]>([
  [
    'extensions of one message',
    Buffer.concat(
      Array.from({ length: 60_000 }, (_, i) => part(7, part(1, 'e'), part(2, '.M'), number(3, i + 1))),
    ),
    true,
    60_000,
  ],
  [
    'options of one field',
    part(4, part(1, 'N'), part(2, number(3, 1), Buffer.alloc(800_000, part(8, number(1, 1))))),
    true,
    1,
  ],
  [
    'kinds of options of one field',
    part(
      4,
      part(1, 'N'),
      part(
        2,
        part(
          8,
          Array.from({ length: 200_000 }, (_, i) => number(i + 1, 1)),
        ),
      ),
    ),
    true,
    undefined,
  ],
  [
    'fields of one message',
    part(4, part(1, 'N'), Buffer.alloc(1_000_000, part(2, number(3, 1)))),
    true,
    undefined,
  ],
  [
    'messages in one of a long name',
    part(
      4,
      part(1, 'A'.repeat(500_000)),
      Array.from({ length: 5_000 }, (_, i) => part(3, part(1, `x${i}`))),
    ),
    false,
    undefined,
  ],
  [
    'methods in a package of a long name',
    Buffer.concat([
      part(2, 'A'.repeat(500_000)),
      part(
        6,
        Array.from({ length: 5_000 }, (_, i) => part(2, part(1, `m${i}`))),
      ),
    ]),
    false,
    undefined,
  ],
])('a hostile schema with too many %s costs little', (_what, content, whole, fields) => {
  const schema = part(1, part(1, 'x.proto'), part(4, part(1, 'M')), content);
  const registry = new SchemaRegistry();
  expect(registry.add(schema)).toBe(whole);
  const name = registry.message('M')?.fields.length === 0 ? 'N' : 'M';
  expect(registry.message(name)?.fields.length).toBe(fields);
  expect(outlineSchema(schema) === undefined).toBe(!whole);
});
