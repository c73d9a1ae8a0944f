// The one file that speaks both: HTTP/2 as Node has it on one side, the words of the model on the other.

import type { Http2Session, Http2Stream, OutgoingHttpHeaders } from 'node:http2';
import {
  type AbortEvent,
  type ExchangeId,
  type ExchangeStart,
  grpcStatusName,
  type HeaderList,
} from '@gardenhose/core';

/** What all exchanges of one client connection share. */
export interface ConnectionFacts {
  readonly lane: string;
  readonly peer: string | undefined;
  readonly scheme: 'http' | 'https';
}

let connections = 0;

/** Names a connection that is seen for the first time: each is a lane of its own. */
export function connectionFacts(session: Http2Session): ConnectionFacts {
  connections += 1;
  const { remoteAddress: address, remotePort: port } = session.socket;
  return {
    lane: `g${connections}`,
    peer: address === undefined ? undefined : peerOf(address, port),
    scheme: session.encrypted === true ? 'https' : 'http',
  };
}

function peerOf(address: string, port: number | undefined): string {
  const host = address.includes(':') ? `[${address}]` : address;
  return port === undefined ? host : `${host}:${port}`;
}

/** A request as its header block tells it: names and values in turns, as on the wire, the pseudo-headers among them. */
export function exchangeStart(raw: readonly string[], connection: ConnectionFacts): ExchangeStart {
  let method = '';
  let target = '';
  let authority: string | undefined;
  // The pseudo-headers stand before all others (RFC 9113 section 8.3).
  let at = 0;
  for (; at + 1 < raw.length && raw[at]?.charCodeAt(0) === 0x3a; at += 2) {
    const name = raw[at];
    const value = raw[at + 1] ?? '';
    if (name === ':method') method = value;
    else if (name === ':path') target = value;
    else if (name === ':authority') authority = value;
  }
  return {
    direction: 'inbound',
    protocol: 'grpc',
    lane: connection.lane,
    parent: undefined,
    operation: operationOf(target),
    peer: connection.peer,
    scheme: connection.scheme,
    version: '2',
    method,
    target,
    authority,
    headers: raw.slice(at),
  };
}

/** `pkg.Service/Method` of `/pkg.Service/Method`. */
export function operationOf(target: string): string | undefined {
  return target.length > 1 && target.charCodeAt(0) === 0x2f ? target.slice(1) : undefined;
}

/**
 * Headers as they are given to Node, as a list; the pseudo-headers are left out.
 *
 * @param date - The one that Node adds at the end where there is none
 */
export function flattenHeaders(given: OutgoingHttpHeaders, date?: unknown): HeaderList {
  const headers: string[] = [];
  for (const name in given) if (name.charCodeAt(0) !== 0x3a) pushHeader(headers, name, given[name]);
  if (given.date === undefined) pushHeader(headers, 'date', date);
  return headers;
}

/** Trailers as they are given to Node: the status first, then the metadata. */
export function flattenTrailers(given: OutgoingHttpHeaders, date?: unknown): HeaderList {
  const headers: string[] = [];
  pushHeader(headers, 'grpc-status', given['grpc-status']);
  pushHeader(headers, 'grpc-message', given['grpc-message']);
  pushHeader(headers, 'grpc-status-details-bin', given['grpc-status-details-bin']);
  for (const name in given) {
    if (name.charCodeAt(0) !== 0x3a && !isStatusName(name)) pushHeader(headers, name, given[name]);
  }
  if (given.date === undefined) pushHeader(headers, 'date', date);
  return headers;
}

const isStatusName = (name: string): boolean =>
  name === 'grpc-status' || name === 'grpc-message' || name === 'grpc-status-details-bin';

function pushHeader(headers: string[], given: string, value: unknown): void {
  const first = given.charCodeAt(0);
  // Node writes small letters on the wire, whatever it is given.
  const name = first >= 0x41 && first <= 0x5a ? given.toLowerCase() : given;
  if (typeof value === 'string') headers.push(name, value);
  else if (Array.isArray(value)) for (const one of value) headers.push(name, String(one));
  else if (value !== undefined) headers.push(name, String(value));
}

const unitMs: Readonly<Record<string, number>> = { H: 3_600_000, M: 60_000, S: 1000, m: 1, u: 1e-3, n: 1e-6 };

/** A `grpc-timeout` in milliseconds; undefined where it is none (gRPC over HTTP/2, "Timeout"). */
export function timeoutMs(text: string): number | undefined {
  const [, digits = '', unit = ''] = /^(\d{1,8})([HMSmun])$/.exec(text) ?? [];
  const factor = unitMs[unit];
  return factor === undefined ? undefined : Number(digits) * factor;
}

/**
 * Whether a status is that of a server whose time for the call was up, and not one that a handler chose.
 *
 * @param headers - Of the request, names and values in turns
 */
export function passedDeadline(
  sent: OutgoingHttpHeaders,
  headers: readonly string[],
  elapsedMs: number,
): boolean {
  const status = sent['grpc-status'];
  if (status !== 4 && status !== '4') return false;
  const timeout = headerOf(headers, 'grpc-timeout');
  if (timeout === undefined) return false;
  // Timers count whole milliseconds. grpc-js counts in 32 bits as well, so that a very long time is up at once.
  const limit = timeoutMs(timeout);
  return (limit !== undefined && elapsedMs >= limit - 1) || sent['grpc-message'] === 'Deadline%20exceeded';
}

/** The first value of a header, of names and values in turns. */
export function headerOf(headers: readonly string[], name: string): string | undefined {
  for (let i = 0; i + 1 < headers.length; i += 2) if (headers[i] === name) return headers[i + 1];
  return undefined;
}

/** How an exchange broke off. */
export interface BreakOff {
  readonly by: AbortEvent['by'];
  readonly code: string;
}

/** Who broke off a call whose stream has closed, told from the state that Node left behind. */
export function breakOff(
  stream: Pick<Http2Stream, 'rstCode'> & { readonly errored?: Error | null },
  session: Http2Session,
): BreakOff {
  const code = `RST_STREAM ${stream.rstCode}`;
  // While the connection lives, it is the client that resets: grpc-js has no way to.
  if (!session.destroyed) return { by: 'client', code };
  // Where this process destroys the connection, each stream gets an error; where the connection was lost, none.
  const { errored } = stream;
  return errored === null || errored === undefined
    ? { by: 'client', code: 'ECONNRESET' }
    : { by: 'server', code };
}

/** What a client knows of a call as it starts. */
export interface ClientCallStart {
  readonly lane: string;
  readonly method: string;
  readonly deadline: Date | number;
  readonly scheme: 'http' | 'https';
  readonly authority: string | undefined;
  readonly parent?: ExchangeId | undefined;
}

/** The start of a client's call, and whether its `grpc-timeout` was derived from the deadline. */
export function clientStart(
  metadata: HeaderList,
  { lane, method, deadline, scheme, authority, parent }: ClientCallStart,
): { readonly start: ExchangeStart; readonly derived: boolean } {
  const leftMs = Math.max(0, Number(deadline) - Date.now());
  const derived = Number.isFinite(leftMs) && headerOf(metadata, 'grpc-timeout') === undefined;
  const headers = derived ? [...metadata, 'grpc-timeout', timeoutText(leftMs)] : metadata;
  const start: ExchangeStart = {
    direction: 'outbound',
    protocol: 'grpc',
    lane,
    parent,
    operation: operationOf(method),
    scheme,
    version: '2',
    method: 'POST',
    target: method,
    authority,
    headers,
  };
  return { start, derived };
}

/** At most eight digits (gRPC over HTTP/2, "TimeoutValue"). */
function timeoutText(ms: number): string {
  const whole = Math.ceil(ms);
  return whole < 1e8 ? `${whole}m` : `${Math.min(99_999_999, Math.ceil(ms / 1000))}S`;
}

/** How a client that gives up a call says so: it resets the stream, whatever its reason; a deadline is told apart. */
export function cancelCode(status: number): string {
  return status === 4 ? 'DEADLINE_EXCEEDED' : 'RST_STREAM 8';
}

/** A status as the client got it. */
export interface ClientStatus {
  readonly code: number;
  readonly details: string;
  readonly metadata: { toHttp2Headers(): OutgoingHttpHeaders };
}

/** What grpc-js says where a stream ended without a status, by the code of its reset. */
const resets: readonly (readonly [text: string, code: number])[] = [
  ['Call cancelled', 8],
  ['Stream refused by server', 7],
  ['Bandwidth exhausted or memory limit exceeded', 11],
  ['Protocol not secure enough', 12],
];

/**
 * Whether a status was made by the client itself because none came. A status of the server comes with a head, or is the head,
 * which has headers of its own.
 */
export function localFailure(status: ClientStatus, headSeen: boolean): BreakOff | undefined {
  if (status.code === 0 || Object.keys(status.metadata.toHttp2Headers()).length > 0) return undefined;
  const [, reset] = /^Received RST_STREAM with code (\d{1,3})\b/.exec(status.details) ?? [];
  const code = reset ?? resets.find(([text]) => text === status.details)?.[1];
  if (code !== undefined) return { by: 'server', code: `RST_STREAM ${code}` };
  if (status.details === 'Connection dropped') return { by: 'server', code: 'ECONNRESET' };
  return headSeen ? undefined : { by: 'unknown', code: grpcStatusName(status.code) ?? 'UNKNOWN' };
}

/** The status of HTTP that a client made its own status of, because the answer had none of gRPC: what grpc-js says then. */
export function httpStatus({ details }: ClientStatus): number | undefined {
  const [, status] = /^Received HTTP status code (\d{3})$/.exec(details) ?? [];
  return status === undefined ? undefined : Number(status);
}

/** The trailers behind a status: what the wire had, but for the order of the metadata's names. */
export function statusTrailers({ code, details, metadata }: ClientStatus): HeaderList {
  const sent = { 'grpc-status': code, 'grpc-message': percentEncoded(details), ...metadata.toHttp2Headers() };
  return flattenTrailers(sent);
}

function percentEncoded(details: string): string | undefined {
  if (details === '') return undefined;
  try {
    return encodeURI(details);
  } catch {
    // Half a surrogate pair: no text that could have been sent.
    return undefined;
  }
}
