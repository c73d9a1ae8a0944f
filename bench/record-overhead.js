// What recording costs the service that is recorded: a server with tap and recorder beside the same server without, in
// processes of their own, measured in turns so that what else the machine does falls on both.
import { fork, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { openClient } from './support/load.js';

export const name = 'record-overhead';
export const description =
  'what recording costs a server: processor time per request of its own thread and in all, and latency at half load';

/**
 * @typedef {{ child: import('node:child_process').ChildProcess, client: import('./support/load.js').Client }} Side
 * @typedef {{ thread: number, process: number }} Cpu nanoseconds
 */

// A round fits into the recorder's buffer: how fast its thread empties that is another measure's business.
const scenarios = [
  { path: '/hello', label: 'hello world', limit: 1.15, count: 4000 },
  { path: '/64k', label: '64 kB', limit: 1.1, count: 400 },
];
const latencyLimit = 1.1;
const connections = 20;

/**
 * @param {{ quick: boolean }} options
 * @returns {Promise<import('./run.js').Measure[]>}
 */
export async function run({ quick }) {
  if (process.platform !== 'linux') throw new Error('record-overhead reads /proc, which only Linux has');
  const folder = mkdtempSync(join(tmpdir(), 'gardenhose-bench-'));
  const off = await start('off', folder);
  const on = await start('on', folder);
  const unpin = pin([off, on]);
  const measures = [];
  try {
    const saturation = await warmUp([off, on], quick ? 0.5 : 2);
    for (const { path, label, limit, count } of scenarios) {
      const rounds = await cpuRounds(
        off,
        on,
        path,
        count,
        quick ? { pairs: 15, seconds: 9 } : { pairs: 60, seconds: 90 },
      );
      const ratios = rounds.map(([bare, recorded]) => recorded.thread / bare.thread);
      const totals = rounds.map(([bare, recorded]) => recorded.process / bare.process);
      const ratio = median(ratios);
      measures.push(
        {
          name: `${label}: request thread, recording against not`,
          value: ratio,
          unit: 'x',
          target: `at most ${limit}`,
          ok: ratio <= limit,
        },
        { name: `${label}: the same, lower quartile`, value: quantile(ratios, 0.25), unit: 'x' },
        { name: `${label}: the same, upper quartile`, value: quantile(ratios, 0.75), unit: 'x' },
        { name: `${label}: whole process, recording against not`, value: median(totals), unit: 'x' },
        {
          name: `${label}: request thread without recording`,
          value: median(rounds.map(([bare]) => bare.thread)) / count / 1000,
          unit: 'us/request',
        },
      );
    }
    measures.push(...(await latency(off, on, saturation / 2, quick)));
    measures.push({
      name: 'request threads on a processor of their own',
      value: unpin === undefined ? 0 : 1,
      unit: 'yes=1',
    });
  } finally {
    unpin?.();
    const stats = await stop(on);
    await stop(off);
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
 * Processor time of both, in turns.
 * @param {Side} off
 * @param {Side} on
 * @param {string} path
 * @param {number} count
 * @param {{ pairs: number, seconds: number }} most a busy machine ends it sooner, after five pairs at least
 * @returns {Promise<[bare: Cpu, recorded: Cpu][]>}
 */
async function cpuRounds(off, on, path, count, most) {
  /** @type {[Cpu, Cpu][]} */
  const rounds = [];
  await cpuOf(off, path, count);
  await cpuOf(on, path, count);
  const until = performance.now() + most.seconds * 1000;
  for (let i = 0; i < most.pairs && (i < 5 || performance.now() < until); i += 1) {
    if (i % 2 === 0) {
      const bare = await cpuOf(off, path, count);
      rounds.push([bare, await cpuOf(on, path, count)]);
    } else {
      const recorded = await cpuOf(on, path, count);
      rounds.push([await cpuOf(off, path, count), recorded]);
    }
  }
  return rounds;
}

/**
 * @param {Side} off
 * @param {Side} on
 * @param {number} perSecond
 * @param {boolean} quick
 */
async function latency(off, on, perSecond, quick) {
  /** @type {Float64Array[]} */
  const bare = [];
  /** @type {Float64Array[]} */
  const recorded = [];
  for (let i = 0; i < (quick ? 5 : 15); i += 1) {
    for (const side of i % 2 === 0 ? [off, on] : [on, off]) {
      const sorted = await side.client.open('/hello', perSecond, quick ? 0.8 : 3);
      (side === off ? bare : recorded).push(sorted);
      await drained(side);
    }
  }
  const p99 = recorded.map((sorted, i) => at(sorted, 0.99) / at(bare[i] ?? sorted, 0.99));
  const p50 = recorded.map((sorted, i) => at(sorted, 0.5) / at(bare[i] ?? sorted, 0.5));
  const ratio = median(p99);
  return [
    {
      name: 'p99 latency at half load, recording against not',
      value: ratio,
      unit: 'x',
      target: `at most ${latencyLimit}`,
      ok: ratio <= latencyLimit,
    },
    { name: 'p50 latency at half load, recording against not', value: median(p50), unit: 'x' },
    {
      name: 'p99 latency without recording',
      value: median(bare.map((sorted) => at(sorted, 0.99))),
      unit: 'ms',
    },
    { name: 'half load', value: perSecond, unit: 'requests/s' },
  ];
}

/**
 * Gives the request threads a processor that the client and the recorder's thread stay away from, where that can be had.
 * @param {Side[]} sides
 * @returns {(() => void) | undefined} the undo
 */
function pin(sides) {
  const last = availableParallelism() - 1;
  /** @param {string} cpus @param {string[]} of */
  const taskset = (cpus, of) => of.every((id) => spawnSync('taskset', ['-pc', cpus, id]).status === 0);
  if (last < 1) return undefined;
  const others = `1-${last}`;
  const done = sides.every(({ child }) => {
    const main = String(child.pid);
    const threads = readdirSync(`/proc/${main}/task`).filter((task) => task !== main);
    return taskset('0', [main]) && taskset(others, threads);
  });
  return done && taskset(others, [String(process.pid)])
    ? () => void taskset(`0-${last}`, [String(process.pid)])
    : undefined;
}

/**
 * @param {'on' | 'off'} mode
 * @param {string} folder
 * @returns {Promise<Side>}
 */
async function start(mode, folder) {
  const script = fileURLToPath(new URL('support/overhead-server.js', import.meta.url));
  const child = fork(script, [mode, join(folder, 'bench.hose')], {
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  });
  const [address] = await once(child, 'message');
  return { child, client: await openClient(address.port) };
}

/**
 * Waits until the recorder's thread has written everything.
 * @param {Side} side
 */
async function drained({ child }) {
  child.send('flush');
  await once(child, 'message');
}

/** @param {Side} side */
async function stop({ child, client }) {
  client.close();
  child.send('stop');
  const [{ stats }] = await once(child, 'message');
  await once(child, 'exit');
  return stats;
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

/**
 * @param {Side} side
 * @param {string} path
 * @param {number} count
 * @returns {Promise<Cpu>}
 */
async function cpuOf(side, path, count) {
  const before = spent(side.child.pid);
  await side.client.closed(path, count, connections);
  const { thread } = spent(side.child.pid);
  await drained(side);
  return { thread: thread - before.thread, process: spent(side.child.pid).process - before.process };
}

/**
 * Time on a processor, of the main thread and of all threads: the first field of their schedstat.
 * @param {number | undefined} pid
 * @returns {Cpu}
 */
function spent(pid) {
  /** @param {string} task */
  const of = (task) => Number(readFileSync(`/proc/${pid}/task/${task}/schedstat`, 'utf8').split(' ')[0]);
  let all = 0;
  for (const task of readdirSync(`/proc/${pid}/task`)) all += of(task);
  return { thread: of(String(pid)), process: all };
}

/** @param {Float64Array} sorted @param {number} share */
const at = (sorted, share) => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0;
/** @param {number[]} values @param {number} share */
const quantile = (values, share) => at(Float64Array.from(values).sort(), share);
/** @param {number[]} values */
const median = (values) => quantile(values, 0.5);
