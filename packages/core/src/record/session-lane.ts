import { GardenhoseError } from '../errors.ts';
import type { Masker } from '../mask/masker.ts';
import { Tokens, tokenType } from '../mask/value/tokens.ts';
import type { ExchangeStart, StartEvent } from '../model/event.ts';

/**
 * Where the session of a request stands: the value of a cookie, of a header (metadata of gRPC are headers), or a claim of the
 * bearer token in `authorization`; `jwt` is `jwt:sub`.
 */
export type LaneKey = `cookie:${string}` | `header:${string}` | 'jwt' | `jwt:${string}`;

/**
 * Tells the session of an exchange as it starts; undefined where it has none. Called on the request path: be quick. One that
 * throws is counted as a failure of a tap, and the exchange is of the lane of its connection.
 */
export type LaneFunction = (start: ExchangeStart) => string | undefined;

/** Whether a lane is that of a session: its exchanges need not have shared a connection. */
export function isSessionLane(lane: string): boolean {
  return tokenType(lane) === laneType;
}

/** A {@link LaneKey} in its parts. Can be cloned. */
export interface LaneSource {
  readonly from: 'cookie' | 'header' | 'jwt';
  readonly name: string;
}

/** What a recorder makes lanes of. */
export interface LaneRule {
  readonly sources: readonly LaneSource[];
  readonly ask: LaneFunction | undefined;
}

const laneType = 'lane';
const noRule: LaneRule = { sources: [], ask: undefined };
/** RFC 6265 and RFC 9110 let names be tokens. */
const nameShape = /^[!#$%&'*+.^_`|~\w-]{1,128}$/;
const claimShape = /^.{1,128}$/;
/** In the memory between two threads alone: what follows is a session, and no lane that a tap has named. */
const sessionMark = '\0';
const longestClaims = 16_384;
const cachedTokens = 4096;

/** @throws {@link GardenhoseError} `invalid-option` for a key that is none */
export function resolveLane(
  lane: 'connection' | LaneKey | readonly LaneKey[] | LaneFunction | undefined,
): LaneRule {
  if (lane === undefined || lane === 'connection') return noRule;
  if (typeof lane === 'function') return { sources: [], ask: lane };
  const keys: readonly unknown[] = typeof lane === 'string' ? [lane] : Array.isArray(lane) ? lane : [];
  if (keys.length === 0) wrong(lane);
  return { sources: keys.map(sourceOf), ask: undefined };
}

/**
 * Lane keys as they stand in a flag or a variable, with commas between them.
 *
 * @throws {@link GardenhoseError} `invalid-option` for a key that is none
 */
export function parseLane(text: string): 'connection' | readonly LaneKey[] {
  if (text === 'connection') return text;
  return text.split(',').map((key) => {
    const { from, name } = sourceOf(key);
    return `${from}:${name}` as const;
  });
}

function sourceOf(key: unknown): LaneSource {
  if (typeof key !== 'string') wrong(key);
  const colon = key.indexOf(':');
  const from = colon < 0 ? key : key.slice(0, colon);
  const name = colon < 0 ? '' : key.slice(colon + 1);
  if (from === 'jwt' && (colon < 0 || claimShape.test(name))) return { from, name: name || 'sub' };
  if (from === 'header' && nameShape.test(name)) return { from, name: name.toLowerCase() };
  if (from === 'cookie' && nameShape.test(name)) return { from, name };
  return wrong(key);
}

function wrong(found: unknown): never {
  const shown = typeof found === 'string' ? `'${found.slice(0, 100)}'` : typeof found;
  throw new GardenhoseError(
    'invalid-option',
    `lane must be 'connection', 'cookie:NAME', 'header:NAME', 'jwt', 'jwt:CLAIM', a list of such or a function, got ${shown}`,
    { subject: 'lane' },
  );
}

/** The start with the session that the function tells, for {@link LaneNamer}; as it is where that tells none. */
export function withSession(
  start: ExchangeStart,
  ask: LaneFunction,
  failed: (error: unknown) => void,
): ExchangeStart {
  let session: string | undefined;
  try {
    session = ask(start);
  } catch (error) {
    failed(error);
  }
  if (typeof session !== 'string' || session === '') return start;
  return { ...start, lane: sessionMark + session };
}

/**
 * Puts the exchanges of a session into a lane of their own, which is named by a keyed token of the session: the value itself goes
 * no further. An exchange without one keeps the lane of its connection, and so do outbound ones, unless a function named their session.
 */
export class LaneNamer {
  readonly #sources: readonly LaneSource[];
  readonly #masker: Masker;
  /** Where the masker has no key: one that ends with the recording. */
  #own: Tokens | undefined;

  constructor(sources: readonly LaneSource[], masker: Masker) {
    this.#sources = sources;
    this.#masker = masker;
  }

  named(start: StartEvent): StartEvent {
    const session = this.#sessionOf(start);
    return session === undefined ? start : { ...start, lane: this.#token(session) };
  }

  #sessionOf(start: StartEvent): string | undefined {
    if (start.lane.startsWith(sessionMark)) return start.lane.slice(sessionMark.length);
    if (start.direction !== 'inbound') return undefined;
    for (const source of this.#sources) {
      const session = sessionIn(source, start.headers);
      if (session !== undefined && session !== '') return session;
    }
    return undefined;
  }

  #token(session: string): string {
    const token = this.#masker.token?.(laneType, session);
    if (token !== undefined) return token;
    this.#own ??= new Tokens(undefined, cachedTokens);
    return this.#own.keyed(laneType, session);
  }
}

function sessionIn({ from, name }: LaneSource, headers: readonly string[]): string | undefined {
  const header = from === 'cookie' ? 'cookie' : from === 'jwt' ? 'authorization' : name;
  for (let i = 0; i + 1 < headers.length; i += 2) {
    const each = headers[i] ?? '';
    if (each.length !== header.length || each.toLowerCase() !== header) continue;
    const text = headers[i + 1] ?? '';
    const value = from === 'cookie' ? cookieIn(text, name) : from === 'jwt' ? claimIn(text, name) : text;
    // HTTP/2 may send cookies in several headers (RFC 9113 section 8.2.3).
    if (value !== undefined) return value;
  }
  return undefined;
}

function cookieIn(header: string, name: string): string | undefined {
  for (let from = 0; from < header.length; ) {
    const semicolon = header.indexOf(';', from);
    const end = semicolon < 0 ? header.length : semicolon;
    const equals = header.indexOf('=', from);
    if (equals >= 0 && equals < end && header.slice(from, equals).trim() === name) {
      return header.slice(equals + 1, end).trim();
    }
    from = end + 1;
  }
  return undefined;
}

/** A claim of a JSON Web Token (RFC 7519) that was sent as a bearer token (RFC 6750). Its signature is the service's to check. */
function claimIn(authorization: string, claim: string): string | undefined {
  const [, payload = ''] =
    /^bearer +[\w-]*\.([\w-]+)\.[\w-]*$/i.exec(authorization.slice(0, 2 * longestClaims)) ?? [];
  if (payload === '' || payload.length > longestClaims) return undefined;
  try {
    const claims: unknown = JSON.parse(Buffer.from(payload, 'base64url').toString());
    if (typeof claims !== 'object' || claims === null) return undefined;
    const found = Object.entries(claims).find(([name]) => name === claim);
    const value: unknown = found?.[1];
    return typeof value === 'string' || typeof value === 'number' ? String(value) : undefined;
  } catch {
    return undefined;
  }
}
