// Keeps the processors it may run on busy with what a recorder's thread does: unpack, mask, encode. Behind everything else
// (nice 19), so that it takes only what others leave. Run as a child process; stopped and continued by signals.
import { setPriority } from 'node:os';
import { createRecorder, nullSink } from '@gardenhose/core';

setPriority(19);
process.on('disconnect', () => process.exit(0));

const recorder = createRecorder({ service: 'neighbour', sink: nullSink, pipeline: 'inline' });
await recorder.ready;
const head = 'HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 27\r\n\r\n';
const body = Buffer.from('{"id":7,"name":"Ada Byron"}');

process.send?.('ready');
for (;;) {
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
