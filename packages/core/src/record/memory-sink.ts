import type { CaptureHeader } from '../model/capture-header.ts';
import type { CaptureEvent } from '../model/event.ts';
import type { Sink, SinkSource } from './sink.ts';

/** Keeps events in memory, for tests and tools. Unbounded: it holds all it is given. */
export interface MemorySink extends SinkSource {
  /** In order, as written. */
  readonly events: readonly CaptureEvent[];
  /** Set when it was opened. */
  readonly header: CaptureHeader | undefined;
  readonly closed: boolean;
}

/** A sink that keeps everything in memory. It stays on its thread, so it asks for the inline pipeline. */
export function memorySink(): MemorySink {
  return new KeepingSink();
}

class KeepingSink implements MemorySink, Sink {
  readonly events: CaptureEvent[] = [];
  header: CaptureHeader | undefined;
  closed = false;

  open(header: CaptureHeader): Sink {
    this.header = header;
    return this;
  }

  write(events: readonly CaptureEvent[]): void {
    for (const event of events) this.events.push(event);
  }

  async flush(): Promise<void> {}

  async close(): Promise<void> {
    this.closed = true;
  }
}
