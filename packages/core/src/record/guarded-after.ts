import type { Clock } from '../clock.ts';
import type { After } from './clock-notes.ts';

/** Runs things later on the application's thread, which must not hear of a clock, or of what is run, that fails. */
export function guardedAfter(clock: Clock, failed: (error: unknown) => void): After {
  return (delayMs, run) => {
    const guarded = (): void => {
      try {
        run();
      } catch (error) {
        failed(error);
      }
    };
    try {
      return clock.after(delayMs, guarded);
    } catch (error) {
      failed(error);
      return () => undefined;
    }
  };
}
