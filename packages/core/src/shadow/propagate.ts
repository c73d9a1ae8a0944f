import { canonicalHost, hostKind } from '../model/address.ts';
import { invalidOption } from '../model/option-values.ts';

/**
 * Whom marks are passed on to by requests that a service makes for a marked one: hosts that are private by their name or address
 * (`private`), these hosts, or nobody. An entry with a dot in front stands for the names under it, as `.shop.example`.
 */
export type PropagateTo = 'private' | 'none' | readonly string[];

/** Names that lead nowhere outside: RFC 6761, RFC 6762, RFC 8375, `.internal` as ICANN reserves it, and those of Kubernetes. */
const privateSuffixes = ['.test', '.local', '.home.arpa', '.internal', '.svc'] as const;

/**
 * Decides by the host that a request goes to.
 *
 * @throws {@link GardenhoseError} `invalid-option`
 */
export function propagatesTo(to: PropagateTo = 'private'): (host: string) => boolean {
  if (to === 'none') return () => false;
  if (to === 'private') return isPrivateHost;
  const given: unknown = to;
  if (!Array.isArray(given)) {
    throw invalidOption(
      'shadow.propagateTo',
      `must be 'private', 'none' or a list of hosts, got '${String(given)}'`,
    );
  }
  const hosts = new Set<string>();
  const suffixes: string[] = [];
  for (const entry of given.map(String)) {
    const name = canonicalHost(entry.replace(/^\./, ''));
    if (name === undefined || (entry.startsWith('.') && !name.includes('.'))) {
      throw invalidOption(
        'shadow.propagateTo',
        `must hold hosts, or names of two labels or more with a dot in front, got '${entry}'`,
      );
    }
    if (entry.startsWith('.')) suffixes.push(`.${name}`);
    else hosts.add(name);
  }
  return (host) => {
    const name = canonicalHost(host);
    return name !== undefined && (hosts.has(name) || suffixes.some((suffix) => name.endsWith(suffix)));
  };
}

function isPrivateHost(host: string): boolean {
  const kind = hostKind(host);
  if (kind !== 'name') return kind === 'loopback' || kind === 'private';
  const name = canonicalHost(host);
  // A name of one label is looked up in the domains of this machine alone.
  return (
    name !== undefined && (/^[\w-]+$/.test(name) || privateSuffixes.some((suffix) => name.endsWith(suffix)))
  );
}
