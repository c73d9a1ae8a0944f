import { onlyOptions } from '../model/option-names.ts';
import { invalidOption, wholeOption } from '../model/option-values.ts';
import type { TranscriptEntry } from './transcript.ts';

/** When a run pauses, and when it is enough. */
export interface BreakerOptions {
  /** Exchanges that are looked at: those that ended last. Default 20. */
  readonly of?: number | undefined;
  /** The share of them that must have ended with an error, over 0 up to 1. Default 0.5. */
  readonly errors?: number | undefined;
  /** How long nothing is sent then. Default 5,000. */
  readonly pauseMs?: number | undefined;
  /** Pauses; one more ends the run. 0 ends it at once. Default 3. */
  readonly maxPauses?: number | undefined;
}

/** {@link BreakerOptions}, checked and complete. */
export type BreakerLimits = { readonly [Name in keyof BreakerOptions]-?: number };

const optionNames: Readonly<Record<keyof BreakerOptions, true>> = {
  of: true,
  errors: true,
  pauseMs: true,
  maxPauses: true,
};

/** More are no sign of how a target is now. */
const maxOf = 10_000;

/**
 * The limits of a breaker; undefined where there is none.
 *
 * @throws {@link GardenhoseError} `invalid-option`
 */
export function breakerLimits(
  given: boolean | BreakerOptions | undefined,
  usual: boolean,
): BreakerLimits | undefined {
  if (given !== undefined && typeof given !== 'boolean' && (typeof given !== 'object' || given === null)) {
    throw invalidOption('guard.breaker', `must be true, false or limits, got ${String(given)}`);
  }
  if (!(given ?? usual)) return undefined;
  const options = typeof given === 'object' ? given : {};
  onlyOptions('guard.breaker', options, optionNames);
  const { errors = 0.5, pauseMs = 5_000, maxPauses = 3 } = options;
  const of = wholeOption('guard.breaker.of', options.of, 20);
  if (of > maxOf) throw invalidOption('guard.breaker.of', `must be at most ${maxOf}, got ${of}`);
  if (!(errors > 0 && errors <= 1)) {
    throw invalidOption('guard.breaker.errors', `must be a number over 0 up to 1, got ${String(errors)}`);
  }
  if (!(Number.isFinite(pauseMs) && pauseMs > 0)) {
    throw invalidOption('guard.breaker.pauseMs', `must be a number over 0, got ${String(pauseMs)}`);
  }
  if (!(Number.isSafeInteger(maxPauses) && maxPauses >= 0)) {
    throw invalidOption(
      'guard.breaker.maxPauses',
      `must be a whole number of at least 0, got ${String(maxPauses)}`,
    );
  }
  return { of, errors, pauseMs, maxPauses };
}

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

/** Stands between a run and a target that does not bear it: too many errors make a pause, and some pauses are enough. */
export class Breaker {
  pauses = 0;
  readonly limits: BreakerLimits;
  #errors: boolean[] = [];
  #count = 0;

  constructor(limits: BreakerLimits) {
    this.limits = limits;
  }

  /** An exchange is over. Says what is to be done now. */
  over(entry: TranscriptEntry): 'pause' | 'stop' | undefined {
    if (entry.outcome === 'skipped') return undefined;
    const { of, errors, maxPauses } = this.limits;
    const error = isNewError(entry);
    this.#errors.push(error);
    if (error) this.#count++;
    if (this.#errors.length > of && this.#errors.shift() === true) this.#count--;
    if (this.#errors.length < of || this.#count < of * errors) return undefined;
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
