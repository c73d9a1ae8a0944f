import type { ExchangeTap } from './exchange-tap.ts';
import { parseWireHead, wireStatus } from './wire-head.ts';

/** One tap for two recorders. The second may have come late: then it did not see either side whole. */
export function both(first: ExchangeTap, second: ExchangeTap, late: boolean = false): ExchangeTap {
  return {
    id: first.id,
    get over() {
      return first.over === true && second.over === true;
    },
    headers(...args) {
      first.headers(...args);
      second.headers(...args);
    },
    wireHead(text) {
      const taken = tellWireHead(first, text);
      return tellWireHead(second, text) && taken;
    },
    chunk(side, data) {
      first.chunk(side, data);
      second.chunk(side, data);
    },
    message(side, kind, data, size) {
      first.message(side, kind, data, size);
      second.message(side, kind, data, size);
    },
    trailers(side, headers) {
      first.trailers(side, headers);
      second.trailers(side, headers);
    },
    end(side, complete = true) {
      first.end(side, complete);
      second.end(side, complete && !late);
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

/** The head as the text that it is on the wire, or in its parts to a recorder that takes no text; false if it is no head. */
export function tellWireHead(tap: ExchangeTap, text: string): boolean {
  // A target of another maker may be in JavaScript and answer nothing: then it has taken it.
  if (tap.wireHead !== undefined) return tap.wireHead(text) !== false;
  if (wireStatus(text) === undefined) return false;
  const { status, reason, version, headers } = parseWireHead(text);
  tap.headers(status, reason, version, headers);
  return true;
}
