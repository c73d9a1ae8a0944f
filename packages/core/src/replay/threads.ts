import { availableParallelism } from 'node:os';
import { invalidOption } from '../model/option-values.ts';
import type { ReplayOrder } from './order.ts';

/** In how many threads a run sends. */
export type ThreadsOption = number | 'auto';

/**
 * Sends in a second that one thread is given: some 50 us of its time each (docs/notes/timing.md), so that it is idle for half of its
 * time, and what is due is seldom late for what was due before it.
 */
const perThread = 10_000;
/** One processor for the thread that reads and reports, and one for the target. */
const otherProcessors = 2;
const maxThreads = 64;

/** The most threads that a run may take, and whether it takes them whatever is to be sent. */
export interface ThreadLimit {
  readonly most: number;
  readonly fixed: boolean;
}

/** @throws {@link GardenhoseError} `invalid-option` */
export function checkThreads(
  threads: ThreadsOption | undefined,
  thread: 'worker' | 'inline',
  order: ReplayOrder,
): ThreadLimit {
  if (threads === undefined || threads === 'auto') {
    if (thread === 'inline' || order === 'serial') return { most: 1, fixed: true };
    const most = Math.min(maxThreads, Math.max(1, availableParallelism() - otherProcessors));
    return { most, fixed: most === 1 };
  }
  if (!(Number.isSafeInteger(threads) && threads > 0 && threads <= maxThreads)) {
    throw invalidOption(
      'threads',
      `must be 'auto' or a whole number from 1 to ${maxThreads}, got ${String(threads)}`,
    );
  }
  if (threads > 1 && thread === 'inline') {
    throw invalidOption('threads', `must be 1 where the engine runs inline, got ${threads}`);
  }
  if (threads > 1 && order === 'serial') {
    throw invalidOption(
      'threads',
      `must be 1 with order 'serial', which sends one at a time, got ${threads}`,
    );
  }
  return { most: threads, fixed: true };
}

/** How many threads it takes to send so much; without a schedule, nothing asks for more than one. */
export function threadsFor(limit: ThreadLimit, peakPerSecond: number): number {
  return limit.fixed ? limit.most : Math.min(limit.most, Math.max(1, Math.ceil(peakPerSecond / perThread)));
}

/** So many lanes are spread evenly. */
const maxPinned = 65_536;

/** Pins lanes to threads: all exchanges of a lane are sent by one, so that their order is kept. */
export class LanePins {
  readonly #threads: number;
  readonly #pins = new Map<string, number>();

  constructor(threads: number) {
    this.#threads = threads;
  }

  threadOf(lane: string): number {
    const pinned = this.#pins.get(lane);
    if (pinned !== undefined) return pinned;
    if (this.#pins.size >= maxPinned) return hash(lane) % this.#threads;
    const thread = this.#pins.size % this.#threads;
    this.#pins.set(lane, thread);
    return thread;
  }
}

/** FNV-1a, of 32 bits. */
function hash(text: string): number {
  let value = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) value = Math.imul(value ^ text.charCodeAt(i), 0x01000193);
  return value >>> 0;
}
