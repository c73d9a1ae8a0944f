import type { Http2Server, Http2Session } from 'node:http2';
import { GardenhoseError, type TapTarget } from '@gardenhose/core';
import type { Server } from '@grpc/grpc-js';
import { isOutOfOrder, reportFailure } from './failures.ts';
import { type ResolvedTapOptions, resolveTapOptions, type TapOptions } from './options.ts';
import type { WatchedStream } from './overrides.ts';
import { type ConnectionFacts, connectionFacts, exchangeStart } from './to-events.ts';
import { both } from './two-recorders.ts';
import { Watch, watchStream } from './watch.ts';

/**
 * Takes a tap off again. Exchanges that are under way are recorded to their end; later ones are not seen. Calling it
 * again does nothing.
 */
export type Detach = () => void;

/**
 * Records every call that one server of grpc-js serves, of all four kinds, also those that reach no handler. Services may be
 * added and ports bound before or after. What is recorded is what passes on the HTTP/2 streams of the server: neither its
 * interceptors nor its serialisers are touched.
 *
 * @param server - Of the application's own copy of `@grpc/grpc-js`, 1.10 or newer
 * @throws GardenhoseError `invalid-option` if `server` is no such server
 * @example
 * const server = new grpc.Server();
 * const detach = tapServer(server, recorder);
 */
export function tapServer(server: Server, target: TapTarget, options?: TapOptions): Detach {
  const resolved = resolveTapOptions(options);
  const servers = http2ServersOf(server);
  if (servers === undefined) {
    throw new GardenhoseError('invalid-option', 'server must be a Server of @grpc/grpc-js, 1.10 or newer', {
      subject: 'server',
    });
  }
  return tapHttp2Servers(servers, target, resolved);
}

type Servers = Map<Http2Server, unknown>;

/** The HTTP/2 servers of a server of grpc-js, one for each address and injector: what it keeps to itself. */
export function http2ServersOf(server: unknown): Servers | undefined {
  if (typeof server !== 'object' || server === null || !('http2Servers' in server)) return undefined;
  const { http2Servers } = server;
  return http2Servers instanceof Map ? http2Servers : undefined;
}

export function tapHttp2Servers(servers: Servers, target: TapTarget, options: ResolvedTapOptions): Detach {
  let attached = true;
  const onStream = (stream: WatchedStream, _headers: unknown, _flags: unknown, raw: unknown): void => {
    if (attached) watchCall(stream, raw, target, options);
  };
  const tapped = new Set<Http2Server>();
  const tap = (server: Http2Server): void => {
    if (tapped.has(server)) return;
    tapped.add(server);
    // Before the listener of grpc-js, which may answer at once.
    server.prependListener('stream', onStream);
    server.once('close', () => tapped.delete(server));
  };
  for (const server of servers.keys()) tap(server);
  // A server gets into this map before it listens.
  const { set } = servers;
  servers.set = (server, facts) => {
    if (attached) tap(server);
    return set.call(servers, server, facts);
  };
  return () => {
    attached = false;
    for (const server of tapped) server.off('stream', onStream);
    tapped.clear();
  };
}

const watchKey: unique symbol = Symbol('gardenhose.watch');
const factsKey: unique symbol = Symbol('gardenhose.connection');

interface KnownStream extends WatchedStream {
  [watchKey]?: Watch;
}

interface KnownSession extends Http2Session {
  [factsKey]?: ConnectionFacts;
}

function watchCall(stream: KnownStream, raw: unknown, target: TapTarget, options: ResolvedTapOptions): void {
  try {
    const session: KnownSession | undefined = stream.session;
    if (session === undefined || !Array.isArray(raw) || isOutOfOrder(target)) return;
    const headers: readonly string[] = raw;
    const known = stream[watchKey];
    if (known?.knows(target)) return;
    const watch = known ?? new Watch(stream, target, headers);
    stream[watchKey] = watch;
    if (!options.recordShadow && isShadow(headers)) return;
    session[factsKey] ??= connectionFacts(session);
    const tap = target.begin(exchangeStart(headers, session[factsKey]));
    if (tap === undefined) return;
    if (watch.tap === undefined) {
      watch.tap = tap;
      watchStream(stream, watch);
    } else {
      watch.tap = both(watch.tap, tap);
    }
  } catch (error) {
    reportFailure(target, error);
  }
}

function isShadow(headers: readonly string[]): boolean {
  for (let i = 0; i + 1 < headers.length; i += 2) {
    if (headers[i] === 'x-shadow-traffic') return headers[i + 1]?.toLowerCase().startsWith('true') === true;
  }
  return false;
}
