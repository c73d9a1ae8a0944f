// Records one build of a service, replays the capture into the next one, and shows what it answers differently.
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createRecorder, fileSink } from '@gardenhose/core';
import { replay, tapServer } from '@gardenhose/http-adapter';

/**
 * A build of the service, which gives this discount on every order.
 * @param {number} discount
 */
const build = (discount) =>
  createServer((req, res) => {
    res.setHeader('content-type', 'application/json');
    res.end(JSON.stringify({ order: req.url, total: 100 - discount }));
  });

/** @param {import('node:http').Server} server @returns {Promise<string>} */
const listen = (server) =>
  new Promise((listening) => {
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      listening(`http://127.0.0.1:${typeof address === 'object' && address !== null ? address.port : 0}`);
    });
  });

const folder = await mkdtemp(join(tmpdir(), 'gardenhose-'));
const path = join(folder, 'orders.hose');

const old = build(0);
const recorder = createRecorder({ service: 'orders', sink: fileSink({ path }) });
tapServer(old, recorder);
const origin = await listen(old);
for (const id of [1, 2, 3]) await (await fetch(`${origin}/orders/${id}`)).text();
old.close();
old.closeAllConnections();
await recorder.close();

const next = build(10);
const report = await replay(path, await listen(next), { speed: 10, compare: true });
next.close();

console.log(`${report.exchanges.answered} of ${report.exchanges.sent} answered, ${report.comparison}`);
for (const { operation, path: place, count } of report.differences?.groups ?? []) {
  console.log(`${operation}: ${place} differs ${count} times`);
}
await rm(folder, { recursive: true });
