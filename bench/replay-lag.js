// How exactly a replay keeps to its times. A synthetic capture with Poisson arrivals is written to a file and replayed to a
// server in another process, which stamps arrivals on the clock that both share; beside it, in the same run, the same
// requests are sent the plain way, by one `setTimeout` each and `http.request`, and the barest way, which shows what the
// machine allows: bytes that are ready, written by a thread that does nothing else. Where it can be done, the replay is sent
// once more with a processor for its sending thread alone, which shows what sharing it costs.
import { execFileSync, fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { fileSink } from '@gardenhose/core';
import { aCaptureHeader, interleave } from '@gardenhose/core/testing';
import { headersOf, poisson } from './support/replay-load.js';

export const name = 'replay-lag';
export const description =
  'Arrival times of a replayed capture at a server in another process, beside a plain setTimeout and http.request sender';

/** V8 compiles while the first requests are sent: what is measured from here on is told apart, besides. */
const warmUpNs = 2e9;

/**
 * @typedef {import('./support/replay-load.js').Planned} Planned
 * @typedef {{ errorP50Ms: number, errorP99Ms: number, settledP99Ms: number, errorMaxMs: number, driftMs: number, inversions: number, missing: number }} Arrival
 * @typedef {{ child: import('node:child_process').ChildProcess, port: number }} Server
 */

/** @param {Planned} one @returns {import('@gardenhose/core').CaptureEvent[]} */
function eventsOf(one) {
  const exchange = one.number + 1;
  const from = { seq: 0, at: one.atNs, exchange };
  const to = { seq: 0, at: one.atNs + 100_000, exchange };
  /** @type {{ size: number, state: 'kept', complete: boolean }} */
  const said = { size: 0, state: 'kept', complete: true };
  const target = `/n${one.number}`;
  return [
    {
      ...{
        type: 'start',
        ...from,
        sampleRate: 1,
        direction: 'inbound',
        protocol: 'http',
        lane: `c${one.lane}`,
      },
      ...{ scheme: 'http', version: '1.1', method: 'GET', target, headers: headersOf(one) },
    },
    { type: 'end', ...from, side: 'request', ...said },
    { type: 'headers', ...to, status: 200, reason: 'OK', version: '1.1', headers: ['Content-Length', '0'] },
    { type: 'end', ...to, side: 'response', ...said },
  ];
}

/** @param {Planned[]} planned @param {string} path */
async function writeCapture(planned, path) {
  const events = interleave(planned.flatMap(eventsOf));
  const sink = await fileSink({ path }).open(aCaptureHeader());
  for (let from = 0; from < events.length; from += 1_000) await sink.write(events.slice(from, from + 1_000));
  await sink.close();
}

/** @returns {Promise<Server>} */
async function startServer() {
  // Its collections would show in the stamps: few of them, and on no other thread.
  const execArgv = ['--max-semi-space-size=64', '--min-semi-space-size=16', '--single-threaded-gc'];
  const path = new URL('support/arrival-server.js', import.meta.url);
  const child = fork(path, { serialization: 'advanced', execArgv });
  const [{ port }] = await once(child, 'message');
  return { child, port };
}

/**
 * Has a sender send, and gives the arrivals.
 * @param {Server} server @param {number} count @param {['ours', string] | ['plain' | 'bare', number, number]} sender
 * @param {string[]} execArgv of the process that sends
 */
async function stamped({ child, port }, count, [mode, ...rest], execArgv = []) {
  child.send({ type: 'begin', zero: process.hrtime(), count });
  await once(child, 'message');
  const busy = machineBusyMs();
  const from = performance.now();
  const program = fileURLToPath(new URL('support/replay-sender.js', import.meta.url));
  const sender = fork(program, [mode, String(port), ...rest.map(String)], { execArgv });
  const [[told]] = await Promise.all([once(sender, 'message'), once(sender, 'exit')]);
  const { lag, cpuMs } = told;
  const busyMs = machineBusyMs() - busy;
  const tookMs = performance.now() - from;
  child.send({ type: 'stop' });
  const [{ arrivals, serverMs }] = await once(child, 'message');
  return {
    arrivals,
    lag,
    cpuPercent: (cpuMs / tookMs) * 100,
    othersPercent: (Math.max(0, busyMs - cpuMs - serverMs) / tookMs) * 100,
  };
}

/** Whether this machine lets a thread be tied to a processor. */
function canTie() {
  try {
    execFileSync('taskset', ['-c', '0', 'true']);
    return process.platform === 'linux' && cpus().length > 1;
  } catch {
    return false;
  }
}

/**
 * The replay once more, its sending thread alone on a processor.
 * @param {Server} server @param {Planned[]} planned @param {string} path @param {string} at
 * @returns {Promise<import('./run.js').Measure[]>}
 */
async function measureTied(server, planned, path, at) {
  if (!canTie()) return [];
  const preload = new URL('support/own-processor.js', import.meta.url).href;
  const { arrivals, lag } = await stamped(server, planned.length, ['ours', path], ['--import', preload]);
  const { errorP50Ms, errorP99Ms } = judge(planned, arrivals);
  return [
    { name: `own processor: arrival error p50 ${at}`, value: errorP50Ms, unit: 'ms' },
    { name: `own processor: arrival error p99 ${at}`, value: errorP99Ms, unit: 'ms' },
    { name: `own processor: send lag p99 ${at}`, value: lag.p99Ms, unit: 'ms' },
  ];
}

/** What all processors have worked since the machine was started. */
function machineBusyMs() {
  return cpus().reduce((sum, { times }) => sum + times.user + times.nice + times.sys + times.irq, 0);
}

/** @param {number[]} sorted @param {number} share */
const percentile = (sorted, share) =>
  sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;
/** @param {number[]} values */
const median = (values) =>
  percentile(
    [...values].sort((a, b) => a - b),
    0.5,
  );

/** @param {Planned[]} planned @param {number[]} arrivals @returns {Arrival} */
function judge(planned, arrivals) {
  const came = planned.filter(({ number }) => !Number.isNaN(arrivals[number]));
  const late = came.map(({ number, atNs }) => ((arrivals[number] ?? 0) - atNs) / 1e6);
  // The way to the server takes the same time for each: what counts is who is off the common delay.
  const common = median(late);
  const errors = late.map((ms) => Math.abs(ms - common));
  const settled = errors.filter((_, place) => (came[place]?.atNs ?? 0) >= warmUpNs).sort((a, b) => a - b);
  errors.sort((a, b) => a - b);
  const tenth = Math.ceil(late.length / 10);
  const last = new Map();
  let inversions = 0;
  for (const { number, lane } of came) {
    const at = arrivals[number] ?? 0;
    if (at < (last.get(lane) ?? 0)) inversions++;
    last.set(lane, at);
  }
  return {
    errorP50Ms: percentile(errors, 0.5),
    errorP99Ms: percentile(errors, 0.99),
    errorMaxMs: errors.at(-1) ?? Number.NaN,
    settledP99Ms: percentile(settled, 0.99),
    driftMs: Math.abs(median(late.slice(-tenth)) - median(late.slice(0, tenth))),
    inversions,
    missing: planned.length - came.length,
  };
}

/** @param {string} path @param {number} rate @param {number} seconds @returns {Promise<import('./run.js').Measure[]>} */
async function measureRate(path, rate, seconds) {
  const planned = poisson(rate, seconds);
  await writeCapture(planned, path);
  const server = await startServer();
  const ours = await stamped(server, planned.length, ['ours', path]);
  const plain = await stamped(server, planned.length, ['plain', rate, seconds]);
  const bare = await stamped(server, planned.length, ['bare', rate, seconds]);
  const at = `at ${rate}/s`;
  const tied = await measureTied(server, planned, path, at);
  server.child.disconnect();
  const bareArrival = judge(planned, bare.arrivals);
  const arrival = judge(planned, ours.arrivals);
  const plainArrival = judge(planned, plain.arrivals);
  const ratio = plainArrival.errorP99Ms / arrival.errorP99Ms;
  const { lag } = ours;
  return [
    {
      name: `arrival error p50 ${at}`,
      value: arrival.errorP50Ms,
      unit: 'ms',
      target: '< 0.1',
      ok: arrival.errorP50Ms < 0.1,
    },
    {
      name: `arrival error p99 ${at}`,
      value: arrival.errorP99Ms,
      unit: 'ms',
      target: '< 0.5',
      ok: arrival.errorP99Ms < 0.5,
    },
    { name: `arrival error p99 after 2 s ${at}`, value: arrival.settledP99Ms, unit: 'ms' },
    { name: `arrival error max ${at}`, value: arrival.errorMaxMs, unit: 'ms' },
    { name: `drift ${at}`, value: arrival.driftMs, unit: 'ms', target: '< 0.1', ok: arrival.driftMs < 0.1 },
    {
      name: `order inversions ${at}`,
      value: arrival.inversions,
      unit: 'exchanges',
      target: '0',
      ok: arrival.inversions === 0,
    },
    {
      name: `not arrived ${at}`,
      value: arrival.missing,
      unit: 'exchanges',
      target: '0',
      ok: arrival.missing === 0,
    },
    { name: `send lag p50 ${at}`, value: lag.p50Ms, unit: 'ms' },
    { name: `send lag p99 ${at}`, value: lag.p99Ms, unit: 'ms' },
    { name: `send lag max ${at}`, value: lag.maxMs, unit: 'ms' },
    { name: `processor ${at}`, value: ours.cpuPercent, unit: '% of a core' },
    { name: `processor used by others ${at}`, value: ours.othersPercent, unit: '% of a core' },
    { name: `plain sender: arrival error p50 ${at}`, value: plainArrival.errorP50Ms, unit: 'ms' },
    { name: `plain sender: arrival error p99 ${at}`, value: plainArrival.errorP99Ms, unit: 'ms' },
    { name: `plain sender: processor ${at}`, value: plain.cpuPercent, unit: '% of a core' },
    { name: `bare sender: arrival error p50 ${at}`, value: bareArrival.errorP50Ms, unit: 'ms' },
    { name: `bare sender: arrival error p99 ${at}`, value: bareArrival.errorP99Ms, unit: 'ms' },
    { name: `bare sender: processor ${at}`, value: bare.cpuPercent, unit: '% of a core' },
    ...tied,
    {
      name: `arrival error p99, plain over ours ${at}`,
      value: ratio,
      unit: 'x',
      target: '>= 3',
      ok: ratio >= 3,
    },
  ];
}

/** @param {{ quick: boolean }} options */
export async function run({ quick }) {
  const directory = await mkdtemp(join(tmpdir(), 'gardenhose-replay-lag-'));
  try {
    const measures = [];
    for (const rate of [500, 2_000]) {
      measures.push(...(await measureRate(join(directory, `${rate}.hose`), rate, quick ? 7 : 60)));
    }
    return measures;
  } finally {
    await rm(directory, { recursive: true });
  }
}
