import type { TapTarget } from './exchange-tap.ts';

/** Takes a tap off when the recording is killed, unless somebody did before; gives the same undo. */
export function untilKilled(target: TapTarget, detach: () => void): () => void {
  target.whenKilled?.(detach);
  return detach;
}
