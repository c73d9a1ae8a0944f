import type { BindingUse } from '../correlate/live-values.ts';
import type { TimeShiftCounts } from '../correlate/time-shift.ts';
import type { ErrorCode } from '../errors.ts';
import type { Pacing } from '../replay/pacing.ts';
import type { RunSafety } from '../replay/safety.ts';
import type { DifferenceSummary } from './difference-table.ts';
import type { CaptureLosses } from './gap-tally.ts';
import type { HistogramSummary } from './histogram.ts';
import type { LaneOrder } from './lane-order.ts';
import type { SendTimes } from './send-sample.ts';
import type { RunSeries } from './time-series.ts';

/** What came of a replay. Plain data: `JSON.stringify` writes all of it. `docs/reference/report.md` explains each field. */
export interface Report {
  readonly format: 'gardenhose-report/1';
  /** As the exit code of the command line: 0 fine, 1 something changed, 2 inconclusive. */
  readonly verdict: 0 | 1 | 2;
  /** Why it is not 0, one sentence each. */
  readonly reasons: readonly string[];
  readonly run?: RunFacts | undefined;
  readonly exchanges: ExchangeCounts;
  /** Of the calls and conversations that were sent. Absent when there were no messages. */
  readonly messages?: MessageCounts | undefined;
  /** What the capture lacks of the recorded traffic. Absent when exchanges were replayed without their capture. */
  readonly losses?: CaptureLosses | undefined;
  readonly fidelity: Fidelity;
  readonly timing: Timing;
  /** What happened when, for plots. Absent when nothing was sent, and in reports made before there was one. */
  readonly series?: RunSeries | undefined;
  /** Planned against actual times of some sends. Absent without a plan (pace `asap`). */
  readonly sends?: SendTimes | undefined;
  readonly order: LaneOrder;
  /**
   * Status of the recorded and of the replayed answer, 0 where there was none. Of gRPC calls the status code, -1 where there
   * was none, and `protocol` says so. The most frequent first.
   */
  readonly statuses: readonly {
    readonly recorded: number;
    readonly replayed: number;
    readonly count: number;
    readonly protocol?: 'grpc' | undefined;
  }[];
  readonly errors: readonly { readonly code: ErrorCode; readonly count: number; readonly example: string }[];
  /** The most frequent first; those beyond the limit are counted as `(other)`. */
  readonly operations: readonly OperationRow[];
  /** Live values that were sent in the place of recorded ones. Absent where none were to be. */
  readonly bindings?: BindingCounts | undefined;
  /** Times in requests that were moved. Absent where none were to be. */
  readonly timeShift?: TimeShiftCounts | undefined;
  /** Marks put on exchanges because something did not work: `patch-missed`, `edit-missed`, `hook-failed`, `live-failed`. */
  readonly notes: readonly { readonly name: string; readonly count: number }[];
  /** Absent when responses were not compared. */
  readonly differences?: DifferenceSummary | undefined;
  readonly comparison: 'off' | 'clean' | 'changed' | 'inconclusive';
  readonly environment?: Environment | undefined;
}

/** What the run was made on. Names neither the machine nor its files. */
export interface Environment {
  /** When the report was made, as `2026-11-22T10:00:00.000Z`. */
  readonly madeAt: string;
  /** Version of Node. */
  readonly node: string;
  readonly platform: string;
  readonly architecture: string;
  /** Processors that the process could use. */
  readonly processors: number;
}

/** How the run was set up. What the replay's progress says at its end has these. */
export interface RunFacts {
  readonly runId: string;
  readonly target: string;
  readonly thread: 'worker' | 'inline';
  /** How many threads sent. Default 1. */
  readonly threads?: number | undefined;
  /** Whether the thread that sent had a processor to itself. */
  readonly ownProcessor: boolean;
  readonly pace: string;
  /** What else made the plan other than the recording. Absent when nothing did. */
  readonly pacing?: Pacing | undefined;
  readonly order: string;
  /** How it was marked and guarded. Absent in older reports. */
  readonly safety?: RunSafety | undefined;
  readonly mutationsSent: number;
  readonly resent: number;
  /** Why the run ended before the capture did. */
  readonly stopped?: string | undefined;
  /** How many times the breaker paused the run. Absent when it did not. */
  readonly pauses?: number | undefined;
}

export interface ExchangeCounts {
  readonly total: number;
  readonly sent: number;
  /** Also those that their client ended before the answer, as it did when they were recorded. */
  readonly answered: number;
  readonly failed: number;
  /** Of those that failed, how many had an answer when they were recorded. */
  readonly failedUnlikeRecorded: number;
  readonly skipped: number;
  readonly skips: readonly { readonly reason: string; readonly count: number }[];
}

/** Live values in the place of recorded ones. */
export interface BindingCounts {
  /** Bindings that were applied. */
  readonly bindings: number;
  readonly used: number;
  /** Values for which no answer had told a live one. */
  readonly unresolved: number;
  /** Values that an exchange waited for, beyond what the order asks for. */
  readonly blocked: number;
  /** Those that found a value in a request, the most used first; at most 500. */
  readonly rows: readonly BindingUse[];
}

/** Messages of exchanges that are made of them, as of gRPC: in the capture, and in the replay. */
export interface MessageCounts {
  readonly recordedSent: number;
  readonly sent: number;
  readonly recordedReceived: number;
  readonly received: number;
  /** Messages and ends of requests that were sent without the messages of the answer that they should have come after. */
  readonly unawaited: number;
}

/** Whether the run was what the recording was: only then do its latencies and its order say something. */
export interface Fidelity {
  /** The worst that holds, in this order from worst to best. */
  readonly verdict:
    | 'nothing-sent'
    | 'nothing-answered'
    | 'stopped'
    | 'incomplete'
    | 'out-of-order'
    | 'fell-behind'
    | 'held-up'
    | 'faithful';
  /** One sentence for everything that holds. */
  readonly reasons: readonly string[];
}

export interface Timing {
  /** From the first to the last planned send; 0 without a schedule (pace `asap`). */
  readonly plannedMs: number;
  /** From the first to the last actual send. */
  readonly actualMs: number;
  /** Median lag of the last 100 sends minus that of the first 100: whether the run slipped. */
  readonly driftMs: number;
  /** Actual minus planned send, without the waiting for answers that the order asks for. */
  readonly lag: HistogramSummary;
  /** The same of each message of a call, the first included, and of later pieces of HTTP bodies. Empty when there were none. */
  readonly messageLag: HistogramSummary;
  /** Waiting for answers past the planned time; of those that waited. */
  readonly blocked: HistogramSummary;
  /** Exchanges that waited so for longer than `maxHeldUpMs`. */
  readonly heldUp: number;
  /** Waiting past their planned time of messages within their call, for messages of the answer. Empty when none did. */
  readonly messageBlocked: HistogramSummary;
  /** From the actual send to the end of the answer. */
  readonly serviceTime: HistogramSummary;
  /** From the planned send to the end of the answer: with the queueing that waiting would hide (coordinated omission). */
  readonly responseTime: HistogramSummary;
  /** From the recorded start to the recorded end of the answer. */
  readonly recordedTime: HistogramSummary;
}

export interface OperationRow {
  readonly operation: string;
  readonly sent: number;
  readonly failed: number;
  /** Exchanges with at least one difference that counts as `changed`. */
  readonly changed: number;
  readonly recordedP50Ms: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
}
