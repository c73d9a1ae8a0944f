import { isLoopback } from '../model/address.ts';

/** The target of a sender that no network leads to. */
export const inProcessTarget = 'in-process';

/** Whether a target is on this machine: nothing that is sent to it leaves it. */
export function isLocalTarget(target: string): boolean {
  return target === inProcessTarget || isSocketPath(target) || isLoopback(new URL(target).hostname);
}

/** A socket in the file system, as `unix:/run/shop.sock`. */
export function isSocketPath(target: string): boolean {
  return target.startsWith('unix:/');
}
