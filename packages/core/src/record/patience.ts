import { GardenhoseError } from '../errors.ts';
import type { After } from './clock-notes.ts';

// How long a recorder waits for its sink and hooks, and what it says of those that keep it waiting.

/** A time that is waited for at most, and the undo. */
export interface Patience {
  readonly over: Promise<void>;
  readonly undo: () => void;
}

/** @param tell - Told why, when the time is over */
export function flushPatience(after: After, waitMs: number, tell: (why: string) => void): Patience {
  let undo: () => void = () => undefined;
  const over = new Promise<void>((resolve) => {
    undo = after(waitMs, () => {
      tell(
        `what was recorded was not flushed within ${waitMs} ms: the sink or a hook is slow or stuck; flush() waits no longer`,
      );
      resolve();
    });
  });
  return { over, undo };
}

/** Why a recorder that is closed gives up what was not written. */
export function notClosedWithin(waitMs: number): GardenhoseError {
  return new GardenhoseError(
    'worker-failed',
    `the recorder did not close within ${waitMs} ms: its sink or a hook is stuck, and what was not written is lost`,
  );
}
