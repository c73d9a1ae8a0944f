import { readFileSync, writeFileSync } from 'node:fs';
import { openCapture } from '@gardenhose/core';
import { schemasFromProto } from '@gardenhose/grpc-adapter';
import { expect, test, vi } from 'vitest';
import { tempDir } from '../support/captures.ts';
import { recordOrders, writeOrderProtos } from '../support/recorded-orders.ts';
import { runCli } from '../support/run-cli.ts';
import { secrets } from '../support/secret-traffic.ts';

// Many processes, one after the other, on a machine that may be busy.
vi.setConfig({ testTimeout: 120_000 });

const unmasked = { version: 1, extends: 'none' } as const;
const internal = {
  version: 1,
  rules: [{ id: 'internal', at: 'proto-option:corp.internal', mask: 'redact' }],
} as const;

async function states(path: string): Promise<string[]> {
  await using capture = await openCapture(path);
  const found: string[] = [];
  for await (const { request, response } of capture.exchanges())
    for (const message of [...request.messages, ...(response?.messages ?? [])]) found.push(message.state);
  return found;
}

test('mask takes the schemas that a capture lacks from .proto files or a descriptor set, and writes them with it', async () => {
  using dir = tempDir();
  writeOrderProtos(dir.file);
  writeFileSync(dir.file('policy.json'), JSON.stringify(internal));
  await recordOrders(dir.file('raw.hose'), { mask: unmasked });
  const mask = (output: string, ...flags: string[]) =>
    runCli([
      'mask',
      dir.file('raw.hose'),
      '-o',
      dir.file(output),
      '--policy',
      dir.file('policy.json'),
      ...flags,
    ]);

  expect((await mask('none.hose')).code).toBe(0);
  expect(new Set(await states(dir.file('none.hose')))).toEqual(new Set(['dropped:schema-unknown']));

  const path = ['--proto-path', dir.path];
  expect(await mask('proto.hose', '--proto', dir.file('shop/orders.proto'), ...path)).toMatchObject({
    code: 0,
    stderr: '',
  });
  const set = await schemasFromProto([dir.file('shop/orders.proto')], { importPaths: [dir.path] });
  writeFileSync(dir.file('shop.binpb'), set);
  expect((await mask('set.hose', '--descriptors', dir.file('shop.binpb'))).code).toBe(0);

  for (const output of ['proto.hose', 'set.hose']) {
    expect(await states(dir.file(output))).toEqual(['masked', 'kept', 'masked', 'masked', 'kept', 'kept']);
    const bytes = readFileSync(dir.file(output));
    for (const secret of [secrets.email, secrets.password, 'leave it'])
      expect(bytes.includes(secret)).toBe(false);
    const { stdout } = await runCli(['inspect', dir.file(output), '--json']);
    expect(JSON.parse(stdout).schemas).toMatchObject({
      count: 1,
      methods: 2,
      sets: [{ bytes: set.length, files: 3, services: ['shop.Orders'] }],
    });
    const text = await runCli(['inspect', dir.file(output)]);
    expect(text.stdout).toMatch(
      /^1 schema of \d+ messages and 2 methods\n {2}[0-9a-f]{12} {2}3 files, 1 service: shop\.Orders$/m,
    );
    const json = JSON.parse(
      (await runCli(['inspect', dir.file(output), '--json', '--exchange', '1'])).stdout,
    );
    expect(json.audit.map(({ rule }: { rule: string }) => rule)).toContain('internal');
  }
});

test.each([
  [['--descriptors', 'a.proto'], 65, 'give it as .proto file (--proto)'],
  [['--descriptors', 'none.binpb'], 74, 'no such file'],
  [['--proto', 'none.proto'], 65, 'is not found'],
  [['--proto', 'a.proto'], 65, 'begins in by --proto-path'],
  [['--proto-path', '.'], 64, 'none is given'],
])('mask %j ends with %i and leaves no file: %s', async (flags, code, why) => {
  using dir = tempDir();
  await recordOrders(dir.file('raw.hose'), { mask: unmasked });
  writeFileSync(dir.file('a.proto'), 'syntax = "proto3"; import "b.proto"; message A {}');
  const args = flags.map((flag) => (flag.includes('.') && flag !== '.' ? dir.file(flag) : flag));
  const found = await runCli(['mask', dir.file('raw.hose'), '-o', dir.file('out.hose'), ...args]);
  expect(found.stderr).toContain(why);
  expect(found.code).toBe(code);
  expect(() => readFileSync(dir.file('out.hose'))).toThrow(/ENOENT/);
});
