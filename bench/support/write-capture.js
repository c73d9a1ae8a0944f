// A synthetic capture on disk, of requests that a benchmark plans.
import { fileSink } from '@gardenhose/core';
import { aCaptureHeader, interleave } from '@gardenhose/core/testing';

/** @typedef {import('./replay-load.js').Planned} Planned */

/** @param {Planned[]} planned @param {(one: Planned) => import('@gardenhose/core').CaptureEvent[]} eventsOf @param {string} path */
export async function writeCapture(planned, eventsOf, path) {
  const sink = await fileSink({ path }).open(aCaptureHeader());
  // Some at a time: what is sorted takes much more memory than it does in the file.
  let seq = 1;
  /** @type {import('@gardenhose/core').CaptureEvent[]} */
  let held = [];
  for (let from = 0; from < planned.length; from += 1_000) {
    const next = planned[from + 1_000]?.atNs ?? Number.POSITIVE_INFINITY;
    const events = interleave(held, ...planned.slice(from, from + 1_000).map(eventsOf));
    const ready = events.filter(({ at }) => at < next);
    held = events.filter(({ at }) => at >= next);
    await sink.write(ready.map((event) => ({ ...event, seq: seq++ })));
  }
  await sink.close();
}
