import { enterServed, runServed, served } from './served.ts';
import type { ShadowMarks } from './wire-marks.ts';

/** Replayed traffic, as the code that serves it sees it. */
export interface Shadow {
  /** The run that sent it; undefined where that is not said. */
  readonly runId: string | undefined;
  /** Position in the run, counted from 0; undefined where that is not said. */
  readonly seq: number | undefined;
}

/** Whether the request that this code runs for is replayed traffic, by marks that were trusted. False outside of a request. */
export function isShadow(): boolean {
  return currentMarks() !== undefined;
}

/** The replayed request that this code runs for; undefined for any other. */
export function shadowOf(): Shadow | undefined {
  const marks = currentMarks();
  return marks === undefined ? undefined : { runId: marks.runId, seq: marks.seq };
}

/**
 * Runs this for requests of users alone: what it does is left out for replayed ones, for which `instead` is run where it is given.
 *
 * @returns what `run` or `instead` gives; undefined where nothing was run
 * @example
 * const receipt = await unlessShadow(() => payments.charge(card, total), () => payments.rehearse(total));
 */
export function unlessShadow<T>(run: () => T): T | undefined;
export function unlessShadow<T, U>(run: () => T, instead: () => U): T | U;
export function unlessShadow<T, U>(run: () => T, instead?: () => U): T | U | undefined {
  return isShadow() ? instead?.() : run();
}

/** The marks of the request that this code runs for. */
export function currentMarks(): ShadowMarks | undefined {
  return served()?.marks;
}

/** Runs this, and all that comes of it, for a request with these marks, or without. */
export function runWithMarks<T>(marks: ShadowMarks | undefined, run: () => T): T {
  return runServed({ marks, cause: served()?.cause }, run);
}

/** From here on, what runs and comes of it is for a request with these marks, or without. */
export function enterMarks(marks: ShadowMarks | undefined): void {
  // Nothing is asked of a process in which no request was ever marked.
  if (marks !== undefined || currentMarks() !== undefined) enterServed({ marks, cause: served()?.cause });
}
