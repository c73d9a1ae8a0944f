// How exactly a replay with live values keeps to its times. Each request names an id that the answer before it in its lane told a few
// milliseconds earlier, and the server makes all ids anew. In the same run: the engine in a worker thread, as it is by default; inline,
// in the thread that reads the capture; and, as the measure of both, the same capture in a worker without live values.
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { chains } from './support/chain-load.js';
import { writeCapture } from './support/write-capture.js';

export const name = 'correlated-lag';
export const description =
  'Send lag and arrivals of a replay in which each request sends an id that a live answer told, in a worker and inline';

const rates = [200, 1_000];
const modes = /** @type {const} */ (['worker', 'inline', 'recorded']);

/** @param {number[]} sorted @param {number} share */
const percentile = (sorted, share) =>
  sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;

/**
 * @param {import('node:child_process').ChildProcess} child @param {number} port @param {string} mode
 * @param {string} path @param {import('./support/replay-load.js').Planned[]} planned
 */
async function sent(child, port, mode, path, planned) {
  child.send({ type: 'begin', zero: process.hrtime(), count: planned.length });
  await once(child, 'message');
  const from = performance.now();
  const sender = fork(fileURLToPath(new URL('support/chain-sender.js', import.meta.url)), [
    mode,
    String(port),
    path,
  ]);
  const [[told]] = await Promise.all([once(sender, 'message'), once(sender, 'exit')]);
  const tookMs = performance.now() - from;
  child.send({ type: 'stop' });
  const [{ arrivals, wrong }] = await once(child, 'message');
  const late = planned
    .map(({ number, atNs }) => (arrivals[number] - atNs) / 1e6)
    .filter((ms) => !Number.isNaN(ms))
    .sort((a, b) => a - b);
  // The way to the server takes the same time for each: what counts is who is off the common delay.
  const common = percentile(late, 0.5);
  const errors = late.map((ms) => Math.abs(ms - common)).sort((a, b) => a - b);
  return { ...told, wrong, arrived: late.length, errors, cpuPercent: (told.cpuMs / tookMs) * 100 };
}

/** @param {{ quick: boolean }} options */
export async function run({ quick }) {
  const directory = await mkdtemp(join(tmpdir(), 'gardenhose-correlated-lag-'));
  const seconds = quick ? 3 : 30;
  const child = fork(fileURLToPath(new URL('support/fresh-server.js', import.meta.url)), {
    serialization: 'advanced',
  });
  try {
    const [{ port }] = await once(child, 'message');
    /** @type {import('./run.js').Measure[]} */
    const measures = [];
    for (const rate of rates) {
      const { planned, events } = chains(rate, seconds);
      const path = join(directory, `${rate}.hose`);
      await writeCapture(planned, events, path);
      for (const mode of modes) {
        const told = await sent(child, port, mode, path, planned);
        const at = `${mode === 'recorded' ? 'without live values' : mode}, at ${rate}/s`;
        /** @param {string} name @param {number} value @param {string} [unit] */
        const figure = (name, value, unit = 'ms') => ({ name: `${name}, ${at}`, value, unit });
        measures.push(
          figure('send lag p50', told.lag.p50Ms),
          figure('send lag p99', told.lag.p99Ms),
          figure('send lag p99.9', told.lag.p999Ms),
          figure('send lag max', told.lag.maxMs),
          figure('arrival error p50', percentile(told.errors, 0.5)),
          figure('arrival error p99', percentile(told.errors, 0.99)),
          figure('processor', told.cpuPercent, '% of a core'),
          figure('exchanges that waited for an answer', told.blocked.count, 'exchanges'),
          {
            ...figure('not arrived', planned.length - told.arrived, 'exchanges'),
            ...{ target: '0', ok: told.arrived === planned.length },
          },
        );
        if (mode === 'recorded') continue;
        measures.push({
          ...figure('sent with a wrong id', told.wrong, 'exchanges'),
          ...{ target: '0', ok: told.wrong === 0 },
        });
      }
    }
    return measures;
  } finally {
    child.disconnect();
    await rm(directory, { recursive: true });
  }
}
