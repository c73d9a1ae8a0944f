// A process with a flight recorder that comes to an end: how, says its second argument.
import { createRecorder, flightSink } from '@gardenhose/core';

const [, , directory, how, pipeline] = process.argv;
const recorder = createRecorder({ service: 'orders', sink: flightSink({ directory }), pipeline });
await recorder.ready;
for (let i = 0; i < 100; i++) {
  const tap = recorder.begin(
    {
      ...{ direction: 'inbound', protocol: 'http', lane: 'c1', scheme: 'http', version: '1.1' },
      ...{ method: 'GET', target: `/${i}`, headers: [] },
    },
    true,
  );
  tap?.headers(200, 'OK', '1.1', []);
  tap?.end('response');
}
if (how === 'listens') process.on('SIGTERM', () => setTimeout(() => process.exit(7), 200));
if (how === 'exception') setImmediate(() => JSON.parse('{'));
else if (how === 'rejection') void Promise.reject(new Error('4711'));
else if (how === 'exit') process.exit(0);
else {
  setInterval(() => undefined, 1000);
  process.kill(process.pid, 'SIGTERM');
}
