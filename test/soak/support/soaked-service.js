// The service of test/soak/soak.js: recorded (`on FOLDER`) or not (`off`). Its answers are a function of their requests.
import { createServer } from 'node:http';
import { join } from 'node:path';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { createRecorder, sampleRatio } from '@gardenhose/core';
import { attach } from '@gardenhose/http-adapter';
import { answerTo } from './soaked-answer.js';

const [mode, folder = ''] = process.argv.slice(2);
setFlagsFromString('--expose-gc');
const collect = /** @type {() => void} */ (runInNewContext('gc'));

let served = 0;
const server = createServer((req, res) => {
  served += 1;
  const pieces = /** @type {Buffer[]} */ ([]);
  req.on('data', (/** @type {Buffer} */ piece) => pieces.push(piece));
  req.on('end', () => {
    const { status, type, body } = answerTo(req.url ?? '', Buffer.concat(pieces));
    res.writeHead(status, { 'Content-Type': type, 'Content-Length': body.length, 'X-Path': req.url ?? '' });
    res.end(body);
  });
});
server.keepAliveTimeout = 0;

const recorder =
  mode === 'on'
    ? createRecorder({
        service: 'soak',
        sampler: sampleRatio(0.8),
        // Small, so that a stall of the disk fills it.
        maxBufferedBytes: 4 * 2 ** 20,
        sink: {
          open: () => Promise.reject(new Error('opened by the worker')),
          module: {
            url: new URL('./stalling-sink.js', import.meta.url).href,
            options: {
              ...JSON.parse(process.env.SOAK_STALLS ?? '{}'),
              log: join(folder, 'stalls.jsonl'),
              file: { path: join(folder, 'soak.hose'), maxFileBytes: 64 * 2 ** 20 },
            },
          },
        },
      })
    : undefined;
if (recorder !== undefined) {
  await recorder.ready;
  attach(recorder);
}

process.on('message', async (message) => {
  if (message === 'memory') {
    collect();
    const { heapUsed, rss, arrayBuffers } = process.memoryUsage();
    process.send?.({ heapUsed, rss, arrayBuffers, state: recorder?.stats().state });
    return;
  }
  server.closeAllConnections();
  server.close();
  const stats = await recorder?.close();
  process.send?.({ served, stats });
  process.disconnect();
});
server.listen(0, '127.0.0.1', () => process.send?.(server.address()));
