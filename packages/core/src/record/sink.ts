import type { CaptureHeader } from '../model/capture-header.ts';
import type { CaptureEvent } from '../model/event.ts';

/**
 * Where masked events go. A sink that fails throws `io` and may be used on: it takes later events if it can, and declares
 * by a gap of its own (`sink-failed`) what of the events it had taken is missing.
 */
export interface Sink {
  /** Takes events in order. May buffer; a returned promise asks the caller to wait before the next call. */
  write(events: readonly CaptureEvent[]): void | Promise<void>;
  /** Makes everything written so far durable, as far as this sink can. */
  flush(): Promise<void>;
  /** Flushes and finishes. No call follows. */
  close(): Promise<void>;
}

/**
 * How to open a sink. `module` lets a worker open it: the URL of a module whose named export `openSink` takes
 * `options` (a value that can be cloned) and the header. A sink without it can only be used by the inline pipeline.
 */
export interface SinkSource {
  open(header: CaptureHeader): Sink | Promise<Sink>;
  readonly module?: { readonly url: string; readonly options: unknown } | undefined;
}

/** What a sink module exports. */
export interface SinkModule {
  openSink(options: unknown, header: CaptureHeader): Sink | Promise<Sink>;
}
