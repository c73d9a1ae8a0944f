import type { Clock } from '../clock.ts';

const { setInterval: startInterval, clearInterval: stopInterval } = globalThis;

/** The wall clock may be set while it is waited for: it is looked at again after this long. */
const lookEveryMs = 1_000;

/** Waits for a time of the wall clock, unless it is told that nobody waits any more. */
export class WallWait {
  #ended = false;
  #wake = () => {};

  async until(wallMs: number, clock: Clock): Promise<void> {
    // A clock's timers do not keep a process alive, and there may be nothing else yet that does.
    const alive = startInterval(() => {}, 1_000_000);
    for (let leftMs = wallMs - clock.wallMs(); leftMs > 0; leftMs = wallMs - clock.wallMs()) {
      if (this.#ended) break;
      await new Promise<void>((resolve) => {
        const undo = clock.after(Math.min(leftMs, lookEveryMs), resolve);
        this.#wake = () => {
          undo();
          resolve();
        };
      });
    }
    stopInterval(alive);
  }

  end(): void {
    this.#ended = true;
    this.#wake();
  }
}
