// The server that bench/record-overhead.js measures, with the tap and the recorder (`on FILE`, `parents FILE`) or without (`off`).
import { createServer } from 'node:http';
import { createRecorder, fileSink } from '@gardenhose/core';
import { attach } from '@gardenhose/http-adapter';

const [mode, path] = process.argv.slice(2);
const large = Buffer.from('the garden hose '.repeat(4096));

const most = 2 ** 20;
const ports = new Uint16Array(most).fill(1);
const at = new Float64Array(most).fill(1);
let answers = 0;

const server = createServer((req, res) => {
  if (req.url === '/64k') {
    res.writeHead(200, { 'Content-Type': 'text/plain', 'Content-Length': large.length });
    res.end(large);
  } else {
    res.writeHead(200, { 'Content-Type': 'text/plain', 'Content-Length': 11 });
    res.end('hello world');
  }
  // By now the answer is with the operating system, and recorded but for its end.
  const [seconds, nanos] = process.hrtime();
  ports[answers % most] = req.socket.remotePort ?? 0;
  at[answers % most] = seconds * 1e3 + nanos / 1e6;
  answers += 1;
});
server.keepAliveTimeout = 0;

const recorder =
  mode !== 'off' && path !== undefined
    ? createRecorder({ service: 'bench', sink: fileSink({ path, overwrite: true }), pipeline: 'worker' })
    : undefined;
if (recorder !== undefined) {
  await recorder.ready;
  attach(recorder, { parents: mode === 'parents' });
}

process.on('message', async (message) => {
  if (message === 'flush') {
    await recorder?.flush();
    process.send?.('flushed');
    return;
  }
  if (message === 'forget stamps') {
    answers = 0;
    process.send?.('forgotten');
    return;
  }
  if (message === 'stamps') {
    process.send?.({ ports: [...ports.subarray(0, answers)], at: [...at.subarray(0, answers)] });
    return;
  }
  server.closeAllConnections();
  server.close();
  const stats = await recorder?.close();
  process.send?.({ stats });
  process.disconnect();
});
server.listen(0, '127.0.0.1', () => process.send?.(server.address()));
