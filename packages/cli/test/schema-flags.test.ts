import { SchemaRegistry } from '@gardenhose/core';
import { Command } from 'commander';
import { expect, test } from 'vitest';
import { errorAnswer, reflectionServer, serving } from '../../grpc-adapter/test/schemas/reflection-server.ts';
import { failureOf, folderOf, options, shop } from '../../grpc-adapter/test/schemas/support.ts';
import { type SchemaFlags, schemasOf, withSchemaFlags } from '../src/schema-flags.ts';

const parse = (args: readonly string[], live = false): SchemaFlags =>
  withSchemaFlags(new Command().exitOverride().configureOutput({ writeErr: () => {} }), { live })
    .parse([...args], { from: 'user' })
    .opts();

test('no flag gives no schema', async () => {
  expect(parse([])).toEqual({});
  expect(await schemasOf({})).toEqual([]);
});

test('flags may be repeated; reflection is one only where there is a server', () => {
  expect(parse(['--proto', 'a', '--proto', 'b', '--proto-path', 'c', '--descriptors', 'd'])).toEqual({
    proto: ['a', 'b'],
    protoPath: ['c'],
    descriptors: ['d'],
  });
  expect(parse(['--reflection'], true)).toEqual({ reflection: true });
  expect(() => parse(['--reflection'])).toThrow(/unknown option/);
});

test('each source gives one schema, in the order of descriptors, sources and server', async () => {
  using folder = folderOf({ 'shop.proto': shop, 'corp/options.proto': options });
  const [set = new Uint8Array(0)] = await schemasOf({ proto: [folder.of('shop.proto')] });
  using sets = folderOf({ 'shop.binpb': set });
  await using server = await reflectionServer(serving(set));
  const origin = `http://${server.address}`;
  const schemas = await schemasOf(
    {
      descriptors: [sets.of('shop.binpb')],
      proto: ['shop.proto'],
      protoPath: [folder.path],
      reflection: true,
    },
    { origin, metadata: ['authorization', 'Bearer x'] },
  );
  expect(schemas).toHaveLength(3);
  for (const schema of schemas) {
    const registry = new SchemaRegistry();
    registry.add(schema);
    expect(registry.method('/shop.v1.Orders/Get')?.request).toBe('shop.v1.Order');
  }
  expect(server.metadata[0]?.get('authorization')).toEqual(['Bearer x']);
});

test('what cannot be used is refused', async () => {
  expect(await failureOf(schemasOf({ protoPath: ['.'] }))).toContain('invalid-option: --proto-path');
  expect(await failureOf(schemasOf({ proto: ['none.proto'] }))).toContain('schema-invalid: ');
  await using server = await reflectionServer(() => errorAnswer(7));
  const origin = `http://${server.address}`;
  expect(await failureOf(schemasOf({ reflection: true }, { origin }))).toContain('schema-unavailable: ');
});
