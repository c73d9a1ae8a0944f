// What recording costs the service that is recorded: a server with tap and recorder beside the same server without, in
// processes of their own, measured in turns so that what else the machine does falls on both.
//
// The request threads have a processor of their own; client and recorder's thread share the others. Two processors can be
// two halves of one core: then whatever runs on one makes the other slower, by up to a half, which says nothing of that
// thread's work. So processor time is measured twice:
//
// - with the recorder's thread held back until the requests of a round are answered, so that the other processors have the
//   same to do in both modes: this compares like with like, and the target is for it;
// - as it comes, with the recorder's thread at work beside the request thread.
//
// The client never sleeps in either: waking a sleeping client costs the service that answers it, and one that has its
// processor to itself sleeps less than one that shares it with the recorder's thread.
//
// Latency is measured twice. The client must share a processor with the recorder's thread here, and is delayed by it, as
// no client on another machine is. So one figure is the service's own: from the moment a request was given to the
// operating system until its answer was, by one clock in both processes; what the client could not send on time it leaves
// out. The other is what that client sees, its own delays and all, counted from the planned times.
import { mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { copyCost } from './support/copy-cost.js';
import { at, median, pairsOf, quartiles, totalRatio } from './support/overhead-pairs.js';
import {
  answeredAt,
  cpuOf,
  drained,
  forgetStamps,
  goFirst,
  holdBack,
  pin,
  startSide,
  stopSide,
} from './support/overhead-sides.js';

export const name = 'record-overhead';
export const description =
  'what recording costs a server: processor time per request of its own thread and in all, and latency at half load';
export const notes = `The request threads have a processor of their own and collect their own garbage. Where two processors are halves of one core,
whatever runs on one makes the other slower. So the request thread is measured twice: with the recorder's thread held back
until the requests of a round are answered, which compares like with like and has the target; and as it comes. The
latency of the service is from the moment a request was given to the operating system until its answer was, leaving out what the
client could not send on time; the other one is what a client sees that shares a processor with the recorder's thread, its own
delays and all. For both, the request threads go before whatever else runs on their processor, if the system permits it. Bodies
of 64 kB are copied: into cache where the recorder's thread keeps up, into main memory in a burst that it cannot keep up with;
"copying 64 kB" is what either costs by itself. [What a recorded request costs](notes/recording-cost.md) tells the parts.`;

/**
 * @typedef {import('./support/overhead-sides.js').Side} Side
 * @typedef {import('./run.js').Measure} Measure
 */

// A round fits into the recorder's buffer: how fast its thread empties that is another measure's business. Rounds with a
// target leave at most 4 MB waiting, about what waits while that thread keeps up; the burst leaves 26 MB, which no cache
// holds, so that the copy goes to main memory.
const scenarios = [
  { path: '/hello', label: 'hello world', limit: 1.15, count: 4000 },
  { path: '/64k', label: '64 kB', limit: 1.1, count: 64 },
  { path: '/64k', label: '64 kB in bursts of 26 MB', limit: undefined, count: 400 },
];
const latencyLimit = 1.1;
const connections = 20;
/** Until the code of both has been compiled for what it is measured with. */
const warmUpRequests = 4000;

/**
 * @param {{ quick: boolean }} options
 * @returns {Promise<Measure[]>}
 */
export async function run({ quick }) {
  if (process.platform !== 'linux') throw new Error('record-overhead reads /proc, which only Linux has');
  const folder = mkdtempSync(join(tmpdir(), 'gardenhose-bench-'));
  const off = await startSide('off', folder);
  const on = await startSide('on', folder);
  const parents = await startSide('parents', folder);
  const pinned = pin([off, on, parents]);
  /** @type {Measure[]} */
  const measures = [];
  try {
    const saturation = await warmUp([off, on], quick ? 0.5 : 2);
    for (const scenario of scenarios) {
      const most = quick ? { pairs: 100, seconds: 4 } : { pairs: 400, seconds: 80 };
      measures.push(...(await processorTime(off, on, scenario, most)));
    }
    measures.push(
      ...(await parentsTime(on, parents, quick ? { pairs: 100, seconds: 4 } : { pairs: 400, seconds: 40 })),
    );
    const first = pinned !== undefined && goFirst([off, on]);
    const rounds = quick ? { count: 4, seconds: 0.4 } : { count: 15, seconds: 3 };
    measures.push(...(await ownLatency(off, on, saturation / 2, rounds)));
    measures.push(...(await seenLatency(off, on, saturation / 2, rounds)));
    measures.push(
      { name: 'copying 64 kB into memory that is in cache', value: copyCost(2), unit: 'us' },
      { name: 'copying 64 kB into memory that is not', value: copyCost(256), unit: 'us' },
    );
    measures.push({ name: 'half load', value: saturation / 2, unit: 'requests/s' });
    measures.push({
      name: 'request threads on a processor of their own',
      value: pinned === undefined ? 0 : 1,
      unit: 'yes=1',
    });
    measures.push({
      name: 'latency with request threads before all else on it',
      value: first ? 1 : 0,
      unit: 'yes=1',
    });
  } finally {
    pinned?.();
    const stats = await stopSide(on);
    await stopSide(parents);
    await stopSide(off);
    const bytes = readdirSync(folder).reduce((sum, file) => sum + statSync(join(folder, file)).size, 0);
    rmSync(folder, { recursive: true });
    measures.push(
      { name: 'exchanges recorded', value: stats.recorded, unit: 'exchanges' },
      {
        name: 'exchanges not recorded for want of room',
        value: stats.dropped['buffer-full'],
        unit: 'exchanges',
      },
      { name: 'capture written', value: bytes / 1e6, unit: 'MB' },
    );
  }
  return measures;
}

/**
 * Processor time of both, with the recorder's thread held back and as it comes.
 * @param {Side} off
 * @param {Side} on
 * @param {typeof scenarios[number]} scenario
 * @param {{ pairs: number, seconds: number }} most a busy machine ends it sooner, after five pairs at least
 * @returns {Promise<Measure[]>}
 */
async function processorTime(off, on, { path, label, limit, count }, most) {
  const round = (/** @type {Side} */ side) => cpuOf(side, path, count, connections);
  for (let done = 0; done < warmUpRequests; done += count) for (const side of [off, on]) await round(side);
  const pairs = async () => {
    for (const side of [off, on]) await round(side);
    return pairsOf(off, on, round, { ...most, seconds: most.seconds / 2 });
  };
  const letGo = holdBack(on);
  const held = letGo === undefined ? [] : await pairs();
  letGo?.();
  const free = await pairs();
  const name = `${label}: request thread, recording against not`;
  const ratio = totalRatio(held);
  return [
    {
      name,
      value: ratio,
      unit: 'x',
      ...(limit === undefined ? {} : { target: `at most ${limit}`, ok: ratio <= limit }),
    },
    ...quartiles(name, held),
    {
      name: `${label}: request thread without recording`,
      value: median(held.map(([bare]) => bare.thread)) / count / 1000,
      unit: 'us/request',
    },
    { name: `${name}, as it comes`, value: totalRatio(free), unit: 'x' },
    ...quartiles(`${name}, as it comes`, free),
    {
      name: `${label}: whole process, recording against not`,
      value: median(free.map(([bare, recorded]) => recorded.process / bare.process)),
      unit: 'x',
    },
  ];
}

/**
 * What it costs beside recording that outbound exchanges can say which inbound one they come of.
 * @param {Side} on
 * @param {Side} parents
 * @param {{ pairs: number, seconds: number }} most
 * @returns {Promise<Measure[]>}
 */
async function parentsTime(on, parents, most) {
  const round = (/** @type {Side} */ side) => cpuOf(side, '/hello', 4000, connections);
  for (const side of [parents, on]) await round(side);
  const letGo = [on, parents].map(holdBack);
  const pairs = await pairsOf(on, parents, round, most);
  for (const each of letGo) each?.();
  const name = 'hello world: request thread, recording with parents against recording';
  return [{ name, value: totalRatio(pairs), unit: 'x' }, ...quartiles(name, pairs)];
}

/**
 * From request to answer at the service.
 * @param {Side} off
 * @param {Side} on
 * @param {number} perSecond
 * @param {{ count: number, seconds: number }} rounds
 * @returns {Promise<Measure[]>}
 */
async function ownLatency(off, on, perSecond, rounds) {
  let sent = 0;
  let leftOut = 0;
  const { bare, recorded } = await inTurns(off, on, rounds.count, async (side) => {
    await forgetStamps(side);
    const { sentAt, skipped } = await side.client.steady('/hello', perSecond, rounds.seconds);
    const answered = await answeredAt(side);
    /** @type {number[]} */
    const latencies = [];
    for (const [port, from] of sentAt) {
      const to = answered.get(port) ?? [];
      if (to.length !== from.length) throw new Error(`${from.length} requests, ${to.length} answers`);
      for (const [i, at] of from.entries()) latencies.push((to[i] ?? Number.NaN) - at);
    }
    if (side === on) {
      sent += latencies.length;
      leftOut += skipped;
    }
    return Float64Array.from(latencies).sort();
  });
  const ratio = median(ratiosAt(bare, recorded, 0.99));
  const own = 'latency of the service at half load';
  return [
    {
      name: `p99 ${own}, recording against not`,
      value: ratio,
      unit: 'x',
      target: `at most ${latencyLimit}`,
      ok: ratio <= latencyLimit,
    },
    { name: `p50 ${own}, recording against not`, value: median(ratiosAt(bare, recorded, 0.5)), unit: 'x' },
    { name: `p99 ${own}, without recording`, value: median(bare.map((all) => at(all, 0.99))), unit: 'ms' },
    {
      name: 'requests left out while recording, the client being held up',
      value: (100 * leftOut) / Math.max(1, leftOut + sent),
      unit: '%',
    },
  ];
}

/**
 * As a client sees it that shares a processor with the recorder's thread.
 * @param {Side} off
 * @param {Side} on
 * @param {number} perSecond
 * @param {{ count: number, seconds: number }} rounds
 * @returns {Promise<Measure[]>}
 */
async function seenLatency(off, on, perSecond, rounds) {
  const { bare, recorded } = await inTurns(off, on, rounds.count, (side) =>
    side.client.open('/hello', perSecond, rounds.seconds),
  );
  const seen = "latency seen by a client on the recorder's processor";
  return [
    { name: `p99 ${seen}, recording against not`, value: median(ratiosAt(bare, recorded, 0.99)), unit: 'x' },
    { name: `p50 ${seen}, recording against not`, value: median(ratiosAt(bare, recorded, 0.5)), unit: 'x' },
    { name: `p99 ${seen}, without recording`, value: median(bare.map((all) => at(all, 0.99))), unit: 'ms' },
  ];
}

/**
 * @param {Side} off
 * @param {Side} on
 * @param {number} count
 * @param {(side: Side) => Promise<Float64Array>} measure gives latencies, sorted
 */
async function inTurns(off, on, count, measure) {
  /** @type {Float64Array[]} */
  const bare = [];
  /** @type {Float64Array[]} */
  const recorded = [];
  for (let i = 0; i < count; i += 1) {
    for (const side of i % 2 === 0 ? [off, on] : [on, off]) {
      (side === off ? bare : recorded).push(await measure(side));
      await drained(side);
    }
  }
  return { bare, recorded };
}

/**
 * @param {Side[]} sides
 * @param {number} seconds
 * @returns {Promise<number>} requests per second that the first side takes at most
 */
async function warmUp(sides, seconds) {
  const rates = [];
  for (const side of sides) {
    const took = await side.client.closed('/hello', 2000, connections);
    const count = Math.round((2000 / took) * seconds);
    rates.push(count / (await side.client.closed('/hello', count, connections)));
    await drained(side);
  }
  return rates[0] ?? 0;
}

/** @param {Float64Array[]} bare @param {Float64Array[]} recorded @param {number} share */
const ratiosAt = (bare, recorded, share) =>
  recorded.map((sorted, i) => at(sorted, share) / at(bare[i] ?? sorted, share));
