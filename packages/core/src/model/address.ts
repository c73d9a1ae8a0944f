/** What a host is, as far as its name alone tells. */
export type HostKind =
  /** This machine: 127.0.0.0/8, ::1, `localhost` and names under it. */
  | 'loopback'
  /** RFC 1918, RFC 6598 (shared, as clusters use it) and RFC 4193. */
  | 'private'
  /** Where machines of a cloud are told their credentials; RFC 3927 and RFC 4291 link-local addresses. */
  | 'metadata'
  | 'link-local'
  /** No one address: unspecified, multicast, reserved. */
  | 'no-host'
  | 'public'
  /** A name, of which nothing is known before it is looked up. */
  | 'name';

/**
 * What a host is, as the URL standard writes it or as a person does: `127.1`, `0x7f000001`, `[::1]`, `::1`, `LOCALHOST.`.
 * An IPv4 address within an IPv6 one (mapped, compatible, NAT64, 6to4) is what that IPv4 address is, but for loopback, which only
 * a mapped one is.
 */
export function hostKind(host: string): HostKind {
  const name = canonicalHost(host);
  if (name === undefined) return 'name';
  if (name === 'localhost' || name.endsWith('.localhost')) return 'loopback';
  if (!name.startsWith('[')) {
    const bytes = ipv4Bytes(name);
    return bytes === undefined ? 'name' : kindOfIpv4(bytes);
  }
  const groups = ipv6Groups(name);
  return groups === undefined ? 'name' : kindOfIpv6(groups);
}

/**
 * One spelling for all that a host can be written as: lower case, no dot at the end, addresses in their shortest form, an
 * IPv4 address that is mapped into IPv6 in dots. Undefined when it is no host.
 */
export function canonicalHost(host: string): string | undefined {
  const bare = host.replace(/%[^\]]*/, '');
  const text = `http://${bare.includes(':') && !bare.startsWith('[') ? `[${bare}]` : bare}`;
  // `URL.parse` came after the oldest Node that is supported.
  if (!URL.canParse(text)) return undefined;
  const url = new URL(text);
  if (url.host !== url.hostname || url.username !== '' || url.pathname !== '/') return undefined;
  const name = url.hostname.replace(/\.$/, '');
  const mapped = /^\[::ffff:([0-9a-f]{1,4}):([0-9a-f]{1,4})\]$/.exec(name);
  if (mapped === null) return name;
  return dotted(Number.parseInt(mapped[1] ?? '', 16), Number.parseInt(mapped[2] ?? '', 16));
}

/** Whether a host is an address and not a name. */
export function isAddress(host: string): boolean {
  const name = canonicalHost(host);
  return name !== undefined && (name.startsWith('[') || ipv4Bytes(name) !== undefined);
}

/** Whether this is the loopback of this machine. */
export function isLoopback(host: string): boolean {
  return hostKind(host) === 'loopback';
}

/** Addresses that begin alike: `10.0.0.0/8`, or one alone. */
export class AddressRange {
  readonly #bytes: readonly number[];
  readonly #bits: number;

  private constructor(bytes: readonly number[], bits: number) {
    this.#bytes = bytes;
    this.#bits = bits;
  }

  /** Undefined when it is neither an address nor a range. */
  static parse(text: string): AddressRange | undefined {
    const [, host = '', length] = /^([^/]*)(?:\/(\d{1,3}))?$/.exec(text) ?? [];
    const bytes = addressBytes(host);
    if (bytes === undefined) return undefined;
    const bits = length === undefined ? bytes.length * 8 : Number(length);
    return bits > bytes.length * 8 ? undefined : new AddressRange(bytes, bits);
  }

  has(address: string): boolean {
    const bytes = addressBytes(address);
    if (bytes?.length !== this.#bytes.length) return false;
    for (let i = 0; i * 8 < this.#bits; i++) {
      const unused = Math.max(0, 8 - (this.#bits - i * 8));
      if (((bytes[i] ?? 0) ^ (this.#bytes[i] ?? 0)) >> unused !== 0) return false;
    }
    return true;
  }
}

/** Four bytes, or sixteen; an IPv4 address that is mapped into IPv6 has four. */
function addressBytes(host: string): readonly number[] | undefined {
  const name = canonicalHost(host);
  if (name === undefined) return undefined;
  if (!name.startsWith('[')) return ipv4Bytes(name);
  return ipv6Groups(name)?.flatMap((group) => [group >> 8, group & 255]);
}

function dotted(high: number, low: number): string {
  return [high >> 8, high & 255, low >> 8, low & 255].join('.');
}

type Four = readonly [number, number, number, number];

/** The URL standard writes every IPv4 address as four decimal numbers. */
function ipv4Bytes(name: string): Four | undefined {
  const match = /^(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})$/.exec(name);
  if (match === null) return undefined;
  const [a = 0, b = 0, c = 0, d = 0] = match.slice(1).map(Number);
  return [a, b, c, d];
}

/** The eight groups of an IPv6 address as the URL standard writes it. */
function ipv6Groups(name: string): readonly number[] | undefined {
  const [front = '', back] = name.slice(1, -1).split('::');
  const groups = (text: string) =>
    text === '' ? [] : text.split(':').map((group) => Number.parseInt(group, 16));
  const head = groups(front);
  const tail = groups(back ?? '');
  const missing = 8 - head.length - tail.length;
  return missing < 0 ? undefined : [...head, ...new Array<number>(missing).fill(0), ...tail];
}

/** Of Amazon, Google and others (169.254.169.254) among the link-local; of Alibaba, Oracle and Azure elsewhere. */
const metadataIpv4: ReadonlySet<string> = new Set([
  '169.254.169.254',
  '169.254.170.2',
  '100.100.100.200',
  '192.0.0.192',
  '168.63.129.16',
]);

function kindOfIpv4([a, b, c, d]: Four): HostKind {
  if (a === 127) return 'loopback';
  if (metadataIpv4.has([a, b, c, d].join('.'))) return 'metadata';
  if (a === 169 && b === 254) return 'link-local';
  if (a === 10 || (a === 172 && b >= 16 && b < 32) || (a === 192 && b === 168)) return 'private';
  if (a === 100 && b >= 64 && b < 128) return 'private';
  return a === 0 || a >= 224 ? 'no-host' : 'public';
}

function kindOfIpv6(groups: readonly number[]): HostKind {
  const [a = 0, b = 0] = groups;
  const [g = 0, h = 0] = groups.slice(6);
  const zeros = (from: number, to: number) => groups.slice(from, to).every((group) => group === 0);
  if (zeros(0, 7) && h <= 1) return h === 1 ? 'loopback' : 'no-host';
  // RFC 4291 section 2.5.5.1 and RFC 6052: an IPv4 address at the end. RFC 3056: one behind the prefix.
  if (zeros(0, 6) || (a === 0x64 && b === 0xff9b && zeros(2, 6))) return embedded(g, h);
  if (a === 0x2002) return embedded(b, groups[2] ?? 0);
  if ((a & 0xffc0) === 0xfe80) return 'link-local';
  if (a === 0xfd00 && b === 0xec2) return 'metadata';
  if (a === 0xfd20 && b === 0xce) return 'metadata';
  if ((a & 0xfe00) === 0xfc00) return 'private';
  return (a & 0xff00) === 0xff00 ? 'no-host' : 'public';
}

function embedded(high: number, low: number): HostKind {
  const kind = kindOfIpv4([high >> 8, high & 255, low >> 8, low & 255]);
  // What stands behind a translator is not this machine.
  return kind === 'loopback' ? 'no-host' : kind;
}
