// A sink that a worker can load: one JSON document a line. Options: { path, fail?, delayMs? }.
import { appendFileSync, writeFileSync } from 'node:fs';
import { setTimeout as wait } from 'node:timers/promises';

export function openSink(options, header) {
  if (options.fail) throw new Error('this sink never opens');
  writeFileSync(options.path, `${JSON.stringify(header)}\n`);
  return {
    async write(events) {
      if (options.delayMs) await wait(options.delayMs);
      const lines = events.map((event) =>
        JSON.stringify(event, (_, value) => (value instanceof Uint8Array ? [...value] : value)),
      );
      appendFileSync(options.path, lines.map((line) => `${line}\n`).join(''));
    },
    async flush() {},
    async close() {
      appendFileSync(options.path, 'closed\n');
    },
  };
}
