import type { Clock } from '../clock.ts';

interface Timer {
  readonly dueNs: number;
  readonly run: () => void;
}

/**
 * A clock that moves only when told.
 *
 * @example
 * const clock = new ManualClock();
 * clock.after(250, () => console.log('a quarter of a second later'));
 * clock.advanceMs(250);
 */
export class ManualClock implements Clock {
  #nowNs: number;
  #wallMs: number;
  readonly #timers = new Set<Timer>();

  constructor(start: { readonly nowNs?: number; readonly wallMs?: number } = {}) {
    this.#nowNs = start.nowNs ?? 0;
    this.#wallMs = start.wallMs ?? Date.UTC(2026, 0, 1);
  }

  nowNs(): number {
    return this.#nowNs;
  }

  wallMs(): number {
    return this.#wallMs;
  }

  after(delayMs: number, run: () => void): () => void {
    const timer = { dueNs: this.#nowNs + delayMs * 1e6, run };
    this.#timers.add(timer);
    return () => this.#timers.delete(timer);
  }

  /** Moves both times on and runs the timers that fall due, earliest first, each at its own time. */
  advanceMs(ms: number): void {
    this.advanceNs(ms * 1e6);
  }

  advanceNs(ns: number): void {
    const endNs = this.#nowNs + ns;
    for (;;) {
      let next: Timer | undefined;
      for (const timer of this.#timers) {
        if (timer.dueNs <= endNs && (next === undefined || timer.dueNs < next.dueNs)) next = timer;
      }
      if (next === undefined) break;
      this.#timers.delete(next);
      this.#move(Math.max(next.dueNs, this.#nowNs));
      next.run();
    }
    this.#move(endNs);
  }

  /** Steps the wall clock alone, as an administrator or NTP would. */
  stepWallMs(ms: number): void {
    this.#wallMs += ms;
  }

  /** Timers that are waiting. */
  get pending(): number {
    return this.#timers.size;
  }

  #move(toNs: number): void {
    this.#wallMs += (toNs - this.#nowNs) / 1e6;
    this.#nowNs = toNs;
  }
}
