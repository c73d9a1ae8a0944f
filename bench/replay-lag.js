// How exactly a replay keeps to its times. A synthetic capture with Poisson arrivals is written to a file and replayed to a
// server in another process, which stamps arrivals on the clock that both share. The replay is set up as `gardenhose replay`
// has it: with a processor for its sending thread alone, where that can be had. Beside it, in the same run: the same requests
// sent the plain way, by one `setTimeout` each and `http.request`. But for a quick run also, at two of the rates, the replay without a processor of its
// own, the plain sender with one, which shows what that alone is worth, and the barest way, which
// shows what the machine allows: bytes that are ready, written by a thread that does nothing else.
// Then mixed traffic, of which each chunk and message has its time, and a rate that nothing can hold: the report must say so.
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { dueTimes, mixedFor } from './support/mixed-load.js';
import { headersOf, poisson } from './support/replay-load.js';
import { writeCapture } from './support/write-capture.js';

export const name = 'replay-lag';
export const description =
  'Arrival times of a replayed capture at a server in another process, beside a plain setTimeout and http.request sender';

/** The ten senders of a quick run so end in 40 seconds. */
const quickSeconds = 2;
const rates = [100, 500, 2_000, 5_000];
/** Those at which a full run looks at what else there is. */
const closerRates = new Set([500, 2_000]);

const tooMuch = 200_000;

/** V8 compiles while the first requests are sent: what is measured from here on is told apart, besides. */
const warmUpNs = 2e9;

/**
 * @typedef {import('./support/replay-load.js').Planned} Planned
 * @typedef {{ errorP50Ms: number, errorP99Ms: number, errorP999Ms: number, settledP99Ms: number, errorMaxMs: number, driftMs: number, inversions: number, missing: number }} Arrival
 * @typedef {{ child: import('node:child_process').ChildProcess, port: number }} Server
 * @typedef {['ours' | 'ours-shared', string] | ['ours-rate', string, number] | ['plain' | 'plain-own' | 'bare', number, number]} Sender
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
  return await sentBy(child, count, 'support/replay-sender.js', [mode, String(port), ...rest.map(String)]);
}

/** @param {import('node:child_process').ChildProcess} child @param {number} count @param {string} file @param {string[]} args */
async function sentBy(child, count, file, args) {
  child.send({ type: 'begin', zero: process.hrtime(), count });
  await once(child, 'message');
  const busy = machineBusyMs();
  const from = performance.now();
  const sender = fork(fileURLToPath(new URL(file, import.meta.url)), args);
  const [[told]] = await Promise.all([once(sender, 'message'), once(sender, 'exit')]);
  const { lag, messageLag, cpuMs, ownProcessor, verdict } = told;
  const busyMs = machineBusyMs() - busy;
  const tookMs = performance.now() - from;
  child.send({ type: 'stop' });
  const [{ arrivals, serverMs }] = await once(child, 'message');
  return {
    arrivals,
    ...{ lag, messageLag, verdict },
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
    errorP999Ms: percentile(errors, 0.999),
    errorMaxMs: errors.at(-1) ?? Number.NaN,
    settledP99Ms: percentile(settled, 0.99),
    driftMs: Math.abs(median(late.slice(-tenth)) - median(late.slice(0, tenth))),
    inversions,
    missing: planned.length - came.length,
  };
}

/**
 * @param {Server} server @param {string} path @param {number} rate @param {number} seconds
 * @param {boolean} quick @returns {Promise<import('./run.js').Measure[]>}
 */
async function measureRate(server, path, rate, seconds, quick) {
  const planned = poisson(rate, seconds);
  await writeCapture(planned, eventsOf, path);
  /** @param {Sender} sender */
  const arrivalsOf = async (sender) => {
    const told = await stamped(server, planned.length, sender);
    return { ...told, ...judge(planned, told.arrivals) };
  };
  const ours = await arrivalsOf(['ours', path]);
  const plain = await arrivalsOf(['plain', rate, seconds]);
  const closer = !quick && closerRates.has(rate);
  const shared = closer ? await arrivalsOf(['ours-shared', path]) : undefined;
  const plainOwn = closer ? await arrivalsOf(['plain-own', rate, seconds]) : undefined;
  const bare = closer ? await arrivalsOf(['bare', rate, seconds]) : undefined;
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
    ...(quick ? [] : [figure('arrival error p99 after 2 s', ours.settledP99Ms, 'ms')]),
    figure('arrival error p99.9', ours.errorP999Ms, 'ms'),
    figure('arrival error max', ours.errorMaxMs, 'ms'),
    below('drift', ours.driftMs, 'ms', 0.1),
    none('order inversions', ours.inversions),
    none('not arrived', ours.missing),
    figure('send lag p50', ours.lag.p50Ms, 'ms'),
    figure('send lag p99', ours.lag.p99Ms, 'ms'),
    figure('send lag p99.9', ours.lag.p999Ms, 'ms'),
    figure('send lag max', ours.lag.maxMs, 'ms'),
    figure('verdict of the report, held the rate', ours.verdict, 'exit code'),
    figure('processor', ours.cpuPercent, '% of a core'),

    figure('processor used by others', ours.othersPercent, '% of a core'),
    figure('plain sender: arrival error p50', plain.errorP50Ms, 'ms'),
    figure('plain sender: arrival error p99', plain.errorP99Ms, 'ms'),
    figure('plain sender: arrival error p99.9', plain.errorP999Ms, 'ms'),
    figure('plain sender: arrival error max', plain.errorMaxMs, 'ms'),
    figure('plain sender: processor', plain.cpuPercent, '% of a core'),
    {
      ...figure('arrival error p99, plain over ours', ratio, 'x'),
      ...(rate <= 2_000 ? { target: '>= 5', ok: ratio >= 5 } : {}),
    },
    ...(shared === undefined
      ? []
      : [
          figure('processors shared: arrival error p50', shared.errorP50Ms, 'ms'),
          figure('processors shared: arrival error p99', shared.errorP99Ms, 'ms'),
          figure('processors shared: send lag p99', shared.lag.p99Ms, 'ms'),
        ]),
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

/**
 * Uploads in chunks, readers of event streams and conversations over gRPC: each piece at its time.
 * @param {number} seconds @returns {Promise<import('./run.js').Measure[]>}
 */
async function measureMixed(seconds) {
  const mixed = mixedFor(seconds);
  const due = dueTimes(mixed);
  const child = fork(fileURLToPath(new URL('support/mixed-server.js', import.meta.url)), {
    serialization: 'advanced',
  });
  const [{ port, grpcPort }] = await once(child, 'message');
  /** @param {string} mode */
  const send = async (mode) => {
    const args = [mode, String(port), String(grpcPort), String(seconds)];
    const told = await sentBy(child, due.length, 'support/mixed-sender.js', args);
    const planned = due.map((atNs, number) => ({ number, atNs, lane: number }));
    return { ...told, ...judge(planned, told.arrivals) };
  };
  const ours = await send('ours');
  const plain = await send('plain');
  child.disconnect();
  const ratio = plain.errorP99Ms / ours.errorP99Ms;
  const at = `mixed, ${Math.round(due.length / seconds)} pieces/s`;
  /** @param {string} name @param {number} value @param {string} [unit] */
  const figure = (name, value, unit = 'ms') => ({ name: `${name}, ${at}`, value, unit });
  return [
    figure('arrival error p50', ours.errorP50Ms),
    figure('arrival error p99', ours.errorP99Ms),
    figure('arrival error p99.9', ours.errorP999Ms),
    figure('arrival error max', ours.errorMaxMs),
    { ...figure('not arrived', ours.missing, 'pieces'), target: '0', ok: ours.missing === 0 },
    figure('send lag p50', ours.lag.p50Ms),
    figure('send lag p99', ours.lag.p99Ms),
    figure('send lag p99.9', ours.lag.p999Ms),
    figure('send lag max', ours.lag.maxMs),
    figure('message send lag p99', ours.messageLag.p99Ms),
    figure('processor', ours.cpuPercent, '% of a core'),
    figure('plain sender: arrival error p50', plain.errorP50Ms),
    figure('plain sender: arrival error p99', plain.errorP99Ms),
    figure('plain sender: processor', plain.cpuPercent, '% of a core'),
    { ...figure('arrival error p99, plain over ours', ratio, 'x'), target: '>= 5', ok: ratio >= 5 },
  ];
}

/** @param {Server} server @param {string} path @returns {Promise<import('./run.js').Measure[]>} */
async function measureTooMuch(server, path) {
  const count = 10_000;
  await writeCapture(poisson(2_000, count / 2_000), eventsOf, path);
  const { lag, verdict } = await stamped(server, count, ['ours-rate', path, tooMuch]);
  return [
    { name: `send lag p99 at ${tooMuch}/s, which nothing holds`, value: lag.p99Ms, unit: 'ms' },
    {
      ...{ name: `verdict of the report at ${tooMuch}/s`, value: verdict, unit: 'exit code' },
      ...{ target: '2', ok: verdict === 2 },
    },
  ];
}

/** @param {{ quick: boolean }} options */
export async function run({ quick }) {
  const directory = await mkdtemp(join(tmpdir(), 'gardenhose-replay-lag-'));
  const seconds = quick ? quickSeconds : 60;
  try {
    const measures = [];
    const server = await startServer();
    // Not measured: the first to come would find a server whose code is not compiled yet.
    await stamped(server, 1_000, ['bare', 2_000, 0.5]);
    for (const rate of rates) {
      measures.push(...(await measureRate(server, join(directory, `${rate}.hose`), rate, seconds, quick)));
    }
    measures.push(...(await measureMixed(quick ? quickSeconds : 20)));
    measures.push(...(await measureTooMuch(server, join(directory, 'too-much.hose'))));
    server.child.disconnect();
    return measures;
  } finally {
    await rm(directory, { recursive: true });
  }
}
