import type { Batch } from './batch.ts';
import type { GateSetup } from './gate.ts';
import type { ReplayOrder } from './order.ts';
import type { AnswerError, SenderSource, Unsendable } from './sender.ts';

/** What the worker is given when it is made. */
export interface WorkerSetup {
  readonly source: SenderSource;
  readonly order: ReplayOrder;
  readonly maxInFlight: number;
  /** Counts exchanges under way in all threads of a run, where it has several. */
  readonly underWay: SharedArrayBuffer | undefined;
  /** What else may hold back sends. */
  readonly gate: GateSetup | undefined;
  readonly maxLanes: number;
}

/** A moment on `process.hrtime`, which all threads share. */
export type Moment = readonly [seconds: number, nanos: number];

export type ToWorker =
  | { readonly type: 'jobs'; readonly batch: Batch }
  /** What a job is to send that came without: a batch of that job, or why it cannot be sent. */
  | {
      readonly type: 'supply';
      readonly index: number;
      readonly freedAt: number;
      readonly what: Batch | Unsendable;
    }
  /** Connect what is needed first. */
  | { readonly type: 'prepare' }
  | { readonly type: 'begin'; readonly zero: Moment }
  | { readonly type: 'stop' }
  | { readonly type: 'abandon'; readonly error: AnswerError }
  | { readonly type: 'close' };

export type FromWorker =
  /** The sender is open. The thread as the system numbers it, where it can be told. */
  | { readonly type: 'opened'; readonly thread: string | undefined }
  | { readonly type: 'prepared'; readonly connected: number; readonly problem: AnswerError | undefined }
  | { readonly type: 'settled'; readonly batch: Batch }
  /** The turn of a job has come that came without a shipment. */
  | { readonly type: 'wanted'; readonly index: number }
  | { readonly type: 'failed'; readonly message: string }
  | { readonly type: 'closed' };
