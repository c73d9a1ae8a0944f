import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { createRecorder, fileSink, type Policy } from '@gardenhose/core';
import { tapServer } from '@gardenhose/grpc-adapter';
import * as grpc from '@grpc/grpc-js';
import protobuf from 'protobufjs';
import { secrets } from './secret-traffic.ts';

/** Sources of the service below, by their names. */
export const orderProtos: Readonly<Record<string, string>> = {
  'corp/options.proto': `
    syntax = "proto2";
    package corp;
    import "google/protobuf/descriptor.proto";
    extend google.protobuf.FieldOptions { optional bool internal = 50001; }`,
  'shop/orders.proto': `
    syntax = "proto3";
    package shop;
    import "corp/options.proto";
    message Order {
      string id = 1;
      string email = 2;
      repeated Line lines = 3;
      string note = 4 [(corp.internal) = true];
      int64 card_number = 5;
      bytes photo = 6;
      map<string, string> labels = 7;
    }
    message Line { string sku = 1; uint32 count = 2; }
    message Receipt { bool ok = 1; string trace = 2; }
    service Orders {
      rpc Place(Order) returns (Receipt);
      rpc Watch(stream Order) returns (stream Receipt);
    }`,
};

/** Writes the sources below a folder. */
export function writeOrderProtos(file: (name: string) => string): void {
  for (const [name, source] of Object.entries(orderProtos)) {
    mkdirSync(dirname(file(name)), { recursive: true });
    writeFileSync(file(name), source);
  }
}

const root = new protobuf.Root();
protobuf.parse((orderProtos['shop/orders.proto'] ?? '').replace(/\[\(corp.*?\]/, ''), root, {
  keepCase: true,
});
const encode = (type: string, value: object): Buffer =>
  Buffer.from(root.lookupType(type).encode(root.lookupType(type).fromObject(value)).finish());

export const order: Readonly<Record<string, unknown>> = {
  id: 'order-1',
  email: secrets.email,
  lines: [{ sku: 'tea', count: 3 }],
  note: 'leave it at the door',
  card_number: Number(secrets.card),
  photo: Buffer.from([0xff, 0xd8, 0, 1]),
  labels: { password: secrets.password },
};
const receipt = { ok: true, trace: 'kept' };

const same = (bytes: Buffer): Buffer => bytes;
const codecs = {
  requestSerialize: same,
  requestDeserialize: same,
  responseSerialize: same,
  responseDeserialize: same,
};

export interface RecordOrdersOptions {
  readonly mask?: Policy;
  /** What the recorder is told of the messages. Default nothing. */
  readonly schema?: Uint8Array;
  /** Put behind the bytes of each order. */
  readonly extra?: Uint8Array;
}

/** Records a unary call and a chat of two messages of a real server into a file. */
export async function recordOrders(path: string, options: RecordOrdersOptions = {}): Promise<void> {
  const recorder = createRecorder({ service: 'orders', sink: fileSink({ path }), mask: options.mask });
  if (options.schema !== undefined) recorder.describe(options.schema);
  const server = new grpc.Server();
  const answer = encode('shop.Receipt', receipt);
  server.addService(
    {
      Place: { path: '/shop.Orders/Place', requestStream: false, responseStream: false, ...codecs },
      Watch: { path: '/shop.Orders/Watch', requestStream: true, responseStream: true, ...codecs },
    },
    {
      Place: (_call: grpc.ServerUnaryCall<Buffer, Buffer>, done: grpc.sendUnaryData<Buffer>) =>
        done(null, answer),
      Watch: (call: grpc.ServerDuplexStream<Buffer, Buffer>) => {
        call.on('data', () => call.write(answer));
        call.on('end', () => call.end());
      },
    },
  );
  const detach = tapServer(server, recorder);
  const port = await new Promise<number>((resolve, reject) => {
    server.bindAsync('127.0.0.1:0', grpc.ServerCredentials.createInsecure(), (error, bound) =>
      error === null ? resolve(bound) : reject(error),
    );
  });
  const client = new grpc.Client(`127.0.0.1:${port}`, grpc.credentials.createInsecure());
  const message = Buffer.concat([encode('shop.Order', order), options.extra ?? Buffer.alloc(0)]);
  await new Promise<void>((resolve, reject) => {
    client.makeUnaryRequest('/shop.Orders/Place', same, same, message, (error) =>
      error === null ? resolve() : reject(error),
    );
  });
  await new Promise<void>((resolve) => {
    const call = client.makeBidiStreamRequest('/shop.Orders/Watch', same, same);
    let answers = 0;
    call.on('data', () => {
      if (++answers === 2) call.end();
    });
    call.on('status', () => resolve());
    call.write(message);
    call.write(message);
  });
  client.close();
  await new Promise<void>((resolve) => server.tryShutdown(() => resolve()));
  detach();
  await recorder.close();
}
