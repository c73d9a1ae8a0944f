import type { TapOptions, TapTarget } from '@gardenhose/core';
import { type Detach, tapRequests } from './tap-server.ts';

/**
 * Records what every HTTP and HTTPS server of this process serves, also those that are listening already. No import
 * order is asked for and nothing is patched: Node itself announces each request.
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
