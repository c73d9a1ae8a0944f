// How exactly a replay keeps to its times. A synthetic capture with Poisson arrivals is written to a file and replayed to a
// server in another process, which stamps arrivals on the clock that both share. The replay is set up as `gardenhose replay`
// has it: with a processor for its sending thread alone, where that can be had. Beside it, in the same run: the same requests
// sent the plain way, by one `setTimeout` each and `http.request`, and the replay without a processor of its own. But for a
// quick run also the plain sender with a processor of its own, which shows what that alone is worth, and the barest way, which
// shows what the machine allows: bytes that are ready, written by a thread that does nothing else.
import { fork } from 'node:child_process';
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

/** More than half of it is after the time in which V8 compiles; the six senders of a quick run so end in 40 seconds. */
const quickSeconds = 4.8;

/** V8 compiles while the first requests are sent: what is measured from here on is told apart, besides. */
const warmUpNs = 2e9;

/**
 * @typedef {import('./support/replay-load.js').Planned} Planned
 * @typedef {{ errorP50Ms: number, errorP99Ms: number, settledP99Ms: number, errorMaxMs: number, driftMs: number, inversions: number, missing: number }} Arrival
 * @typedef {{ child: import('node:child_process').ChildProcess, port: number }} Server
 * @typedef {['ours' | 'ours-shared', string] | ['plain' | 'plain-own' | 'bare', number, number]} Sender
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
 * @param {Server} server @param {number} count @param {Sender} sender
 */
async function stamped({ child, port }, count, [mode, ...rest]) {
  child.send({ type: 'begin', zero: process.hrtime(), count });
  await once(child, 'message');
  const busy = machineBusyMs();
  const from = performance.now();
  const program = fileURLToPath(new URL('support/replay-sender.js', import.meta.url));
  const sender = fork(program, [mode, String(port), ...rest.map(String)]);
  const [[told]] = await Promise.all([once(sender, 'message'), once(sender, 'exit')]);
  const { lag, cpuMs, ownProcessor } = told;
  const busyMs = machineBusyMs() - busy;
  const tookMs = performance.now() - from;
  child.send({ type: 'stop' });
  const [{ arrivals, serverMs }] = await once(child, 'message');
  return {
    arrivals,
    lag,
    ownProcessor,
    cpuPercent: (cpuMs / tookMs) * 100,
    othersPercent: (Math.max(0, busyMs - cpuMs - serverMs) / tookMs) * 100,
  };
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

/**
 * @param {string} path @param {number} rate @param {number} seconds
 * @param {boolean} quick @returns {Promise<import('./run.js').Measure[]>}
 */
async function measureRate(path, rate, seconds, quick) {
  const planned = poisson(rate, seconds);
  await writeCapture(planned, path);
  const server = await startServer();
  /** @param {Sender} sender */
  const arrivalsOf = async (sender) => {
    const told = await stamped(server, planned.length, sender);
    return { ...told, ...judge(planned, told.arrivals) };
  };
  // Not measured: the first to come would find a server whose code is not compiled yet.
  await stamped(server, 1_000, ['bare', 2_000, 0.5]);
  const ours = await arrivalsOf(['ours', path]);
  const plain = await arrivalsOf(['plain', rate, seconds]);
  const shared = await arrivalsOf(['ours-shared', path]);
  const plainOwn = quick ? undefined : await arrivalsOf(['plain-own', rate, seconds]);
  const bare = quick ? undefined : await arrivalsOf(['bare', rate, seconds]);
  server.child.disconnect();
  const at = `at ${rate}/s`;
  const ratio = plain.errorP99Ms / ours.errorP99Ms;
  /** @param {string} name @param {number} value @param {string} unit */
  const figure = (name, value, unit) => ({ name: `${name} ${at}`, value, unit });
  /** @param {string} name @param {number} value @param {string} unit @param {number} limit */
  const below = (name, value, unit, limit) => ({
    ...figure(name, value, unit),
    target: `< ${limit}`,
    ok: value < limit,
  });
  /** @param {string} name @param {number} value */
  const none = (name, value) => ({ ...figure(name, value, 'exchanges'), target: '0', ok: value === 0 });
  return [
    figure('sending thread on a processor of its own', Number(ours.ownProcessor), 'yes=1'),
    below('arrival error p50', ours.errorP50Ms, 'ms', 0.1),
    below('arrival error p99', ours.errorP99Ms, 'ms', 0.5),
    figure('arrival error p99 after 2 s', ours.settledP99Ms, 'ms'),
    figure('arrival error max', ours.errorMaxMs, 'ms'),
    below('drift', ours.driftMs, 'ms', 0.1),
    none('order inversions', ours.inversions),
    none('not arrived', ours.missing),
    figure('send lag p50', ours.lag.p50Ms, 'ms'),
    figure('send lag p99', ours.lag.p99Ms, 'ms'),
    figure('send lag max', ours.lag.maxMs, 'ms'),
    figure('processor', ours.cpuPercent, '% of a core'),
    figure('processor used by others', ours.othersPercent, '% of a core'),
    figure('plain sender: arrival error p50', plain.errorP50Ms, 'ms'),
    figure('plain sender: arrival error p99', plain.errorP99Ms, 'ms'),
    figure('plain sender: processor', plain.cpuPercent, '% of a core'),
    { ...figure('arrival error p99, plain over ours', ratio, 'x'), target: '>= 3', ok: ratio >= 3 },
    figure('processors shared: arrival error p50', shared.errorP50Ms, 'ms'),
    figure('processors shared: arrival error p99', shared.errorP99Ms, 'ms'),
    figure('processors shared: send lag p99', shared.lag.p99Ms, 'ms'),
    ...(plainOwn?.ownProcessor === true
      ? [
          figure('plain sender, own processor: arrival error p50', plainOwn.errorP50Ms, 'ms'),
          figure('plain sender, own processor: arrival error p99', plainOwn.errorP99Ms, 'ms'),
        ]
      : []),
    ...(bare === undefined
      ? []
      : [
          figure('bare sender: arrival error p50', bare.errorP50Ms, 'ms'),
          figure('bare sender: arrival error p99', bare.errorP99Ms, 'ms'),
          figure('bare sender: processor', bare.cpuPercent, '% of a core'),
        ]),
  ];
}

/** @param {{ quick: boolean }} options */
export async function run({ quick }) {
  const directory = await mkdtemp(join(tmpdir(), 'gardenhose-replay-lag-'));
  try {
    const measures = [];
    for (const rate of [500, 2_000]) {
      measures.push(
        ...(await measureRate(join(directory, `${rate}.hose`), rate, quick ? quickSeconds : 60, quick)),
      );
    }
    return measures;
  } finally {
    await rm(directory, { recursive: true });
  }
}
