// Half an hour of traffic at half of saturation, with a disk that stalls and a worker that is slowed down.
//
//   node test/soak/soak.js [--minutes 30] [--rate N]
//
// A recorded service and one that is not are asked in turn, 20 seconds each. Shown, or the script ends with status 1:
//  - no response failed, and none differs from what the service must answer;
//  - the heap of the recorded service is flat;
//  - exchanges offered = recorded + sampled out + dropped, as its stats say, and the captures hold as many beginnings as were
//    recorded and declare as many dropped exchanges as were dropped;
//  - its p99 latency, outside the stalls, is at most 1.10 times that of the other.

import { fork } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { Agent, request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as after } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { openCapture } from '@gardenhose/core';
import { answerTo } from './support/soaked-answer.js';

const { values } = parseArgs({
  options: { minutes: { type: 'string', default: '30' }, rate: { type: 'string' } },
});
const minutes = Number(values.minutes);
const phaseMs = Math.min(20_000, (minutes * 60_000) / 6);
const stalls = { everyMs: Math.min(45_000, phaseMs * 1.5), stallMs: 4000, throttleMs: 10_000 };
const connections = 64;

/** @typedef {{ at: number, ms: number }} Sample */
/** @typedef {{ name: string, port: number, agent: Agent, samples: Sample[], child: import('node:child_process').ChildProcess }} Service */

const folder = mkdtempSync(join(tmpdir(), 'soak-'));
let failed = 0;
/** @type {string[]} */
const failures = [];
let exit = 0;

/** @param {boolean} holds @param {string} claim */
function check(holds, claim) {
  console.log(`${holds ? 'ok    ' : 'NOT OK'} ${claim}`);
  if (!holds) exit = 1;
}

/** @param {string} name @returns {Promise<Service>} */
async function start(name) {
  const child = fork(new URL('./support/soaked-service.js', import.meta.url), [name, folder], {
    env: { ...process.env, SOAK_STALLS: JSON.stringify(stalls) },
  });
  const [{ port }] = await messageOf(child);
  return { name, port, child, agent: new Agent({ keepAlive: true, maxSockets: connections }), samples: [] };
}

/** @param {import('node:child_process').ChildProcess} child @returns {Promise<any[]>} */
function messageOf(child) {
  return new Promise((resolve, reject) => {
    child.once('message', (message) => resolve([message]));
    child.once('exit', (code) => reject(new Error(`the service ended with status ${code}`)));
  });
}

/** @param {Service} service @param {string} question */
async function ask(service, question) {
  const answer = messageOf(service.child);
  service.child.send(question);
  return (await answer)[0];
}

let number = 0;

/** One exchange, checked to the last byte. @param {Service} service @returns {Promise<void>} */
function exchange(service) {
  const n = number++;
  const kind = n % 10;
  const path = kind === 0 ? `/missing/${n}` : kind < 3 ? `/upload/${n}` : `/orders/${n}`;
  const sent = path.startsWith('/upload') ? Buffer.alloc(200 + (n % 7000), `piece ${n} `) : Buffer.alloc(0);
  const expected = answerTo(path, sent);
  const from = performance.now();
  return new Promise((resolve) => {
    /** @param {string} why */
    const fail = (why) => {
      failed += 1;
      if (failures.length < 10) failures.push(`${service.name} ${path}: ${why}`);
      resolve();
    };
    const req = request(
      {
        port: service.port,
        host: '127.0.0.1',
        path,
        agent: service.agent,
        method: sent.length > 0 ? 'POST' : 'GET',
        headers: { 'content-length': sent.length, authorization: `Bearer secret-${n}` },
      },
      (res) => {
        const pieces = /** @type {Buffer[]} */ ([]);
        res.on('data', (piece) => pieces.push(piece));
        res.on('error', (error) => fail(error.message));
        res.on('end', () => {
          service.samples.push({ at: Date.now(), ms: performance.now() - from });
          const same =
            res.statusCode === expected.status &&
            res.headers['x-path'] === path &&
            res.headers['content-type'] === expected.type &&
            Buffer.concat(pieces).equals(expected.body);
          if (same) resolve();
          else fail('another answer');
        });
      },
    );
    req.on('error', (error) => fail(error.message));
    req.end(sent);
  });
}

/** How many exchanges a second the service answers at most. @param {Service} service */
async function saturation(service) {
  const until = performance.now() + 5000;
  let done = 0;
  await Promise.all(
    Array.from({ length: connections }, async () => {
      for (; performance.now() < until; done++) await exchange(service);
    }),
  );
  service.samples = [];
  return done / 5;
}

/** Exchanges at a fixed rate, whatever the answers take. @param {Service} service @param {number} rate @param {number} forMs */
async function load(service, rate, forMs) {
  const from = performance.now();
  /** @type {Set<Promise<void>>} */
  const open = new Set();
  for (let sent = 0; ; ) {
    const elapsed = performance.now() - from;
    if (elapsed >= forMs) break;
    for (; sent < (elapsed / 1000) * rate; sent++) {
      const running = exchange(service);
      open.add(running);
      void running.finally(() => open.delete(running));
    }
    await after(2);
  }
  await Promise.all(open);
}

/** @param {readonly Sample[]} samples */
function p99(samples) {
  const sorted = samples.map(({ ms }) => ms).toSorted((a, b) => a - b);
  return sorted[Math.floor(sorted.length * 0.99)] ?? Number.NaN;
}

const on = await start('on');
const off = await start('off');
const rate = values.rate === undefined ? Math.floor((await saturation(off)) / 2) : Number(values.rate);
console.log(
  `${minutes} minutes at ${rate} requests per second, half of what the unrecorded service can answer`,
);
// Warm, and before the first measure.
for (const service of [on, off]) await load(service, rate, phaseMs / 2);
for (const service of [on, off]) service.samples = [];

/** @type {number[]} */
const heaps = [];
const end = Date.now() + minutes * 60_000;
while (Date.now() < end) {
  for (const service of [on, off]) await load(service, rate, phaseMs);
  const { heapUsed, rss, state } = await ask(on, 'memory');
  heaps.push(heapUsed / 2 ** 20);
  const left = Math.max(0, Math.round((end - Date.now()) / 1000));
  console.log(
    `${left} s left: heap ${(heapUsed / 2 ** 20).toFixed(1)} MiB, rss ${(rss / 2 ** 20).toFixed(0)} MiB, ${state}, ${failed} failed`,
  );
}
for (const service of [on, off]) service.agent.destroy();
const { stats, served } = await ask(on, 'end');
await ask(off, 'end');

const windows = existsSync(join(folder, 'stalls.jsonl'))
  ? readFileSync(join(folder, 'stalls.jsonl'), 'utf8')
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line))
  : [];
let starts = 0;
let declared = 0;
const files = readdirSync(folder).filter((name) => name.endsWith('.hose'));
for (const name of files) {
  const capture = await openCapture(join(folder, name), { mode: 'strict' });
  for await (const event of capture.events()) {
    if (event.type === 'start') starts += 1;
    else if (event.type === 'gap') declared += event.exchanges;
  }
  await capture.close();
}

const dropped = /** @type {number[]} */ (Object.values(stats.dropped)).reduce((sum, count) => sum + count, 0);
const quiet = (/** @type {Sample} */ { at }) =>
  !windows.some(({ from, to }) => at >= from && at <= to + 1000);
const [withTap, without] = [on.samples.filter(quiet), off.samples];
const ratio = p99(withTap) / p99(without);
const third = Math.max(1, Math.floor(heaps.length / 3));
const mean = (/** @type {number[]} */ list) => list.reduce((sum, value) => sum + value, 0) / list.length;
const grown = mean(heaps.slice(-third)) - mean(heaps.slice(0, third));

for (const failure of failures) console.log(`failed: ${failure}`);
check(failed === 0, `${number} responses, ${failed} failed or changed`);
check(windows.length > 0 && dropped > 0, `${windows.length} stalls, ${dropped} exchanges dropped in them`);
check(served === stats.offered, `${served} requests served, ${stats.offered} exchanges offered`);
check(
  stats.offered === stats.recorded + stats.sampledOut + dropped,
  `${stats.offered} offered = ${stats.recorded} recorded + ${stats.sampledOut} sampled out + ${dropped} dropped`,
);
check(starts === stats.recorded, `${starts} beginnings in ${files.length} files, ${stats.recorded} recorded`);
check(declared === dropped, `gaps declare ${declared} exchanges, ${dropped} were dropped`);
check(grown < 4, `the heap grew by ${grown.toFixed(1)} MiB from the first third to the last (below 4)`);
check(
  ratio <= 1.1,
  `p99 outside the stalls ${p99(withTap).toFixed(2)} ms, unrecorded ${p99(without).toFixed(2)} ms: ${ratio.toFixed(2)} (at most 1.10)`,
);
rmSync(folder, { recursive: true });
process.exit(exit);
