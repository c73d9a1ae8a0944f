import type { ExchangeId, ExchangeStart } from '../model/event.ts';
import { type Cause, enterServed, runServed, served } from '../shadow/served.ts';
import type { ExchangeTap, TapTarget } from './exchange-tap.ts';

// Which inbound exchange an outbound one comes of: the first is entered where it begins, and found again wherever the code that
// serves it, or what that code has set going, asks another service.

/** By what carries it: a request, a stream, a connection. */
const causes = new WeakMap<object, Cause>();
const kept = new WeakSet<object>();

/** What tells its events by this method. */
export interface Carrier {
  emit(...args: unknown[]): unknown;
}

/**
 * Begins an inbound exchange. Where parents are asked for, what runs from here on for the carrier, and what its listeners do, is
 * known to come of it.
 *
 * @param carrier - What the exchange comes by and tells its events: a request, a stream, a connection
 */
export function beginInbound(
  target: TapTarget,
  parents: boolean,
  carrier: Carrier,
  start: ExchangeStart,
  bodyless?: boolean,
): ExchangeTap | undefined {
  const tap = target.begin(start, bodyless);
  if (!parents) return tap;
  if (tap === undefined) enterNone(carrier);
  else enterCause(carrier, target, tap.id, bodyless !== true);
  return tap;
}

/** Where parents are asked for: what runs from here on is not for the request that came by the same connection before. */
export function enterNone(carrier: object): void {
  const current = served();
  if (current?.cause === undefined || causes.has(carrier)) return;
  enterServed({ marks: current.marks, cause: undefined });
}

/** The exchange of this target that what runs here comes of. */
export function parentOf(target: TapTarget): ExchangeId | undefined {
  for (let cause = served()?.cause; cause !== undefined; cause = cause.further) {
    if (cause.target === target) return cause.exchange;
  }
  return undefined;
}

function enterCause(carrier: Carrier, target: object, exchange: ExchangeId, hasEvents: boolean): void {
  const cause: Cause = { target, exchange, further: causes.get(carrier) };
  causes.set(carrier, cause);
  enterServed({ marks: served()?.marks, cause });
  if (hasEvents) keepInContext(carrier);
}

/** Bytes that come later come in the context of their connection, and so do what listens to them. */
function keepInContext(carrier: Carrier): void {
  if (kept.has(carrier)) return;
  kept.add(carrier);
  const { emit } = carrier;
  carrier.emit = (...args) => {
    const cause = causes.get(carrier);
    const current = served();
    if (current?.cause === cause) return Reflect.apply(emit, carrier, args);
    return runServed({ marks: current?.marks, cause }, () => Reflect.apply(emit, carrier, args));
  };
}
