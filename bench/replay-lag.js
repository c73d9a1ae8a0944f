// How exactly a replay keeps to its times. A synthetic capture with Poisson arrivals is written to a file and replayed to a
// server in another process, which stamps arrivals on the clock that both share; beside it, in the same run, the same
// requests are sent the plain way: one `setTimeout` each, and `http.request`.
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { Agent, request } from 'node:http';
import { cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileSink } from '@gardenhose/core';
import { aCaptureHeader, interleave } from '@gardenhose/core/testing';
import { replay } from '@gardenhose/http-adapter';

export const name = 'replay-lag';
export const description =
  'Arrival times of a replayed capture at a server in another process, beside a plain setTimeout and http.request sender';

const lanes = 50;
/** A client does not ask again while it reads the answer. */
const laneRestMs = 5;
/** V8 compiles while the first requests are sent: what is measured from here on is told apart, besides. */
const warmUpNs = 2e9;

/**
 * @typedef {{ number: number, lane: number, atNs: number }} Planned
 * @typedef {{ errorP50Ms: number, errorP99Ms: number, settledP99Ms: number, errorMaxMs: number, driftMs: number, inversions: number, missing: number }} Arrival
 * @typedef {{ child: import('node:child_process').ChildProcess, port: number }} Server
 */

/** A random number generator with a seed (mulberry32): each run measures the same requests. @param {number} seed */
function random(seed) {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** @param {number} rate @param {number} seconds @returns {Planned[]} */
function poisson(rate, seconds) {
  const next = random(rate);
  /** @type {Planned[]} */
  const planned = [];
  const restsUntil = new Float64Array(lanes);
  const count = rate * seconds;
  for (let atNs = 0, number = 0; number < count; number++) {
    let lane = Math.floor(next() * lanes);
    while ((restsUntil[lane] ?? 0) > atNs) lane = (lane + 1) % lanes;
    restsUntil[lane] = atNs + laneRestMs * 1e6;
    planned.push({ number, lane, atNs: Math.round(atNs) });
    atNs += (-Math.log(1 - next()) / rate) * 1e9;
  }
  return planned;
}

/** About 700 bytes of head, as browsers send. @param {Planned} planned */
function headersOf({ lane }) {
  return [
    ...['Host', 'shop.example', 'Connection', 'keep-alive', 'Accept', 'application/json, text/plain, */*'],
    ...[
      'User-Agent',
      'Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0 Safari/537.36',
    ],
    ...['Accept-Encoding', 'gzip, deflate, br, zstd', 'Accept-Language', 'en-GB,en;q=0.9,de;q=0.8'],
    ...['Referer', 'https://shop.example/orders?page=3', 'X-Session', `session-${lane}`.padEnd(200, 'x')],
  ];
}

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

/** Runs `send`, and gives the arrivals. @param {Server} server @param {number} count @param {() => Promise<void>} send */
async function stamped({ child }, count, send) {
  const zero = process.hrtime();
  child.send({ type: 'begin', zero, count });
  await once(child, 'message');
  const cpu = process.cpuUsage();
  const busy = machineBusyMs();
  const from = performance.now();
  await send();
  const { user, system } = process.cpuUsage(cpu);
  const busyMs = machineBusyMs() - busy;
  const tookMs = performance.now() - from;
  child.send({ type: 'stop' });
  const [{ arrivals, serverMs }] = await once(child, 'message');
  const ownMs = (user + system) / 1e3;
  return {
    arrivals,
    cpuPercent: (ownMs / tookMs) * 100,
    othersPercent: (Math.max(0, busyMs - ownMs - serverMs) / tookMs) * 100,
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

/** The usual way: a timer for each request from the start, and Node's client. @param {Planned[]} planned @param {number} port */
async function sendPlainly(planned, port) {
  const agents = Array.from({ length: lanes }, () => new Agent({ keepAlive: true, maxSockets: 1 }));
  const from = performance.now() + 100;
  await Promise.all(
    planned.map(
      (one) =>
        new Promise((resolve, reject) => {
          const headers = headersOf(one);
          setTimeout(
            () => {
              const sent = request({
                ...{ host: '127.0.0.1', port, path: `/n${one.number}`, agent: agents[one.lane], headers },
              });
              sent.on('response', (response) => response.resume().on('end', resolve));
              sent.on('error', reject);
              sent.end();
            },
            from + one.atNs / 1e6 - performance.now(),
          );
        }),
    ),
  );
  for (const agent of agents) agent.destroy();
}

/** @param {string} path @param {number} rate @param {number} seconds @returns {Promise<import('./run.js').Measure[]>} */
async function measureRate(path, rate, seconds) {
  const planned = poisson(rate, seconds);
  await writeCapture(planned, path);
  /** @type {import('@gardenhose/core').Report | undefined} */
  let report;
  const server = await startServer();
  const ours = await stamped(server, planned.length, async () => {
    report = await replay(path, `http://127.0.0.1:${server.port}`);
  });
  const plain = await stamped(server, planned.length, () => sendPlainly(planned, server.port));
  server.child.disconnect();
  if (report === undefined) throw new Error('the replay gave no report');
  const arrival = judge(planned, ours.arrivals);
  const plainArrival = judge(planned, plain.arrivals);
  const ratio = plainArrival.errorP99Ms / arrival.errorP99Ms;
  const { lag } = report.timing;
  const at = `at ${rate}/s`;
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
