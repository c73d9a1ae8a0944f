import type { Direction } from '../model/event.ts';

/** One of the recordings that are nearest to a request that has none. */
export interface NearMiss {
  /** Id of the recorded exchange. */
  readonly exchange: number;
  /** Whether it was served already. */
  readonly used: boolean;
  /** The first place that differs, in the grammar of `ignore`. */
  readonly path: string;
  /** Masked, and cut where it is long. */
  readonly recorded: unknown;
  readonly live: unknown;
  /** Places that differ, in all. */
  readonly differences: number;
}

/**
 * Why a request got no recorded answer. `unknown`: nothing of its operation was recorded. `different`: no request like it was.
 * `exhausted`: all recordings of it had been served. `diverged`: it became another after its answer had begun. `out-of-order`
 * and `closed`: with `strict`, it was not the next, or came after one that was not.
 */
export type MissReason = 'unknown' | 'different' | 'exhausted' | 'diverged' | 'out-of-order' | 'closed';

export interface StubMiss {
  readonly operation: string;
  readonly reason: MissReason;
  /** In a sentence, as the client was told. */
  readonly detail: string;
  /** The nearest first; at most three. */
  readonly near: readonly NearMiss[];
}

/** How often each operation was asked. */
export interface StubOperation {
  readonly operation: string;
  readonly recorded: number;
  readonly unused: number;
  readonly calls: number;
  readonly missed: number;
}

/** What a stub has done so far. */
export interface StubSummary {
  /** Calls that are over, and that are not. */
  readonly calls: number;
  readonly underWay: number;
  readonly matched: number;
  readonly missed: number;
  /** Ended by their clients, or refused by the adapter, before it was known what they ask. */
  readonly abandoned: number;
  /** Of those that matched: served by a recording that had been served before. */
  readonly reused: number;
  /** Of those that matched: not exactly, or not answered as recorded. */
  readonly approximate: number;
  /** Why, the most frequent first. */
  readonly approximations: readonly { readonly why: string; readonly count: number }[];
  readonly recorded: {
    /** Which side of the recorded service is served. */
    readonly direction: Direction;
    /** Exchanges that can be served. */
    readonly exchanges: number;
    readonly unused: number;
    /** Exchanges that cannot be served, by the reason. */
    readonly unusable: readonly { readonly why: string; readonly count: number }[];
  };
  readonly operations: readonly StubOperation[];
  /** The first hundred; `missed` counts all. */
  readonly misses: readonly StubMiss[];
  /** The latest that a part of an answer came after its time, milliseconds. */
  readonly maxLagMs: number;
  /** What should be known of the recording, such as that its key is not at hand. */
  readonly notes: readonly string[];
  /** 0 for a clean run, 1 if any call was missed, 2 if a recording was reused, or any match was approximate, or nothing was asked. */
  readonly verdict: 0 | 1 | 2;
  /** Why it is not clean. */
  readonly reasons: readonly string[];
}
