import type { Http2Server } from 'node:http2';
import { GardenhoseError, type TapOptions, type TapTarget } from '@gardenhose/core';
import { type ResolvedTapOptions, reportFailure, resolveTapOptions } from '@gardenhose/core/adapter';
import type { Server, ServiceDefinition } from '@grpc/grpc-js';
import { describeService } from './descriptors.ts';
import type { WatchedStream } from './overrides.ts';
import { watchCall } from './watch-call.ts';

/**
 * Takes a tap off again. Exchanges that are under way are recorded to their end; later ones are not seen. Calling it
 * again does nothing.
 */
export type Detach = () => void;

/** What {@link tapServer} can be told. */
export interface ServerTapOptions extends TapOptions {
  /**
   * Definitions of services that were added before the tap, as `@grpc/proto-loader` gives them, for the descriptors in them.
   * Default none: those of services that are added later are found by themselves.
   */
  readonly services?: readonly ServiceDefinition[] | undefined;
}

/**
 * Records every call that one server of grpc-js serves, of all four kinds, also those that reach no handler. Services may be
 * added and ports bound before or after. What is recorded is what passes on the HTTP/2 streams of the server: neither its
 * interceptors nor its serialisers are touched.
 *
 * @param server - Of the application's own copy of `@grpc/grpc-js`, 1.10 or newer
 * @throws GardenhoseError `invalid-option` if `server` is no such server, or an option is wrong
 * @example
 * const server = new grpc.Server();
 * const detach = tapServer(server, recorder);
 */
export function tapServer(server: Server, target: TapTarget, options: ServerTapOptions = {}): Detach {
  const resolved = resolveTapOptions(options);
  const servers = http2ServersOf(server);
  if (servers === undefined) {
    throw new GardenhoseError('invalid-option', 'server must be a Server of @grpc/grpc-js, 1.10 or newer', {
      subject: 'server',
    });
  }
  for (const service of options.services ?? []) describeService(target, service);
  const { addService } = server;
  const told: typeof addService = (service, implementation) => {
    describeService(target, service);
    addService.call(server, service, implementation);
  };
  server.addService = told;
  const detach = tapHttp2Servers(servers, target, resolved);
  return () => {
    detach();
    if (server.addService === told) server.addService = addService;
  };
}

type Http2Servers = Map<Http2Server, unknown>;

/** The HTTP/2 servers of a server of grpc-js, one for each address and injector: what it keeps to itself. */
export function http2ServersOf(server: unknown): Http2Servers | undefined {
  if (typeof server !== 'object' || server === null || !('http2Servers' in server)) return undefined;
  const { http2Servers } = server;
  return http2Servers instanceof Map ? http2Servers : undefined;
}

export function tapHttp2Servers(
  servers: Http2Servers,
  target: TapTarget,
  options: ResolvedTapOptions,
): Detach {
  let attached = true;
  const tapped = new Set<Http2Server>();
  const onStream = (stream: WatchedStream, _headers: unknown, _flags: unknown, raw: unknown): void => {
    if (attached) watchCall(stream, raw, target, options);
  };
  const tap = (server: Http2Server): void => {
    if (!attached || tapped.has(server)) return;
    try {
      tapped.add(server);
      // Before the listener of grpc-js, which may answer at once.
      server.prependListener('stream', onStream);
    } catch (error) {
      reportFailure(target, error);
    }
  };
  for (const server of servers.keys()) tap(server);
  // A server comes into this map before it listens, and goes when it closes.
  const { set } = servers;
  const told: typeof set = (server, facts) => {
    tap(server);
    return set.call(servers, server, facts);
  };
  servers.set = told;
  return () => {
    attached = false;
    if (servers.set === told) servers.set = set;
    for (const server of tapped) server.off('stream', onStream);
    tapped.clear();
  };
}
