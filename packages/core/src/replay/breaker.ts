import type { TranscriptEntry } from './transcript.ts';

/** Answers that are looked at, and how many of them may be errors. */
const window = 20;
const tooMany = window / 2;
/** How long nothing is sent; a target that was overrun may have recovered by then. */
export const pauseMs = 5_000;
const maxPauses = 3;

/** Statuses of gRPC that say that a server is not well: UNKNOWN, DEADLINE_EXCEEDED, RESOURCE_EXHAUSTED, INTERNAL, UNAVAILABLE. */
const unwell: ReadonlySet<number> = new Set([2, 4, 8, 13, 14]);

/**
 * Whether an exchange ended with an error that it did not have when it was recorded: no answer, a status of 500 or more, or a
 * status of gRPC that says that the server is not well.
 */
export function isNewError({ protocol, outcome, status, recordedStatus }: TranscriptEntry): boolean {
  const bad = (one: number | undefined) =>
    one === undefined || (protocol === 'grpc' ? unwell.has(one) : one >= 500);
  if (outcome === 'skipped' || bad(recordedStatus)) return false;
  return outcome === 'failed' || bad(status);
}

/** Stands between a run and a target that does not bear it. Half of the last 20 answers being errors make a pause; a fourth ends the run. */
export class Breaker {
  pauses = 0;
  #errors: boolean[] = [];
  #count = 0;

  /** An exchange is over. Says what is to be done now. */
  over(entry: TranscriptEntry): 'pause' | 'stop' | undefined {
    if (entry.outcome === 'skipped') return undefined;
    const error = isNewError(entry);
    this.#errors.push(error);
    if (error) this.#count++;
    if (this.#errors.length > window && this.#errors.shift() === true) this.#count--;
    if (this.#errors.length < window || this.#count < tooMany) return undefined;
    this.reset();
    if (this.pauses === maxPauses) return 'stop';
    this.pauses++;
    return 'pause';
  }

  /** What came before, and in the pause, says nothing of the target after it. */
  reset(): void {
    this.#errors = [];
    this.#count = 0;
  }
}
