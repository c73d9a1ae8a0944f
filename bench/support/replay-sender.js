// A process that sends what bench/replay-lag.js measures: a replay of a capture (`ours`, and `ours-shared` without a processor of
// its own, and `ours-rate` at a rate), or the same requests the plain way (`plain`, and `plain-own` with one), or with the least that it takes (`bare`). Of its own, so that what the benchmark itself holds in memory delays neither.
import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import { Agent, request } from 'node:http';
import { connect } from 'node:net';
import { setTimeout as startTimer, setImmediate as turn } from 'node:timers/promises';
import { replay } from '@gardenhose/http-adapter';
import { headersOf, lanes, poisson } from './replay-load.js';

/** @typedef {import('./replay-load.js').Planned} Planned */

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

/**
 * The least that can be done: bytes that are ready, written to sockets by a thread that does nothing but sleep until they are
 * due. What it is late is what the machine, Node and the target cost any sender.
 * @param {Planned[]} planned @param {number} port
 */
async function sendBarely(planned, port) {
  // As the replay's own thread does, where it can be done.
  if (process.platform === 'linux') writeFileSync('/proc/self/timerslack_ns', '1');
  const sockets = Array.from({ length: lanes }, () => connect({ host: '127.0.0.1', port, noDelay: true }));
  await Promise.all(sockets.map((socket) => once(socket, 'connect')));
  /** @param {Planned} one */
  const bytesOf = (one) => {
    const fields = [];
    const headers = headersOf(one);
    for (let i = 0; i < headers.length; i += 2) fields.push(`${headers[i]}: ${headers[i + 1]}\r\n`);
    return Buffer.from(`GET /n${one.number} HTTP/1.1\r\n${fields.join('')}\r\n`);
  };
  const ready = planned.map(bytesOf);
  const number = Number.MAX_SAFE_INTEGER;
  for (let warming = 0; warming < 200; warming++) {
    const socket = sockets[warming % lanes];
    socket?.write(bytesOf({ number, lane: 0, atNs: 0 }));
    if (socket !== undefined) await once(socket, 'data');
  }
  for (const socket of sockets) socket.resume();
  const cell = new Int32Array(new SharedArrayBuffer(4));
  const from = performance.now() + 100;
  for (const [place, { lane, atNs }] of planned.entries()) {
    const dueMs = from + atNs / 1e6;
    for (let leftMs = dueMs - performance.now(); leftMs > 0; leftMs = dueMs - performance.now()) {
      if (leftMs > 2) await startTimer(Math.floor(leftMs - 2) + 1);
      else Atomics.wait(cell, 0, 0, Math.min(leftMs, 0.25));
      await turn();
    }
    sockets[lane]?.write(ready[place] ?? '');
  }
  await startTimer(100);
  for (const socket of sockets) socket.destroy();
}

/** Gives this thread the processor that a replay takes, and the others of this process the rest; says whether it could. */
function ownProcessor() {
  try {
    const status = readFileSync('/proc/self/status', 'utf8');
    const [, from, to] = status.match(/^Cpus_allowed_list:\s*(\d+)-(\d+)$/m) ?? [];
    if (from === undefined || to === undefined) return false;
    execFileSync('taskset', ['-apc', `${from}-${Number(to) - 1}`, `${process.pid}`], { stdio: 'ignore' });
    execFileSync('taskset', ['-pc', to, `${process.pid}`], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

const [mode, port, ...rest] = process.argv.slice(2);
if (mode === 'ours' || mode === 'ours-shared' || mode === 'ours-rate') {
  const { run, timing, verdict } = await replay(rest[0] ?? '', `http://127.0.0.1:${port}`, {
    ownProcessor: mode === 'ours' && 'auto',
    ...(mode === 'ours-rate' ? { pace: { rate: Number(rest[1]) } } : {}),
  });
  tell(timing.lag, run?.ownProcessor === true, verdict);
} else {
  const own = mode === 'plain-own' && ownProcessor();
  const send = mode === 'bare' ? sendBarely : sendPlainly;
  await send(poisson(Number(rest[0]), Number(rest[1])), Number(port));
  tell(undefined, own);
}

/** @param {import('@gardenhose/core').Report['timing']['lag'] | undefined} lag @param {boolean} ownProcessor @param {number} [verdict] */
function tell(lag, ownProcessor, verdict) {
  const { user, system } = process.cpuUsage();
  process.send?.({ lag, ownProcessor, verdict, cpuMs: (user + system) / 1e3 }, () => process.disconnect());
}
