// Starts worker threads, which load the built packages: `npm run build` first.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  createMasker,
  createRecorder,
  type Difference,
  editRecordedMessages,
  editSentMessages,
  fileSink,
  type HookRule,
  openCapture,
  type RecordHooks,
  type ReplayRunOptions,
  replayCapture,
} from '@gardenhose/core';
import { createSender, tapServer } from '@gardenhose/grpc-adapter';
import * as grpc from '@grpc/grpc-js';
import { expect, test } from 'vitest';
import { schemaOf } from '../../core/test/protobuf/support.ts';
import { serve } from './support/service.ts';

const { root, schema } = schemaOf(`syntax = "proto3"; package test;
  service Echo { rpc Unary(Order) returns (Order); rpc List(Order) returns (stream Order); }
  message Order { string id = 1; string email = 2; int32 total = 3; string channel = 4; int64 changed_at = 5; int64 wide = 6; repeated double rates = 7; }`);
const order = root.lookupType('test.Order');

interface Order {
  id: string;
  email: string;
  total: number;
  channel: string;
  wide: string;
  rates: readonly (number | string)[];
}

const encoded = (fields: Partial<Order>) => Buffer.from(order.encode(order.fromObject(fields)).finish());
const decoded = (data: Uint8Array) => order.toObject(order.decode(data));
const asIs = (message: Buffer): Buffer => message;
const key = { base64: Buffer.alloc(32, 7).toString('base64') };

/** Answers each order with `change` of it. */
const serving = (change: (fields: Record<string, unknown>) => Record<string, unknown>) =>
  serve({
    unary: (call: grpc.ServerUnaryCall<Buffer, Buffer>, answer: grpc.sendUnaryData<Buffer>) =>
      answer(null, encoded(change(decoded(call.request)))),
  });

/** A capture of one call, recorded with the schema and masked. */
async function captured(fields: Partial<Order>, path: string, hooks?: RecordHooks): Promise<void> {
  const recorder = createRecorder({
    service: 'orders',
    sink: fileSink({ path }),
    mask: { version: 1, key },
    ...(hooks === undefined ? {} : { hooks, pipeline: 'inline' as const }),
  });
  recorder.describe(schema);
  await using running = await serving((echo) => echo);
  const undo = tapServer(running.server, recorder);
  const client = new grpc.Client(`127.0.0.1:${running.port}`, grpc.credentials.createInsecure());
  await new Promise<void>((resolve) => {
    const call = client.makeUnaryRequest('/test.Echo/Unary', asIs, asIs, encoded(fields), () => {});
    call.on('status', () => resolve());
  });
  client.close();
  undo();
  await recorder.close();
}

/** What a target that answers with `change` of each order was sent, and how its answers differ. */
async function replayed(
  path: string,
  change: (fields: Record<string, unknown>) => Record<string, unknown>,
  options: ReplayRunOptions = {},
) {
  const got: Record<string, unknown>[] = [];
  const differences: Difference[] = [];
  await using target = await serving((fields) => {
    got.push(fields);
    return change(fields);
  });
  const capture = await openCapture(path);
  const { policy } = capture.header;
  const sender = createSender(`http://127.0.0.1:${target.port}`);
  const report = await replayCapture(capture, sender, {
    guard: { allowMutations: true },
    compare: { recordedPolicy: policy, masker: createMasker({ version: 1, key }) },
    onResult: (_, comparison) => differences.push(...(comparison?.differences ?? [])),
    ...options,
  });
  await sender.close();
  await capture.close();
  return { got, report, told: differences.map(({ verdict, path: place }) => `${verdict} ${place}`) };
}

async function inFolder(run: (path: string) => Promise<void>): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'gardenhose-fields-'));
  try {
    await run(join(folder, 'orders.hose'));
  } finally {
    await rm(folder, { recursive: true });
  }
}

const email = ['ada', 'example.com'].join('@');
const bought = { id: 'a1', email, total: 5 };

test('a masked capture is replayed, and its answers compared as fields by the schema in it', () =>
  inFolder(async (path) => {
    await captured(bought, path);
    const same = await replayed(path, (fields) => fields);
    expect(same.got).toEqual([{ id: 'a1', email: expect.stringMatching(/^mk_email_/), total: 5 }]);
    expect(same.told).toEqual([]);
    expect(same.report.differences).toMatchObject({ compared: 1, changed: 0, notCompared: [] });
    const other = await replayed(path, (fields) => ({ ...fields, total: 6, channel: 'web' }));
    expect(other.told.sort()).toEqual(['changed body:$[0].channel', 'changed body:$[0].total']);
    const another = await replayed(path, (fields) => ({ ...fields, email: `b${email}` }));
    expect(another.told).toEqual(['changed body:$[0].email']);
  }));

test('rules and edits rewrite the messages that are sent', () =>
  inFolder(async (path) => {
    await captured(bought, path);
    const rules: HookRule[] = [
      { do: 'patch-body', patch: [{ op: 'replace', path: '/total', value: 8 }] },
      { do: 'patch-body', side: 'response', patch: [{ op: 'replace', path: '/total', value: 8 }] },
      { do: 'patch-body', patch: [{ op: 'test', path: '/total', value: 1 }] },
    ];
    const patched = await replayed(path, (fields) => fields, { rules });
    expect(patched.got).toMatchObject([{ id: 'a1', total: 8 }]);
    expect(patched.told).toEqual([]);
    expect(patched.report.notes).toEqual([{ name: 'patch-missed 2', count: 1 }]);
    const edited = await replayed(path, (fields) => fields, {
      hooks: editSentMessages<Order>({
        operation: 'test.Echo/*',
        edit(sent) {
          sent.channel = 'replay';
        },
      }),
    });
    expect(edited.got).toMatchObject([{ id: 'a1', total: 5, channel: 'replay' }]);
    expect(edited.told).toEqual(['changed body:$[0].channel']);
  }));

test('case 36: a hook sees numbers beyond 2^53, NaN and -0 as they are, and an edit beside them leaves their bytes', () =>
  inFolder(async (path) => {
    const wide = '9007199254740993';
    await captured({ ...bought, wide, rates: [Number.NaN, -0] }, path);
    const seen: unknown[] = [];
    const { got } = await replayed(path, (fields) => fields, {
      hooks: editSentMessages<Order>({
        operation: 'test.Echo/*',
        edit(sent) {
          seen.push(sent.wide, sent.rates);
          sent.channel = 'replay';
        },
      }),
    });
    expect(seen).toEqual([wide, ['NaN', -0]]);
    expect(got).toMatchObject([{ channel: 'replay', rates: [Number.NaN, -0] }]);
    expect(got.map((fields) => String(fields.wide))).toEqual([wide]);
  }));

test('an edit while recording is in the capture, masked', () =>
  inFolder(async (path) => {
    const hooks = editRecordedMessages<Order>({
      side: 'response',
      edit(answer) {
        answer.channel = `b${email}`;
      },
    });
    await captured(bought, path, hooks);
    const capture = await openCapture(path);
    const messages: Record<string, unknown>[] = [];
    for await (const event of capture.events()) {
      if (event.type === 'message' && event.data !== undefined) messages.push(decoded(event.data));
    }
    await capture.close();
    const token = expect.stringMatching(/^mk_email_[\w-]{16}$/);
    expect(messages).toEqual([
      { id: 'a1', email: token, total: 5 },
      { id: 'a1', email: token, total: 5, channel: token },
    ]);
  }));
