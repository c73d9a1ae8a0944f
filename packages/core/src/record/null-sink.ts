import type { Sink, SinkSource } from './sink.ts';

const nowhere: Sink = {
  write() {},
  async flush() {},
  async close() {},
};

/** Keeps nothing: to measure what comes before it. */
export const nullSink: SinkSource = {
  open: openSink,
  module: { url: import.meta.url, options: undefined },
};

/** For the worker, which loads this module by its URL. */
export function openSink(): Sink {
  return nowhere;
}
