import {
  type Exchange,
  type HeaderList,
  headerValue,
  headerValues,
  type Request,
  type Shipment,
  type ShipmentPart,
  type Unsendable,
} from '@gardenhose/core';
import { nameCache } from '@gardenhose/core/adapter';

/** What of a request is the sender's to decide. */
export interface RequestOptions {
  /** Host and port of the target, as they stand in a `Host` header. */
  readonly authority: string;
  /** Whose `Host` is sent. */
  readonly host: 'target' | 'recorded';
}

/** Pieces that were recorded closer together than this leave together. */
const togetherNs = 500_000;

/**
 * A recorded exchange as the bytes to send. They are those that were recorded but for this list, which
 * `docs/guides/replaying.md` gives reasons for:
 *
 * - `Host` names the target, in the place and case of the recorded one, unless `host` says `recorded` or a hook set it; `authority`
 *   has the last word on it
 * - `Content-Length` counts the body that is sent: masking and hooks change lengths
 * - `Content-Length` goes where `Transfer-Encoding` is `chunked` too
 * - `Proxy-Connection`, and `Upgrade` and `HTTP2-Settings` with their names in `Connection`, go: they ask for another protocol
 * - a target in absolute form is sent in origin form
 * - HTTP/2 becomes HTTP/1.1: `Host` in place of `:authority`, no pseudo headers, cookies in one field, a `Content-Length` where there
 *   is a body, no trailers
 *
 * Chunk extensions are not recorded, so not sent. Trailers are sent with a chunked body alone.
 */
export function toRequest(
  exchange: Exchange,
  options: RequestOptions,
  recorded?: Exchange,
  authority: (authority: string) => string = asItIs,
): Shipment | Unsendable {
  const { request } = exchange;
  if (exchange.protocol !== 'http' || request.method === 'CONNECT') return { skip: 'protocol' };
  if (!hasWholeBody(request)) return { skip: 'body-not-kept' };
  const target = originForm(request.target);
  if (!token.test(request.method) || !isTarget(target, request.method)) return { skip: 'request-invalid' };
  const http1 = request.version.startsWith('1');
  const bodies =
    request.chunks.length === 0 ? request.chunks : request.chunks.filter(({ data }) => data.length > 0);
  const length = bodies.reduce((sum, { data }) => sum + data.length, 0);
  const framing = http1 ? framingOf(request) : 'counted';
  if (framing === 'unclear') return { skip: 'request-invalid' };
  const chunked = framing === 'chunked';
  const keepHost = options.host === 'recorded' || hostWasSet(request, recorded?.request);
  const fields = sentFields(request, {
    host: keepHost ? undefined : options.authority,
    spelt: authority,
    length: chunked ? undefined : length,
    http1,
  });
  const trailers = chunked ? request.trailers : [];
  if (fields === undefined || !validFields(trailers) || trailers.some(isFraming))
    return { skip: 'request-invalid' };

  const start = exchange.startAt;
  const version = request.version === '1.0' ? '1.0' : '1.1';
  const head = Buffer.from(`${request.method} ${target} HTTP/${version}\r\n${fields}\r\n`, 'latin1');
  const shipment = {
    exchange: exchange.id,
    lane: exchange.lane,
    protocol: 'http' as const,
    startAt: start,
    endAt: exchange.endAt,
    parts: bodies.length === 0 && !chunked ? [{ offsetNs: 0, bytes: head }] : [],
    method: request.method,
    abandonNs: exchange.abort?.by === 'client' ? Math.max(0, exchange.abort.at - start) : undefined,
    alone: !http1,
  };
  if (shipment.parts.length > 0) return shipment;
  const pieces = new Pieces();
  pieces.add(0, head);
  for (const { at, data } of bodies) {
    if (chunked) pieces.add(at - start, Buffer.from(`${data.length.toString(16)}\r\n`, 'latin1'));
    pieces.add(at - start, data);
    if (chunked) pieces.add(at - start, crlf);
  }
  if (chunked) {
    pieces.add((request.endAt ?? start) - start, Buffer.from(`0\r\n${fieldLines(trailers)}\r\n`, 'latin1'));
  }
  return { ...shipment, parts: pieces.parts() };
}

const asItIs = (authority: string): string => authority;
const crlf = Buffer.from('\r\n', 'latin1');
const token = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;
const requestTarget = /^[\x21-\x7e\x80-\xff]+$/;
const fieldValue = /^[\t\x20-\x7e\x80-\xff]*$/;

/** Whether the bytes at hand are the whole body. A body that was cut, or not read to its end, cannot be sent. */
function hasWholeBody(request: Request): boolean {
  if (request.state === 'truncated') return false;
  if (request.state.startsWith('dropped:')) return request.size === 0;
  if (request.complete) return true;
  // Not seen to its end, but there was none to see.
  return (
    request.size === 0 &&
    (headerValue(request.headers, 'content-length') ?? '0') === '0' &&
    headerValue(request.headers, 'transfer-encoding') === undefined
  );
}

/**
 * How the end of the body is told: RFC 9112 section 6.1. A `Transfer-Encoding` that is not `chunked` once, at its end, or
 * comes with HTTP/1.0, is read by one server in one way and by the next in another: how requests are smuggled.
 */
function framingOf({ headers, version }: Request): 'counted' | 'chunked' | 'unclear' {
  if (headerValue(headers, 'transfer-encoding') === undefined) return 'counted';
  const fields = headerValues(headers, 'transfer-encoding');
  const codings = fields
    .join(',')
    .split(',')
    .map((coding) => coding.replace(/^[ \t]+|[ \t]+$/g, '').toLowerCase());
  const clear = version !== '1.0' && codings.indexOf('chunked') === codings.length - 1;
  return clear ? 'chunked' : 'unclear';
}

/** Fields that say where a request goes or ends, and so cannot come after it. Every second entry of a list is a name. */
function isFraming(name: string, place: number): boolean {
  return place % 2 === 0 && /^(?:content-length|transfer-encoding|host)$/i.test(name);
}

function hostWasSet(request: Request, recorded: Request | undefined): boolean {
  return (
    recorded !== undefined && headerValue(request.headers, 'host') !== headerValue(recorded.headers, 'host')
  );
}

/** An absolute form would ask a target that can proxy to send the request on to where it was recorded. */
export function originForm(target: string): string {
  if (target.startsWith('/')) return target;
  const match = /^[a-z][a-z0-9+.-]*:\/\/[^/?#]*(.*)$/i.exec(target);
  if (match === null) return target;
  const rest = match[1] ?? '';
  return rest.startsWith('/') ? rest : `/${rest}`;
}

/** Other forms than a path and `*` are for proxies: a target that can be one would send the request on. */
export function isTarget(target: string, method: string): boolean {
  if (target === '*') return method === 'OPTIONS';
  return target.startsWith('/') && requestTarget.test(target);
}

interface HeaderChanges {
  /** The host to put in; undefined to leave it as it is. */
  readonly host: string | undefined;
  /** What becomes of a host that is sent. */
  readonly spelt: (authority: string) => string;
  /** The length to tell; undefined with a chunked body. */
  readonly length: number | undefined;
  readonly http1: boolean;
}

const otherProtocols: ReadonlySet<string> = new Set(['proxy-connection', 'upgrade', 'http2-settings']);
/** RFC 9113 section 8.2.2: what HTTP/2 does not carry, and HTTP/1.1 would act on; `Connection` besides. */
const notInHttp2: ReadonlySet<string> = new Set(['keep-alive', 'transfer-encoding']);

type FieldKind =
  | ('other' | 'invalid' | 'not-sent' | 'not-in-http2')
  | ('host' | 'content-length' | 'connection' | 'cookie');

const kindOf = nameCache((name: string): FieldKind => {
  const lower = name.toLowerCase();
  if (otherProtocols.has(lower) || lower.startsWith(':')) return 'not-sent';
  if (!token.test(name)) return 'invalid';
  if (lower === 'host' || lower === 'content-length' || lower === 'connection' || lower === 'cookie')
    return lower;
  return notInHttp2.has(lower) ? 'not-in-http2' : 'other';
});

/** The lines of the header fields as they are sent; undefined when one of them cannot be. */
function sentFields(request: Request, changes: HeaderChanges): string | undefined {
  const { headers, authority } = request;
  let lines = '';
  let hasHost = false;
  let hasLength = false;
  let hasCookies = false;
  for (let i = 0; i + 1 < headers.length; i += 2) {
    const name = headers[i] ?? '';
    let value = headers[i + 1] ?? '';
    switch (kindOf(name)) {
      case 'other':
        break;
      case 'invalid':
        return undefined;
      case 'not-sent':
        continue;
      case 'not-in-http2':
        if (!changes.http1) continue;
        break;
      case 'host':
        // Two Host fields make a server refuse the request; recorded ones are sent as they were only when asked for.
        if (hasHost && changes.host !== undefined) continue;
        hasHost = true;
        value = changes.spelt(changes.host ?? value);
        break;
      case 'content-length':
        if (hasLength || changes.length === undefined) continue;
        hasLength = true;
        value = String(changes.length);
        break;
      case 'cookie':
        if (changes.http1) break;
        // HTTP/2 may send each cookie apart: RFC 9113 section 8.2.3.
        if (hasCookies) continue;
        hasCookies = true;
        value = headerValues(headers, 'cookie').join('; ');
        break;
      case 'connection':
        if (!changes.http1) continue;
        value = withoutOtherProtocols(value);
        if (value === '') continue;
        break;
    }
    if (!fieldValue.test(value)) return undefined;
    lines += `${name}: ${value}\r\n`;
  }
  const host = changes.host ?? authority;
  if (!hasHost && host !== undefined && request.version !== '1.0') {
    const spelt = changes.spelt(host);
    if (!fieldValue.test(spelt)) return undefined;
    lines = `Host: ${spelt}\r\n${lines}`;
  }
  if (!hasLength && changes.length !== undefined && changes.length > 0)
    lines += `Content-Length: ${changes.length}\r\n`;
  return lines;
}

function withoutOtherProtocols(value: string): string {
  if (!/upgrade|http2-settings|proxy-connection/i.test(value)) return value;
  return value
    .split(',')
    .filter((option) => !otherProtocols.has(option.trim().toLowerCase()))
    .join(',')
    .trim();
}

export function validFields(headers: HeaderList): boolean {
  for (let i = 0; i < headers.length; i += 2) {
    if (!token.test(headers[i] ?? '') || !fieldValue.test(headers[i + 1] ?? '')) return false;
  }
  return true;
}

function fieldLines(headers: HeaderList): string {
  let lines = '';
  for (let i = 0; i + 1 < headers.length; i += 2) lines += `${headers[i]}: ${headers[i + 1]}\r\n`;
  return lines;
}

/** Gathers bytes into parts: what is due at nearly the same time is one part, so one write. */
class Pieces {
  readonly #parts: { offsetNs: number; lastNs: number; pieces: Uint8Array[] }[] = [];

  add(offsetNs: number, bytes: Uint8Array): void {
    const last = this.#parts.at(-1);
    const at = Math.max(0, offsetNs, last?.lastNs ?? 0);
    if (last !== undefined && at - last.lastNs < togetherNs) {
      last.pieces.push(bytes);
      last.lastNs = at;
    } else {
      this.#parts.push({ offsetNs: at, lastNs: at, pieces: [bytes] });
    }
  }

  parts(): ShipmentPart[] {
    return this.#parts.map(({ offsetNs, pieces }) => ({
      offsetNs,
      bytes: pieces.length === 1 && pieces[0] !== undefined ? pieces[0] : Buffer.concat(pieces),
    }));
  }
}
