import type { TapOptions, TapTarget } from '@gardenhose/core';
import { type Detach, tapRequests } from './tap-server.ts';

/**
 * Records what every HTTP, HTTPS and HTTP/2 server of this process serves, also those that are listening already. No import
 * order is asked for: Node itself announces each request of HTTP/1, and its two classes of HTTP/2 servers get an `emit` that tells of
 * streams. Beside the gRPC adapter with the same target, what servers of gRPC serve is recorded by that one alone.
 *
 * @example
 * const recorder = createRecorder({ service: 'orders', sink: fileSink({ path: 'orders.hose' }) });
 * const detach = attach(recorder);
 * // … later
 * detach();
 * await recorder.close();
 */
export function attach(target: TapTarget, options?: TapOptions): Detach {
  return tapRequests(target, options, () => true);
}
