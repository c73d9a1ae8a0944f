// How exactly a replay of gRPC keeps to its times, and how fast it can be. Calls with Poisson arrivals, some of which say
// several things at times of their own, are replayed to a server in another process, which stamps the arrival of each message on
// the clock that both share. The replay is set up as `gardenhose replay` has it: with a processor for its sending thread alone,
// where that can be had; and once without. Beside it, in the same run, unary calls as fast as they go: the replay, and the least
// that a program must do for a call with grpc-js.
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { callsFor, messageCount } from './support/grpc-replay-load.js';

export const name = 'grpc-replay-lag';
export const description =
  'Send and arrival times of the messages of replayed gRPC calls at a server in another process; unary calls at full rate beside a bare createCall loop';
export const notes =
  'Send lag is the time from when a message is due to when it is handed to HTTP/2; arrival error is how far its arrival is off the common delay.';

/** V8 compiles while the first calls are sent: what is measured from here on is told apart, besides. */
const warmUpNs = 2e9;

/** @returns {Promise<{ child: import('node:child_process').ChildProcess, port: number }>} */
async function startServer() {
  // Its collections would show in the stamps: few of them, and on no other thread.
  const execArgv = ['--max-semi-space-size=64', '--min-semi-space-size=16', '--single-threaded-gc'];
  const child = fork(fileURLToPath(new URL('support/grpc-replay-server.js', import.meta.url)), {
    serialization: 'advanced',
    execArgv,
  });
  const [{ port }] = await once(child, 'message');
  return { child, port };
}

/** @param {number} port @param {(string | number)[]} args */
async function sender(port, args) {
  const program = fileURLToPath(new URL('support/grpc-replay-sender.js', import.meta.url));
  const child = fork(program, [String(port), ...args.map(String)], { serialization: 'advanced' });
  const [[told]] = await Promise.all([once(child, 'message'), once(child, 'exit')]);
  return told;
}

/** @param {number[]} sorted @param {number} share */
const percentile = (sorted, share) =>
  sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;
/** @param {number[]} values */
const sortedOf = (values) => [...values].sort((a, b) => a - b);

/**
 * @param {'replay' | 'replay-shared'} mode @param {number} rate calls a second @param {number} seconds
 */
async function replayed(mode, rate, seconds) {
  const calls = callsFor(rate, seconds);
  const { child, port } = await startServer();
  child.send({ type: 'begin', zero: process.hrtime(), count: messageCount(calls) });
  await once(child, 'message');
  /** @type {{ lags: number[], failed: number, own: boolean, callLagP99Ms: number }} */
  const told = await sender(port, [mode, rate, seconds]);
  child.send({ type: 'stop' });
  const [{ arrivals }] = await once(child, 'message');
  child.disconnect();
  return { ...told, calls, arrivals };
}

/** @param {number} rate calls a second @param {number} seconds @returns {Promise<import('./run.js').Measure[]>} */
async function measureLag(rate, seconds) {
  const { lags, failed, own, callLagP99Ms, calls, arrivals } = await replayed('replay', rate, seconds);
  const shared = sortedOf((await replayed('replay-shared', rate, seconds)).lags);
  const planned = calls.flatMap(({ atNs, messages }) => messages.map(({ offsetNs }) => atNs + offsetNs));
  const late = planned
    .map((atNs, number) => (arrivals[number] - atNs) / 1e6)
    .filter((ms) => !Number.isNaN(ms));
  const common = percentile(sortedOf(late), 0.5);
  const errors = sortedOf(late.map((ms) => Math.abs(ms - common)));
  const all = sortedOf(lags);
  const settled = sortedOf(lags.filter((_, number) => (planned[number] ?? 0) >= warmUpNs));
  const at = `at ${rate} calls/s, ${Math.round(planned.length / seconds)} messages/s`;
  const p99 = percentile(all, 0.99);
  return [
    { name: `sending thread on a processor of its own ${at}`, value: Number(own), unit: 'yes=1' },
    { name: `message send lag p50 ${at}`, value: percentile(all, 0.5), unit: 'ms' },
    { name: `message send lag p99 ${at}`, value: p99, unit: 'ms', target: '< 3', ok: p99 < 3 },
    { name: `message send lag p99 after 2 s ${at}`, value: percentile(settled, 0.99), unit: 'ms' },
    { name: `message send lag max ${at}`, value: all.at(-1) ?? Number.NaN, unit: 'ms' },
    { name: `processors shared: message send lag p99 ${at}`, value: percentile(shared, 0.99), unit: 'ms' },
    { name: `call send lag p99 ${at}`, value: callLagP99Ms, unit: 'ms' },
    { name: `arrival error p50 ${at}`, value: percentile(errors, 0.5), unit: 'ms' },
    { name: `arrival error p99 ${at}`, value: percentile(errors, 0.99), unit: 'ms' },
    {
      name: `not arrived ${at}`,
      value: planned.length - late.length,
      unit: 'messages',
      target: '0',
      ok: planned.length === late.length,
    },
    { name: `failed ${at}`, value: failed, unit: 'calls', target: '0', ok: failed === 0 },
  ];
}

/** @param {number} rounds @param {number} count @returns {Promise<import('./run.js').Measure[]>} */
async function measureRate(rounds, count) {
  const { child, port } = await startServer();
  child.send({ type: 'begin', zero: process.hrtime(), count: 0 });
  await once(child, 'message');
  const bare = [];
  const replayed = [];
  for (let round = 0; round < rounds; round++) {
    bare.push(Number((await sender(port, ['bare', count])).rate));
    replayed.push(Number((await sender(port, ['asap', count])).rate));
  }
  child.disconnect();
  // What others do on the machine only takes from a rate: the best of each is nearest to what it can be.
  const best = { bare: Math.max(...bare), replayed: Math.max(...replayed) };
  const ratio = best.replayed / best.bare;
  return [
    { name: 'unary calls, bare createCall loop', value: best.bare, unit: 'calls/s' },
    { name: 'unary calls, replay', value: best.replayed, unit: 'calls/s' },
    {
      name: 'unary calls, replay over bare loop',
      value: ratio,
      unit: 'x',
      target: '>= 0.9',
      ok: ratio >= 0.9,
    },
  ];
}

/** @param {{ quick: boolean }} options */
export async function run({ quick }) {
  return [
    ...(await measureLag(500, quick ? 6 : 60)),
    ...(await measureRate(quick ? 2 : 5, quick ? 15_000 : 40_000)),
  ];
}
