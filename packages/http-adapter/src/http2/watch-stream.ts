import type { Http2ServerRequest, Http2Session } from 'node:http2';
import type { ExchangeTap, HeaderList, TapTarget } from '@gardenhose/core';
import {
  beginInbound,
  enterNone,
  isOutOfOrder,
  type ResolvedTapOptions,
  reportFailure,
} from '@gardenhose/core/adapter';
import type { ConnectionFacts } from '../to-events.ts';
import type { WatchedStream } from './overrides.ts';
import { fieldOf, isTunnel, sessionFacts, streamStart } from './to-events.ts';
import { StreamWatch } from './watch.ts';

const watchKey: unique symbol = Symbol('gardenhose.watch');
const factsKey: unique symbol = Symbol('gardenhose.connection');

/** A stream that some target was asked about. */
export interface KnownStream extends WatchedStream {
  [watchKey]?: StreamWatch;
}

interface KnownSession extends Http2Session {
  [factsKey]?: ConnectionFacts;
}

/**
 * Records the exchange on one stream. Call it as the stream begins, before anything reads or writes it. Never throws.
 *
 * @param raw - The header block as Node read it: names and values in turns
 */
export function watchStream(
  stream: KnownStream,
  raw: HeaderList,
  target: TapTarget,
  options: ResolvedTapOptions,
): ExchangeTap | undefined {
  try {
    const known = stream[watchKey];
    if (known?.knows(target)) return known.tap;
    const session: KnownSession | undefined = stream.session;
    if (options.parents) enterNone(stream);
    if (known?.over || session === undefined || isOutOfOrder(target) || isTunnel(raw)) return undefined;
    const watch = known ?? new StreamWatch(stream, target);
    stream[watchKey] = watch;
    if (!options.recordShadow && isShadow(raw)) return undefined;
    session[factsKey] ??= sessionFacts(session);
    const start = streamStart(raw, session[factsKey]);
    const tap = beginInbound(target, options.parents, stream, start, stream.endAfterHeaders);
    if (tap !== undefined) watch.record(tap);
    return watch.tap;
  } catch (error) {
    reportFailure(target, error);
    return undefined;
  }
}

/** What is known of the exchange on this stream, if any target was asked about it. */
export function watchOf(stream: KnownStream | undefined): StreamWatch | undefined {
  return stream?.[watchKey];
}

/** The stream under a request of Node's HTTP/2, or under one that a framework made of it. */
export function streamOf(req: object): KnownStream | undefined {
  return isHttp2Request(req) ? req.stream : undefined;
}

type KnownRequest = Omit<Http2ServerRequest, 'stream'> & { readonly stream: KnownStream };

export function isHttp2Request(req: object): req is KnownRequest {
  return 'httpVersionMajor' in req && req.httpVersionMajor === 2 && 'stream' in req && isStream(req.stream);
}

/** Whether this is a stream of an HTTP/2 server, as far as can be told from outside. */
export function isStream(value: unknown): value is KnownStream {
  return (
    typeof value === 'object' &&
    value !== null &&
    'additionalHeaders' in value &&
    typeof value.additionalHeaders === 'function' &&
    'respond' in value
  );
}

/** Whether a replay sent it. */
function isShadow(raw: HeaderList): boolean {
  return fieldOf(raw, 'x-shadow-traffic')?.toLowerCase().startsWith('true') === true;
}
