import type { Http2Session } from 'node:http2';
import type { TapTarget } from '@gardenhose/core';
import {
  beginInbound,
  both,
  enterNone,
  isOutOfOrder,
  type ResolvedTapOptions,
  reportFailure,
} from '@gardenhose/core/adapter';
import { install, type WatchedStream } from './overrides.ts';
import { type ConnectionFacts, connectionFacts, exchangeStart, headerOf } from './to-events.ts';
import { Watch } from './watch.ts';

const watchKey: unique symbol = Symbol('gardenhose.watch');
const factsKey: unique symbol = Symbol('gardenhose.connection');

interface KnownStream extends WatchedStream {
  [watchKey]?: Watch;
}

interface KnownSession extends Http2Session {
  [factsKey]?: ConnectionFacts;
}

/** What the tap of a proxy adds to the options that are everybody's. */
export interface WatchOptions extends ResolvedTapOptions {
  /** Messages longer than this are recorded without their bytes. Default without limit: the server keeps them itself. */
  readonly maxMessageBytes?: number | undefined;
}

/**
 * Records the call on one stream. Call it as the stream begins, before anything reads or writes it. Never throws.
 *
 * @param raw - The header block as Node read it: names and values in turns
 */
export function watchCall(stream: KnownStream, raw: unknown, target: TapTarget, options: WatchOptions): void {
  try {
    const session: KnownSession | undefined = stream.session;
    if (session === undefined || !isList(raw) || isOutOfOrder(target)) return;
    const known = stream[watchKey];
    if (known?.knows(target)) return;
    if (options.parents) enterNone(stream);
    const watch = known ?? new Watch(stream, session, target, raw, options.maxMessageBytes);
    stream[watchKey] = watch;
    if (!options.recordShadow && isShadow(raw)) return;
    const isFirst = session[factsKey] === undefined;
    session[factsKey] ??= connectionFacts(session);
    const tap = beginInbound(target, options.parents, stream, exchangeStart(raw, session[factsKey]));
    if (tap === undefined) return;
    if (watch.tap === undefined) {
      watch.tap = tap;
      install(stream, watch);
      // It ended before there was anybody to tell.
      if (stream.endAfterHeaders) watch.pushed(null);
      else if (isFirst || stream.readableLength > 0) tellEarly(stream, watch);
    } else {
      watch.tap = both(watch.tap, tap);
    }
  } catch (error) {
    reportFailure(target, error);
  }
}

/**
 * Tells what came together with the headers. Where somebody read a connection before HTTP/2 did, to see what it speaks, Node
 * hands over all bytes of that read before it tells of the streams in them.
 */
function tellEarly(stream: KnownStream, watch: Watch): void {
  if (stream.readableLength > 0) {
    const early: unknown = stream.read();
    stream.unshift(early);
    watch.pushed(early);
  }
  // Whether it has ended too is not to be seen yet.
  stream.once('end', () => watch.pushed(null));
}

/** Puts a note on the call on this stream, if it is recorded. */
export function markCall(stream: KnownStream, name: string, value: string): void {
  stream[watchKey]?.tap?.mark(name, value);
}

/** Tells that it is the server that resets this stream next. */
export function resetByServer(stream: KnownStream): void {
  stream[watchKey]?.resetByServer();
}

const isList = (raw: unknown): raw is readonly string[] => Array.isArray(raw);

/** Whether a replay sent it. */
export function isShadow(headers: readonly string[]): boolean {
  return headerOf(headers, 'x-shadow-traffic')?.toLowerCase().startsWith('true') === true;
}
