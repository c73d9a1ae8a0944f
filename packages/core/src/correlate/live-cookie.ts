import { ownText } from './own-text.ts';

/** A cookie that a live answer set, as a user agent keeps it (RFC 6265 section 5.3). */
export interface LiveCookie {
  readonly name: string;
  /** As it stands: quotes and percent codes are the server's. */
  readonly value: string;
  /** Milliseconds since 1970; infinite for that of a session. */
  readonly expiresAt: number;
  /** Undefined for the host alone that set it. */
  readonly domain: string | undefined;
  readonly path: string;
  readonly secure: boolean;
}

/** A request, as far as cookies ask. */
export interface CookieRequest {
  readonly target: string;
  /** Names without ports that the target goes by: its own, and that of the recorded request. */
  readonly hosts: readonly string[];
  /** Whether nobody else can listen: over TLS, or on this machine, as browsers see it. */
  readonly secure: boolean;
  readonly nowMs: number;
}

const longest = 8_192;
const farthest = 400 * 24 * 3_600_000;

/** The cookie of a `Set-Cookie` header; undefined when it sets none (RFC 6265 section 5.2). */
export function parseSetCookie(header: string, target: string, nowMs: number): LiveCookie | undefined {
  const [pair = '', ...attributes] = header.slice(0, longest).split(';');
  const equals = pair.indexOf('=');
  const name = pair.slice(0, Math.max(0, equals)).trim();
  if (name === '') return undefined;
  let maxAge: number | undefined;
  let expires: number | undefined;
  let domain: string | undefined;
  let path: string | undefined;
  let secure = false;
  for (const attribute of attributes) {
    const at = attribute.indexOf('=');
    const key = (at === -1 ? attribute : attribute.slice(0, at)).trim().toLowerCase();
    const value = at === -1 ? '' : attribute.slice(at + 1).trim();
    if (key === 'max-age' && /^-?\d{1,15}$/.test(value)) maxAge = Number(value);
    else if (key === 'expires') expires = Number.isNaN(Date.parse(value)) ? expires : Date.parse(value);
    else if (key === 'domain') domain = value.replace(/^\./, '').toLowerCase() || undefined;
    else if (key === 'path') path = value.startsWith('/') ? value : undefined;
    else if (key === 'secure') secure = true;
  }
  const until = maxAge === undefined ? expires : maxAge <= 0 ? 0 : nowMs + Math.min(maxAge * 1_000, farthest);
  return {
    name: ownText(name),
    value: ownText(pair.slice(equals + 1).trim()),
    expiresAt: until ?? Number.POSITIVE_INFINITY,
    domain: domain && ownText(domain),
    path: ownText(path ?? defaultPath(target)),
    secure,
  };
}

/** About what it takes in memory, at two bytes to a character. */
export function bytesOfCookie({ name, value, domain = '', path }: LiveCookie): number {
  return 400 + 2 * (name.length + value.length + domain.length + path.length);
}

/** Whether a user agent would send the cookie with this request (RFC 6265 section 5.4). */
export function cookieApplies(cookie: LiveCookie, request: CookieRequest): boolean {
  if (cookie.expiresAt <= request.nowMs || (cookie.secure && !request.secure)) return false;
  const { domain } = cookie;
  if (domain !== undefined && !request.hosts.some((host) => domainMatches(host, domain))) return false;
  return pathMatches(pathOf(request.target), cookie.path);
}

function domainMatches(host: string, domain: string): boolean {
  const isAddress = /^[\d.]+$|:/.test(host);
  return host === domain || (!isAddress && host.endsWith(`.${domain}`));
}

function pathMatches(path: string, of: string): boolean {
  if (path === of) return true;
  return path.startsWith(of) && (of.endsWith('/') || path[of.length] === '/');
}

function pathOf(target: string): string {
  const path = target.replace(/^[a-z][a-z0-9+.-]*:\/\/[^/?#]*/i, '').split(/[?#]/, 1)[0] ?? '';
  return path.startsWith('/') ? path : '/';
}

function defaultPath(target: string): string {
  const path = pathOf(target);
  return path.slice(0, Math.max(1, path.lastIndexOf('/')));
}
