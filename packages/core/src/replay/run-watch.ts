import type { Clock } from '../clock.ts';
import type { ReplayProgress } from './progress.ts';

const progressEveryMs = 200;

/** Calls `stop` when the signal is aborted, at once where it is. Returns the undo. */
export function watchSignal(signal: AbortSignal | undefined, stop: () => void): () => void {
  if (signal === undefined) return () => {};
  if (signal.aborted) stop();
  signal.addEventListener('abort', stop, { once: true });
  return () => signal.removeEventListener('abort', stop);
}

/** Reports some times a second how far a run is. Returns the undo. */
export function reportProgress(
  clock: Clock,
  progress: () => ReplayProgress,
  onProgress: ((progress: ReplayProgress) => void) | undefined,
): () => void {
  if (onProgress === undefined) return () => {};
  const report = (): (() => void) =>
    clock.after(progressEveryMs, () => {
      // The run may end in what is called here, which then undoes the next.
      cancel = report();
      onProgress(progress());
    });
  let cancel = report();
  return () => cancel();
}
