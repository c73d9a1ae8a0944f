import type { ErrorCode, ErrorPlace } from '../errors.ts';
import { errorCodes, GardenhoseError } from '../errors.ts';
import type { Policy } from '../mask/policy/policy.ts';
import type { CaptureHeader } from '../model/capture-header.ts';
import type { ModuleSource } from './open-pipeline.ts';
import type { HoldingPlan } from './outcome.ts';
import type { PipelineStats } from './pipeline-stats.ts';
import type { SaveTrigger } from './save-trigger.ts';
import type { LaneSource } from './session-lane.ts';

/** What a worker is started with. */
export interface WorkerStart {
  readonly mask: Policy;
  readonly hooks: ModuleSource | undefined;
  readonly hookTimeoutMs: number;
  readonly sink: ModuleSource;
  readonly lanes: readonly LaneSource[];
  readonly holding: HoldingPlan | undefined;
  readonly header: Omit<CaptureHeader, 'policy'>;
  /** The {@link sharedPlaces}. */
  readonly shared: SharedArrayBuffer;
  /** The numbers of the pipeline's stats, by `shareStats`. */
  readonly sharedStats: SharedArrayBuffer;
}

/** Numbers that both threads see at once, also while one of them waits. */
export const sharedPlaces = {
  /**
   * How many messages the worker has dealt with: which buffers can be used again, without a message for each, and when a
   * process that ends need wait no longer.
   */
  progress: 0,
  /** The worker's thread once that lets others go first; -1 when somebody waits for it and it must not. */
  yielding: 1,
  /** 1 when the worker deals with no more messages. */
  over: 2,
  /** Counts each change of `progress` and `over`, for whoever waits for one. */
  changes: 3,
} as const;

/** From the recorder to the worker. */
export type ToWorker =
  | { readonly type: 'events'; readonly memory: SharedArrayBuffer; readonly used: number }
  /** `id` 0 asks for no answer. */
  | { readonly type: 'flush'; readonly id: number }
  | { readonly type: 'trigger'; readonly id: number; readonly trigger: SaveTrigger }
  | { readonly type: 'close'; readonly id: number };

/** From the worker to the recorder. */
export type FromWorker =
  | { readonly type: 'ready' }
  | { readonly type: 'failed'; readonly error: CrossingError }
  /** Some `events` have been; which, says `progress`. */
  | { readonly type: 'processed'; readonly stats: PipelineStats }
  | { readonly type: 'flushed'; readonly id: number; readonly done: boolean; readonly stats: PipelineStats }
  | {
      readonly type: 'saved';
      readonly id: number;
      readonly file: string | undefined;
      readonly stats: PipelineStats;
    };

/** An error as it can be cloned. */
export interface CrossingError {
  readonly code: string;
  readonly message: string;
  readonly place: ErrorPlace;
}

export function crossing(error: unknown): CrossingError {
  if (error instanceof GardenhoseError) {
    return { code: error.code, message: error.message, place: error.place };
  }
  const message = error instanceof Error ? error.message : String(error);
  return { code: 'worker-failed', message: `the recorder's worker failed: ${message}`, place: {} };
}

export function crossed(error: CrossingError): GardenhoseError {
  const code: ErrorCode = errorCodes.find((known) => known === error.code) ?? 'worker-failed';
  return new GardenhoseError(code, error.message, error.place);
}
