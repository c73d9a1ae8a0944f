import { GardenhoseError } from '../errors.ts';
import { headerKinds } from '../mask/policy/default-policy.ts';
import type { Exchange } from '../model/exchange.ts';
import { type HeaderList, headerEntries, headerValue, headerValues } from '../model/headers.ts';
import { onlyOptions } from '../model/option-names.ts';
import { invalidOption, originOption, wholeOption } from '../model/option-values.ts';

/** What keeps a replay from doing harm. */
export interface GuardOptions {
  /**
   * Origins that may be sent to besides loopback, as `https://staging.example:8443`; the port may be left out where it is
   * the scheme's own. No patterns. Default none.
   */
  readonly allow?: readonly string[] | undefined;
  /**
   * Whether exchanges that may change state are sent: for HTTP every method but GET, HEAD, OPTIONS and TRACE, for gRPC every
   * call but those of `readOnly`. Default true where all targets are loopback and false for any other. What is left out is
   * counted as skipped, what is sent is counted too.
   */
  readonly allowMutations?: boolean | undefined;
  /**
   * Methods of gRPC that change nothing, as `pkg.Service/Method`: they are sent where mutations are not. Nothing on the wire
   * tells them from others. Default none.
   */
  readonly readOnly?: readonly string[] | undefined;
  /**
   * Whether a target may be one that the capture was recorded from. Default false; loopback targets may always.
   */
  readonly allowRecordedOrigin?: boolean | undefined;
  /**
   * Whether recorded credentials (Authorization, Cookie, API keys) are sent. Default false: they are taken out before
   * `onSend` runs, and only what a hook puts in is sent.
   */
  readonly keepCredentials?: boolean | undefined;
  /** Exchanges under way at once; more wait, and as no recorded order asks for that, the wait counts as lag. Default 256. */
  readonly maxInFlight?: number | undefined;
  /** Longest wait for an answer, beyond the time that the recorded one took. Default 30,000. */
  readonly timeoutMs?: number | undefined;
  /** The run is stopped after this long, with a partial result. Default no limit. */
  readonly maxDurationMs?: number | undefined;
}

const optionNames: Readonly<Record<keyof GuardOptions, true>> = {
  allow: true,
  allowMutations: true,
  readOnly: true,
  allowRecordedOrigin: true,
  keepCredentials: true,
  maxInFlight: true,
  timeoutMs: true,
  maxDurationMs: true,
};

/** Options of a guard, checked and complete. */
export interface Guard {
  /** Where the run sends to, in words; several origins with a comma. */
  readonly target: string;
  readonly targets: readonly string[];
  readonly loopback: boolean;
  readonly allowMutations: boolean;
  readonly readOnly: ReadonlySet<string>;
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
export function createGuard(target: string | readonly string[], options: GuardOptions = {}): Guard {
  onlyOptions('guard', options, optionNames);
  const allowed = (options.allow ?? []).map(
    (origin) => originOption('guard.allow', origin, rewritePaths).origin,
  );
  const targets = [...new Set((typeof target === 'string' ? [target] : target).map(originOf))];
  const remote = targets.filter((origin) => !isLocalTarget(origin));
  const refused = remote.find((origin) => !allowed.includes(origin));
  if (refused !== undefined) {
    throw new GardenhoseError(
      'target-refused',
      `${refused} is not a loopback address and not in the list of allowed targets; add it to guard.allow if traffic may be sent there`,
      { subject: refused },
    );
  }
  const loopback = remote.length === 0;
  return {
    target: targets.join(', '),
    targets,
    loopback,
    readOnly: operationNames(options.readOnly ?? []),
    allowMutations: options.allowMutations ?? loopback,
    allowRecordedOrigin: options.allowRecordedOrigin ?? loopback,
    keepCredentials: options.keepCredentials ?? false,
    maxInFlight: wholeOption('guard.maxInFlight', options.maxInFlight, 256),
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
  if (guard.allowRecordedOrigin || exchange.direction !== 'inbound') return;
  for (const target of guard.targets) {
    const url = target === inProcessTarget || isSocketPath(target) ? null : parseUrl(target);
    if (url !== null) checkTarget(url, exchange);
  }
}

function checkTarget(target: URL, exchange: Exchange): void {
  for (const authority of authoritiesOf(exchange)) {
    // The service may stand behind a proxy that ended TLS, so the scheme says nothing.
    for (const scheme of ['http', 'https']) {
      const recorded = parseUrl(`${scheme}://${authority}`);
      if (recorded !== null && sameHost(recorded, target)) {
        throw new GardenhoseError(
          'target-refused',
          `${target.origin} is where this traffic was recorded; set guard.allowRecordedOrigin if it may be sent back there`,
          { subject: target.origin },
        );
      }
    }
  }
}

/** Every name that a request has for where it goes, whichever of them the recorded service went by. */
function authoritiesOf({ request }: Exchange): string[] {
  const named = headerValues(request.headers, 'host').map((host) => host.trim());
  if (request.authority !== undefined) named.push(request.authority);
  const absolute = /^[a-z][a-z0-9+.-]*:\/\/(?:[^/?#]*@)?([^/?#]*)/i.exec(request.target)?.[1];
  if (absolute !== undefined) named.push(absolute);
  return named;
}

/**
 * Whether sending this may change state at the target. A gRPC call may, unless its method is one of those that are known to
 * change nothing: `pkg.Service/Method`.
 */
export function isMutation(exchange: Exchange, readOnly: ReadonlySet<string> = noMethods): boolean {
  const { protocol, request } = exchange;
  if (protocol === 'grpc') return !readOnly.has(request.target.replace(/^\//, ''));
  if (protocol !== 'http' || !safeMethods.has(request.method)) return true;
  return methodOverrides.some((name) => headerValue(request.headers, name) !== undefined);
}

const noMethods: ReadonlySet<string> = new Set();

/** RFC 9110 section 9.2.1. */
const safeMethods: ReadonlySet<string> = new Set(['GET', 'HEAD', 'OPTIONS', 'TRACE']);

/** With one of these, some frameworks take a request for one of another method. */
const methodOverrides = ['x-http-method-override', 'x-http-method', 'x-method-override'] as const;

/** What says who sends: headers that the mask policy takes for credentials, whatever policy the capture had. */
const credentialKinds = ['authorization', 'cookie', 'credential'] as const;
const credentialNames: ReadonlySet<string> = new Set([
  ...credentialKinds.flatMap((kind) => headerKinds[kind]),
  'x-goog-iam-authorization-token',
]);
const credentialPrefixes = [...credentialNames]
  .filter((name) => name.endsWith('*'))
  .map((name) => name.slice(0, -1));

function isCredential(name: string): boolean {
  const lower = name.toLowerCase();
  return credentialNames.has(lower) || credentialPrefixes.some((prefix) => lower.startsWith(prefix));
}

/** The exchange without the credentials it was recorded with. */
export function withoutCredentials(exchange: Exchange): Exchange {
  const { request } = exchange;
  const headers = withoutCredentialFields(request.headers);
  const trailers = withoutCredentialFields(request.trailers);
  if (headers === request.headers && trailers === request.trailers) return exchange;
  return { ...exchange, request: { ...request, headers, trailers } };
}

function withoutCredentialFields(fields: HeaderList): HeaderList {
  if (!fields.some((name, place) => place % 2 === 0 && isCredential(name))) return fields;
  const kept: string[] = [];
  for (const [name, value] of headerEntries(fields)) {
    if (!isCredential(name)) kept.push(name, value);
  }
  return kept;
}

/** Whether a target is on this machine: nothing that is sent to it leaves it. */
export function isLocalTarget(target: string): boolean {
  return target === inProcessTarget || isSocketPath(target) || isLoopback(new URL(target).hostname);
}

/** A socket in the file system, as `unix:/run/shop.sock`. */
export function isSocketPath(target: string): boolean {
  return target.startsWith('unix:/');
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
  const name = (url: URL) => unmapped(url.hostname.replace(/\.$/, ''));
  return name(a) === name(b) && port(a) === port(b);
}

/** An IPv4 address that is written as an IPv6 one, in dots: RFC 4291 section 2.5.5.2. */
function unmapped(host: string): string {
  const match = /^\[::ffff:([0-9a-f]{1,4}):([0-9a-f]{1,4})\]$/.exec(host);
  if (match === null) return host;
  const [high, low] = match.slice(1).map((group) => Number.parseInt(group, 16));
  if (high === undefined || low === undefined) return host;
  return [high >> 8, high & 255, low >> 8, low & 255].join('.');
}

// `URL.parse` came after the oldest Node that is supported.
function parseUrl(text: string): URL | null {
  return URL.canParse(text) ? new URL(text) : null;
}

const rewritePaths = '; a hook can rewrite paths';

function originOf(target: string): string {
  return target === inProcessTarget || isSocketPath(target)
    ? target
    : originOption('target', target, rewritePaths).origin;
}

function operationNames(names: readonly string[]): ReadonlySet<string> {
  for (const name of names) {
    if (typeof name === 'string' && /^[^/\s]+\/[^/\s]+$/.test(name)) continue;
    throw invalidOption('guard.readOnly', `must hold names as pkg.Service/Method, got '${String(name)}'`);
  }
  return new Set(names);
}

function positive(option: string, value: number | undefined, fallback: number): number {
  if (value === undefined) return fallback;
  if (Number.isFinite(value) && value > 0) return value;
  throw invalidOption(option, `must be a number over 0, got ${String(value)}`);
}
