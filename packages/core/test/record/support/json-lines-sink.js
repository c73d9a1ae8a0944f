// A sink that a worker can load: one JSON document a line, bytes in base64. Options: { path, fail?, delayMs? }.
import { appendFileSync, writeFileSync } from 'node:fs';
import { setTimeout as wait } from 'node:timers/promises';

export function openSink(options, header) {
  if (options.fail) throw new Error('this sink never opens');
  writeFileSync(options.path, `${JSON.stringify(header)}\n`);
  return {
    async write(events) {
      if (options.delayMs) await wait(options.delayMs);
      appendFileSync(options.path, events.map((event) => `${JSON.stringify(plain(event))}\n`).join(''));
    },
    async flush() {},
    async close() {
      appendFileSync(options.path, 'closed\n');
    },
  };
}

// An array of numbers would take a hundred times as long: then a test measures this sink, and not the recorder.
const plain = (event) =>
  event.data === undefined ? event : { ...event, data: Buffer.from(event.data).toString('base64') };
