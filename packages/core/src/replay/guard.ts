import { GardenhoseError } from '../errors.ts';
import type { Exchange } from '../model/exchange.ts';
import { headerEntries, headerValue } from '../model/headers.ts';

/** What keeps a replay from doing harm. */
export interface GuardOptions {
  /**
   * Origins that may be sent to besides loopback, as `https://staging.example:8443`; the port may be left out where it is
   * the scheme's own. No patterns. Default none.
   */
  readonly allow?: readonly string[] | undefined;
  /**
   * Whether exchanges that may change state are sent: for HTTP every method but GET, HEAD, OPTIONS and TRACE. Default true
   * for a loopback target and false for any other. What is left out is counted as skipped, what is sent is counted too.
   */
  readonly allowMutations?: boolean | undefined;
  /**
   * Whether a target may be one that the capture was recorded from. Default false; loopback targets may always.
   */
  readonly allowRecordedOrigin?: boolean | undefined;
  /**
   * Whether recorded credentials (Authorization, Cookie, API keys) are sent. Default false: they are taken out before
   * `onSend` runs, and only what a hook puts in is sent.
   */
  readonly keepCredentials?: boolean | undefined;
  /** Exchanges under way at once; more wait, and the wait counts as blocked. Default 256. */
  readonly maxInFlight?: number | undefined;
  /** Longest wait for an answer, beyond the time that the recorded one took. Default 30,000. */
  readonly timeoutMs?: number | undefined;
  /** The run is stopped after this long, with a partial result. Default no limit. */
  readonly maxDurationMs?: number | undefined;
}

/** Options of a guard, checked and complete. */
export interface Guard {
  readonly target: string;
  readonly loopback: boolean;
  readonly allowMutations: boolean;
  readonly allowRecordedOrigin: boolean;
  readonly keepCredentials: boolean;
  readonly maxInFlight: number;
  readonly timeoutMs: number;
  readonly maxDurationMs: number;
}

/** The target of a sender that no network leads to. */
export const inProcessTarget = 'in-process';

/**
 * Decides whether this target may be sent to at all.
 *
 * @throws {@link GardenhoseError} `target-refused`, `invalid-option`
 */
export function createGuard(target: string, options: GuardOptions = {}): Guard {
  const allowed = (options.allow ?? []).map((origin) => parseOrigin(origin, 'guard.allow').origin);
  const inProcess = target === inProcessTarget;
  const url = inProcess ? undefined : parseOrigin(target, 'target');
  const loopback = url === undefined || isLoopback(url.hostname);
  if (url !== undefined && !loopback && !allowed.includes(url.origin)) {
    throw new GardenhoseError(
      'target-refused',
      `${url.origin} is not a loopback address and not in the list of allowed targets; add it to guard.allow if traffic may be sent there`,
      { subject: url.origin },
    );
  }
  return {
    target: url?.origin ?? target,
    loopback,
    allowMutations: options.allowMutations ?? loopback,
    allowRecordedOrigin: options.allowRecordedOrigin ?? loopback,
    keepCredentials: options.keepCredentials ?? false,
    maxInFlight: whole('guard.maxInFlight', options.maxInFlight, 256),
    timeoutMs: positive('guard.timeoutMs', options.timeoutMs, 30_000),
    maxDurationMs: positive('guard.maxDurationMs', options.maxDurationMs, Number.POSITIVE_INFINITY),
  };
}

/**
 * Refuses an exchange that was recorded from the target: replay never goes back to where the traffic came from.
 *
 * @throws {@link GardenhoseError} `target-refused`
 */
export function checkRecordedOrigin(guard: Guard, exchange: Exchange): void {
  if (guard.allowRecordedOrigin || exchange.direction !== 'inbound' || guard.target === inProcessTarget)
    return;
  const { request } = exchange;
  const authority = request.authority ?? headerValue(request.headers, 'host');
  if (authority === undefined) return;
  // The service may stand behind a proxy that ended TLS, so the scheme says nothing.
  const target = parseUrl(guard.target);
  for (const scheme of ['http', 'https']) {
    const recorded = parseUrl(`${scheme}://${authority}`);
    if (recorded !== null && target !== null && sameHost(recorded, target)) {
      throw new GardenhoseError(
        'target-refused',
        `${guard.target} is where this traffic was recorded; set guard.allowRecordedOrigin if it may be sent back there`,
        { subject: guard.target },
      );
    }
  }
}

/** Whether sending this may change state at the target. */
export function isMutation(exchange: Exchange): boolean {
  return exchange.protocol !== 'http' || !safeMethods.has(exchange.request.method);
}

/** RFC 9110 section 9.2.1. */
const safeMethods: ReadonlySet<string> = new Set(['GET', 'HEAD', 'OPTIONS', 'TRACE']);

const credentialHeaders: ReadonlySet<string> = new Set([
  'authorization',
  'proxy-authorization',
  'cookie',
  'x-api-key',
  'api-key',
  'apikey',
  'x-auth-token',
  'x-access-token',
  'x-amz-security-token',
  'x-goog-iam-authorization-token',
]);

/** The exchange without the credentials it was recorded with. */
export function withoutCredentials(exchange: Exchange): Exchange {
  const kept: string[] = [];
  for (const [name, value] of headerEntries(exchange.request.headers)) {
    if (!credentialHeaders.has(name.toLowerCase())) kept.push(name, value);
  }
  if (kept.length === exchange.request.headers.length) return exchange;
  return { ...exchange, request: { ...exchange.request, headers: kept } };
}

/** Whether a host as the URL standard writes it, or as a person does, is this machine's loopback. */
export function isLoopback(host: string): boolean {
  const url = parseUrl(`http://${host.includes(':') && !host.startsWith('[') ? `[${host}]` : host}`);
  if (url === null) return false;
  const name = url.hostname.replace(/\.$/, '');
  if (name === 'localhost' || name.endsWith('.localhost')) return true;
  if (/^127\.\d+\.\d+\.\d+$/.test(name)) return true;
  // The URL standard writes IPv6 in its shortest form, mapped IPv4 in two groups.
  return name === '[::1]' || /^\[::ffff:7f[0-9a-f]{2}:[0-9a-f]{1,4}\]$/.test(name);
}

function sameHost(a: URL, b: URL): boolean {
  const port = (url: URL) => url.port || (url.protocol === 'https:' ? '443' : '80');
  const name = (url: URL) => url.hostname.replace(/\.$/, '');
  return name(a) === name(b) && port(a) === port(b);
}

// `URL.parse` came after the oldest Node that is supported.
function parseUrl(text: string): URL | null {
  return URL.canParse(text) ? new URL(text) : null;
}

function parseOrigin(text: string, option: string): URL {
  const url = parseUrl(text);
  if (url === null || (url.protocol !== 'http:' && url.protocol !== 'https:')) {
    throw new GardenhoseError(
      'invalid-option',
      `${option} must be an origin such as http://127.0.0.1:3000, got '${text}'`,
      { subject: option },
    );
  }
  if (url.username !== '' || url.password !== '') {
    throw new GardenhoseError('invalid-option', `${option} must not hold a user name or password`, {
      subject: option,
    });
  }
  if (url.pathname !== '/' || url.search !== '' || url.hash !== '') {
    throw new GardenhoseError(
      'invalid-option',
      `${option} must be an origin without a path, got '${text}'; a hook can rewrite paths`,
      { subject: option },
    );
  }
  return url;
}

function whole(option: string, value: number | undefined, fallback: number): number {
  if (value === undefined) return fallback;
  if (Number.isSafeInteger(value) && value > 0) return value;
  throw new GardenhoseError(
    'invalid-option',
    `${option} must be a whole number over 0, got ${String(value)}`,
    {
      subject: option,
    },
  );
}

function positive(option: string, value: number | undefined, fallback: number): number {
  if (value === undefined) return fallback;
  if (Number.isFinite(value) && value > 0) return value;
  throw new GardenhoseError('invalid-option', `${option} must be a number over 0, got ${String(value)}`, {
    subject: option,
  });
}
