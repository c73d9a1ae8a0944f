import { createReadStream, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type CaptureEvent, createRecorder, fileSink, readCapture } from '@gardenhose/core';
import { assembleAll } from '@gardenhose/core/testing';
import { attach } from '@gardenhose/grpc-adapter';
import * as grpc from '@grpc/grpc-js';
import { loadSync } from '@grpc/proto-loader';
import { expect, test } from 'vitest';

const proto = `
syntax = "proto3";
package shop;
service Orders {
  rpc Get (Order) returns (Order);
  rpc Watch (stream Order) returns (stream Order);
}
message Order { int32 id = 1; string note = 2; }
`;

test('calls are recorded by a worker into a file, with their descriptors, and read back in exact order', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'gardenhose-grpc-'));
  const path = join(folder, 'orders.hose');
  writeFileSync(join(folder, 'shop.proto'), proto);
  const definition = loadSync(join(folder, 'shop.proto'));
  const { shop } = grpc.loadPackageDefinition(definition);
  const Orders = Reflect.get(shop ?? {}, 'Orders');

  const recorder = createRecorder({ service: 'orders', sink: fileSink({ path }), pipeline: 'worker' });
  await recorder.ready;
  const detach = attach(recorder, { grpc });
  const server = new grpc.Server();
  server.addService(Orders.service, {
    Get: (call: grpc.ServerUnaryCall<object, object>, answer: grpc.sendUnaryData<object>) =>
      answer(null, call.request),
    Watch: (call: grpc.ServerDuplexStream<object, object>) => {
      call.on('data', (order: object) => call.write(order));
      call.on('end', () => call.end());
    },
  });
  const port = await new Promise<number>((resolve) => {
    server.bindAsync('127.0.0.1:0', grpc.ServerCredentials.createInsecure(), (_error, bound) =>
      resolve(bound),
    );
  });
  const client = new Orders(`127.0.0.1:${port}`, grpc.credentials.createInsecure());
  for (let id = 1; id <= 50; id++) {
    await new Promise((resolve) => client.Get({ id, note: `note ${id}` }, resolve));
  }
  await new Promise((resolve) => {
    const call = client.Watch();
    call.on('status', resolve);
    call.on('data', ({ id }: { id: number }) => {
      if (id < 3) call.write({ id: id + 1 });
      else call.end();
    });
    call.write({ id: 1 });
  });
  client.close();
  await new Promise<void>((resolve) => server.tryShutdown(() => resolve()));
  detach();
  const stats = await recorder.close();
  expect(stats).toMatchObject({ recorded: 51, tapFailures: 0, lastError: undefined });

  const events: CaptureEvent[] = [];
  for await (const event of (await readCapture(createReadStream(path), { mode: 'strict' })).events) {
    events.push(event);
  }
  // The descriptors come before the first call that needs them.
  expect(events[0]).toMatchObject({ type: 'schema', format: 'protobuf' });
  expect(events.filter(({ type }) => type === 'schema')).toHaveLength(1);
  const of = (exchange: number) =>
    events
      .filter((event) => 'exchange' in event && event.exchange === exchange && event.type !== 'audit')
      .map((event) => ('side' in event ? `${event.type} ${event.side}` : event.type));
  expect(of(50)).toEqual([
    'start',
    'message request',
    'end request',
    'headers',
    'message response',
    'trailers response',
    'end response',
  ]);
  const turn = ['message request', 'message response'];
  expect(of(51)).toEqual([
    'start',
    'message request',
    'headers',
    'message response',
    ...turn,
    ...turn,
    'end request',
    'trailers response',
    'end response',
  ]);
  const exchanges = assembleAll(events);
  expect(exchanges).toHaveLength(51);
  expect(new Set(exchanges.map(({ lane }) => lane)).size).toBe(1);
  rmSync(folder, { recursive: true });
});
