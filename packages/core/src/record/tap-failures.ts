import type { TapTarget } from './exchange-tap.ts';

/** A tap that fails this often for one target is out of order and stays out. */
const maxFailures = 10;
const failures = new WeakMap<TapTarget, number>();

/** Whether the tap has failed too often for this target. */
export function isOutOfOrder(target: TapTarget): boolean {
  return (failures.get(target) ?? 0) >= maxFailures;
}

/** Counts a failure here and with the target. Never throws. */
export function reportFailure(target: TapTarget, error: unknown): void {
  failures.set(target, (failures.get(target) ?? 0) + 1);
  try {
    target.tapFailed(error);
  } catch {
    // A target that cannot even count must not harm the request that is being served.
  }
}
