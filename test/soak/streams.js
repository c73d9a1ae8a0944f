// Ten thousand slow streams at once, recorded: what they cost in memory, and that each is there, whole.
//
//   node test/soak/streams.js [--streams 10000] [--pieces 5] [--every-ms 2000]
//
// The service writes a piece to every stream now and then, with the recorder and without. Ends with status 1 if a stream fails, an
// exchange is missing or is not whole, or the recorder takes more than its `maxBufferedBytes` (64 MiB) of memory beyond
// what it takes before the first request.

import { fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as after } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { createRecorder, fileSink, openCapture } from '@gardenhose/core';
import { attach } from '@gardenhose/http-adapter';

const { values } = parseArgs({
  options: {
    streams: { type: 'string', default: '10000' },
    pieces: { type: 'string', default: '5' },
    'every-ms': { type: 'string', default: '2000' },
    serve: { type: 'string' },
  },
});
const [streams, pieces, everyMs] = [values.streams, values.pieces, values['every-ms']].map(Number);

if (values.serve !== undefined) await serve(values.serve);
else await ask();

/** @param {string} path */
async function serve(path) {
  const before = process.memoryUsage().rss;
  const recorder = path === '' ? undefined : createRecorder({ service: 'streams', sink: fileSink({ path }) });
  if (recorder !== undefined) {
    await recorder.ready;
    attach(recorder);
  }
  const idle = process.memoryUsage().rss - before;
  const open = new Set();
  let most = 0;
  const server = createServer((_req, res) => {
    let written = 0;
    res.writeHead(200, { 'content-type': 'text/event-stream' });
    open.add(res);
    const timer = setInterval(() => {
      res.write(`data: piece ${++written} of a slow stream\n\n`);
      if (written < (pieces ?? 0)) return;
      clearInterval(timer);
      res.end();
      open.delete(res);
    }, everyMs);
  });
  server.keepAliveTimeout = 0;
  server.requestTimeout = 0;
  setInterval(() => {
    if (open.size > 0.9 * (streams ?? 0)) most = Math.max(most, process.memoryUsage().rss);
  }, 200).unref();
  process.on('message', async () => {
    const stats = await recorder?.close();
    process.send?.({ most, idle, stats });
    process.disconnect();
    server.close();
    server.closeAllConnections();
  });
  server.listen({ port: 0, host: '127.0.0.1', backlog: 4096 }, () => process.send?.(server.address()));
}

/** Opens all streams and reads them to their end. @param {string} path */
async function run(path) {
  const flags = ['--streams', `${streams}`, '--pieces', `${pieces}`, '--every-ms', `${everyMs}`];
  const child = fork(import.meta.filename, ['--serve', path, ...flags]);
  const [{ port }] = await once(child, 'message');
  let whole = 0;
  const all = [];
  for (let i = 0; i < (streams ?? 0); i++) {
    const socket = connect(port, '127.0.0.1');
    let text = '';
    socket.setEncoding('latin1');
    socket.on('data', (piece) => (text += piece));
    socket.on('error', () => undefined);
    socket.write(`GET /stream/${i} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n`);
    all.push(
      once(socket, 'close').then(() => {
        if (text.includes(`piece ${pieces} `) && text.endsWith('0\r\n\r\n')) whole += 1;
      }),
    );
    // As many at once as a listening socket takes.
    if (i % 500 === 499) await after(20);
  }
  await Promise.all(all);
  child.send('end');
  const [told] = await once(child, 'message');
  return { ...told, whole };
}

async function ask() {
  const folder = mkdtempSync(join(tmpdir(), 'streams-'));
  const path = join(folder, 'streams.hose');
  const plain = await run('');
  const recorded = await run(path);
  let exchanges = 0;
  const capture = await openCapture(path, { mode: 'strict' });
  for await (const { partial, response } of capture.exchanges()) {
    if (partial.length === 0 && response?.complete === true) exchanges += 1;
  }
  await capture.close();
  rmSync(folder, { recursive: true });
  const mib = (/** @type {number} */ bytes) => (bytes / 2 ** 20).toFixed(0);
  const grown = recorded.most - plain.most;
  const allowed = 64 * 2 ** 20 + recorded.idle;
  console.log(`${streams} streams: ${plain.whole} whole without the recorder, ${recorded.whole} with it`);
  console.log(`${recorded.stats.recorded} recorded, ${exchanges} whole in the capture`);
  console.log(
    `resident memory ${mib(plain.most)} MiB without, ${mib(recorded.most)} MiB with: ${mib(grown)} MiB more, of which ${mib(recorded.idle)} before the first stream; ${mib(allowed)} allowed`,
  );
  const fine =
    [plain.whole, recorded.whole, recorded.stats.recorded, exchanges].every((count) => count === streams) &&
    grown <= allowed;
  process.exit(fine ? 0 : 1);
}
