import type { Http2Server } from 'node:http2';
import type { TapOptions, TapTarget } from '@gardenhose/core';
import {
  claimServer,
  type ResolvedTapOptions,
  reportFailure,
  resolveTapOptions,
} from '@gardenhose/core/adapter';
import type { Server, ServiceDefinition } from '@grpc/grpc-js';
import { describeService } from './descriptors.ts';
import { type Http2Servers, http2ServersOf, unknownServer } from './http2-servers.ts';
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
 * @param server - Of the application's own copy of `@grpc/grpc-js`, 1.8 or newer
 * @throws GardenhoseError `invalid-option` if `server` is no such server, or an option is wrong
 * @example
 * const server = new grpc.Server();
 * const detach = tapServer(server, recorder);
 */
export function tapServer(server: Server, target: TapTarget, options: ServerTapOptions = {}): Detach {
  const resolved = resolveTapOptions(options);
  const servers = http2ServersOf(server);
  if (servers === undefined) throw unknownServer();
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

export function tapHttp2Servers(
  servers: Http2Servers,
  target: TapTarget,
  options: ResolvedTapOptions,
): Detach {
  let attached = true;
  /** With what lets a tap of HTTP record it again. */
  const tapped = new Map<Http2Server, () => void>();
  const onStream = (stream: WatchedStream, _headers: unknown, _flags: unknown, raw: unknown): void => {
    if (attached) watchCall(stream, raw, target, options);
  };
  const tap = (server: Http2Server): void => {
    if (!attached || tapped.has(server)) return;
    try {
      if (typeof server?.prependListener !== 'function') throw unknownServer();
      tapped.set(server, claimServer(server, target));
      // Before the listener of grpc-js, which may answer at once.
      server.prependListener('stream', onStream);
    } catch (error) {
      reportFailure(target, error);
    }
  };
  for (const server of servers.all()) tap(server);
  const forget = servers.onAdded(tap);
  return () => {
    attached = false;
    forget();
    for (const [server, release] of tapped) {
      server.off('stream', onStream);
      release();
    }
    tapped.clear();
  };
}
