import { mkdirSync, readFileSync, symlinkSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname } from 'node:path';
import { outlineSchema, SchemaRegistry } from '@gardenhose/core';
import protobuf from 'protobufjs';
import { expect, test } from 'vitest';
import { schemasFromProto } from '../../src/schemas/from-proto.ts';
import { loadProtoParser } from '../../src/schemas/proto-library.ts';
import { failureOf, folderOf, options, shop } from './support.ts';

const require = createRequire(import.meta.url);

async function registryOf(
  files: Record<string, string>,
  names = Object.keys(files),
): Promise<SchemaRegistry> {
  using folder = folderOf(files);
  const registry = new SchemaRegistry();
  expect(registry.add(await schemasFromProto(names, { importPaths: [folder.path] }))).toBe(true);
  return registry;
}

async function failure(files: Record<string, string>, names = Object.keys(files)): Promise<string> {
  using folder = folderOf(files);
  const found = await failureOf(schemasFromProto(names.map(folder.of), { importPaths: [folder.path] }));
  return found.replaceAll(folder.path, '…');
}

test('files come in the order of their imports, with what compilers bring along', async () => {
  using folder = folderOf({ 'shop/orders.proto': shop, 'corp/options.proto': options });
  const set = await schemasFromProto([folder.of('shop/orders.proto')], { importPaths: [folder.path] });
  expect(outlineSchema(set)?.map(({ name, imports, services }) => [name, imports, services])).toEqual([
    ['google/protobuf/descriptor.proto', [], []],
    ['corp/options.proto', ['google/protobuf/descriptor.proto'], []],
    ['google/protobuf/timestamp.proto', [], []],
    ['shop/orders.proto', ['corp/options.proto', 'google/protobuf/timestamp.proto'], ['shop.v1.Orders']],
  ]);
});

test('methods, fields, custom options and debug_redact are those of the source', async () => {
  const registry = await registryOf({ 'shop.proto': shop, 'corp/options.proto': options }, ['shop.proto']);
  expect(registry.method('/shop.v1.Orders/Chat')).toEqual({
    request: 'shop.v1.Order.Line',
    response: 'shop.v1.Order',
  });
  const fields = registry.message('shop.v1.Order')?.fields ?? [];
  expect(
    fields.map((field) => [
      field.name,
      field.number,
      field.typeName || field.kind,
      registry.optionsOf(field).join(),
      registry.isRedacted(field),
    ]),
  ).toEqual([
    ['id', 1, 'string', '', false],
    ['card', 2, 'string', 'corp.sensitive', true],
    ['line_items', 3, 'shop.v1.Order.LineItemsEntry', '', false],
    ['at', 4, 'google.protobuf.Timestamp', '', false],
    ['street', 5, 'string', 'corp.policy', false],
    ['locker', 6, 'varint', '', false],
    ['note', 7, 'string', 'corp.policy,corp.tag,corp.weight', false],
    ['plain', 8, 'string', 'corp.cls', true],
  ]);
});

test('protobufjs reads from the descriptors what it parsed: options as they were declared, oneofs, labels, groups', async () => {
  using folder = folderOf({ 'shop.proto': shop, 'corp/options.proto': options });
  const set = await schemasFromProto([folder.of('shop.proto')]);
  // The schema of descriptors itself comes with the options that extend it.
  const root = new protobuf.Root();
  root.resolvePath = (_from, name) =>
    name.startsWith('google/') ? require.resolve(`protobufjs/${name}`) : folder.of(name);
  await root.load('shop.proto', { keepCase: true });
  const type = root.lookupType('google.protobuf.FileDescriptorSet');
  const decoded = type.toObject(type.decode(set), { enums: String, longs: Number });
  const file = decoded.file.at(-1);
  expect(file).toMatchObject({ name: 'shop.proto', package: 'shop.v1', syntax: 'proto3' });
  const [order] = file.message_type;
  expect(order.oneof_decl).toEqual([{ name: 'way' }, { name: '_card' }]);
  const [, card, , , street, , note] = order.field;
  expect(card).toMatchObject({ label: 'LABEL_OPTIONAL', oneof_index: 1, proto3_optional: true });
  expect(card.options).toEqual({ debug_redact: true, '.corp.sensitive': true });
  expect(street.oneof_index).toBe(0);
  expect(street.options['.corp.policy']).toEqual({
    cls: 'SECRET',
    tags: ['a', 'b'],
    inner: { cls: 'NONE' },
    counts: { k: 3 },
    diff: -5,
  });
  expect(note.json_name).toBe('N');
  expect(note.options).toEqual({
    '.corp.policy': { cls: 'SECRET' },
    '.corp.tag': ['x', 'y'],
    '.corp.weight': 1.5,
  });
  expect(order.enum_type[0]).toMatchObject({ options: { allow_alias: true } });
  expect(order.enum_type[0].value.map(({ number }: { number: number }) => number)).toEqual([0, 0, -1]);
  expect(order.nested_type.find(({ name }: { name: string }) => name === 'LineItemsEntry')).toMatchObject({
    options: { map_entry: true },
    field: [
      { name: 'key', number: 1, type: 'TYPE_STRING' },
      { name: 'value', number: 2, type: 'TYPE_MESSAGE', type_name: '.shop.v1.Order.Line' },
    ],
  });
  expect(file.service[0].method.map(({ options }: { options?: unknown }) => options)).toEqual([
    { idempotency_level: 'NO_SIDE_EFFECTS' },
    { deprecated: true },
  ]);
  const corp = decoded.file[1];
  expect(corp.message_type[0].field.at(-1)).toMatchObject({
    name: 'part',
    type: 'TYPE_GROUP',
    type_name: '.corp.Policy.Part',
  });
  expect(corp.message_type[0].extension_range).toEqual([{ start: 100, end: 200 }]);
  expect(corp.enum_type[0].value[1].options).toEqual({ debug_redact: true });
  expect(corp.extension[0]).toMatchObject({ name: 'more', extendee: '.corp.Policy', number: 100 });
});

test('features and imports for options of an edition are kept', async () => {
  const source = `
    edition = "2023";
    package e;
    option features.field_presence = IMPLICIT;
    message A { B b = 1 [features.message_encoding = DELIMITED]; repeated int32 n = 2 [packed = false]; }
    message B { option message_set_wire_format = true; extensions 4 to max; }`;
  using folder = folderOf({ 'e.proto': source });
  const type = protobuf.Root.fromJSON(require('protobufjs/google/protobuf/descriptor.json')).lookupType(
    'google.protobuf.FileDescriptorSet',
  );
  const [file] = type.toObject(type.decode(await schemasFromProto([folder.of('e.proto')])), {
    enums: String,
  }).file;
  expect(file).toMatchObject({
    syntax: 'editions',
    edition: 'EDITION_2023',
    options: { features: { fieldPresence: 'IMPLICIT' } },
  });
  expect(file.messageType[0].field[0].options).toEqual({ features: { messageEncoding: 'DELIMITED' } });
  expect(file.messageType[1].options).toEqual({ messageSetWireFormat: true });
});

test('a type is looked up from the inside out', async () => {
  const registry = await registryOf({
    'a.proto': `syntax = "proto3"; package a.b;
      message T {} message M { message T {} T inner = 1; b.T outer = 2; .a.b.T absolute = 3; }`,
  });
  expect(registry.message('a.b.M')?.fields.map(({ typeName }) => typeName)).toEqual([
    'a.b.M.T',
    'a.b.T',
    'a.b.T',
  ]);
});

test('without import paths, a file finds those beside it', async () => {
  using folder = folderOf({
    'a.proto': 'syntax = "proto3"; import "b.proto"; message A { B b = 1; }',
    'b.proto': 'syntax = "proto3"; message B {}',
  });
  expect(outlineSchema(await schemasFromProto([folder.of('a.proto')]))?.map(({ name }) => name)).toEqual([
    'b.proto',
    'a.proto',
  ]);
});

test('an import that is not found is named, with the paths that were tried', async () => {
  const found = await failure({
    'a.proto': 'syntax = "proto3"; import "google/rpc/code.proto"; message A {}',
  });
  expect(found).toBe(
    'schema-invalid: a.proto imports google/rpc/code.proto, which is not found: tried …/google/rpc/code.proto; add the folder that its name begins in to the import paths',
  );
});

test('an import that leads out of the import paths is not followed', async () => {
  using folder = folderOf({
    'in/a.proto': 'syntax = "proto3"; import "../b.proto"; message A {}',
    'b.proto': 'syntax = "proto3"; message B {}',
  });
  expect(await failureOf(schemasFromProto([folder.of('in/a.proto')]))).toContain(
    'imports ../b.proto, which is not found, since imports with ".." or from the root are not looked up',
  );
});

test('imports that run in a circle are told, with the circle', async () => {
  const found = await failure(
    {
      'a.proto': 'syntax = "proto3"; import "b.proto"; message A {}',
      'b.proto': 'syntax = "proto3"; import "c.proto"; message B {}',
      'c.proto': 'syntax = "proto3"; import "b.proto"; message C {}',
    },
    ['a.proto'],
  );
  expect(found).toBe('schema-invalid: imports run in a circle: b.proto -> c.proto -> b.proto');
});

test.each([
  ['message A { B b = 1; }', 'A has something of the type B, which no file declares that is imported'],
  [
    'message A { string a = 1 [(x.y) = true]; }',
    'the option (x.y) in A cannot be read: no file declares it that is imported',
  ],
  ['message A { string a = 1', 'a.proto is no .proto file that can be read: illegal'],
  ['{"nested": {}}', 'a.proto is no .proto file that can be read: illegal'],
  ['', 'describes nothing: no message, no enum and no method'],
])('%s is refused: %s', async (source, why) => {
  expect(await failure({ 'a.proto': `syntax = "proto3"; ${source}` })).toContain(why);
});

test('a custom option with a value of another type is refused', async () => {
  const source =
    'syntax = "proto3"; import "o.proto"; message A { string a = 1 [(corp.sensitive) = "yes"]; }';
  expect(await failure({ 'a.proto': source, 'o.proto': options }, ['a.proto'])).toContain(
    'the option (corp.sensitive) in A cannot be read: its value is no bool. If a compiler takes it, give what protoc or buf makes of the file',
  );
});

test('an option with a member that its type does not have is set all the same', async () => {
  const source = `syntax = "proto3"; package t; import "o.proto";
    message A { string a = 1 [(corp.policy) = { newer: 5 }]; string b = 2 [(corp.policy).newer.part = "x"]; }`;
  const registry = await registryOf({ 'a.proto': source, 'o.proto': options }, ['a.proto']);
  const fields = registry.message('t.A')?.fields ?? [];
  expect(fields.map((field) => registry.optionsOf(field))).toEqual([['corp.policy'], ['corp.policy']]);
});

test('two files of one name are told apart, or refused', async () => {
  using folder = folderOf({ 'a/x.proto': 'message A {}', 'b/x.proto': 'message B {}' });
  const files = [folder.of('a/x.proto'), folder.of('b/x.proto')];
  expect(await failureOf(schemasFromProto(files))).toContain('both have the name x.proto');
  const set = await schemasFromProto(files, { importPaths: [folder.path] });
  expect(outlineSchema(set)?.map(({ name }) => name)).toEqual(['a/x.proto', 'b/x.proto']);
});

test('files that are not there, and none, are refused', async () => {
  expect(await failureOf(schemasFromProto(['no/such.proto'], { importPaths: ['/nowhere'] }))).toContain(
    'schema-invalid: no/such.proto is not found: tried /nowhere/no/such.proto',
  );
  expect(await failureOf(schemasFromProto([]))).toContain('invalid-option: files is empty');
  using folder = folderOf({});
  mkdirSync(folder.of('a.proto'));
  expect(await failureOf(schemasFromProto([folder.of('a.proto')]))).toContain('a.proto is a directory');
});

test('without protobufjs it is said what to install', async () => {
  expect(await failureOf(loadProtoParser('protobufjs-that-is-not-there'))).toBe(
    "invalid-option: .proto files cannot be read without the package 'protobufjs-that-is-not-there': install it (npm install protobufjs-that-is-not-there), or compile them with protoc or buf and give the descriptor set",
  );
});

test('a protobufjs that is too old is passed over for the one that grpc-js brings; where there is no other, it is said', async () => {
  const old = { 'node_modules/protobufjs/package.json': JSON.stringify({ version: '7.3.9', main: 'i.js' }) };
  const brought = 'node_modules/@grpc/grpc-js/node_modules/@grpc/proto-loader';
  using both = folderOf({
    ...old,
    'node_modules/@grpc/grpc-js/package.json': '{}',
    [`${brought}/package.json`]: '{}',
  });
  mkdirSync(both.of(`${brought}/node_modules`));
  symlinkSync(dirname(require.resolve('protobufjs')), both.of(`${brought}/node_modules/protobufjs`));
  const { version } = await loadProtoParser('protobufjs', both.of('index.js'));
  expect(version).toBe(JSON.parse(readFileSync(require.resolve('protobufjs/package.json'), 'utf8')).version);
  using alone = folderOf(old);
  expect(await failureOf(loadProtoParser('protobufjs', alone.of('index.js')))).toContain(
    "invalid-option: .proto files cannot be read without the package 'protobufjs' 7.4 or newer (found 7.3.9): install it",
  );
});

test('a number that no field can have is told, and so is a folder in place of a file', async () => {
  using folder = folderOf({
    'a.proto': 'syntax = "proto3"; package p; message A { string ok = 536870911; string far = 536870912; }',
    'b.proto': 'syntax = "proto3"; message B { map<string, string> zero = 0; }',
  });
  expect(await failureOf(schemasFromProto([folder.of('a.proto')]))).toBe(
    'schema-invalid: a.proto: p.A.far has the number 536870912, expected one from 1 to 536870911',
  );
  expect(await failureOf(schemasFromProto([folder.of('b.proto')]))).toContain('B.zero has the number 0');
  expect(await failureOf(schemasFromProto([folder.path]))).toContain(
    'is a directory, expected a .proto file',
  );
});

test('names that are made to be long do not stand in messages whole', async () => {
  const long = 'x'.repeat(100_000);
  for (const source of [
    `import "${long}";`,
    `message A { ${long} a = 1; }`,
    `message A { string a = 1 [(${long}) = true]; }`,
  ]) {
    using folder = folderOf({ 'a.proto': `syntax = "proto3"; ${source}` });
    const found = await failureOf(schemasFromProto([folder.of('a.proto')]));
    expect(found).toMatch(/^schema-invalid: a\.proto/);
    expect(found.length).toBeLessThan(2_000);
  }
});
