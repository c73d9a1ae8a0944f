import type { SenderTlsOptions } from './sender-setup.ts';

interface Address {
  readonly address: string;
  readonly family: 4 | 6;
}

/** As `net.connect` takes it. */
type Lookup = (
  hostname: string,
  options: { readonly all?: boolean | undefined; readonly family?: unknown },
  done: (error: null, address: string | Address[], family?: number) => void,
) => void;

/** RFC 6761 section 6.3: these names are loopback, whatever a resolver says. */
const lookupLoopback: Lookup = (_hostname, options, done) => {
  const all: Address[] = [
    { address: '127.0.0.1', family: 4 },
    { address: '::1', family: 6 },
  ];
  if (options.all === true) done(null, all);
  else done(null, options.family === 6 ? '::1' : '127.0.0.1', options.family === 6 ? 6 : 4);
};

/** Where an origin is connected, as `net.connect` and `tls.connect` take it. */
export interface DialOptions {
  readonly host: string;
  readonly port: number;
  readonly noDelay: true;
  readonly autoSelectFamily: true;
  readonly lookup?: Lookup;
}

export function dialOptions(url: URL): DialOptions {
  const host = hostOf(url);
  const name = host.replace(/\.$/, '');
  const local = name === 'localhost' || name.endsWith('.localhost');
  return {
    host,
    port: Number(url.port || (url.protocol === 'https:' ? 443 : 80)),
    noDelay: true,
    autoSelectFamily: true,
    ...(local ? { lookup: lookupLoopback } : {}),
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
