import { GardenhoseError } from '../errors.ts';
import { canonicalHost } from '../model/address.ts';
import type { Exchange } from '../model/exchange.ts';
import { headerValue } from '../model/headers.ts';
import { onlyOptions } from '../model/option-names.ts';
import { invalidOption, originOption, wholeOption } from '../model/option-values.ts';
import { type BreakerLimits, type BreakerOptions, breakerLimits } from './breaker.ts';
import { type ResolveHost, systemResolve } from './resolve-host.ts';
import { inProcessTarget, isLocalTarget, isSocketPath } from './target-kind.ts';

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
   * Whether a target may be one that the capture was recorded from, by its name, its address, or another name that leads to the
   * same address. Default false; loopback targets may always.
   */
  readonly allowRecordedOrigin?: boolean | undefined;
  /**
   * How the addresses of a host are found: of the targets, and of the hosts that the capture names, to tell whether one of them is
   * a target by another name. Asked once for each, before anything is sent to it: all connections of the run go to what it said.
   * Not asked for loopback names and addresses. Default the system's way.
   */
  readonly resolve?: ResolveHost | undefined;
  /**
   * Whether recorded credentials (Authorization, Cookie, API keys) are sent. Default false: they are taken out before
   * `onSend` runs, and only what a hook puts in is sent.
   */
  readonly keepCredentials?: boolean | undefined;
  /** Exchanges under way at once; more wait, and as no recorded order asks for that, the wait counts as lag. Default 256. */
  readonly maxInFlight?: number | undefined;
  /** Longest wait for an answer, beyond the time that the recorded one took. Default 30,000. */
  readonly timeoutMs?: number | undefined;
  /** The run is stopped this long after time zero, with a partial result. Default no limit; the plan of a run says one. */
  readonly maxDurationMs?: number | undefined;
  /** Exchanges that are sent; then the run ends, with a partial result. Default no limit; the plan of a run says one. */
  readonly maxRequests?: number | undefined;
  /**
   * Bytes of request bodies and messages, as recorded, that are sent; then the run ends, with a partial result. Default
   * 1,073,741,824 (1 GiB) for a target that is not loopback, and else no limit.
   */
  readonly maxBytes?: number | undefined;
  /**
   * Sends that may begin within one second of the run; more wait, which counts as lag. Default no limit; with a rate or a ramp to a target that
   * is not loopback, 1.2 times that rate; and the plan of a run says one.
   */
  readonly maxRps?: number | undefined;
  /**
   * Whether the run pauses for five seconds when half of the last 20 exchanges ended with an error that they did not have when they were
   * recorded, and ends when that comes a fourth time; or other numbers for it. Default true for a target that is not loopback.
   */
  readonly breaker?: boolean | BreakerOptions | undefined;
  /**
   * The run ends, with a partial result, when it is further behind its plan than this: when of the exchanges that ended within one second
   * more than 1 % were sent later than that, or what is due is held back for longer, since too many are under way. A pause of the breaker
   * counts too. Not with pace `asap`, which has no plan. Default no limit.
   */
  readonly maxLagMs?: number | undefined;
  /**
   * How long the run takes to come to its full rate and to `maxInFlight`, evenly; 0 begins with all. Default 5,000 for a target that is
   * not loopback where the pace is faster than recorded: with `speed` over 1, a rate, or `asap`. A ramp is one by itself.
   */
  readonly rampUpMs?: number | undefined;
  /** A path: the run is stopped as soon as a file is there, with a partial result. Must not be there at the start. Default none. */
  readonly stopFile?: string | undefined;
  /**
   * With a target in this process: whether what it connects to is refused while the run goes on. `block` lets it connect to
   * nothing but loopback, a list to these hosts besides, `allow` to all. Connections that it has already are not closed. Default `block`.
   */
  readonly egress?: 'block' | 'allow' | readonly string[] | undefined;
}

const optionNames: Readonly<Record<keyof GuardOptions, true>> = {
  allow: true,
  allowMutations: true,
  readOnly: true,
  allowRecordedOrigin: true,
  resolve: true,
  keepCredentials: true,
  maxInFlight: true,
  timeoutMs: true,
  maxDurationMs: true,
  maxRequests: true,
  maxBytes: true,
  maxRps: true,
  breaker: true,
  maxLagMs: true,
  rampUpMs: true,
  stopFile: true,
  egress: true,
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
  readonly resolve: ResolveHost;
  readonly keepCredentials: boolean;
  readonly maxInFlight: number;
  readonly timeoutMs: number;
  readonly maxDurationMs: number;
  readonly maxRequests: number;
  readonly maxBytes: number;
  readonly maxRps: number;
  readonly breaker: BreakerLimits | undefined;
  readonly maxLagMs: number;
  /** Undefined where the pace decides. */
  readonly rampUpMs: number | undefined;
  readonly stopFile: string | undefined;
  /** Hosts that a target in this process may connect to besides loopback. */
  readonly egress: 'allow' | readonly string[];
}

/**
 * Decides whether this target may be sent to at all.
 *
 * @throws {@link GardenhoseError} `target-refused`, `invalid-option`
 */
export function createGuard(target: string | readonly string[], options: GuardOptions = {}): Guard {
  onlyOptions('guard', options, optionNames);
  const allowed = (options.allow ?? []).map(allowedOrigin);
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
    resolve: options.resolve ?? systemResolve,
    keepCredentials: options.keepCredentials ?? false,
    maxInFlight: wholeOption('guard.maxInFlight', options.maxInFlight, 256),
    timeoutMs: positive('guard.timeoutMs', options.timeoutMs, 30_000),
    maxDurationMs: positive('guard.maxDurationMs', options.maxDurationMs, Number.POSITIVE_INFINITY),
    maxRequests: wholeOption('guard.maxRequests', options.maxRequests, Number.POSITIVE_INFINITY),
    maxBytes: wholeOption('guard.maxBytes', options.maxBytes, loopback ? Number.POSITIVE_INFINITY : 2 ** 30),
    maxRps: positive('guard.maxRps', options.maxRps, Number.POSITIVE_INFINITY),
    breaker: breakerLimits(options.breaker, !loopback),
    maxLagMs: positive('guard.maxLagMs', options.maxLagMs, Number.POSITIVE_INFINITY),
    rampUpMs: rampUpOption(options.rampUpMs),
    stopFile: stopFileOption(options.stopFile),
    egress: egressOption(options.egress ?? 'block'),
  };
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

/** An hour: more is a mistake, such as a wrong unit. */
const maxRampUpMs = 3_600_000;

const rewritePaths = '; a hook can rewrite paths';

/** A pattern would let in what nobody thought of; one that is written all the same shall not be taken for a name. */
function allowedOrigin(origin: string): string {
  const url = originOption('guard.allow', origin, rewritePaths);
  if (!url.hostname.includes('*')) return url.origin;
  throw invalidOption('guard.allow', `takes origins in full and no patterns, got '${origin}'`);
}

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

function rampUpOption(ms: number | undefined): number | undefined {
  if (ms === undefined || (Number.isFinite(ms) && ms >= 0 && ms <= maxRampUpMs)) return ms;
  throw invalidOption('guard.rampUpMs', `must be a number from 0 to ${maxRampUpMs}, got ${String(ms)}`);
}

function stopFileOption(path: string | undefined): string | undefined {
  if (path === undefined || (typeof path === 'string' && path !== '')) return path;
  throw invalidOption('guard.stopFile', 'must be the path of a file');
}

function egressOption(egress: 'block' | 'allow' | readonly string[]): 'allow' | readonly string[] {
  if (egress === 'allow') return egress;
  if (egress === 'block') return [];
  const given: unknown = egress;
  const hosts = Array.isArray(given) ? given.map((host) => canonicalHost(String(host))) : [undefined];
  return hosts.map((host) => {
    if (host !== undefined) return host;
    throw invalidOption('guard.egress', "must be 'block', 'allow', or a list of hosts without their ports");
  });
}

function positive(option: string, value: number | undefined, fallback: number): number {
  if (value === undefined) return fallback;
  if (Number.isFinite(value) && value > 0) return value;
  throw invalidOption(option, `must be a number over 0, got ${String(value)}`);
}
