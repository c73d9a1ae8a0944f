// The processes that bench/record-overhead.js measures, where they may run, and what they have spent.
import { fork, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { openClient } from './load.js';

/**
 * @typedef {{ child: import('node:child_process').ChildProcess, client: import('./load.js').Client }} Side
 * @typedef {Pick<Side, 'child'> & { client: Pick<import('./load.js').Client, 'closed' | 'close'> }} AnySide
 * @typedef {{ thread: number, process: number }} Cpu nanoseconds
 */

const script = (/** @type {string} */ name) => fileURLToPath(new URL(name, import.meta.url));

/**
 * @param {'on' | 'off' | 'parents'} mode
 * @param {string} folder
 * @returns {Promise<Side>}
 */
export const startSide = (mode, folder) => startServer('overhead-server.js', openClient, mode, folder);

/**
 * @template C
 * @param {string} file the server, beside this file
 * @param {(port: number) => Promise<C>} open
 * @param {'on' | 'off' | 'parents'} mode
 * @param {string} folder
 * @returns {Promise<{ child: import('node:child_process').ChildProcess, client: C }>}
 */
export async function startServer(file, open, mode, folder) {
  const child = fork(script(file), [mode, join(folder, `${mode}.hose`)], {
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    // The request thread has a processor of its own. Threads that collect garbage with it would need others, and be late
    // where those are busy: then it waits for them.
    execArgv: ['--single-threaded-gc'],
  });
  const [address] = await once(child, 'message');
  return { child, client: await open(address.port) };
}

/** @param {AnySide} side */
export async function stopSide({ child, client }) {
  client.close();
  child.send('stop');
  const [{ stats }] = await once(child, 'message');
  await once(child, 'exit');
  return stats;
}

/**
 * Waits until the recorder's thread has written everything.
 * @param {AnySide} side
 */
export async function drained({ child }) {
  child.send('flush');
  await once(child, 'message');
}

/** @param {Side} side */
export async function forgetStamps({ child }) {
  child.send('forget stamps');
  await once(child, 'message');
}

/**
 * When each answer was handed to the operating system since {@link forgetStamps}, by the client's port, in milliseconds.
 * @param {Side} side
 * @returns {Promise<Map<number, number[]>>}
 */
export async function answeredAt({ child }) {
  child.send('stamps');
  const [{ ports, at }] = await once(child, 'message');
  /** @type {Map<number, number[]>} */
  const byPort = new Map();
  for (const [i, port] of ports.entries()) {
    const list = byPort.get(port);
    if (list === undefined) byPort.set(port, [at[i]]);
    else list.push(at[i]);
  }
  return byPort;
}

/**
 * Gives the request threads a processor that the client and the recorder's thread stay away from, where that can be had.
 * @param {AnySide[]} sides
 * @returns {(() => void) | undefined} the undo
 */
export function pin(sides) {
  const last = availableParallelism() - 1;
  if (last < 1) return undefined;
  const others = `1-${last}`;
  const tasks = (/** @type {string} */ pid) => readdirSync(`/proc/${pid}/task`);
  const done = sides.every(({ child }) => {
    const main = String(child.pid);
    return (
      taskset('0', [main]) &&
      taskset(
        others,
        tasks(main).filter((task) => task !== main),
      )
    );
  });
  return done && taskset(others, [String(process.pid)])
    ? () => void taskset(`0-${last}`, [String(process.pid)])
    : undefined;
}

/** @param {string} cpus @param {string[]} of */
const taskset = (cpus, of) => of.every((id) => spawnSync('taskset', ['-pc', cpus, id]).status === 0);

/**
 * Lets the request threads go before whatever else the system does on their processor, where that is permitted.
 * @param {Side[]} sides
 */
export function goFirst(sides) {
  return sides.every(({ child }) => spawnSync('chrt', ['-f', '-p', '1', String(child.pid)]).status === 0);
}

/**
 * Keeps the recorder's thread from running while any other would on its processor, where that is permitted.
 * @param {AnySide} on
 * @returns {(() => void) | undefined} the undo
 */
export function holdBack({ child }) {
  const main = String(child.pid);
  const busiest = readdirSync(`/proc/${main}/task`)
    .filter((task) => task !== main)
    .sort((a, b) => timeOf(main, b) - timeOf(main, a))[0];
  const chrt = (/** @type {string} */ policy) =>
    busiest !== undefined && spawnSync('chrt', [policy, '-p', '0', busiest]).status === 0;
  return chrt('-i') ? () => void chrt('-o') : undefined;
}

/**
 * @param {AnySide} side
 * @param {string} path
 * @param {number} count
 * @param {number} connections
 * @returns {Promise<Cpu>}
 */
export async function cpuOf(side, path, count, connections) {
  const before = spent(side.child.pid);
  await side.client.closed(path, count, connections);
  const { thread } = spent(side.child.pid);
  await drained(side);
  return { thread: thread - before.thread, process: spent(side.child.pid).process - before.process };
}

/**
 * Time on a processor in nanoseconds, of the main thread and of all threads: the first field of their schedstat.
 * @param {number | undefined} pid
 * @returns {Cpu}
 */
function spent(pid) {
  const main = String(pid);
  let all = 0;
  for (const task of readdirSync(`/proc/${main}/task`)) all += timeOf(main, task);
  return { thread: timeOf(main, main), process: all };
}

/** @param {string} pid @param {string} task */
const timeOf = (pid, task) =>
  Number(readFileSync(`/proc/${pid}/task/${task}/schedstat`, 'utf8').split(' ')[0]);
