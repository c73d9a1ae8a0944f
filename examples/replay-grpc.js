// Records one build of a gRPC service, replays the capture into the next one, and shows which fields it answers differently.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createRecorder, fileSink } from '@gardenhose/core';
import { replay, tapServer } from '@gardenhose/grpc-adapter';
import grpc from '@grpc/grpc-js';
import { loadSync } from '@grpc/proto-loader';

const proto = new URL('stock.proto', import.meta.url).pathname;
const stock = /** @type {any} */ (grpc.loadPackageDefinition(loadSync(proto))).shop;

/**
 * A build of the service, in which so many items are lost.
 * @param {grpc.Server} server
 * @param {number} lost
 */
function addStock(server, lost) {
  server.addService(stock.Stock.service, {
    /** @param {grpc.ServerUnaryCall<object, object>} call @param {grpc.sendUnaryData<object>} answer */
    Reserve: ({ request }, answer) => answer(null, { ...request, left: 9 - lost }),
    /** @param {grpc.ServerWritableStream<object, object>} call */
    Watch(call) {
      for (const left of [9, 8, 7]) call.write({ ...call.request, left: left - lost });
      call.end();
    },
  });
}

/** @param {grpc.Server} server @returns {Promise<number>} */
const listen = (server) =>
  new Promise((listening, failed) => {
    server.bindAsync('127.0.0.1:0', grpc.ServerCredentials.createInsecure(), (error, port) =>
      error === null ? listening(port) : failed(error),
    );
  });

const folder = await mkdtemp(join(tmpdir(), 'gardenhose-'));
const path = join(folder, 'stock.hose');

const old = new grpc.Server();
const recorder = createRecorder({ service: 'stock', sink: fileSink({ path }) });
tapServer(old, recorder);
addStock(old, 0);
const client = new stock.Stock(`127.0.0.1:${await listen(old)}`, grpc.credentials.createInsecure());
for (const item of ['hose', 'nozzle']) {
  await new Promise((done) => client.Reserve({ item, email: 'ada@example.com' }, done));
  await new Promise((done) =>
    client
      .Watch({ item })
      .on('data', () => {})
      .on('end', done),
  );
}
client.close();
old.forceShutdown();
await recorder.close();

const next = new grpc.Server();
addStock(next, 2);
const report = await replay(path, `http://127.0.0.1:${await listen(next)}`, { compare: true });
next.forceShutdown();

console.log(`${report.exchanges.answered} of ${report.exchanges.sent} answered, ${report.comparison}`);
for (const { operation, path: place, count } of report.differences?.groups ?? []) {
  console.log(`${operation}: ${place} differs ${count} times`);
}
await rm(folder, { recursive: true });
