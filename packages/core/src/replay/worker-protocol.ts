import type { ErrorCode } from '../errors.ts';
import type { Batch } from './batch.ts';
import type { ReplayOrder } from './order.ts';
import type { AnswerError, SenderSource } from './sender.ts';

/** What the worker is given when it is made. */
export interface WorkerSetup {
  readonly source: SenderSource;
  readonly order: ReplayOrder;
  readonly maxInFlight: number;
  readonly maxLanes: number;
}

export type ToWorker =
  | { readonly type: 'jobs'; readonly batch: Batch }
  /** With the wall-clock time that time zero is to have, if any. */
  | { readonly type: 'start'; readonly atMs: number | undefined }
  | { readonly type: 'stop' }
  | { readonly type: 'abandon'; readonly error: AnswerError }
  | { readonly type: 'close' };

export type FromWorker =
  /** The sender is open. The thread as the system numbers it, where it can be told. */
  | { readonly type: 'opened'; readonly thread: string | undefined }
  /** Time zero on `process.hrtime`, which all threads share. */
  | { readonly type: 'started'; readonly zero: readonly [seconds: number, nanos: number] }
  | { readonly type: 'refused'; readonly code: ErrorCode; readonly message: string }
  | { readonly type: 'settled'; readonly batch: Batch }
  | { readonly type: 'failed'; readonly message: string }
  | { readonly type: 'closed' };
