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

test('inspect shows the messages of a call as fields: by the schemas of the capture, and by given ones', async () => {
  using dir = tempDir();
  writeOrderProtos(dir.file);
  const protos = ['--proto', dir.file('shop/orders.proto'), '--proto-path', dir.path];
  const set = await schemasFromProto([dir.file('shop/orders.proto')], { importPaths: [dir.path] });
  // A field that the schema does not know.
  const extra = Buffer.from([0xa2, 0x06, 3, 0x61, 0x62, 0x63]);
  await recordOrders(dir.file('masked.hose'), { schema: set });
  await recordOrders(dir.file('raw.hose'), { mask: unmasked, extra });

  const masked = (await runCli(['inspect', dir.file('masked.hose'), '--exchange', '1'])).stdout;
  expect(masked).toMatch(/^> \[96 B in 1 message\]\n> \[shop\.Order at \d.*, 96 B, masked\]$/m);
  expect(masked).toMatch(/^> {3}"email": "mk_email_.*", {3}\(masked: email\)$/m);
  expect(masked).toMatch(/^> {5}"password": "mk_.*" {3}\(masked: \w+\)$/m);
  expect(masked).toContain('>       "sku": "tea"');
  expect(masked).toMatch(
    /^< \[shop\.Receipt at \d.*, 8 B, kept\]\n< \{\n< {3}"ok": true,\n< {3}"trace": "kept"\n< \}$/m,
  );
  expect(masked).not.toContain(secrets.email);
  const document = JSON.parse(
    (await runCli(['inspect', dir.file('masked.hose'), '--exchange', '1', '--json'])).stdout,
  );
  const [message] = document.request.messages;
  expect(message).toMatchObject({
    type: 'shop.Order',
    fields: { id: 'order-1', lines: [{ sku: 'tea', count: 3 }] },
    unread: [],
  });
  expect(message.masked).toContainEqual({ pointer: '/email', kind: 'email' });

  const bare = (await runCli(['inspect', dir.file('raw.hose'), '--exchange', '2'])).stdout;
  expect(bare).toMatch(/^> \[message of kind 0 at/m);
  const given = (await runCli(['inspect', dir.file('raw.hose'), '--exchange', '2', ...protos])).stdout;
  expect(given.match(/^> \[shop\.Order at/gm)).toHaveLength(2);
  expect(given.match(/^< \[shop\.Receipt at/gm)).toHaveLength(2);
  expect(given).toContain(`>   "card_number": "${secrets.card}"`);
  expect(given).toContain('> [field 100: its schema does not know it, 6 B]');
  const json = JSON.parse(
    (await runCli(['inspect', dir.file('raw.hose'), '--exchange', '2', '--json', ...protos])).stdout,
  );
  expect(json.request.messages[1].unread).toEqual([
    { pointer: '', number: 100, wireType: 2, reason: 'unknown', base64: extra.toString('base64') },
  ]);
  expect(await runCli(['inspect', dir.file('raw.hose'), ...protos])).toMatchObject({ code: 64 });
});

test('a schema that does not fit the bytes shows what is left of them, and masks nothing less', async () => {
  using dir = tempDir();
  writeFileSync(
    dir.file('other.proto'),
    `syntax = "proto3"; package shop;
     message Order { int64 id = 1; Order email = 2; string lines = 3; bool card_number = 5; }
     message Receipt {}
     service Orders { rpc Place(Order) returns (Receipt); rpc Watch(stream Order) returns (stream Receipt); }`,
  );
  await recordOrders(dir.file('raw.hose'), { mask: unmasked });
  const schema = ['--proto', dir.file('other.proto')];
  const shown = (await runCli(['inspect', dir.file('raw.hose'), '--exchange', '1', ...schema])).stdout;
  expect(shown).toContain('> [not to be read as shop.Order: protobuf-');
  expect((await runCli(['mask', dir.file('raw.hose'), '-o', dir.file('a.hose'), ...schema])).code).toBe(0);
  expect((await states(dir.file('a.hose'))).filter((_, i) => i % 3 !== 1)).toEqual(
    expect.arrayContaining(['dropped:protobuf-syntax']),
  );
  const bytes = readFileSync(dir.file('a.hose'));
  for (const secret of [secrets.email, secrets.password, 'order-1', 'leave it', 'kept"'])
    expect(bytes.includes(secret)).toBe(false);
});

test('scan looks into the fields of messages, by the schemas of the capture or by given ones', async () => {
  using dir = tempDir();
  writeOrderProtos(dir.file);
  const protos = ['--proto', dir.file('shop/orders.proto'), '--proto-path', dir.path];
  const set = await schemasFromProto([dir.file('shop/orders.proto')], { importPaths: [dir.path] });
  // Fields that the schema does not know: one holds an address, in a message of its own.
  const inner = Buffer.concat([Buffer.from([0x0a, secrets.email.length]), Buffer.from(secrets.email)]);
  const extra = Buffer.concat([Buffer.from([0xa2, 0x06, inner.length]), inner]);
  await recordOrders(dir.file('with.hose'), { mask: unmasked, schema: set, extra });
  await recordOrders(dir.file('without.hose'), { mask: unmasked, extra });
  await recordOrders(dir.file('masked.hose'), { schema: set, extra });
  interface Scanned {
    readonly unread: number;
    readonly findings: readonly { readonly rule: string; readonly where: string; readonly count: number }[];
  }
  const scan = async (file: string, ...flags: readonly string[]): Promise<Scanned> => {
    const { stdout } = await runCli(['scan', dir.file(file), '--json', ...flags]);
    expect(stdout).not.toContain(secrets.email);
    return JSON.parse(stdout).captures[0];
  };
  const told = ({ findings }: Scanned) =>
    findings
      .filter(({ where }) => where.startsWith('message 0'))
      .map(({ rule, where }) => `${where} ${rule}`)
      .sort();
  const expected = [
    'message 0 $.card_number default/key/payment',
    'message 0 $.email default/key/contact',
    'message 0 $.labels.password default/key/secret',
    'message 0 field 100 default/detect/email',
  ];
  const own = await scan('with.hose');
  expect(told(own)).toEqual(expected);
  expect(own.unread).toBe(0);
  const given = await scan('without.hose', ...protos);
  expect([told(given), given.unread]).toEqual([expected, 0]);
  const bare = await scan('without.hose');
  expect(bare.unread).toBe(6);
  expect(told(bare)).not.toContain(expected[0]);
  expect(await scan('masked.hose')).toMatchObject({ findings: [], unread: 0 });
  expect((await runCli(['scan', dir.file('masked.hose')])).code).toBe(0);
  // What one capture says of its messages is not taken for another.
  const both = await runCli(['scan', dir.file('with.hose'), dir.file('without.hose'), '--json']);
  expect(JSON.parse(both.stdout).captures.map(({ unread }: Scanned) => unread)).toEqual([0, 6]);
});

test('policy explain shows what becomes of the messages of a call that are given as JSON', async () => {
  using dir = tempDir();
  writeOrderProtos(dir.file);
  writeFileSync(dir.file('policy.json'), JSON.stringify(internal));
  const explain = (...flags: readonly string[]) =>
    runCli([
      'policy',
      'explain',
      '--policy',
      dir.file('policy.json'),
      '--proto',
      dir.file('shop/orders.proto'),
      '--proto-path',
      dir.path,
      ...flags,
    ]);
  const body = {
    email: secrets.email,
    note: 'at the door',
    lines: [{ sku: 'tea' }],
    card_number: secrets.card,
  };
  const call = [
    '--url',
    '/shop.Orders/Place',
    '--body',
    JSON.stringify(body),
    '--response-body',
    '{"ok":true}',
  ];
  const { stdout, code } = await explain(...call, '--json');
  expect(code).toBe(0);
  const { values, recorded } = JSON.parse(stdout);
  const rows = values.map(({ where, rules, before, after }: Record<string, unknown>) => [
    where,
    rules,
    before,
    after,
  ]);
  expect(rows).toEqual([
    ['message 0 $.email', ['default/key/contact'], secrets.email, expect.stringMatching(/^mk_email_/)],
    ['message 0 $.note', ['internal'], 'at the door', '[REDACTED]'],
    ['message 0 $.card_number', ['default/key/payment'], secrets.card, '0'],
  ]);
  expect(recorded).toMatchObject({ protocol: 'grpc', operation: 'shop.Orders/Place' });
  expect(recorded.request.messages[0]).toMatchObject({
    type: 'shop.Order',
    fields: { lines: [{ sku: 'tea' }] },
  });
  const text = (await explain(...call)).stdout;
  expect(text).toContain(
    'the request message is recorded as "masked"\nthe response message is recorded as "kept"',
  );
  for (const [flags, why] of [
    [['--url', '/shop.Orders/None', '--body', '{}'], '--url is /shop.Orders/None, which is no method'],
    [
      ['--url', '/shop.Orders/Place', '--body', '{"emial":"x"}'],
      '--body is no shop.Order: at /emial expected',
    ],
    [['--url', '/shop.Orders/Place', '--body', 'x'], '--body is no JSON, expected a shop.Order'],
  ] as const) {
    const refused = await explain(...flags);
    expect(refused.stderr).toContain(why);
    expect(refused.code).toBe(64);
  }
});
