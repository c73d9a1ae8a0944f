import type { PackedBuffer } from './buffer-pool.ts';
import type { PipelineStats } from './pipeline-stats.ts';
import type { SaveTrigger } from './save-trigger.ts';

/** What a runner tells the recorder. */
export interface RunnerEvents {
  /** The events of the oldest buffer that is out have been processed; the buffer can be used again. */
  readonly processed: (buffer: PackedBuffer) => void;
  readonly flushed: () => void;
  /** The pipeline could not be opened, or broke. Nothing more will be processed. */
  readonly failed: (error: Error) => void;
}

/** Runs a pipeline somewhere. What is posted before it is open waits. */
export interface PipelineRunner {
  /** Resolves when the sink is open; rejects with a `GardenhoseError` when it cannot be opened. */
  ready(): Promise<void>;
  /** Hands over packed events. */
  post(buffer: PackedBuffer): void;
  /** Tells `processed` of the buffers that have been since, where that is not told at once. */
  reclaim?(): void;
  /** Asks the sink to flush when all that was posted is processed; does not keep the process alive for it. */
  requestFlush(): void;
  /**
   * The same, and waits: no longer than for `patience`, where that is given. Never rejects.
   *
   * @returns whether it was done meanwhile
   */
  flush(patience?: Promise<void>): Promise<boolean>;
  /** Has the sink save what it keeps, when all that was posted is processed. Never rejects: gives undefined where nothing was saved. */
  trigger(trigger: SaveTrigger): Promise<string | undefined>;
  /** Processes what was posted and closes the sink. Never rejects. */
  close(): Promise<void>;
  /** Nothing more is waited for: `failed` is told, and every call that waits returns. */
  giveUp(error: Error): void;
  /** The process ends now: closes, and blocks until that is done or the time is over. */
  finishNow(timeoutMs: number): void;
  stats(): PipelineStats;
}
