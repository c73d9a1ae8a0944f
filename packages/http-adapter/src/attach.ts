import type { TapOptions, TapTarget } from '@gardenhose/core';
import { flagOption } from '@gardenhose/core/adapter';
import { isControlServer } from './control-endpoint.ts';
import { tapClients } from './tap-client.ts';
import { type Detach, tapRequests } from './tap-server.ts';

/** What {@link attach} can be told. */
export interface AttachOptions extends TapOptions {
  /** Whether the requests that this process makes are recorded too, as {@link tapClients} does. Default `false`. */
  readonly outbound?: boolean | undefined;
}

/**
 * Records what every HTTP, HTTPS and HTTP/2 server of this process serves, also those that are listening already. No import
 * order is asked for: Node itself announces each request of HTTP/1, and its two classes of HTTP/2 servers get an `emit` that tells of
 * streams. Beside the gRPC adapter with the same target, what servers of gRPC serve is recorded by that one alone.
 *
 * @throws GardenhoseError `invalid-option` for a wrong option
 * @example
 * const recorder = createRecorder({ service: 'orders', sink: fileSink({ path: 'orders.hose' }) });
 * const detach = attach(recorder);
 * // … later
 * detach();
 * await recorder.close();
 */
export function attach(target: TapTarget, options: AttachOptions = {}): Detach {
  const { outbound, ...rest } = options;
  const withClients = flagOption('outbound', outbound, false);
  const detachServers = tapRequests(target, rest, (server) => !isControlServer(server));
  if (!withClients) return detachServers;
  const detachClients = tapClients(target, { recordShadow: rest.recordShadow });
  return () => {
    detachServers();
    detachClients();
  };
}
