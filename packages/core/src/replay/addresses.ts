import { GardenhoseError } from '../errors.ts';
import { canonicalHost, type HostKind, hostKind, isAddress } from '../model/address.ts';
import type { Guard } from './guard.ts';
import type { PinnedAddresses } from './pinned-addresses.ts';
import { addressesOf } from './resolve-host.ts';
import { isLocalTarget } from './target-kind.ts';

const maxAddresses = 64;

/**
 * Looks up the names of all targets, once for the run, and refuses those that no run shall ever reach by a name: link-local
 * addresses, and those where clouds keep credentials.
 *
 * @throws {@link GardenhoseError} `target-refused`; `invalid-option` when `guard.resolve` gives what is no address
 */
export async function pinTargets(guard: Guard): Promise<PinnedAddresses> {
  const pinned = new Map<string, readonly string[]>();
  for (const target of guard.targets) {
    if (isLocalTarget(target)) continue;
    const { hostname } = new URL(target);
    // An address that is given as such was given on purpose.
    if (isAddress(hostname) || pinned.has(hostname)) continue;
    const found = await addressesOf(hostname, guard.resolve);
    const addresses = found.slice(0, maxAddresses).map((address) => checked(target, address));
    pinned.set(hostname, addresses);
  }
  return pinned;
}

function checked(target: string, address: unknown): string {
  const canonical = typeof address === 'string' ? canonicalHost(address) : undefined;
  if (canonical === undefined || !isAddress(canonical)) {
    throw new GardenhoseError('invalid-option', 'guard.resolve must give addresses, found something else', {
      subject: 'guard.resolve',
    });
  }
  const kind = neverByName(canonical);
  if (kind !== undefined) {
    throw new GardenhoseError(
      'target-refused',
      `${target} leads to ${canonical}, which is ${kind}; no name may lead there. If it is meant, give the address itself as target`,
      { subject: target },
    );
  }
  return canonical.replace(/^\[|\]$/g, '');
}

const forbidden: Partial<Record<HostKind, string>> = {
  metadata: 'an address at which clouds hand out credentials',
  'link-local': 'a link-local address',
  'no-host': 'the address of no one host',
};

/** Why no name may lead to this address, in words; undefined when one may. */
export function neverByName(address: string): string | undefined {
  return forbidden[hostKind(address)];
}
