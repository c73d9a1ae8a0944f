import type { Guard } from './guard.ts';

/** What a run may spend. What has no limit is absent. */
export interface ReplayBudget {
  /** Exchanges that are sent. */
  readonly maxRequests?: number | undefined;
  /** Bytes of request bodies and messages that are sent. */
  readonly maxBytes?: number | undefined;
  /** From time zero. */
  readonly maxDurationMs?: number | undefined;
  /** Sends that begin in one second. */
  readonly maxRps?: number | undefined;
  /** How far the run may be behind its plan. */
  readonly maxLagMs?: number | undefined;
  readonly maxInFlight: number;
}

/** What a plan says of a run, as far as its budget follows from it. */
export interface Planned {
  /** Exchanges read, each as often as it comes. */
  readonly exchanges: number;
  readonly durationMs: number;
  readonly peakPerSecond: number;
  /** The longest exchange, as planned. */
  readonly longestMs: number;
}

/** A second of the run is not quite a second of the plan. */
const spare = 10;
const allowanceMs = 60_000;

/** The budget of a guard, with what follows from the plan where it says nothing. For a loopback target nothing follows. */
export function budgetOf(guard: Guard, planned: Planned): ReplayBudget {
  const { loopback, maxInFlight } = guard;
  const { exchanges, durationMs, peakPerSecond, longestMs } = planned;
  const scheduled = !loopback && peakPerSecond > 0;
  const limit = (given: number, follows: number | undefined) => (Number.isFinite(given) ? given : follows);
  return {
    maxRequests: limit(guard.maxRequests, loopback ? undefined : Math.max(1, exchanges)),
    maxBytes: limit(guard.maxBytes, undefined),
    maxDurationMs: limit(
      guard.maxDurationMs,
      scheduled ? Math.ceil(1.5 * (durationMs + longestMs) + allowanceMs) : undefined,
    ),
    maxRps: limit(guard.maxRps, scheduled ? Math.ceil(1.2 * peakPerSecond) + spare : undefined),
    maxLagMs: limit(guard.maxLagMs, undefined),
    maxInFlight,
  };
}

/** The most sends in a second that a run may make: as its guard says, or a little more than its pace does. */
export function maxRpsOf({ maxRps, loopback }: Guard, paceRate: number | undefined): number {
  if (Number.isFinite(maxRps) || loopback || paceRate === undefined) return maxRps;
  return Math.ceil(1.2 * paceRate) + spare;
}

/** Counts what a run is about to send, and says when it is enough. */
export class Spending {
  readonly #maxRequests: number;
  readonly #maxBytes: number;
  #requests = 0;
  #bytes = 0;

  constructor({ maxRequests, maxBytes }: Guard) {
    this.#maxRequests = maxRequests;
    this.#maxBytes = maxBytes;
  }

  /** Takes one more of this size; or says which limit stands against it, and takes nothing. */
  take(bytes: number): 'max-requests' | 'max-bytes' | undefined {
    if (this.#requests + 1 > this.#maxRequests) return 'max-requests';
    if (this.#bytes + bytes > this.#maxBytes) return 'max-bytes';
    this.#requests++;
    this.#bytes += bytes;
    return undefined;
  }
}
