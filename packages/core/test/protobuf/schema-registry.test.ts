import { expect, test } from 'vitest';
import { SchemaRegistry } from '../../src/protobuf/schema-registry.ts';
import { aSchema } from '../../src/testing/factories.ts';
import { schemaOf } from './support.ts';

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
