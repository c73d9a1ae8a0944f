import { GardenhoseError } from '../errors.ts';
import { whereProblem } from '../hook/check-rules.ts';
import type { CaptureEvent, ExchangeId, ExchangeStart, StartEvent } from '../model/event.ts';
import { isServerFault } from '../model/grpc-status.ts';
import { headerValue } from '../model/headers.ts';
import { onlyOptions } from '../model/option-names.ts';

/** How an exchange ended. All that is given must hold; of a list, one. */
export interface SampledOutcome {
  /** An HTTP status from 500, a status of gRPC that is the server's fault (2, 4, 12 to 15), or an end before both sides were done. */
  readonly error?: true;
  /** Status of the answer: 404, or a class such as `5xx`. */
  readonly status?: number | string | readonly (number | string)[];
  /** Status of a gRPC call: 14 (unavailable). A call that broke off has none. */
  readonly grpcStatus?: number | readonly number[];
  /** It took longer than this, in milliseconds, from its first event to its last. */
  readonly slowerThanMs?: number;
  /** It broke off before both sides were done. */
  readonly aborted?: true;
}

/** What a sampler says of an exchange that starts, as long as its end is not known. */
export interface OutcomeShares {
  /** Share that is recorded, as of {@link Sampler.sample}, of exchanges that end in none of the outcomes. */
  readonly otherwise: number;
  /** For each outcome, in order, the share that is recorded of those that end in it, 0 when this one is not; NaN where the rule does not fit. */
  readonly shares: readonly number[];
}

/** How a sampler goes by outcomes: exchanges are held in memory until it is known how they end. */
export interface OutcomeSampling {
  /** The first that an exchange ends in counts. Can be cloned. */
  readonly outcomes: readonly SampledOutcome[];
  /** Bytes of raw events held, about. Beyond it, the oldest exchange is not waited for any longer. */
  readonly maxHeldBytes: number;
  /** Nor is one that takes longer than this, in milliseconds. */
  readonly maxHeldMs: number;
  /** Undefined when no outcome matters for this exchange: then the sampler's `sample` is asked. */
  decide(start: ExchangeStart, exchange: ExchangeId): OutcomeShares | undefined;
}

/** The part of it that crosses to a worker. */
export type HoldingPlan = Pick<OutcomeSampling, 'outcomes' | 'maxHeldBytes' | 'maxHeldMs'>;

/** What of it is known to the worker: functions cannot cross. */
export function holdingPlan({ outcomes, maxHeldBytes, maxHeldMs }: OutcomeSampling): HoldingPlan {
  return { outcomes, maxHeldBytes, maxHeldMs };
}

/** The share where it is the same however the exchange ends. */
export function settledShare({ shares, otherwise }: OutcomeShares): number | undefined {
  return shares.every((share) => share === otherwise || Number.isNaN(share)) ? otherwise : undefined;
}

/** What is known so far of how an exchange ends. */
export class EndWatch {
  readonly #startAt: number;
  readonly #isCall: boolean;
  #lastAt: number;
  #status: number | undefined;
  #grpcStatus: number | undefined;
  #aborted = false;
  #sidesLeft = 2;
  /** Both sides are done, or it broke off. */
  over = false;

  constructor({ at, protocol }: StartEvent) {
    this.#startAt = at;
    this.#lastAt = at;
    this.#isCall = protocol === 'grpc';
  }

  note(event: CaptureEvent): void {
    this.#lastAt = event.at;
    if (event.type === 'headers') {
      if (event.status >= 200 || event.status === 101) this.#status = event.status;
      if (this.#isCall) this.#noteGrpcStatus(event.headers);
    } else if (event.type === 'trailers') {
      if (this.#isCall && event.side === 'response') this.#noteGrpcStatus(event.headers);
    } else if (event.type === 'abort') {
      // What the recorder gives up need not have failed.
      this.#aborted = event.by !== 'recorder';
      this.over = true;
    } else if (event.type === 'end' && --this.#sidesLeft === 0) {
      this.over = true;
    }
  }

  /** Whether this is how it ends: undefined while that can still be either. */
  endsIn(outcome: SampledOutcome, now: number): boolean | undefined {
    const { error, aborted, slowerThanMs, status, grpcStatus } = outcome;
    let ends: boolean | undefined = true;
    if (error !== undefined) ends = both(ends, this.#settled(this.#failed));
    if (aborted !== undefined) ends = both(ends, this.#settled(this.#aborted));
    if (slowerThanMs !== undefined) {
      const until = this.over ? this.#lastAt : now;
      ends = both(ends, this.#settled(until - this.#startAt > slowerThanMs * 1e6));
    }
    if (status !== undefined)
      ends = both(
        ends,
        this.#known(this.#status, (each) => hasStatus(status, each)),
      );
    if (grpcStatus !== undefined)
      ends = both(
        ends,
        this.#known(this.#grpcStatus, (each) => listOf(grpcStatus).includes(each)),
      );
    return ends;
  }

  get #failed(): boolean {
    return this.#aborted || (this.#status ?? 0) >= 500 || isServerFault(this.#grpcStatus ?? 0);
  }

  /** What can come true and stays so. */
  #settled(isSo: boolean): boolean | undefined {
    return isSo || this.over ? isSo : undefined;
  }

  #known(value: number | undefined, holds: (value: number) => boolean): boolean | undefined {
    if (value === undefined) return this.over ? false : undefined;
    return holds(value);
  }

  #noteGrpcStatus(headers: readonly string[]): void {
    const told = headerValue(headers, 'grpc-status');
    // What cannot be read stands for an unknown error (gRPC over HTTP/2).
    if (told !== undefined) this.#grpcStatus = /^\d{1,2}$/.test(told) ? Number(told) : 2;
  }
}

/** Whether both are so, as far as that is known. */
function both(a: boolean | undefined, b: boolean | undefined): boolean | undefined {
  if (a === false || b === false) return false;
  return a === undefined || b === undefined ? undefined : true;
}

export const outcomeNames: Readonly<Record<keyof SampledOutcome, true>> = {
  error: true,
  status: true,
  grpcStatus: true,
  slowerThanMs: true,
  aborted: true,
};

/** @throws GardenhoseError `invalid-option` */
export function checkOutcome(option: string, outcome: SampledOutcome): void {
  onlyOptions(option, outcome, outcomeNames);
  const { error, status, grpcStatus, slowerThanMs, aborted } = outcome;
  const given = Object.values(outcome).filter((value) => value !== undefined);
  if (given.length === 0) throw wrongOption(option, 'an object with at least one condition');
  if (error !== undefined && error !== true) throw wrongOption(`${option}.error`, 'true');
  if (aborted !== undefined && aborted !== true) throw wrongOption(`${option}.aborted`, 'true');
  if (slowerThanMs !== undefined && !(slowerThanMs >= 0 && Number.isFinite(slowerThanMs)))
    throw wrongOption(`${option}.slowerThanMs`, 'milliseconds, 0 or more');
  if (status !== undefined && whereProblem({ status }) !== undefined)
    throw wrongOption(`${option}.status`, 'a status such as 404, a class such as 5xx, or a list of such');
  const codes =
    grpcStatus === undefined ? [] : typeof grpcStatus === 'number' ? [grpcStatus] : [...grpcStatus];
  if (
    codes.some((code) => !Number.isInteger(code) || code < 0 || code > 99) ||
    (grpcStatus !== undefined && codes.length === 0)
  )
    throw wrongOption(`${option}.grpcStatus`, 'a status code of gRPC from 0, or a list of such');
}

/** In words, for a header. */
export function outcomeWords(outcome: SampledOutcome | undefined): string[] {
  if (outcome === undefined) return [];
  const { error, status, grpcStatus, slowerThanMs, aborted } = outcome;
  return [
    error === true ? 'error' : '',
    aborted === true ? 'aborted' : '',
    status === undefined ? '' : `status ${listOf(status).join('|')}`,
    grpcStatus === undefined ? '' : `gRPC status ${listOf(grpcStatus).join('|')}`,
    slowerThanMs === undefined ? '' : `slower than ${slowerThanMs} ms`,
  ].filter((word) => word !== '');
}

function listOf<T extends string | number>(value: T | readonly T[]): readonly T[] {
  return typeof value === 'object' ? value : [value];
}

function wrongOption(name: string, expected: string): GardenhoseError {
  return new GardenhoseError('invalid-option', `${name} must be ${expected}`, { subject: name });
}

function hasStatus(wanted: NonNullable<SampledOutcome['status']> | undefined, status: number): boolean {
  return (
    wanted !== undefined &&
    anyOf(wanted, (each) =>
      typeof each === 'number' ? each === status : each.charAt(0) === String(status).charAt(0),
    )
  );
}

function anyOf<T extends number | string>(wanted: T | readonly T[], holds: (each: T) => boolean): boolean {
  return listOf(wanted).some(holds);
}
