import type { HeaderList } from '../model/headers.ts';
import { visitText } from './json-leaves.ts';
import { type Leaf, type LeafBudget, type Place, placeName, show, showCookie, type Visit } from './leaf.ts';
import { below, decoded, visitUrl } from './url-leaves.ts';

const maxCookies = 300;

/** Headers that say what a connection, a program or a clock wants, and nothing that another exchange would use. */
const dull: ReadonlySet<string> = new Set([
  ...[
    'host',
    'user-agent',
    'date',
    'server',
    'connection',
    'keep-alive',
    'transfer-encoding',
    'te',
    'trailer',
    'proxy-connection',
    'http2-settings',
  ],
  ...['content-type', 'content-length', 'content-encoding', 'content-language', 'content-disposition'],
  ...['cache-control', 'expires', 'age', 'vary', 'pragma', 'upgrade', 'via', 'alt-svc', 'range', 'expect'],
  ...['content-range', 'accept-ranges', 'strict-transport-security', 'content-security-policy', 'origin'],
  ...['referer', 'grpc-timeout', 'grpc-encoding', 'grpc-accept-encoding', 'grpc-status', 'dnt', 'priority'],
  ...['x-shadow-traffic', 'x-shadow-run', 'x-shadow-seq', 'x-powered-by', 'upgrade-insecure-requests'],
]);
const dullPrefix = /^(?::|accept|sec-|access-control-|x-forwarded-)/;

/** Whether nothing looks at a header, by its name in lower case. */
function isDull(name: string): boolean {
  return dull.has(name) || dullPrefix.test(name);
}

/**
 * Why a place of a binding that begins with `header.` is one where no value is ever looked for; undefined where it is looked at.
 *
 * @param side - Of which it is a place
 */
export function headerPlaceProblem(place: string, side: 'request' | 'answer'): string | undefined {
  const [name = '', ...part] = place.slice('header.'.length).split('#');
  const what = `header.${name}`;
  if (name === '*') return undefined;
  if (name !== name.toLowerCase())
    return `${what} is not looked at: write ${what.toLowerCase()}, in lower case`;
  const own = side === 'request' ? 'cookie' : 'set-cookie';
  if (name === own) return `${what} is not looked at: write ${own}.NAME, for each cookie by itself`;
  if (isDull(name) || name === 'cookie' || name === 'set-cookie') {
    return `${what} is not looked at, since it is set by the connection, the program or a clock. Any other header can be bound, such as header.x-csrf-token`;
  }
  if (side === 'request' && part.length > 0)
    return `${what} of a request is taken whole: write it without the # and what follows`;
  return placeName(name) === name
    ? undefined
    : `${what} is not looked at: a name that may itself be a value is written as header.*`;
}

/** The headers of a request with what a visit put in. */
export interface VisitedHeaders {
  readonly headers: HeaderList;
  /** Values made of nothing but what the visit gave, by the places of their names in the list. */
  readonly given: ReadonlyMap<number, string>;
}

/** The values in the headers of a request: `header.x-csrf-token`, `cookie.sid`. */
export function visitRequestHeaders(headers: HeaderList, visit: Visit, budget: LeafBudget): VisitedHeaders {
  const given = new Map<number, string>();
  let written: string[] | undefined;
  for (let i = 0; i + 1 < headers.length; i += 2) {
    const name = (headers[i] ?? '').toLowerCase();
    const value = headers[i + 1] ?? '';
    if (isDull(name)) continue;
    const visited =
      name === 'cookie' ? visitCookies(value, visit, budget) : visitHeader(name, value, visit, budget);
    if (visited.given !== undefined) given.set(i, visited.given);
    if (visited.value === value) continue;
    written ??= [...headers];
    written[i + 1] = visited.value;
  }
  return { headers: written ?? headers, given };
}

interface VisitedValue {
  readonly value: string;
  readonly given?: string | undefined;
}

function visitCookies(value: string, visit: Visit, budget: LeafBudget): VisitedValue {
  const pairs = value.split(';', maxCookies);
  const all: string[] = [];
  const given: string[] = [];
  for (const pair of pairs) {
    const cookie = cookieLeaf(pair, 'cookie.');
    const visited = cookie === undefined ? undefined : showCookie(visit, budget, cookie.leaf);
    if (cookie === undefined || visited === undefined) {
      all.push(pair.trim());
    } else if (visited !== null && safe.test(visited)) {
      all.push(`${cookie.name}=${visited}`);
      given.push(`${cookie.name}=${visited}`);
    }
  }
  return { value: all.join('; '), given: given.length === 0 ? undefined : given.join('; ') };
}

const safe = /^[\x20-\x7e\x80-\xff]*$/;

/** The cookie that a pair names. A quoted value stands with its quotes. */
export function cookieLeaf(
  pair: string,
  before: string,
): { readonly name: string; readonly leaf: Leaf & { readonly raw: string } } | undefined {
  const equals = pair.indexOf('=');
  const name = pair.slice(0, Math.max(0, equals)).trim();
  const raw = pair.slice(equals + 1).trim();
  if (name === '' || raw === '') return undefined;
  const place = before + placeName(name);
  return { name, leaf: { place, pointer: before + name, text: decoded(raw) ?? raw, role: 'cookie', raw } };
}

const validators: ReadonlyMap<string, 'etag' | 'modified'> = new Map([
  ['if-none-match', 'etag'],
  ['if-match', 'etag'],
  ['if-modified-since', 'modified'],
  ['if-unmodified-since', 'modified'],
]);

/** A value of one header. Where it has a scheme, as `Bearer`, what stands behind that. */
function visitHeader(name: string, value: string, visit: Visit, budget: LeafBudget): VisitedValue {
  const place = headerPlace(name);
  const validator =
    name === 'if-range' ? (/^(?:W\/)?"/.test(value) ? 'etag' : 'modified') : validators.get(name);
  if (validator === 'etag') return { value: visitEtags(value, place, visit, budget) };
  const [, scheme = '', text = ''] = /^((?:[A-Za-z][\w-]{1,20} +)?)(.*)$/s.exec(value.trim()) ?? [];
  const hasScheme =
    scheme !== '' && (/authorization$/.test(name) || /^bearer +$/i.test(scheme)) && /^\S+$/.test(text);
  const whole = hasScheme ? text : value.trim();
  const given = show(visit, budget, { ...place, text: whole, role: validator });
  if (given === undefined || !safe.test(given)) return { value };
  const written = hasScheme ? scheme + given : given;
  return { value: given === whole ? value : written, given: written };
}

/** Entity tags, without their quotes. */
function visitEtags(value: string, place: Place, visit: Visit, budget: LeafBudget): string {
  return value.replace(/"([^"]{1,1024})"/g, (whole, text: string) => {
    const given = show(visit, budget, { ...place, text, role: 'etag' });
    return given === undefined || given.includes('"') || !safe.test(given) ? whole : `"${given}"`;
  });
}

/** Shows the values in the headers or trailers of an answer: `header.location#path[1]`, `set-cookie.sid`. */
export function readResponseHeaders(headers: HeaderList, visit: Visit, budget: LeafBudget): void {
  const seen = new Map<string, number>();
  for (let i = 0; i + 1 < headers.length; i += 2) {
    const name = (headers[i] ?? '').toLowerCase();
    const value = (headers[i + 1] ?? '').trim();
    if (isDull(name)) continue;
    if (name === 'set-cookie') {
      readSetCookie(value, visit, budget);
      continue;
    }
    const nth = seen.get(name) ?? 0;
    seen.set(name, nth + 1);
    const own = headerPlace(name, nth);
    if (name === 'etag') {
      const text = /^(?:W\/)?"([^"]*)"$/.exec(value)?.[1] ?? value;
      show(visit, budget, { ...own, text, role: 'etag' });
    } else if (name === 'last-modified') show(visit, budget, { ...own, text: value, role: 'modified' });
    else if (name === 'link') readLinks(value, own, visit, budget);
    else visitText(value, own, visit, budget);
  }
}

/** A cookie, by its name; and its value as it stands, for clients that copy it without decoding it. */
function readSetCookie(value: string, visit: Visit, budget: LeafBudget): void {
  const leaf = cookieLeaf(value.split(';', 1)[0] ?? '', 'set-cookie.')?.leaf;
  if (leaf === undefined) return;
  show(visit, budget, leaf);
  if (leaf.raw !== leaf.text)
    show(visit, budget, { place: leaf.place, pointer: `${leaf.pointer}!`, text: leaf.raw });
}

/** RFC 8288: URLs between angle brackets. */
function readLinks(value: string, at: Place, visit: Visit, budget: LeafBudget): void {
  for (const [i, match] of [...value.matchAll(/<([^<>]{1,2048})>/g)].entries()) {
    visitUrl(match[1] ?? '', below(at, '#', `[${i}]#`), visit, budget);
  }
}

function headerPlace(name: string, nth = 0): Place {
  const place = `header.${placeName(name)}`;
  return { place, pointer: `header.${name}${nth === 0 ? '' : `[${nth}]`}` };
}
