import type { Clock } from '../clock.ts';
import type { RequestPath } from './request-path.ts';

const intervalMs = 60_000;
/** A wall clock that moved this much against the monotonic one was stepped. */
const stepMs = 100;

/** Runs something later; what is given back undoes that. */
export type After = (delayMs: number, run: () => void) => () => void;

/** Notes in a recording what the wall clock says: each minute, and when it was stepped. */
export class ClockNotes {
  readonly #clock: Clock;
  readonly #anchorWallMs: number;
  readonly #path: RequestPath;
  readonly #after: After;
  #offsetMs = 0;
  #undo: () => void = () => undefined;

  constructor(clock: Clock, anchorWallMs: number, path: RequestPath, after: After) {
    this.#clock = clock;
    this.#anchorWallMs = anchorWallMs;
    this.#path = path;
    this.#after = after;
  }

  /** Until {@link stop}. */
  start(): void {
    this.#undo = this.#after(intervalMs, () => {
      if (!this.#path.open) return;
      this.#note();
      this.start();
    });
  }

  stop(): void {
    this.#undo();
  }

  /** To be asked now and then. */
  noteStep(): void {
    if (Math.abs(this.#offset() - this.#offsetMs) > stepMs) this.#note();
  }

  #note(): void {
    this.#offsetMs = this.#offset();
    const wallMs = this.#clock.wallMs();
    this.#path.note((writer, at) => writer.clock(at, wallMs));
  }

  /** What the wall clock says beyond what has passed since the anchor. */
  #offset(): number {
    return this.#clock.wallMs() - this.#anchorWallMs - this.#path.nowNs() / 1e6;
  }
}
