// A processor for the thread that sends, the others for the rest of the process. Node has no call for this: `taskset` of
// util-linux does it, in about 5 ms, before anything is due.
import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { GardenhoseError } from '../errors.ts';

/** Who gets a processor to itself. */
export type OwnProcessorOption = boolean | 'auto';

/** A processor that a thread has for itself, until it is given back. */
export interface OwnProcessor {
  release(): void;
}

/** A thread may be made by one that is not tied yet, or end while it is being tied: then all are tied once more. */
const maxTries = 3;
const toolWithinMs = 1_000;
/** More than any Linux has. */
const maxProcessors = 65_536;

/**
 * Ties a thread of this process to one of the processors that the process may run on, and all its other threads to the others.
 * Threads made later inherit from the one that makes them, so they keep off it too, unless the tied thread makes them.
 * Where that cannot be done, nothing is tied, and the error says why.
 */
export function takeProcessor(thread: string | undefined): OwnProcessor | GardenhoseError {
  const division = divide();
  if (typeof division === 'string') return impossible(division);
  if (thread === undefined) return impossible('/proc does not tell which thread sends');
  const { former, all, own, rest } = division;
  const release = () => {
    const why = tieAll(former, all);
    if (why === undefined) return;
    process.emitWarning(`threads of this process stay tied to a part of the processors ${former}: ${why}`, {
      type: 'GardenhoseWarning',
    });
  };
  const why = tieAll(rest, rest) ?? tieOne(own, thread);
  if (why === undefined) return { release };
  release();
  return impossible(why);
}

/** Why no thread of this process can have a processor to itself, as far as can be told without doing it. */
export function ownProcessorProblem(): GardenhoseError | undefined {
  const division = divide();
  const why = typeof division === 'string' ? division : run(['-pc', String(process.pid)]);
  return why === undefined ? undefined : impossible(why);
}

interface Division {
  /** As the system says it, which may name processors that are not there. */
  readonly former: string;
  readonly all: string;
  readonly own: string;
  readonly rest: string;
}

/** The processors that this process may use, divided; or why they cannot be. */
function divide(): Division | string {
  if (process.platform !== 'linux') return `found the system ${process.platform}`;
  const [former, ...others] = new Set(allowedLists().values());
  if (former === undefined) return '/proc does not show the threads of this process';
  if (others.length > 0) {
    return 'its threads are tied to different processors already, by another replay or by other means';
  }
  const processors = usable(former);
  // The first has the most to do for the system. Of the others, two processes that replay at once mostly get different ones.
  const candidates = processors.slice(1);
  const own = candidates[process.pid % candidates.length];
  if (own === undefined) return `it may run on processor ${former} alone`;
  const rest = processors.filter((processor) => processor !== own);
  return { former, all: processors.join(), own: String(own), rest: rest.join() };
}

/** Says why not, if not all threads are tied so in the end. */
function tieAll(list: string, expected: string): string | undefined {
  let why: string | undefined;
  for (let tries = 0; tries < maxTries; tries++) {
    why = run(['-apc', list, String(process.pid)]);
    if ([...masks().values()].every((mask) => mask === expected)) return undefined;
  }
  return why ?? 'taskset had no effect on some threads';
}

function tieOne(list: string, thread: string): string | undefined {
  const why = run(['-pc', list, thread]);
  return why ?? (masks().get(thread) === list ? undefined : 'taskset had no effect on the thread that sends');
}

/** Runs `taskset`; says what went wrong, if something did. */
function run(args: readonly string[]): string | undefined {
  try {
    const { error, status, stderr } = spawnSync('taskset', args, {
      stdio: ['ignore', 'ignore', 'pipe'],
      timeout: toolWithinMs,
      encoding: 'utf8',
    });
    if (error !== undefined) throw error;
    return status === 0 ? undefined : `taskset failed: ${stderr.trim().slice(0, 200)}`;
  } catch (error) {
    // Where Node runs with --permission, the call itself throws.
    return `taskset, of util-linux, cannot be run: ${error instanceof Error ? error.message : String(error)}`;
  }
}

/** For each thread of this process, the processors it may run on that are there. */
function masks(): Map<string, string> {
  const lists = allowedLists();
  const shown = new Map(Array.from(new Set(lists.values()), (list) => [list, usable(list).join()]));
  return new Map(Array.from(lists, ([thread, list]) => [thread, shown.get(list) ?? list]));
}

function allowedLists(): Map<string, string> {
  const lists = new Map<string, string>();
  for (const thread of readable(() => readdirSync('/proc/self/task')) ?? []) {
    // One that has ended meanwhile has none.
    const status = readable(() => readFileSync(`/proc/self/task/${thread}/status`, 'utf8'));
    const list = status?.match(/^Cpus_allowed_list:\s*(\S+)$/m)?.[1];
    if (list !== undefined) lists.set(thread, list);
  }
  // Where /proc is that of other process ids, it tells of another process.
  return lists.has(String(process.pid)) ? lists : new Map();
}

function usable(list: string): number[] {
  const online = readable(() => readFileSync('/sys/devices/system/cpu/online', 'utf8'));
  const there = online === undefined ? undefined : new Set(numbersOf(online));
  return numbersOf(list).filter((processor) => there?.has(processor) ?? true);
}

/** The numbers of a list such as `0-3,8`. */
function numbersOf(list: string): number[] {
  return list.split(',').flatMap((range) => {
    const [from = Number.NaN, to = from] = range.split('-').map(Number);
    if (!(from >= 0 && to >= from && to < maxProcessors)) return [];
    return Array.from({ length: to - from + 1 }, (_, i) => from + i);
  });
}

function readable<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch {
    return undefined;
  }
}

function impossible(why: string): GardenhoseError {
  return new GardenhoseError(
    'invalid-option',
    `ownProcessor cannot be had by this process: ${why}; it needs Linux, two processors and taskset`,
    { subject: 'ownProcessor' },
  );
}
