import { existsSync } from 'node:fs';
import type { Clock } from '../clock.ts';
import { GardenhoseError } from '../errors.ts';

const lookEveryMs = 200;

/**
 * A run is stopped by a file that someone makes. One that is left from another time would stop it before it has begun, and whoever
 * relies on it shall know that it works.
 *
 * @throws {@link GardenhoseError} `target-refused` when it is there already
 */
export function checkStopFile(path: string): void {
  if (!existsSync(path)) return;
  throw new GardenhoseError(
    'target-refused',
    `guard.stopFile ${path} is there already, and would stop the run at once; remove it`,
    { subject: path },
  );
}

/** Calls `stop` when the file is there; returns the undo. Looks every 200 ms: that works on every kind of file system. */
export function watchStopFile(path: string, clock: Clock, stop: () => void): () => void {
  let cancel = clock.after(lookEveryMs, look);
  function look(): void {
    if (existsSync(path)) stop();
    else cancel = clock.after(lookEveryMs, look);
  }
  return () => cancel();
}
