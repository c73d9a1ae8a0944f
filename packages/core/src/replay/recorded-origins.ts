import { GardenhoseError } from '../errors.ts';
import { canonicalHost, hostKind, isAddress } from '../model/address.ts';
import type { Exchange } from '../model/exchange.ts';
import { headerValues } from '../model/headers.ts';
import type { Guard } from './guard.ts';
import type { PinnedAddresses } from './pinned-addresses.ts';
import { addressesOf } from './resolve-host.ts';
import { inProcessTarget, isSocketPath } from './target-kind.ts';

/** Hosts that one capture may have looked up. What a client writes into `Host` is its own choice. */
const maxLookups = 256;
const maxRemembered = 4_096;

/** A target by what can be compared with a recorded host. */
interface Place {
  readonly origin: string;
  readonly host: string;
  readonly port: string;
  /** Where its connections go. */
  readonly addresses: ReadonlySet<string>;
}

/**
 * Keeps a run from sending traffic back to where it was recorded: by any name that a request has for that place, by its
 * address, and by another name that leads to the same address.
 */
export class RecordedOrigins {
  readonly #guard: Guard;
  readonly #places: readonly Place[];
  readonly #seen = new Set<string>();
  #lookups = 0;

  constructor(guard: Guard, pinned: PinnedAddresses) {
    this.#guard = guard;
    this.#places = guard.allowRecordedOrigin ? [] : placesOf(guard, pinned);
  }

  /** Whether any target may be one that traffic was recorded from. */
  get any(): boolean {
    return this.#places.length > 0;
  }

  /**
   * Refuses the exchange, or lets it pass; gives a promise only when a name has to be looked up for that.
   *
   * @throws {@link GardenhoseError} `target-refused`
   */
  admit(exchange: Exchange): Promise<void> | undefined {
    if (this.#places.length === 0 || exchange.direction !== 'inbound') return undefined;
    const names: Recorded[] = [];
    for (const authority of authoritiesOf(exchange)) {
      if (this.#seen.has(authority)) continue;
      if (this.#seen.size < maxRemembered) this.#seen.add(authority);
      const recorded = recordedHost(authority);
      if (recorded === undefined) continue;
      this.#check(recorded, recorded.host);
      if (this.#mayLookUp(recorded)) names.push(recorded);
    }
    return names.length === 0 ? undefined : this.#lookUp(names);
  }

  #check({ ports }: Recorded, host: string): void {
    for (const place of this.#places) {
      if (!ports.includes(place.port) || !(place.host === host || place.addresses.has(host))) continue;
      const other = place.host === host ? '' : ', by another name for the same address';
      throw new GardenhoseError(
        'target-refused',
        `${place.origin} is where this traffic was recorded${other}; set guard.allowRecordedOrigin if it may be sent back there`,
        { subject: place.origin },
      );
    }
  }

  #mayLookUp({ host, ports }: Recorded): boolean {
    if (hostKind(host) !== 'name' || this.#lookups >= maxLookups) return false;
    if (!this.#places.some(({ port }) => ports.includes(port))) return false;
    this.#lookups++;
    return true;
  }

  async #lookUp(names: readonly Recorded[]): Promise<void> {
    const found = await Promise.all(names.map(({ host }) => addressesOf(host, this.#guard.resolve)));
    for (const [place, recorded] of names.entries()) {
      for (const address of found[place] ?? []) this.#check(recorded, canonicalHost(address) ?? '');
    }
  }
}

/** A host as it was recorded, and the ports that it may have meant. */
interface Recorded {
  readonly host: string;
  readonly ports: readonly string[];
}

function placesOf({ targets }: Guard, pinned: PinnedAddresses): Place[] {
  return targets.flatMap((origin) => {
    if (origin === inProcessTarget || isSocketPath(origin)) return [];
    const url = new URL(origin);
    const host = canonicalHost(url.hostname) ?? url.hostname;
    const addresses = pinned.get(url.hostname) ?? (isAddress(host) ? [host] : []);
    return [{ origin, host, port: portOf(url), addresses: new Set(addresses.map(spelt)) }];
  });
}

const spelt = (address: string): string => canonicalHost(address) ?? address;

function recordedHost(authority: string): Recorded | undefined {
  // The service may stand behind a proxy that ended TLS, so the scheme says nothing.
  const urls = ['http', 'https'].flatMap((scheme) => {
    const text = `${scheme}://${authority}`;
    return URL.canParse(text) ? [new URL(text)] : [];
  });
  const [url] = urls;
  const host = url && canonicalHost(url.hostname);
  return host === undefined ? undefined : { host, ports: [...new Set(urls.map(portOf))] };
}

function portOf(url: URL): string {
  return url.port || (url.protocol === 'https:' ? '443' : '80');
}

/** Every name that a request has for where it goes, whichever of them the recorded service went by. */
function authoritiesOf({ request }: Exchange): string[] {
  const named = headerValues(request.headers, 'host').map((host) => host.trim());
  if (request.authority !== undefined) named.push(request.authority);
  const absolute = /^[a-z][a-z0-9+.-]*:\/\/(?:[^/?#]*@)?([^/?#]*)/i.exec(request.target)?.[1];
  if (absolute !== undefined) named.push(absolute);
  return named;
}
