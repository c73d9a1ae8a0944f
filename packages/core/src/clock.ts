/** Where all time comes from. Passed in, so that tests can move it by hand. */
export interface Clock {
  /** Monotonic nanoseconds since an origin of the clock's own. Below 2^53: good for 104 days from the origin. */
  nowNs(): number;
  /** Wall-clock milliseconds since 1970, with fractions where the platform has them. Read once per capture. */
  wallMs(): number;
  /** Calls `run` once, no earlier than `delayMs` from now; returns the undo. Does not keep the process alive. */
  after(delayMs: number, run: () => void): () => void;
}

// Taken at load: test runners that fake timers replace the globals, and a recorder must go on keeping real time.
const { hrtime } = process;
const { setTimeout: startTimer, clearTimeout: stopTimer, Date: WallClock } = globalThis;

/** The longest that a timer of Node takes: some 25 days. */
const longestTimerMs = 2 ** 31 - 1;

/** The clock of the machine. Its origin is the moment this module was loaded in this thread. */
export const systemClock: Clock = (() => {
  const [originSeconds, originNanos] = hrtime();
  return {
    nowNs() {
      const [seconds, nanos] = hrtime();
      return (seconds - originSeconds) * 1e9 + (nanos - originNanos);
    },
    wallMs: () => WallClock.now(),
    after(delayMs: number, run: () => void) {
      let timer = start(delayMs);
      function start(ms: number): NodeJS.Timeout {
        // A longer one would end at once.
        const goesOn = () => {
          timer = start(ms - longestTimerMs);
        };
        const started = ms > longestTimerMs ? startTimer(goesOn, longestTimerMs) : startTimer(run, ms);
        started.unref();
        return started;
      }
      return () => stopTimer(timer);
    },
  };
})();
