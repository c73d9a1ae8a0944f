import type { CaptureHeader } from '../model/capture-header.ts';
import type { CaptureEvent } from '../model/event.ts';
import type { ProcessTriggers, SaveStats, SaveTrigger } from './save-trigger.ts';

/** What a sink could not keep, in all. */
export interface SinkLoss {
  readonly exchanges: number;
  readonly events: number;
}

/**
 * Where masked events go. A sink that fails may be used on: it takes later events if it can. With `lost`, it declares by
 * gaps of its own (`sink-failed`) what is missing of the events it had taken. Without, the recorder does: it takes none
 * of the events of a failed `write` as kept.
 */
export interface Sink {
  /** Takes events in order. May buffer; a returned promise asks the caller to wait before the next call. */
  write(events: readonly CaptureEvent[]): void | Promise<void>;
  /** Makes everything written so far durable, as far as this sink can. */
  flush(): Promise<void>;
  /** Flushes and finishes. No call follows. */
  close(): Promise<void>;
  /**
   * Saves what it keeps of the recording, and goes on; for sinks that keep the last of it in memory.
   *
   * @returns the file; undefined when it saved nothing
   */
  trigger?(trigger: SaveTrigger): string | undefined | Promise<string | undefined>;
  /** What it has saved so far; for sinks with a `trigger`. */
  saves?(): SaveStats;
  /** What was lost so far; for sinks that declare it themselves, as those must that buffer. */
  lost?(): SinkLoss;
}

/**
 * How to open a sink. `module` lets a worker open it: the URL of a module whose named export `openSink` takes
 * `options` (a value that can be cloned) and the header. A sink without it can only be used by the inline pipeline.
 */
export interface SinkSource {
  open(header: CaptureHeader): Sink | Promise<Sink>;
  readonly module?: { readonly url: string; readonly options: unknown } | undefined;
  /** When the process is such that the sink's `trigger` is to be called. Default never. */
  readonly savesAt?: ProcessTriggers | undefined;
}

/** What a sink module exports. */
export interface SinkModule {
  openSink(options: unknown, header: CaptureHeader): Sink | Promise<Sink>;
}
