import { truncateSync } from 'node:fs';
import { outlineSchema, SchemaRegistry, schemaLimits } from '@gardenhose/core';
import { expect, test } from 'vitest';
import { schemasFromFile } from '../../src/schemas/from-file.ts';
import { schemasFromProto } from '../../src/schemas/from-proto.ts';
import { numberField, sizedField } from '../../src/schemas/wire.ts';
import { failureOf, folderOf, options, shop } from './support.ts';

const message = (name: string): Uint8Array => sizedField(4, sizedField(1, name));
const file = (name: string, ...parts: readonly Uint8Array[]): Uint8Array =>
  sizedField(1, Buffer.concat([sizedField(1, name), ...parts]));

async function failure(content: string | Uint8Array): Promise<string> {
  using folder = folderOf({ 'x.binpb': content });
  return (await failureOf(schemasFromFile(folder.of('x.binpb')))).replaceAll(folder.path, '…');
}

test('a set comes back as it was, whole', async () => {
  using folder = folderOf({ 'shop.proto': shop, 'corp/options.proto': options });
  const set = await schemasFromProto([folder.of('shop.proto')]);
  using sets = folderOf({ 'shop.binpb': set });
  expect(Buffer.from(await schemasFromFile(sets.of('shop.binpb'))).equals(set)).toBe(true);
});

test('comments and places in the source are left out', async () => {
  const source = sizedField(9, sizedField(1, sizedField(3, 'the secret of our comments')));
  using folder = folderOf({ 'x.binpb': file('a.proto', message('A'), source, sizedField(12, 'proto3')) });
  const set = Buffer.from(await schemasFromFile(folder.of('x.binpb')));
  expect(set.includes('secret')).toBe(false);
  expect(set.equals(Buffer.from(file('a.proto', message('A'), sizedField(12, 'proto3'))))).toBe(true);
});

test('files complete each other, and each is taken once', async () => {
  using folder = folderOf({
    'a.binpb': file('a.proto', sizedField(3, 'b.proto'), message('A')),
    'b.binpb': Buffer.concat([file('b.proto', message('B')), file('a.proto', message('Other'))]),
  });
  const set = await schemasFromFile([folder.of('a.binpb'), folder.of('b.binpb')]);
  expect(outlineSchema(set)?.map(({ name }) => name)).toEqual(['a.proto', 'b.proto']);
});

test('a set without its imports is refused, but for weak ones', async () => {
  expect(
    await failure(file('a.proto', sizedField(3, 'b.proto'), sizedField(3, 'c.proto'), message('A'))),
  ).toBe(
    'schema-invalid: …/x.binpb lacks 2 files that others in it import (b.proto, c.proto); write it with them: --include_imports for protoc, no --exclude-imports for buf',
  );
  expect(await failure(file('a.proto', sizedField(15, 'o.proto'), message('A')))).toContain('lacks a file');
  expect(await failure(file('a.proto', sizedField(3, 'b.proto'), numberField(11, 0), message('A')))).toBe(
    'nothing failed',
  );
});

test.each([
  ['', 'x.binpb is empty'],
  ['syntax = "proto3";', 'x.binpb is .proto source'],
  ['// a comment\nmessage A {}', 'x.binpb is .proto source'],
  [' {"file": []}', 'x.binpb is JSON'],
  [Buffer.from([0x1f, 0x8b, 8, 0]), 'x.binpb is compressed with gzip'],
  [Buffer.from([0x89, 0x48, 0x4f, 0x53, 0x0d, 0x0a]), 'x.binpb is a capture'],
  ['any text', 'x.binpb is no FileDescriptorSet, is cut off, or'],
  ['\n\n\n\n', 'x.binpb is no FileDescriptorSet, is cut off, or'],
  [
    Buffer.from(file('a.proto', message('A'))).subarray(0, -3),
    'x.binpb is no FileDescriptorSet, is cut off, or',
  ],
  [sizedField(2, 'other'), 'holds no file descriptors'],
  [file('a.proto'), 'describes nothing'],
  [file('', message('A')), 'is no FileDescriptorSet'],
])('%j is refused: %s', async (content, why) => {
  const found = await failure(content);
  expect(found).toContain('schema-invalid: ');
  expect(found).toContain(why);
});

test('a file of 100 MB is refused before it is read', async () => {
  using folder = folderOf({ 'x.binpb': file('a.proto', message('A')) });
  truncateSync(folder.of('x.binpb'), 100_000_000);
  expect(await failureOf(schemasFromFile(folder.of('x.binpb')))).toContain(
    'x.binpb has 100000000 bytes, a descriptor set has at most 67108864',
  );
});

test('a set that is too large for a recording is refused', async () => {
  const options = sizedField(8, sizedField(1, 'N'.repeat(10_000)));
  const many = Buffer.concat([message('A'), ...Array.from({ length: 1700 }, () => options)]);
  expect(await failure(file('a.proto', many))).toContain(`at most ${schemaLimits.bytes} are taken`);
});

test('a set with 300,000 messages is refused, and a registry that is given it all the same takes a part', async () => {
  const one = message('Ab');
  const many = Buffer.alloc(one.length * 300_000, one);
  const set = file('a.proto', many);
  expect(await failure(set)).toContain(
    `declares 300000 messages, enums, extensions and methods, at most ${schemaLimits.declarations} are taken`,
  );
  const registry = new SchemaRegistry();
  expect(registry.add(set)).toBe(false);
});

test.each([
  ['imports', sizedField(3, 'b')],
  ['messages', sizedField(4, '')],
  ['weak imports', numberField(11, 0)],
  ['comments', sizedField(9, '')],
])('a set with millions of %s is given up before it takes its memory', async (_what, part) => {
  const many = Buffer.alloc(part.length * 440_000, part);
  expect(await failure(file('a.proto', message('A'), many))).toContain('more than 400,000 declarations');
});

test('a set with millions of files is given up before it takes its memory', async () => {
  const one = sizedField(1, sizedField(1, 'a'));
  expect(await failure(Buffer.alloc(one.length * 440_000, one))).toContain('more than 400,000 declarations');
});

test('a folder, and a file that is not there, are told', async () => {
  using folder = folderOf({});
  expect(await failureOf(schemasFromFile(folder.path))).toContain('is a directory');
  await expect(schemasFromFile(folder.of('none'))).rejects.toMatchObject({ code: 'ENOENT' });
});
