// Keeps the processors it may run on busy with what a recorder's thread does: unpack, mask, encode. Behind everything else
// (nice 19), so that it takes only what others leave. Run as a child process, which ends with its parent; works from `run` to `pause`.
import { setPriority } from 'node:os';
import { createRecorder, nullSink } from '@gardenhose/core';

setPriority(19);
process.on('disconnect', () => process.exit(0));

const recorder = createRecorder({ service: 'neighbour', sink: nullSink, pipeline: 'inline' });
await recorder.ready;
const head = 'HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 27\r\n\r\n';
const body = Buffer.from('{"id":7,"name":"Ada Byron"}');

let running = false;
/** Lets the loop go on. */
let go = () => {};
process.on('message', (message) => {
  running = message === 'run';
  if (running) go();
});

process.send?.('ready');
for (;;) {
  if (!running) await new Promise((/** @type {(value?: unknown) => void} */ resolve) => (go = resolve));
  for (let i = 0; i < 100; i += 1) {
    const tap = recorder.begin({
      direction: 'inbound',
      protocol: 'http',
      lane: 'c1',
      parent: undefined,
      operation: undefined,
      peer: '127.0.0.1:40000',
      scheme: 'http',
      version: '1.1',
      method: 'GET',
      target: `/orders/${i}?page=2`,
      authority: undefined,
      headers: ['Host', 'localhost', 'Accept', 'application/json', 'Cookie', `session=${i}`],
    });
    tap?.end('request');
    tap?.wireHead?.(head);
    tap?.chunk('response', body);
    tap?.end('response');
  }
  await recorder.flush();
  await new Promise((resolve) => setImmediate(resolve));
}
