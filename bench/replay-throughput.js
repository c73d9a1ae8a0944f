// How fast a replay can be: a capture replayed `asap` from its file to a server in another process, beside autocannon and, where
// it is installed, wrk, with as many connections, in the same run and in turns. A replay reads, decodes, prepares, sends and reports;
// the others send one request again and again. And whether memory stays flat where the capture is larger than the memory allowed.
import { execFile, execFileSync, fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { fileSink } from '@gardenhose/core';
import { aCaptureHeader, interleave } from '@gardenhose/core/testing';
import { headersOf } from './support/replay-load.js';

export const name = 'replay-throughput';
export const description =
  'Requests per second of a capture replayed as fast as it goes, beside autocannon and wrk; memory where the capture is larger than it';
export const notes =
  'Each sender has 32 connections and one request under way on each. The processor is that of the sender, all its threads.';

const connections = 32;
/** Of the old generation, in the run that has a capture larger than it. */
const heapMb = 48;

/** @typedef {{ child: import('node:child_process').ChildProcess, port: number }} Server */
/** @typedef {{ perSecond: number, cpuPercent: number }} Figure */

/**
 * A capture of `count` requests, written a piece at a time. Those of a lane follow each other.
 * @param {string} path @param {number} count @param {number} bodyBytes
 */
async function writeCapture(path, count, bodyBytes) {
  const sink = await fileSink({ path }).open(aCaptureHeader());
  const pieces = Math.ceil(count / 1_000);
  for (let piece = 0; piece < pieces; piece++) {
    const first = piece * 1_000;
    const length = Math.min(1_000, count - first);
    await sink.write(
      interleave(...Array.from({ length }, (_, i) => eventsOf(first + i, bodyBytes))).map((event, i) => ({
        ...event,
        seq: first * 5 + i + 1,
      })),
    );
  }
  await sink.close();
}

/** @param {number} number @param {number} bodyBytes @returns {import('@gardenhose/core').CaptureEvent[]} */
function eventsOf(number, bodyBytes) {
  const exchange = number + 1;
  const lane = number % connections;
  const at = number * 10_000;
  const to = { seq: 0, at: at + 5_000, exchange };
  const from = { seq: 0, at, exchange };
  /** @type {{ state: 'kept', complete: boolean }} */
  const said = { state: 'kept', complete: true };
  const headers = headersOf({ number, lane, atNs: at });
  /** @type {import('@gardenhose/core').CaptureEvent[]} */
  const body = [];
  if (bodyBytes > 0) {
    headers.push('Content-Length', String(bodyBytes));
    const data = new Uint8Array(bodyBytes);
    for (let at = 0; at < bodyBytes; at += 65_536) crypto.getRandomValues(data.subarray(at, at + 65_536));
    body.push({ type: 'chunk', ...from, side: 'request', size: bodyBytes, data });
  }
  return [
    {
      ...{ type: 'start', ...from, sampleRate: 1, direction: 'inbound', protocol: 'http', lane: `c${lane}` },
      ...{
        scheme: 'http',
        version: '1.1',
        method: bodyBytes > 0 ? 'POST' : 'GET',
        target: `/n${number}`,
        headers,
      },
    },
    ...body,
    { type: 'end', ...from, side: 'request', ...said, size: bodyBytes },
    { type: 'headers', ...to, status: 200, reason: 'OK', version: '1.1', headers: ['Content-Length', '0'] },
    { type: 'end', ...to, side: 'response', ...said, size: 0 },
  ];
}

/** @param {string} program @returns {Promise<Server>} */
async function startServer(program) {
  const child = fork(fileURLToPath(new URL(program, import.meta.url)), { serialization: 'advanced' });
  const [{ port }] = await once(child, 'message');
  return { child, port };
}

/** @param {string[]} args @param {string[]} [execArgv] @returns {Promise<any>} */
async function sender(args, execArgv = []) {
  const program = fileURLToPath(new URL('support/throughput-sender.js', import.meta.url));
  const child = fork(program, args, { serialization: 'advanced', execArgv });
  const [[told], [code]] = await Promise.all([once(child, 'message'), once(child, 'exit')]);
  if (code !== 0) throw new Error(`the sender ended with ${code}`);
  return told;
}

function wrkIsThere() {
  try {
    execFileSync('wrk', ['--version'], { stdio: 'ignore' });
    return true;
  } catch (error) {
    // Its version ends with 1; what cannot be started has no status.
    return error instanceof Error && 'status' in error && typeof error.status === 'number';
  }
}

/** @param {number} port @param {number} seconds @returns {Promise<Figure>} */
async function wrk(port, seconds) {
  const headers = headersOf({ number: 0, lane: 0, atNs: 0 });
  const flags = [];
  for (let i = 0; i < headers.length; i += 2) flags.push('-H', `${headers[i]}: ${headers[i + 1]}`);
  const { stdout } = await promisify(execFile)('wrk', [
    ...['-t1', `-c${connections}`, `-d${seconds}s`, ...flags, `http://127.0.0.1:${port}/n0`],
  ]);
  return { perSecond: Number(/Requests\/sec:\s*([\d.]+)/.exec(stdout)?.[1]), cpuPercent: 100 };
}

/** @param {number[]} values */
const median = (values) => [...values].sort((a, b) => a - b)[values.length >> 1] ?? Number.NaN;

/** @param {string} directory @param {boolean} quick @returns {Promise<import('./run.js').Measure[]>} */
async function measureSpeed(directory, quick) {
  const [count, rounds, seconds] = quick ? [60_000, 3, 2] : [300_000, 5, 6];
  const path = join(directory, 'many.hose');
  await writeCapture(path, count, 0);
  const server = await startServer('support/arrival-server.js');
  const hasWrk = wrkIsThere();
  /** @type {{ [sender in 'ours' | 'autocannon' | 'wrk']: Figure[] }} */
  const figures = { ours: [], autocannon: [], wrk: [] };
  // Not counted: the first to come would find a server whose code is not compiled yet.
  await sender(['autocannon', String(server.port), String(connections), '1']);
  const exact = await sender(['exact', String(connections)]);
  for (let round = 0; round < rounds; round++) {
    figures.ours.push(await sender(['replay', String(server.port), path]));
    figures.autocannon.push(
      await sender(['autocannon', String(server.port), String(connections), String(seconds)]),
    );
    if (hasWrk) figures.wrk.push(await wrk(server.port, seconds));
  }
  server.child.disconnect();
  /** @param {Figure[]} of @param {keyof Figure} what */
  const middle = (of, what) => median(of.map((figure) => figure[what]));
  /** @param {'autocannon' | 'wrk'} other */
  const ratio = (other) =>
    median(figures.ours.map(({ perSecond }, round) => perSecond / (figures[other][round]?.perSecond ?? 0)));
  const overAutocannon = ratio('autocannon');
  return [
    { name: 'replayed requests', value: middle(figures.ours, 'perSecond'), unit: '/s' },
    { name: 'replay: processor', value: middle(figures.ours, 'cpuPercent'), unit: '% of a core' },
    { name: 'autocannon requests', value: middle(figures.autocannon, 'perSecond'), unit: '/s' },
    { name: 'autocannon: processor', value: middle(figures.autocannon, 'cpuPercent'), unit: '% of a core' },
    {
      ...{ name: 'replayed over autocannon', value: overAutocannon, unit: 'x' },
      ...{ target: '>= 1.5', ok: overAutocannon >= 1.5 },
    },
    { name: 'wrk installed', value: Number(hasWrk), unit: 'yes=1' },
    ...(hasWrk
      ? [
          { name: 'wrk requests', value: middle(figures.wrk, 'perSecond'), unit: '/s' },
          {
            name: 'replayed over wrk',
            value: ratio('wrk'),
            unit: 'x',
            target: '>= 0.7',
            ok: ratio('wrk') >= 0.7,
          },
        ]
      : []),
    {
      ...{ name: 'heads that differ from those recorded', value: exact.different, unit: 'of 200' },
      ...{ target: '0', ok: exact.different === 0 },
    },
  ];
}

/** @param {string} directory @param {boolean} quick @returns {Promise<import('./run.js').Measure[]>} */
async function measureMemory(directory, quick) {
  const path = join(directory, 'large.hose');
  await writeCapture(path, quick ? 9_000 : 60_000, 16_384);
  const { size } = await stat(path);
  const server = await startServer('support/ok-server.js');
  const told = await sender(['memory', String(server.port), path], [`--max-old-space-size=${heapMb}`]);
  server.child.disconnect();
  const growth = told.laterMb / told.earlierMb;
  return [
    { name: 'large capture', value: size / 2 ** 20, unit: 'MiB' },
    { name: 'heap allowed', value: heapMb, unit: 'MiB' },
    { name: 'memory, most in the first half', value: told.earlierMb, unit: 'MiB' },
    { name: 'memory, most in the second half', value: told.laterMb, unit: 'MiB' },
    { name: 'memory, second half over first', value: growth, unit: 'x', target: '< 1.15', ok: growth < 1.15 },
    {
      name: 'not answered of the large capture',
      value: told.missing,
      unit: 'exchanges',
      target: '0',
      ok: told.missing === 0,
    },
  ];
}

/** @param {{ quick: boolean }} options */
export async function run({ quick }) {
  const directory = await mkdtemp(join(tmpdir(), 'gardenhose-replay-throughput-'));
  try {
    return [...(await measureSpeed(directory, quick)), ...(await measureMemory(directory, quick))];
  } finally {
    await rm(directory, { recursive: true });
  }
}
