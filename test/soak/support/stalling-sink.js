// A file sink whose disk stalls and whose thread is slowed down, now and then. What it does when stands in a file, a line each.
import { appendFileSync } from 'node:fs';
import { fileSink } from '@gardenhose/core';

/**
 * @typedef {object} Stalls
 * @property {import('@gardenhose/core').FileSinkOptions} file
 * @property {string} log
 * @property {number} everyMs
 * @property {number} stallMs
 * @property {number} throttleMs
 */

/** @param {unknown} options @param {import('@gardenhose/core').CaptureHeader} header */
export async function openSink(options, header) {
  const { file, log, everyMs, stallMs, throttleMs } = /** @type {Stalls} */ (options);
  const sink = await fileSink(file).open(header);
  const still = new Int32Array(new SharedArrayBuffer(4));
  let next = Date.now() + everyMs;
  let throttledUntil = 0;
  let isStallNext = true;
  /** @param {string} kind @param {number} from @param {number} to */
  const tell = (kind, from, to) => appendFileSync(log, `${JSON.stringify({ kind, from, to })}\n`);
  return {
    ...(sink.lost === undefined ? {} : { lost: () => sink.lost?.() ?? { exchanges: 0, events: 0 } }),
    /** @param {readonly import('@gardenhose/core').CaptureEvent[]} events */
    async write(events) {
      const now = Date.now();
      if (now >= next) {
        if (isStallNext) {
          tell('stall', now, now + stallMs);
          Atomics.wait(still, 0, 0, stallMs);
        } else {
          tell('throttle', now, now + throttleMs);
          throttledUntil = now + throttleMs;
        }
        isStallNext = !isStallNext;
        next = Date.now() + everyMs;
      }
      const started = performance.now();
      await sink.write(events);
      if (Date.now() < throttledUntil) {
        // Nineteen twentieths of its time the thread does something else.
        Atomics.wait(still, 0, 0, 19 * (performance.now() - started) + 5);
      }
    },
    flush: () => sink.flush(),
    close: () => sink.close(),
  };
}
