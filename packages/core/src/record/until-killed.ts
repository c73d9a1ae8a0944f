import type { TapTarget } from './exchange-tap.ts';

/**
 * Takes a tap off when the recording is killed, unless somebody did before, which is what is given back. A recording may outlast many
 * taps: of one that is off, it keeps nothing in memory that the tap knew, such as its server.
 */
export function untilKilled(target: TapTarget, detach: () => void): () => void {
  let attached: (() => void) | undefined = detach;
  const undo = (): void => {
    const run = attached;
    attached = undefined;
    run?.();
  };
  target.whenKilled?.(undo);
  return undo;
}
