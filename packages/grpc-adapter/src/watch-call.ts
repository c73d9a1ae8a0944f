import type { Http2Session } from 'node:http2';
import type { TapTarget } from '@gardenhose/core';
import { both, isOutOfOrder, type ResolvedTapOptions, reportFailure } from '@gardenhose/core/adapter';
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

/**
 * Records the call on one stream. Call it as the stream begins, before anything reads or writes it. Never throws.
 *
 * @param raw - The header block as Node read it: names and values in turns
 */
export function watchCall(
  stream: KnownStream,
  raw: unknown,
  target: TapTarget,
  options: ResolvedTapOptions,
): void {
  try {
    const session: KnownSession | undefined = stream.session;
    if (session === undefined || !isList(raw) || isOutOfOrder(target)) return;
    const known = stream[watchKey];
    if (known?.knows(target)) return;
    const watch = known ?? new Watch(stream, session, target, raw);
    stream[watchKey] = watch;
    if (!options.recordShadow && isShadow(raw)) return;
    session[factsKey] ??= connectionFacts(session);
    const tap = target.begin(exchangeStart(raw, session[factsKey]));
    if (tap === undefined) return;
    if (watch.tap === undefined) {
      watch.tap = tap;
      install(stream, watch);
    } else {
      watch.tap = both(watch.tap, tap);
    }
  } catch (error) {
    reportFailure(target, error);
  }
}

const isList = (raw: unknown): raw is readonly string[] => Array.isArray(raw);

/** Whether a replay sent it. */
export function isShadow(headers: readonly string[]): boolean {
  return headerOf(headers, 'x-shadow-traffic')?.toLowerCase().startsWith('true') === true;
}
