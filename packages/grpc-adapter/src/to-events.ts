// The one file that speaks both: HTTP/2 as Node has it on one side, the words of the model on the other.

import type { Http2Session, IncomingHttpHeaders, OutgoingHttpHeaders } from 'node:http2';
import type { ExchangeStart, HeaderList } from '@gardenhose/core';

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
  const headers: string[] = [];
  let method = '';
  let target = '';
  let authority: string | undefined;
  for (let i = 0; i + 1 < raw.length; i += 2) {
    const name = raw[i] ?? '';
    const value = raw[i + 1] ?? '';
    if (name.charCodeAt(0) !== 0x3a) headers.push(name, value);
    else if (name === ':method') method = value;
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
    headers,
  };
}

/** `pkg.Service/Method` of `/pkg.Service/Method`. */
export function operationOf(target: string): string | undefined {
  return target.length > 1 && target.charCodeAt(0) === 0x2f ? target.slice(1) : undefined;
}

/** Headers as Node has sent them, as a list; the pseudo-headers are left out. */
export function flattenHeaders(sent: OutgoingHttpHeaders | IncomingHttpHeaders): HeaderList {
  const headers: string[] = [];
  for (const name in sent) if (name.charCodeAt(0) !== 0x3a) pushHeader(headers, name, sent[name]);
  return headers;
}

const statusNames: readonly string[] = ['grpc-status', 'grpc-message', 'grpc-status-details-bin'];

/** Trailers as Node has sent them: the status first, then the metadata. */
export function flattenTrailers(sent: OutgoingHttpHeaders): HeaderList {
  const headers: string[] = [];
  for (const name of statusNames) pushHeader(headers, name, sent[name]);
  for (const name in sent) {
    if (name.charCodeAt(0) !== 0x3a && !statusNames.includes(name)) pushHeader(headers, name, sent[name]);
  }
  return headers;
}

function pushHeader(headers: string[], name: string, value: unknown): void {
  if (Array.isArray(value)) for (const one of value) headers.push(name, String(one));
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
  if (String(sent['grpc-status']) !== '4') return false;
  const at = headers.findIndex((name, i) => i % 2 === 0 && name === 'grpc-timeout');
  if (at < 0) return false;
  // Timers count whole milliseconds. grpc-js counts in 32 bits as well, so that a very long time is up at once.
  const limit = timeoutMs(headers[at + 1] ?? '');
  return (limit !== undefined && elapsedMs >= limit - 1) || sent['grpc-message'] === 'Deadline%20exceeded';
}
