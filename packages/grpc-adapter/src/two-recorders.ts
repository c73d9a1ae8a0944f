import type { ExchangeTap } from '@gardenhose/core';

/** One tap for two recorders that were asked at the same moment. */
export function both(first: ExchangeTap, second: ExchangeTap): ExchangeTap {
  return {
    id: first.id,
    headers(...args) {
      first.headers(...args);
      second.headers(...args);
    },
    chunk(side, data) {
      first.chunk(side, data);
      second.chunk(side, data);
    },
    message(side, kind, data) {
      first.message(side, kind, data);
      second.message(side, kind, data);
    },
    trailers(side, headers) {
      first.trailers(side, headers);
      second.trailers(side, headers);
    },
    end(side, complete) {
      first.end(side, complete);
      second.end(side, complete);
    },
    abort(by, code) {
      first.abort(by, code);
      second.abort(by, code);
    },
    mark(name, value) {
      first.mark(name, value);
      second.mark(name, value);
    },
  };
}
