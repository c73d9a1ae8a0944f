import { lookup as lookupName } from 'node:dns';
import { isLoopback } from '../model/address.ts';
import { neverByName } from './addresses.ts';
import type { PinnedAddresses } from './pinned-addresses.ts';
import type { SenderTlsOptions } from './sender-setup.ts';

interface Address {
  readonly address: string;
  readonly family: number;
}

/** As `net.connect` takes it. */
type Lookup = (
  hostname: string,
  options: { readonly all?: boolean | undefined; readonly family?: unknown },
  done: (error: NodeJS.ErrnoException | null, address: string | Address[], family?: number) => void,
) => void;

/** RFC 6761 section 6.3: these names are loopback, whatever a resolver says. */
const lookupLoopback: Lookup = (_hostname, options, done) =>
  give(
    [
      { address: '127.0.0.1', family: 4 },
      { address: '::1', family: 6 },
    ],
    options,
    done,
  );

/** Answers with what a name was found to lead to before the run; asks the system only where there was no run to find it. */
function lookupPinned(pinned: () => PinnedAddresses | undefined): Lookup {
  return (hostname, options, done) => {
    const known = pinned();
    if (known !== undefined) {
      const addresses = known.get(hostname) ?? [];
      give(addresses.map(asAddress), options, done);
      return;
    }
    lookupName(hostname, { all: true }, (error, addresses) => {
      if (error !== null) done(error, []);
      else
        give(
          addresses.some(({ address }) => neverByName(address) !== undefined) ? [] : addresses,
          options,
          done,
        );
    });
  };
}

function asAddress(address: string): Address {
  return { address, family: address.includes(':') ? 6 : 4 };
}

const give = (addresses: Address[], options: Parameters<Lookup>[1], done: Parameters<Lookup>[2]): void => {
  const wanted = addresses.filter(({ family }) => options.family !== (family === 4 ? 6 : 4));
  const [first] = wanted;
  if (first === undefined) {
    const error: NodeJS.ErrnoException = new Error('no address');
    error.code = 'ENOTFOUND';
    done(error, []);
  } else if (options.all === true) done(null, wanted);
  else done(null, first.address, first.family);
};

/** Where an origin is connected, as `net.connect` and `tls.connect` take it. */
export interface DialOptions {
  readonly host: string;
  readonly port: number;
  readonly noDelay: true;
  readonly autoSelectFamily: true;
  readonly lookup: Lookup;
}

/**
 * @param pinned - Gives the addresses that names lead to, once a run has found them. Names lead nowhere else then. Before that, and
 *   without it, the system is asked, and what no name may lead to is left out
 */
export function dialOptions(
  url: URL,
  pinned: () => PinnedAddresses | undefined = () => undefined,
): DialOptions {
  const host = hostOf(url);
  return {
    host,
    port: Number(url.port || (url.protocol === 'https:' ? 443 : 80)),
    noDelay: true,
    autoSelectFamily: true,
    lookup: isLoopback(host) ? lookupLoopback : lookupPinned(pinned),
  };
}

/** How TLS is spoken with an origin, beside {@link dialOptions}, as `tls.connect` takes it. */
export function tlsOptions(
  url: URL,
  tls: SenderTlsOptions,
  protocol: string,
): SenderTlsOptions & { readonly rejectUnauthorized: boolean; readonly ALPNProtocols: string[] } {
  const host = hostOf(url);
  // A name alone can be asked for (RFC 6066 section 3).
  const servername = tls.servername ?? (/^[\d.]+$|:/.test(host) ? undefined : host);
  return {
    ...tls,
    rejectUnauthorized: tls.rejectUnauthorized ?? true,
    ...(servername === undefined ? {} : { servername }),
    ALPNProtocols: [protocol],
  };
}

function hostOf(url: URL): string {
  return url.hostname.replace(/^\[|\]$/g, '');
}
