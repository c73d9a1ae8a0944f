// Records a gRPC service from inside. Only the two marked lines are Gardenhose's.
import { once } from 'node:events';
import { createRecorder, fileSink } from '@gardenhose/core';
import { attach } from '@gardenhose/grpc-adapter';
import grpc from '@grpc/grpc-js';
import { loadSync } from '@grpc/proto-loader';

const path = process.argv[2] ?? 'stock.hose';

const recorder = createRecorder({ service: 'stock', sink: fileSink({ path, overwrite: true }) }); // 1
attach(recorder, { grpc }); // 2: every server of this copy of grpc-js that gets a service from now on

// The service: it knows nothing of it. Its fields are known, since the .proto file is loaded with it.
const proto = new URL('stock.proto', import.meta.url).pathname;
const stock = /** @type {any} */ (grpc.loadPackageDefinition(loadSync(proto))).shop;
const server = new grpc.Server();
server.addService(stock.Stock.service, {
  /** @param {grpc.ServerUnaryCall<object, object>} call @param {grpc.sendUnaryData<object>} answer */
  Reserve: ({ request }, answer) => answer(null, { ...request, left: 9 }),
  /** @param {grpc.ServerWritableStream<object, object>} call */
  Watch(call) {
    for (const left of [9, 8, 7]) call.write({ ...call.request, left });
    call.end();
  },
});
const port = await new Promise((listening, failed) => {
  server.bindAsync('127.0.0.1:0', grpc.ServerCredentials.createInsecure(), (error, bound) =>
    error === null ? listening(bound) : failed(error),
  );
});

const client = new stock.Stock(`127.0.0.1:${port}`, grpc.credentials.createInsecure());
const asked = { item: 'hose', email: 'ada@example.com' };
await new Promise((done) => {
  client.Reserve(asked, (/** @type {unknown} */ _error, /** @type {object} */ answer) => {
    console.log('the client gets', JSON.stringify(answer));
    done(undefined);
  });
});
const watched = client.Watch(asked);
watched.on('data', (/** @type {{ left: number }} */ { left }) =>
  console.log('the client sees', left, 'left'),
);
await once(watched, 'end');
client.close();
server.forceShutdown();

const stats = await recorder.close();
console.log(`${stats.recorded} calls recorded to ${path}, ${stats.masked} values masked`);
