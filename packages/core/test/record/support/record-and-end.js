// A process that records a few exchanges and ends in the way it is told, without closing the recorder.
import { createRecorder } from '@gardenhose/core';

const [path, ending] = process.argv.slice(2);
const recorder = createRecorder({
  service: 'shop',
  exitWaitMs: 15_000,
  mask: { version: 1, extends: 'none' },
  sink: {
    open: () => Promise.reject(new Error('the worker opens it')),
    module: { url: new URL('./json-lines-sink.js', import.meta.url).href, options: { path } },
  },
});
if (ending !== 'at-once') await recorder.ready;
for (let i = 0; i < 500; i++) {
  const tap = recorder.begin({
    direction: 'inbound',
    protocol: 'http',
    lane: '1',
    scheme: 'http',
    version: '1.1',
    method: 'GET',
    target: `/orders/${i}`,
    headers: ['Host', 'shop.test'],
  });
  tap.end('request');
  tap.headers(200, 'OK', '1.1', []);
  tap.chunk('response', Buffer.alloc(1000, 'x'));
  if (i < 499) tap.end('response');
}
if (ending === 'exit') process.exit(0);
if (ending === 'throw') throw new Error('the application failed');
if (ending === 'close') process.stdout.write(JSON.stringify(await recorder.close()));
