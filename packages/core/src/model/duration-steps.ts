/** Steps in each doubling: a step is 19 % wide. */
const perDoubling = 4;
/** The first step ends here; what is longer than the last is counted in it. */
const firstNs = 1_000;
/** From a microsecond to over an hour. */
export const stepCount: number = 32 * perDoubling + 1;

/** The step that a duration falls in: of those that end at or after it, the first. */
export function stepOf(ns: number): number {
  if (!(ns > firstNs)) return 0;
  return Math.min(stepCount - 1, Math.ceil(perDoubling * Math.log2(ns / firstNs)));
}

/** The longest whole number of nanoseconds that falls in a step. */
export function stepEndNs(step: number): number {
  return Math.floor(firstNs * 2 ** (step / perDoubling));
}

/** The geometric middle of a step, within 9 % of all that falls in it; of the first step, its end. */
export function stepMiddleNs(step: number): number {
  return firstNs * 2 ** (Math.max(0, step - 0.5) / perDoubling);
}
