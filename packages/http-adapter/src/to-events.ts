// The one file that speaks both: Node's HTTP messages on one side, the words of the model on the other.

import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import type { AbortEvent, ExchangeStart, HeaderList, WireHead } from '@gardenhose/core';

/** What all exchanges of one connection share. */
export interface ConnectionFacts {
  readonly lane: string;
  readonly peer: string | undefined;
  readonly scheme: 'http' | 'https';
}

let connections = 0;

/** Names a connection that is seen for the first time: each is a lane of its own. */
export function connectionFacts(socket: Socket): ConnectionFacts {
  return {
    lane: nameConnection(),
    peer: peerOf(socket.remoteAddress, socket.remotePort),
    scheme: 'encrypted' in socket && socket.encrypted === true ? 'https' : 'http',
  };
}

/** A lane that no other connection of this process has. */
export function nameConnection(): string {
  connections += 1;
  return `c${connections}`;
}

/** Address and port of the other end; none for a Unix socket. */
export function peerOf(address: string | undefined, port: number | undefined): string | undefined {
  if (address === undefined) return undefined;
  const host = address.includes(':') ? `[${address}]` : address;
  return port === undefined ? host : `${host}:${port}`;
}

export function exchangeStart(req: IncomingMessage, connection: ConnectionFacts): ExchangeStart {
  return {
    direction: 'inbound',
    protocol: 'http',
    lane: connection.lane,
    parent: undefined,
    operation: undefined,
    peer: connection.peer,
    scheme: connection.scheme,
    version: req.httpVersion,
    method: req.method ?? '',
    target: req.url ?? '',
    authority: undefined,
    headers: req.rawHeaders,
  };
}

/** Whether a replay sent it, as its mark says. */
export function isShadow(req: IncomingMessage): boolean {
  return headerOf(req, 'x-shadow-traffic')?.toLowerCase().startsWith('true') === true;
}

/** Whether the head says that a body follows (RFC 9112 section 6.3: a request without either header has none). */
export function declaresBody(req: IncomingMessage): boolean {
  const length = headerOf(req, 'content-length');
  return (length !== undefined && length !== '0') || headerOf(req, 'transfer-encoding') !== undefined;
}

/**
 * The first value of a header, by its name in small letters. Asked for in the list: Node makes its object of headers when it
 * is first asked for, and the application may never do so. Requests that were made, not parsed, may have the object alone.
 */
export function headerOf(req: IncomingMessage, name: string): string | undefined {
  const { rawHeaders: headers = [] }: { rawHeaders?: HeaderList } = req;
  if (headers.length === 0) {
    const value = req.headers[name];
    return Array.isArray(value) ? value[0] : value;
  }
  for (let i = 0; i + 1 < headers.length; i += 2) {
    const each = headers[i] ?? '';
    if (each.length === name.length && each.toLowerCase() === name) return headers[i + 1];
  }
  return undefined;
}

/**
 * The head without Node's own text of it: the headers that the application set, or else gave to `writeHead`. What Node
 * adds itself (Date, Connection, Transfer-Encoding) cannot be seen this way.
 */
export function headFromParts(res: ServerResponse, given: HeaderList): WireHead {
  const headers: string[] = [];
  const named: ServerResponse & { getRawHeaderNames?(): string[] } = res;
  const names = named.getRawHeaderNames?.() ?? res.getHeaderNames();
  for (const name of names) pushHeader(headers, name, res.getHeader(name));
  if (names.length === 0) headers.push(...given);
  return { status: res.statusCode, reason: res.statusMessage ?? '', version: '1.1', headers };
}

/** Headers in any of the forms that Node takes, as a list. */
export function flattenHeaders(given: unknown): HeaderList {
  const headers: string[] = [];
  if (Array.isArray(given)) {
    const list: readonly unknown[] = given;
    if (Array.isArray(list[0])) {
      for (const pair of list) if (Array.isArray(pair)) pushHeader(headers, String(pair[0]), pair[1]);
    } else {
      for (let i = 0; i + 1 < list.length; i += 2) pushHeader(headers, String(list[i]), list[i + 1]);
    }
  } else if (typeof given === 'object' && given !== null) {
    for (const [name, value] of Object.entries(given)) pushHeader(headers, name, value);
  }
  return headers;
}

function pushHeader(headers: string[], name: string, value: unknown): void {
  if (Array.isArray(value)) for (const one of value) headers.push(name, String(one));
  else if (value !== undefined) headers.push(name, String(value));
}

/** How an exchange broke off. */
export interface BreakOff {
  readonly by: AbortEvent['by'];
  readonly code: string;
}

/**
 * Who broke off a response that never finished, told from the state that Node left behind:
 * the application destroyed the response; the operating system or the parser reported an error of the peer;
 * the peer closed its side; or else this process destroyed the socket (the application, a time limit, shutdown).
 */
export function breakOff(res: ServerResponse, socket: Socket): BreakOff {
  // `errored` is null until `destroy` is called, and then its argument, even if that is undefined.
  // Since Node 24 it also destroys what waits for its turn on a broken connection, with an error of its own.
  const isNodes = res.errored?.message === 'aborted' && codeOf(res.errored) === 'ECONNRESET';
  if (res.errored !== null && !isNodes) return { by: 'server', code: codeOf(res.errored) };
  return socketBreakOff(socket, socket.readableEnded);
}

/**
 * Who broke off a connection, told from the state of its socket.
 *
 * @param byPeer - Whether it was the peer that ended it first
 */
export function socketBreakOff({ errored }: Pick<Duplex, 'errored'>, byPeer: boolean): BreakOff {
  if (errored !== null && errored !== undefined) {
    const code = codeOf(errored);
    const ofPeer = 'syscall' in errored || code.startsWith('HPE_') || code.startsWith('ERR_SSL');
    return { by: ofPeer ? 'client' : 'server', code };
  }
  return byPeer ? { by: 'client', code: 'closed' } : { by: 'server', code: 'destroyed' };
}

/** The code of an error if it looks like one; never a message, which may hold values of the application. */
export function codeOf(error: unknown): string {
  const code = typeof error === 'object' && error !== null && 'code' in error ? error.code : undefined;
  return typeof code === 'string' && /^[A-Z][A-Z0-9_]{1,63}$/.test(code) ? code : 'destroyed';
}

/** The route template of an Express request: where its router is mounted, and the path of the route. */
export function expressOperation(req: object): string | undefined {
  if (!('route' in req) || typeof req.route !== 'object' || req.route === null) return undefined;
  if (!('path' in req.route)) return undefined;
  const { path } = req.route;
  const base = 'baseUrl' in req && typeof req.baseUrl === 'string' ? req.baseUrl : '';
  return `${base}${String(path)}`;
}

/** Where no encoding is given, its place may be taken by a callback. */
export const isUtf8 = (encoding: unknown): boolean => typeof encoding !== 'string' || encoding === 'utf8';

/** What was written, as bytes; undefined where it was nothing, or no bytes. */
export function bytesOf(chunk: unknown, encoding: unknown): Uint8Array | undefined {
  if (chunk instanceof Uint8Array) return chunk;
  if (typeof chunk !== 'string') return undefined;
  return Buffer.from(chunk, typeof encoding === 'string' && Buffer.isEncoding(encoding) ? encoding : 'utf8');
}
