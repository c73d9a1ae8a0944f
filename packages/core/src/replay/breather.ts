// Taken at load, as in `clock.ts`: test runners replace the globals.
const { setImmediate: startImmediate } = globalThis;
const { hrtime } = process;

const longestNs = 1_000_000n;

/**
 * Lets what waits for this thread have it, in the course of work that goes on for long: a source whose exchanges are all there is
 * read without a turn of the event loop.
 */
export class Breather {
  #since = hrtime.bigint();

  /** Something to wait for, when it is time; undefined when it is not. */
  breathe(): Promise<void> | undefined {
    if (hrtime.bigint() - this.#since < longestNs) return undefined;
    return new Promise((resolve) => {
      startImmediate(() => {
        this.#since = hrtime.bigint();
        resolve();
      });
    });
  }
}
