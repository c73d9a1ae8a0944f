/** The path of a request target, without its query; of an absolute form, the path behind the host. */
export function splitTarget(target: string): {
  readonly before: string;
  readonly path: string;
  readonly after: string;
} {
  const scheme = /^[a-zA-Z][a-zA-Z0-9+.-]*:\/\/[^/?#]*/.exec(target);
  const begin = scheme === null ? 0 : scheme[0].length;
  const query = target.indexOf('?', begin);
  const end = query === -1 ? target.length : query;
  return { before: target.slice(0, begin), path: target.slice(begin, end), after: target.slice(end) };
}

/**
 * Whether a text matches a pattern in which `*` stands for any run of characters without `/`, and `**` for any run at
 * all. Everything else stands for itself. Takes at most as many steps as the product of the two lengths.
 */
export function matchesGlob(pattern: string, text: string): boolean {
  const parts = globParts(pattern);
  // `open[i]`: the first `i` parts can end here. Walked character by character, so no pattern makes it slow.
  let open = reach(parts, new Set([0]));
  for (const character of text) {
    const next = new Set<number>();
    for (const at of open) {
      const part = parts[at];
      if (part === '**' || (part === '*' && character !== '/')) next.add(at);
      else if (part === character) next.add(at + 1);
    }
    if (next.size === 0) return false;
    open = reach(parts, next);
  }
  return open.has(parts.length);
}

function globParts(pattern: string): string[] {
  const parts: string[] = [];
  for (const character of pattern) {
    if (character === '*' && parts.at(-1) === '*') parts[parts.length - 1] = '**';
    else if (character !== '*' || parts.at(-1) !== '**') parts.push(character);
  }
  return parts;
}

/** Adds the places that are reached without a character, over a star that stands for nothing. */
function reach(parts: readonly string[], open: Set<number>): Set<number> {
  for (const at of open) {
    const part = parts[at];
    if (part === '*' || part === '**') open.add(at + 1);
  }
  return open;
}

/** A path rewrite that was read from its two templates. */
export interface PathRewrite {
  /** The new path, or undefined when the path does not match. */
  rewrite(path: string): string | undefined;
}

/**
 * Reads a path rewrite. In `from`, a segment `:name` stands for one segment and a last segment `*` for the rest; `to` may
 * use the same names, and `*` as its last segment. Returns a sentence when the templates make no sense.
 *
 * @example
 * readPathRewrite('/v1/*', '/v2/*');
 * readPathRewrite('/users/:id/orders', '/customers/:id/orders');
 */
export function readPathRewrite(from: string, to: string): PathRewrite | string {
  for (const [name, text] of [
    ['from', from],
    ['to', to],
  ] as const) {
    if (!/^\/[\x21-\x7e]*$/.test(text) || /[?#]/.test(text)) {
      return `${name} must be a path that begins with / and holds no query, space or character beyond ASCII`;
    }
    if (text.slice(0, -1).includes('*') || (text.endsWith('*') && !text.endsWith('/*'))) {
      return `${name} may hold * only as its last segment`;
    }
  }
  const wanted = from.slice(1).split('/');
  const made = to.slice(1).split('/');
  const names = wanted.filter((segment) => segment.startsWith(':'));
  if (new Set(names).size !== names.length) return 'from names a segment twice';
  const unknown = made.find((segment) => segment.startsWith(':') && !names.includes(segment));
  if (unknown !== undefined) return `to uses ${unknown}, which from does not name`;
  const rest = wanted.at(-1) === '*';
  if (made.at(-1) === '*' && !rest) return 'to ends in *, but from does not';
  return { rewrite: (path) => rewritePath(path, wanted, made, rest) };
}

function rewritePath(
  path: string,
  wanted: readonly string[],
  made: readonly string[],
  rest: boolean,
): string | undefined {
  if (!path.startsWith('/')) return undefined;
  const found = path.slice(1).split('/');
  const fixed = rest ? wanted.length - 1 : wanted.length;
  if (rest ? found.length < fixed : found.length !== fixed) return undefined;
  const values = new Map<string, string>();
  for (let i = 0; i < fixed; i++) {
    const segment = wanted[i] ?? '';
    const value = found[i] ?? '';
    if (segment.startsWith(':')) {
      if (value === '') return undefined;
      values.set(segment, value);
    } else if (segment !== value) return undefined;
  }
  const out = made.flatMap((segment) =>
    segment === '*' ? found.slice(fixed) : [values.get(segment) ?? segment],
  );
  return `/${out.join('/')}`;
}
