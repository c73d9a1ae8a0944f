import type { Clock } from '../clock.ts';

/** Waits for the engine: one wake-up at a time, the last one asked for. */
export interface Waiter {
  /**
   * Calls `wake` once the time is `atNs` on the engine's clock, as near to it as can be; replaces an earlier wish.
   *
   * @param awaitedSince - when the last of the exchanges was sent whose answers are awaited; infinite when none are
   * @param coarse - Some milliseconds later will do as well. Default false
   */
  waitUntil(atNs: number, wake: () => void, awaitedSince: number, coarse?: boolean): void;
  /** Forgets the wish. */
  stop(): void;
}

/** Waits by the timers of a clock: as exact as they are, which for the machine's clock is a millisecond or two. */
export function clockWaiter(clock: Clock, nowNs: () => number): Waiter {
  let cancel = () => {};
  return {
    waitUntil(atNs, wake) {
      cancel();
      const delayMs = Math.max(0, (atNs - nowNs()) / 1e6);
      cancel = Number.isFinite(delayMs) ? clock.after(delayMs, wake) : () => {};
    },
    stop: () => cancel(),
  };
}

// Taken at load, as in `clock.ts`: test runners replace the globals.
const {
  setTimeout: startTimer,
  clearTimeout: stopTimer,
  setImmediate: startImmediate,
  clearImmediate,
} = globalThis;

/** Timers of the event loop fire up to a millisecond early and over a millisecond late, so they end this far ahead. */
const coarseNs = 2e6;
/** A nap never holds the event loop longer than this … */
const longestNapNs = 1e6;
/** … and while answers are awaited, no longer than this, and a quarter of the time they have taken: they are seen in time. */
const awaitingNapNs = { atMost: 0.25e6, atLeast: 0.04e6, share: 0.25 };

/**
 * Waits to a few hundredths of a millisecond: by a timer until 2 ms before, then in naps between which the event loop serves
 * the sockets. A nap is `Atomics.wait` on memory that nobody else has: it takes a fraction of a millisecond, which no timer
 * of the event loop does, and costs no processor time.
 *
 * @param naps - false turns the loop without sleeping: for a thread that has other work to do. Default true.
 */
export function napWaiter(nowNs: () => number, naps: boolean = true): Waiter {
  const cell = new Int32Array(new SharedArrayBuffer(4));
  let due = Number.POSITIVE_INFINITY;
  let awaited = Number.POSITIVE_INFINITY;
  let willDo = false;
  let wake = () => {};
  let timer: NodeJS.Timeout | undefined;
  let immediate: NodeJS.Immediate | undefined;

  const disarm = () => {
    if (timer !== undefined) stopTimer(timer);
    if (immediate !== undefined) clearImmediate(immediate);
    timer = undefined;
    immediate = undefined;
  };

  const arm = () => {
    const leftNs = due - nowNs();
    if (willDo && leftNs > 0) {
      timer = startTimer(step, Math.min(Math.ceil(leftNs / 1e6), 1e9));
    } else if (leftNs > coarseNs) {
      // The longest delay that a timer takes is 2^31 - 1 ms.
      timer = startTimer(step, Math.min(Math.floor((leftNs - coarseNs) / 1e6) + 1, 1e9));
    } else {
      immediate = startImmediate(step);
    }
  };

  const step = () => {
    timer = undefined;
    immediate = undefined;
    const now = nowNs();
    let leftNs = due - now;
    if (naps && !willDo && leftNs > 0 && leftNs <= coarseNs) {
      Atomics.wait(cell, 0, 0, Math.min(leftNs, napNs(now - awaited)) / 1e6);
      leftNs = due - nowNs();
    }
    if (leftNs > 0) {
      arm();
      return;
    }
    due = Number.POSITIVE_INFINITY;
    wake();
  };

  return {
    waitUntil(atNs, run, awaitedSince, coarse = false) {
      wake = run;
      awaited = awaitedSince;
      const sameGrain = coarse === willDo;
      willDo = coarse;
      const armed = timer !== undefined || immediate !== undefined;
      if (armed && atNs >= due && immediate !== undefined) {
        // Already turning: the next turn looks at the new time.
        due = atNs;
        return;
      }
      if (armed && atNs === due && sameGrain) return;
      disarm();
      due = atNs;
      if (Number.isFinite(atNs)) arm();
    },
    stop() {
      disarm();
      due = Number.POSITIVE_INFINITY;
    },
  };
}

/** How long a nap may be when the newest answer that is awaited has taken this long; below 0 when none is. */
function napNs(awaitedForNs: number): number {
  if (awaitedForNs < 0) return longestNapNs;
  const { atMost, atLeast, share } = awaitingNapNs;
  return Math.min(atMost, Math.max(atLeast, awaitedForNs * share));
}
