// The main job, end to end, in under half a minute: record real traffic, look at what was masked, replay it on time
// against another build, and see what changed. Every claim it prints is checked; it exits with 1 if one is not true.

import { fork } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdirSync, rmSync, statSync } from 'node:fs';
import { createServer } from 'node:http';
import { relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import {
  bodyBytes,
  createMasker,
  createRecorder,
  fileSink,
  headerValues,
  openCapture,
  renderReport,
  withHeader,
} from '@gardenhose/core';
import { attach, replay } from '@gardenhose/http-adapter';
import { createService } from './service.js';
import { shop } from './shoppers.js';

const folder = fileURLToPath(new URL('../../demo-output/', import.meta.url));
const captureFile = `${folder}orders.hose`;

/** @type {string[]} */
const untrue = [];
/** Prints a claim with its proof. @param {boolean} holds @param {string} claim */
function claim(holds, claim) {
  console.log(`  ${holds ? '✓' : '✗'} ${claim}`);
  if (!holds) untrue.push(claim);
}

rmSync(folder, { recursive: true, force: true });
mkdirSync(folder, { recursive: true });

// One key for recording and comparing, so that the same value has the same token in both. In production: a key file.
/** @type {import('@gardenhose/core').Policy} */
const mask = {
  version: 1,
  key: { base64: randomBytes(32).toString('base64') },
  rules: [{ id: 'shop/customer-name', at: 'json:$..name', mask: 'token' }],
};

console.log('1. Record: a shop in this process, eight shoppers at once\n');
const recorder = createRecorder({ service: 'shop', sink: fileSink({ path: captureFile }), mask });
const detach = attach(recorder);
const shopServer = createServer(createService({ storeFile: `${folder}build-1.jsonl` }));
const { requests, secrets } = await shop({ port: await listening(shopServer), count: 8, rounds: 16 });
shopServer.close();
detach();
const stats = await recorder.close();
console.log(
  `  ${requests} requests sent; the capture is ${relative('.', captureFile)}, ${size(captureFile)}`,
);
claim(stats.recorded === requests, `all ${requests} exchanges were recorded, none dropped`);

console.log('\n2. Look: what the capture holds\n');
const capture = await openCapture(captureFile);
const leaked = new Set();
let lastSeq = -1;
let ordered = true;
for await (const event of capture.events()) {
  ordered &&= event.seq >= lastSeq;
  lastSeq = event.seq;
  const text = textOf(event);
  for (const secret of secrets) if (text.includes(secret)) leaked.add(secret);
}
let masked = 0;
/** Exchanges whose answer holds an order with five of one item: build 2 charges those wrongly. @type {Set<number>} */
const fiveOfOne = new Set();
let example;
for await (const exchange of capture.exchanges()) {
  for (const { count } of exchange.audit) masked += count;
  const body = exchange.response === undefined ? '' : Buffer.from(bodyBytes(exchange.response)).toString();
  if (/"quantity":5\b/.test(body)) fiveOfOne.add(exchange.id);
  if (exchange.request.method === 'PUT') example ??= exchange;
}
if (example !== undefined) {
  console.log(`  One of the orders, as stored:\n\n    ${example.request.method} ${example.request.target}`);
  for (const value of headerValues(example.request.headers, 'cookie')) console.log(`    Cookie: ${value}`);
  const { customer, card } = JSON.parse(Buffer.from(bodyBytes(example.request)).toString());
  console.log(`    ${JSON.stringify({ customer, card }, null, 2).replaceAll('\n', '\n    ')}\n`);
}
claim(ordered, 'events are in the order in which they happened');
claim(
  leaked.size === 0 && masked > 0,
  `${masked} values were masked; of ${secrets.length} known passwords, sessions, addresses and cards none is in the capture`,
);

console.log('\n3. Replay: on the recorded schedule, against build 2 in a process of its own\n');
// The capture holds no session that is good for anything: the live one goes out in its place.
/** @type {import('@gardenhose/core').ReplayHooks} */
const liveSession = {
  onSend(exchange, { lane }) {
    const cookie = lane.get('cookie');
    if (typeof cookie !== 'string') return;
    const { request } = exchange;
    return { ...exchange, request: { ...request, headers: withHeader(request.headers, 'Cookie', cookie) } };
  },
  onOutcome(_recorded, { replayed }, { lane }) {
    const [setCookie] = headerValues(replayed.response?.headers ?? [], 'set-cookie');
    if (setCookie !== undefined) lane.set('cookie', setCookie.split(';')[0]);
  },
};
let { report, changed, changedPaths } = await replayAgainst(2);
if (report.fidelity.verdict === 'fell-behind') {
  console.log(`  This machine was busy: ${report.fidelity.reasons.join('; ')}. Once more.\n`);
  ({ report, changed, changedPaths } = await replayAgainst(2));
}
await capture.close();
console.log(indent(renderReport(report)));

console.log('\n4. So\n');
const { lag } = report.timing;
claim(report.exchanges.answered === requests, `all ${requests} requests were sent and answered`);
claim(
  report.fidelity.verdict === 'faithful',
  `the replay was faithful: sent ${lag.p50Ms.toFixed(2)} ms (p50) and ${lag.p99Ms.toFixed(2)} ms (p99) after the planned time`,
);
claim(
  report.order.pairs > 0 && report.order.sendInversions + report.order.answerInversions === 0,
  `in each of the ${report.order.lanes} lanes every request kept its place (${report.order.pairs} pairs looked at)`,
);
claim(
  fiveOfOne.size > 0 && changed.size === fiveOfOne.size && [...changed].every((id) => fiveOfOne.has(id)),
  `build 2 charges differently in ${changed.size} answers: exactly those with five of one item, where its bug is`,
);
claim(
  [...changedPaths].every((path) => path.endsWith('.total')),
  `and nothing but the total is different: ${[...changedPaths].sort().join(', ')}`,
);
if (untrue.length > 0) {
  console.error(`\n${untrue.length} of these claims did not hold.`);
  process.exitCode = 1;
}

/** @param {import('node:http').Server} server @returns {Promise<number>} Its port on the loopback. */
function listening(server) {
  return new Promise((resolve) => {
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      resolve(typeof address === 'object' && address !== null ? address.port : 0);
    });
  });
}

/** Replays the capture against a build and notes what changed. @param {number} build */
async function replayAgainst(build) {
  /** @type {Set<number>} */
  const changed = new Set();
  /** @type {Set<string>} */
  const changedPaths = new Set();
  const { port, stop } = await startBuild(build);
  const report = await replay(capture, `http://127.0.0.1:${port}`, {
    hooks: liveSession,
    compare: { masker: createMasker(mask), ignore: ['header:set-cookie'] },
    onResult(_result, comparison) {
      for (const difference of comparison?.differences ?? []) {
        if (difference.verdict !== 'changed') continue;
        changed.add(difference.exchange);
        changedPaths.add(difference.path.replace(/\[\d+\]/g, '[*]'));
      }
    },
  });
  stop();
  return { report, changed, changedPaths };
}

/** Starts a build of the shop in a process of its own. @param {number} build */
async function startBuild(build) {
  const storeFile = `${folder}build-${build}.jsonl`;
  rmSync(storeFile, { force: true });
  const args = ['--build', String(build), '--store', storeFile];
  const child = fork(fileURLToPath(new URL('service.js', import.meta.url)), args, {
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
  });
  /** @type {number} */
  const port = await new Promise((resolve, reject) => {
    child.once('message', (/** @type {{ port: number }} */ message) => resolve(message.port));
    child.once('exit', (status) => reject(new Error(`build ${build} ended with status ${status}`)));
  });
  return { port, stop: () => child.kill() };
}

/** All text of an event, bodies included. @param {import('@gardenhose/core').CaptureEvent} event */
function textOf(event) {
  const { data, ...rest } = { data: undefined, ...event };
  return `${JSON.stringify(rest)} ${data === undefined ? '' : Buffer.from(data)}`;
}

/** @param {string} path */
function size(path) {
  return `${Math.ceil(statSync(path).size / 1024)} KiB`;
}

/** @param {string} text */
function indent(text) {
  return text.replace(/^(?=.)/gm, '  ');
}
