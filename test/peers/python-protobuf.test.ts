import { execFileSync, spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { type CaptureEvent, createMasker, type PolicyRule } from '@gardenhose/core';
import { aStart } from '@gardenhose/core/testing';
import { expect, test } from 'vitest';
import { schemasFromProto } from '../../packages/grpc-adapter/src/schemas/from-proto.ts';
import { tempDir } from '../support/captures.ts';
import { python, whyNot } from './tools.ts';

// An oracle of other hands: Python makes messages by protoc's descriptors, we mask them, Python decodes what came of them and
// compares with what its own masking of the decoded messages gives. It has what is `required`, and fields that are `lazy`. It
// cannot read editions (from protoc 27 and Python's protobuf 5.27 on): so the schema of `edition.proto`, which says of the same
// bytes the same, must mask each message as that of `old.proto` does. Fields that are `weak` are not tried.

const here = (name: string): string => fileURLToPath(new URL(name, import.meta.url));
const missing = whyNot();
const count = process.env.PEERS === '1' ? 6000 : 600;

const messages = ['Modern', 'Old', 'Old.Part', 'Old.Part.Deep', 'Lazy', 'Item', 'OtherItem', 'Hidden'];
const star = { do: 'redact', with: '*' } as const;
const rules: readonly PolicyRule[] = [
  ...messages.flatMap((name): PolicyRule[] => [
    { id: `hide:${name}`, at: `proto:peers.${name}.hide_*`, mask: star },
    { id: `gone:${name}`, at: `proto:peers.${name}.gone_*`, mask: 'redact' },
  ]),
  { id: 'hide:extended', at: 'proto:peers.hide_*', mask: star },
];

/** What masks messages by a schema. */
function maskerOf(schema: Uint8Array): (name: string, data: Buffer) => Buffer {
  const masker = createMasker({
    version: 1,
    rules,
    disable: ['default/proto/bytes', 'default/pair'],
    key: { base64: Buffer.alloc(32, 7).toString('base64') },
  });
  masker.mask({ type: 'schema', seq: 0, at: 0, format: 'protobuf', data: schema });
  let exchange = 0;
  return (name: string, data: Buffer): Buffer => {
    exchange += 1;
    const stamp = { seq: exchange, at: exchange, exchange };
    const target = name === 'peers.Old' ? '/peers.OldService/Call' : '/peers.Service/Call';
    const headers = ['content-type', 'application/grpc'];
    const events: CaptureEvent[] = [
      {
        type: 'start',
        ...stamp,
        ...aStart({ protocol: 'grpc', method: 'POST', target, headers }),
        sampleRate: 1,
      },
      {
        type: 'message',
        ...stamp,
        side: 'request',
        index: 0,
        kind: 0,
        size: data.length,
        state: 'kept',
        data,
      },
      { type: 'abort', ...stamp, by: 'client', code: '' },
    ];
    const out = events.flatMap((event) => masker.mask(event)).find(({ type }) => type === 'message');
    if (out?.type !== 'message' || out.data === undefined)
      throw new Error(
        `dropped: ${out?.type === 'message' ? out.state : ''} ${name} ${data.toString('base64')}`,
      );
    return Buffer.from(out.data);
  };
}

test.skipIf(missing !== undefined)(
  `${count} messages of every kind of field are masked as Python's protobuf would mask them${missing === undefined ? '' : ` (${missing})`}`,
  async () => {
    using folder = tempDir();
    const set = folder.file('set.bin');
    const protoc = ['--include_imports', `--descriptor_set_out=${set}`, `--proto_path=${here('.')}`];
    execFileSync('protoc', [...protoc, 'modern.proto', 'old.proto']);
    const oracle = (...args: string[]) => [python() ?? '', [here('oracle.py'), ...args]] as const;
    const [command, args] = oracle('make', set, String(count), '7');
    const made = execFileSync(command, args, { encoding: 'utf8', maxBuffer: 1 << 28 });
    const editions = await schemasFromProto([here('edition.proto'), here('modern.proto')]);
    const [mask, byEdition] = [readFileSync(set), editions].map(maskerOf);
    const lines = made
      .trim()
      .split('\n')
      .map((line) => {
        const [name = '', before = ''] = line.split(' ');
        const bytes = Buffer.from(before === '-' ? '' : before, 'base64');
        const after = mask?.(name, bytes).toString('base64') ?? '';
        if (byEdition?.(name, bytes).toString('base64') !== after)
          throw new Error(`differs by its edition: ${name} ${before}`);
        return `${name} ${before} ${after || '-'}`;
      });
    expect(lines).toHaveLength(count);
    const [check, checkArgs] = oracle('check', set);
    const { stdout, stderr } = spawnSync(check, checkArgs, {
      input: `${lines.join('\n')}\n`,
      encoding: 'utf8',
      maxBuffer: 1 << 28,
    });
    // It complains of keys that come twice, and goes on.
    expect(stderr.replace(/.*map keys are not unique\n/g, '')).toBe('');
    const [checked, changed] = stdout.trim().split(' ').map(Number);
    expect(stdout).toMatch(/^\d+ \d+\n$/);
    expect(checked).toBe(count);
    expect(changed).toBeGreaterThan(count / 2);
  },
  120_000,
);
