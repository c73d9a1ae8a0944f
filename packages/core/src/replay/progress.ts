import type { ReplayOrder } from './order.ts';
import type { Pacing } from './pacing.ts';
import type { RunSafety } from './safety.ts';

/** Why a run ended before its capture did. */
export type StopReason =
  | 'signal'
  | 'stop-file'
  | 'breaker'
  | 'max-lag'
  | 'max-duration'
  | 'max-requests'
  | 'max-bytes';

/** Where a run stands. */
export interface ReplayProgress {
  readonly runId: string;
  readonly target: string;
  readonly thread: 'worker' | 'inline';
  /** How many threads send. Known once the run has begun. */
  readonly threads: number;
  /** Whether the thread that sends has a processor to itself, or had it. Known once the run has begun. */
  readonly ownProcessor: boolean;
  /** In words: `recorded`, `recorded x2`, `asap`, `500/s`. */
  readonly pace: string;
  /** Absent when the plan is nothing but the pace. */
  readonly pacing?: Pacing | undefined;
  readonly order: ReplayOrder;
  readonly safety: RunSafety;
  /** Since time zero. */
  readonly elapsedMs: number;
  /** Exchanges read from the capture. */
  readonly read: number;
  readonly answered: number;
  readonly failed: number;
  /** Exchanges that were not sent, by reason. */
  readonly skipped: ReadonlyMap<string, number>;
  /** Exchanges sent that may have changed state at the target. */
  readonly mutationsSent: number;
  /** Exchanges sent twice, because the target had closed the connection before it looked at the first. */
  readonly resent: number;
  /** Calls of `onOutcome` that threw. */
  readonly hookFailures: number;
  /** Read, and neither skipped nor ended. */
  readonly open: number;
  /** Of those, how many are due: in flight, or waiting for what must come before them. */
  readonly underWay: number;
  /** Exchanges that ended per second, over the last second. */
  readonly perSecond: number;
  /** The 99th percentile of the lag of those that ended in the last second, within 9 %; 0 without a plan. */
  readonly lagP99Ms: number;
  /** Of the exchange that ended last, and the largest so far. */
  readonly lagMs: number;
  readonly maxLagMs: number;
  /** Why the run ended before the capture did. */
  readonly stopped?: StopReason | undefined;
  /** How many times the breaker has paused the run. Absent when it has not. */
  readonly pauses?: number | undefined;
}
