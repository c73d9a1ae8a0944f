// The server that bench/record-overhead.js measures, with the tap and the recorder (`on FILE`) or without (`off`).
import { createServer } from 'node:http';
import { createRecorder, fileSink } from '@gardenhose/core';
import { attach } from '@gardenhose/http-adapter';

const [mode, path] = process.argv.slice(2);
const large = Buffer.from('the garden hose '.repeat(4096));

const server = createServer((req, res) => {
  if (req.url === '/64k') {
    res.writeHead(200, { 'Content-Type': 'text/plain', 'Content-Length': large.length });
    res.end(large);
  } else {
    res.writeHead(200, { 'Content-Type': 'text/plain', 'Content-Length': 11 });
    res.end('hello world');
  }
});
server.keepAliveTimeout = 0;

const recorder =
  mode === 'on' && path !== undefined
    ? createRecorder({ service: 'bench', sink: fileSink({ path, overwrite: true }), pipeline: 'worker' })
    : undefined;
if (recorder !== undefined) {
  await recorder.ready;
  attach(recorder);
}

process.on('message', async (message) => {
  if (message === 'flush') {
    await recorder?.flush();
    process.send?.('flushed');
    return;
  }
  server.closeAllConnections();
  server.close();
  const stats = await recorder?.close();
  process.send?.({ stats });
  process.disconnect();
});
server.listen(0, '127.0.0.1', () => process.send?.(server.address()));
