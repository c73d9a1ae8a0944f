// What recording costs a gRPC server: processor time of its request thread for a unary echo through protobuf messages, beside
// the same server without, as bench/record-overhead.js measures it for HTTP.
import { mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { path } from './support/grpc-echo.js';
import { openGrpcClient } from './support/grpc-load.js';
import { median, pairsOf, quartiles, totalRatio } from './support/overhead-pairs.js';
import { cpuOf, drained, holdBack, pin, startServer, stopSide } from './support/overhead-sides.js';

export const name = 'grpc-record-overhead';
export const description =
  'what recording costs a gRPC server: processor time of its request thread per unary echo';
export const notes = `A server of grpc-js with codecs of proto-loader echoes a message of some 200 bytes, with 20 calls under way on 4 connections. The
request threads have a processor of their own and collect their own garbage, and the client never sleeps. The target is for the
request thread with the recorder's thread held back until the calls of a round are answered, as in record-overhead.`;

/**
 * @typedef {import('./support/overhead-sides.js').AnySide} Side
 * @typedef {import('./run.js').Measure} Measure
 */

const limit = 1.2;
const calls = 2000;
const underWay = 20;

/**
 * @param {{ quick: boolean }} options
 * @returns {Promise<Measure[]>}
 */
export async function run({ quick }) {
  if (process.platform !== 'linux') throw new Error('grpc-record-overhead reads /proc, which only Linux has');
  const folder = mkdtempSync(join(tmpdir(), 'gardenhose-bench-'));
  const start = (/** @type {'on' | 'off'} */ mode) =>
    startServer('grpc-overhead-server.js', openGrpcClient, mode, folder);
  const off = await start('off');
  const on = await start('on');
  const pinned = pin([off, on]);
  /** @type {Measure[]} */
  const measures = [];
  try {
    for (const side of [off, on]) {
      await side.client.closed(path, quick ? 6000 : 20_000, underWay);
      await drained(side);
    }
    const most = quick ? { pairs: 60, seconds: 10 } : { pairs: 200, seconds: 60 };
    const round = (/** @type {Side} */ side) => cpuOf(side, path, calls, underWay);
    const letGo = holdBack(on);
    const held = letGo === undefined ? undefined : await pairsOf(off, on, round, most);
    letGo?.();
    const free = await pairsOf(off, on, round, most);
    const label = 'unary echo: request thread, recording against not';
    const ratio = totalRatio(held ?? free);
    measures.push(
      { name: label, value: ratio, unit: 'x', target: `at most ${limit}`, ok: ratio <= limit },
      ...quartiles(label, held ?? free),
      {
        name: 'unary echo: request thread without recording',
        value: median((held ?? free).map(([bare]) => bare.thread / calls / 1000)),
        unit: 'us/call',
      },
      { name: `${label}, as it comes`, value: totalRatio(free), unit: 'x' },
      ...quartiles(`${label}, as it comes`, free),
      {
        name: 'unary echo: whole process, recording against not',
        value: median(free.map(([bare, recorded]) => recorded.process / bare.process)),
        unit: 'x',
      },
      {
        name: "recorder's thread held back for the target",
        value: held === undefined ? 0 : 1,
        unit: 'yes=1',
      },
      {
        name: 'request threads on a processor of their own',
        value: pinned === undefined ? 0 : 1,
        unit: 'yes=1',
      },
    );
  } finally {
    pinned?.();
    const stats = await stopSide(on);
    await stopSide(off);
    const bytes = readdirSync(folder).reduce((sum, file) => sum + statSync(join(folder, file)).size, 0);
    rmSync(folder, { recursive: true });
    measures.push(
      { name: 'calls recorded', value: stats.recorded, unit: 'calls' },
      { name: 'calls not recorded for want of room', value: stats.dropped['buffer-full'], unit: 'calls' },
      { name: 'capture written', value: bytes / 1e6, unit: 'MB' },
    );
  }
  return measures;
}
