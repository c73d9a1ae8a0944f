// The main job, end to end, in under half a minute: record real traffic over HTTP and gRPC, look at what was masked, replay it
// on time against another build, and see what changed. Every claim it prints is checked; it exits with 1 if one is not true.

import { fork } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdirSync, rmSync, statSync } from 'node:fs';
import { createServer } from 'node:http';
import { relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import {
  bodyBytes,
  byProtocol,
  createMasker,
  createRecorder,
  fileSink,
  headerValues,
  openCapture,
  readSchemas,
  renderReport,
  replay,
  SchemaRegistry,
  viewMessage,
  withHeader,
} from '@gardenhose/core';
import { attach as attachGrpc, createSender as grpcSender } from '@gardenhose/grpc-adapter';
import { attach, createSender } from '@gardenhose/http-adapter';
import * as grpc from '@grpc/grpc-js';
import { createService } from './service.js';
import { shop } from './shoppers.js';
import { startWarehouse, warehouseClient } from './warehouse.js';

const folder = fileURLToPath(new URL('../../demo-output/', import.meta.url));
const captureFile = `${folder}shop.hose`;

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

console.log('1. Record: a shop (HTTP), its warehouse (gRPC), six shoppers at once\n');
const recorder = createRecorder({ service: 'shop', sink: fileSink({ path: captureFile }), mask });
const detach = [attach(recorder), attachGrpc(recorder, { grpc })];
const warehouse = await startWarehouse();
const client = warehouseClient(warehouse.port);
const shopServer = createServer(createService({ storeFile: `${folder}build-1.jsonl`, warehouse: client }));
const { requests, secrets } = await shop({ port: await listening(shopServer), count: 6, rounds: 12 });
shopServer.close();
client.close();
warehouse.stop();
for (const undo of detach) undo();
const stats = await recorder.close();
const { calls } = client;
const all = requests + calls;
console.log(`  ${requests} requests to the shop, which made ${calls} calls to its warehouse;`);
console.log(`  the capture of both is ${relative('.', captureFile)}, ${size(captureFile)}`);
claim(stats.recorded === all, `all ${all} exchanges were recorded, none dropped`);

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
// The warehouse's schemas were loaded with its service, and stand in the capture: its messages can be shown by their fields.
const schemas = new SchemaRegistry();
for (const schema of await readSchemas(capture)) schemas.add(schema);
let masked = 0;
/** Exchanges about an order with five of one item: build 2 charges those wrongly. @type {{ http: Set<number>, grpc: Set<number> }} */
const fiveOfOne = { http: new Set(), grpc: new Set() };
/** By the token of the customer. @type {Map<string, import('@gardenhose/core').Exchange>} */
const orders = new Map();
/** An order, and the call that it led to. @type {[import('@gardenhose/core').Exchange, any] | undefined} */
let example;
for await (const exchange of capture.exchanges()) {
  for (const { count } of exchange.audit) masked += count;
  if (exchange.protocol === 'grpc') {
    const basket = fieldsOf(exchange);
    const order = orders.get(basket?.email);
    if (order !== undefined && basket?.items !== undefined) example ??= [order, basket];
    if (JSON.stringify(basket).includes('"quantity":5,')) fiveOfOne.grpc.add(exchange.id);
  } else {
    const answer = exchange.response === undefined ? '' : bodyText(exchange.response);
    if (/"quantity":5\b/.test(answer)) fiveOfOne.http.add(exchange.id);
    if (exchange.request.method === 'PUT')
      orders.set(JSON.parse(bodyText(exchange.request)).customer.email, exchange);
  }
}
if (example !== undefined) {
  const [{ request }, { email }] = example;
  console.log(
    `  An order, as stored, and the call that the shop made for it:\n\n    ${request.method} ${request.target}`,
  );
  for (const value of headerValues(request.headers, 'cookie')) console.log(`    Cookie: ${value}`);
  const { customer, card } = JSON.parse(bodyText(request));
  console.log(`    ${JSON.stringify({ customer, card }, null, 2).replaceAll('\n', '\n    ')}`);
  console.log(`    shop.v1.Warehouse/Quote ${JSON.stringify({ email })}\n`);
}
claim(
  example !== undefined,
  'a customer has the same token in the body over HTTP and in the message over gRPC',
);
claim(ordered, 'events are in the order in which they happened');
claim(
  leaked.size === 0 && masked > 0,
  `${masked} values were masked; of ${secrets.length} known passwords, sessions, addresses and cards none is in the capture`,
);

console.log('\n3. Replay: on the recorded schedule, against build 2 in a process of its own\n');
const quote = 'shop.v1.Warehouse/Quote';
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
let { report, changed, places } = await replayAgainst(2);
for (let again = 0; again < 2 && report.fidelity.verdict === 'fell-behind'; again++) {
  console.log(`  This machine was busy: ${report.fidelity.reasons.join('; ')}. Once more.\n`);
  ({ report, changed, places } = await replayAgainst(2));
}
await capture.close();
console.log(indent(renderReport(report)));

console.log('\n4. So\n');
const { lag } = report.timing;
claim(
  report.exchanges.answered === all,
  `all ${requests} requests and ${calls} calls were sent and answered`,
);
claim(
  report.fidelity.verdict === 'faithful',
  `the replay was faithful: sent ${lag.p50Ms.toFixed(2)} ms (p50) and ${lag.p99Ms.toFixed(2)} ms (p99) after the planned time`,
);
claim(
  report.order.pairs > 0 && report.order.sendInversions + report.order.answerInversions === 0,
  `in each of the ${report.order.lanes} lanes every request kept its place (${report.order.pairs} pairs looked at)`,
);
claim(
  sameSet(changed.http, fiveOfOne.http) && sameSet(changed.grpc, fiveOfOne.grpc),
  `build 2 charges differently in ${changed.http.size} answers of the shop and ${changed.grpc.size} of the warehouse: exactly those with five of one item`,
);
claim(
  [...places].every((place) => place.endsWith('.total')) && places.has(`${quote}  body:$[*].total`),
  `and nothing but the total is different, over HTTP as in the field of the warehouse's answer, where the bug is`,
);
for (const place of [...places].sort()) console.log(`      ${place}`);
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
  /** @type {{ http: Set<number>, grpc: Set<number> }} */
  const changed = { http: new Set(), grpc: new Set() };
  /** @type {Set<string>} */
  const places = new Set();
  const { port, warehousePort, stop } = await startBuild(build);
  const sender = byProtocol({
    http: createSender(`http://127.0.0.1:${port}`),
    grpc: grpcSender(`http://127.0.0.1:${warehousePort}`),
  });
  const report = await replay(capture, sender, {
    hooks: liveSession,
    compare: { masker: createMasker(mask), ignore: ['header:set-cookie'] },
    onResult({ entry, recorded }, comparison) {
      for (const { path, verdict, exchange } of comparison?.differences ?? []) {
        if (verdict !== 'changed') continue;
        changed[recorded.protocol === 'grpc' ? 'grpc' : 'http'].add(exchange);
        places.add(`${entry.operation}  ${path.replace(/\[\d+\]/g, '[*]')}`);
      }
    },
  });
  await sender.close();
  stop();
  return { report, changed, places };
}

/** Starts a build of the shop in a process of its own. @param {number} build */
async function startBuild(build) {
  const storeFile = `${folder}build-${build}.jsonl`;
  rmSync(storeFile, { force: true });
  const args = ['--build', String(build), '--store', storeFile];
  const child = fork(fileURLToPath(new URL('service.js', import.meta.url)), args, {
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
  });
  /** @type {{ port: number, warehousePort: number }} */
  const ports = await new Promise((resolve, reject) => {
    child.once('message', resolve);
    child.once('exit', (status) => reject(new Error(`build ${build} ended with status ${status}`)));
  });
  return { ...ports, stop: () => child.kill() };
}

/** @param {import('@gardenhose/core').Content} content */
function bodyText(content) {
  return Buffer.from(bodyBytes(content)).toString();
}

/** What a call asked, by its fields. @param {import('@gardenhose/core').Exchange} exchange @returns {any} */
function fieldsOf({ request }) {
  const [message] = request.messages;
  const type = schemas.method(request.target)?.request;
  const view = message && type ? viewMessage(schemas, type, message.data) : undefined;
  return view !== undefined && 'value' in view ? view.value : undefined;
}

/** @param {Set<number>} some @param {Set<number>} others */
function sameSet(some, others) {
  return some.size > 0 && some.size === others.size && [...some].every((one) => others.has(one));
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
