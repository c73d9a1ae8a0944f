import { isLoopback } from '@gardenhose/core';
import { canonicalHost } from '@gardenhose/core/adapter';
import type { Address } from './flags.ts';

/** Where an origin leads to. */
export function placeOf(origin: string): Address {
  const { protocol, hostname, port } = new URL(origin);
  return { host: hostname, port: Number(port || (protocol === 'https:' ? 443 : 80)) };
}

/** Names of this machine that lead to more than one of its addresses. */
const anyOfThisMachine = /^(?:(?:.+\.)?localhost|0\.0\.0\.0|\[::\])$/;

/** Whether what is sent to the one may be served by the other, as far as their names tell. */
export function isSamePlace(a: Address, b: Address): boolean {
  if (a.port !== b.port) return false;
  const [one = a.host, other = b.host] = [a, b].map(({ host }) => canonicalHost(host));
  if (one === other) return true;
  const isHere = (host: string) => anyOfThisMachine.test(host) || isLoopback(host);
  return isHere(one) && isHere(other) && (anyOfThisMachine.test(one) || anyOfThisMachine.test(other));
}
