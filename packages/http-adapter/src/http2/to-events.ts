// The one file that speaks both: HTTP/2 as Node has it on one side, the words of the model on the other.

import type { Http2Session } from 'node:http2';
import type { ExchangeStart, HeaderList } from '@gardenhose/core';
import { clientBreakOff } from '../to-client-events.ts';
import { type BreakOff, type ConnectionFacts, codeOf, nameConnection, peerOf } from '../to-events.ts';

/** Names a connection that is seen for the first time: all its streams share one lane. */
export function sessionFacts(session: Http2Session): ConnectionFacts {
  const { remoteAddress: address, remotePort: port } = session.socket;
  return {
    lane: nameConnection(),
    peer: peerOf(address, port),
    scheme: session.encrypted === true ? 'https' : 'http',
  };
}

/** A request as its header block tells it: names and values in turns, as on the wire, the pseudo-headers among them. */
export function streamStart(raw: HeaderList, connection: ConnectionFacts): ExchangeStart {
  const at = fieldsAt(raw);
  const pseudo = raw.slice(0, at);
  return {
    direction: 'inbound',
    protocol: 'http',
    lane: connection.lane,
    parent: undefined,
    operation: undefined,
    peer: connection.peer,
    scheme: connection.scheme,
    version: '2',
    method: fieldOf(pseudo, ':method') ?? '',
    target: fieldOf(pseudo, ':path') ?? '',
    authority: fieldOf(pseudo, ':authority'),
    headers: raw.slice(at),
  };
}

/** Where the pseudo-headers end, which stand before all others (RFC 9113 section 8.3). */
function fieldsAt(raw: HeaderList): number {
  let at = 0;
  while (at + 1 < raw.length && isPseudo(raw[at] ?? '')) at += 2;
  return at;
}

const isPseudo = (name: string): boolean => name.charCodeAt(0) === 0x3a;

/** The first value of a field of a block; its name in small letters, as HTTP/2 has all names. */
export function fieldOf(raw: HeaderList, name: string): string | undefined {
  for (let i = 0; i + 1 < raw.length; i += 2) if (raw[i] === name) return raw[i + 1];
  return undefined;
}

/** Whether this stream is for something other than a request with an answer: a tunnel, or a WebSocket (RFC 8441). */
export const isTunnel = (raw: HeaderList): boolean => fieldOf(raw, ':method') === 'CONNECT';

/** A head or a trailer as it was given to Node. */
export interface GivenBlock {
  readonly status: number;
  readonly headers: HeaderList;
}

/**
 * Fields as they are given to Node, in any of the forms that it takes, as it writes them: names in small letters, no field
 * without a value.
 */
export function givenBlock(given: unknown): GivenBlock {
  let status = 0;
  const headers: string[] = [];
  const add = (name: string, value: unknown): void => {
    if (name === ':status') status = Number(value);
    else if (!isPseudo(name)) headers.push(name.toLowerCase(), String(value));
  };
  if (Array.isArray(given)) {
    const list: readonly unknown[] = given;
    for (let i = 0; i + 1 < list.length; i += 2) addEach(add, String(list[i]), list[i + 1]);
  } else if (typeof given === 'object' && given !== null) {
    for (const [name, value] of Object.entries(given)) addEach(add, name, value);
  }
  return { status, headers };
}

function addEach(add: (name: string, value: unknown) => void, name: string, value: unknown): void {
  if (name === '' || value === undefined) return;
  if (Array.isArray(value)) for (const one of value) add(name, one);
  else add(name, value);
}

/**
 * Who breaks off a stream that this process closes or destroys, told as it does so: Node does it too, to each stream of a
 * connection that the client has closed, reset or filled with what is not HTTP/2.
 */
export function localBreakOff(session: Http2Session | undefined, error: unknown): BreakOff | undefined {
  if (session === undefined) return undefined;
  if (session.destroyed) {
    const code = codeOf(error);
    const byPeer = hasSyscall(error) || faultsOfPeer.has(code);
    return { by: byPeer ? 'client' : 'server', code };
  }
  const { socket } = session;
  if (!socket.destroyed) return undefined;
  const { errored } = socket;
  return { by: 'client', code: errored === null || errored === undefined ? 'closed' : codeOf(errored) };
}

/**
 * Who breaks off a stream that this process asked for, and now closes or destroys: Node does it too, to each stream of a connection
 * that is lost or was never made.
 */
export function clientStreamBreakOff(session: Http2Session, error: unknown): BreakOff {
  if (session.destroyed) {
    // Of a request that waited for the connection, Node tells why there is none as a cause.
    const waited = codeOf(error) === 'ERR_HTTP2_STREAM_CANCEL' && error instanceof Error;
    const reason = waited ? error.cause : error;
    if (faultsOfPeer.has(codeOf(reason))) return { by: 'server', code: codeOf(reason) };
    return clientBreakOff(reason, undefined);
  }
  const { socket } = session;
  if (socket.destroyed) {
    const { errored } = socket;
    return errored === null || errored === undefined
      ? { by: 'server', code: 'closed' }
      : clientBreakOff(errored, undefined);
  }
  // Without an error, the code of the reset tells it.
  return error === undefined || error === null
    ? { by: 'client', code: '' }
    : clientBreakOff(error, undefined);
}

const hasSyscall = (error: unknown): boolean =>
  typeof error === 'object' && error !== null && 'syscall' in error;

/** A GOAWAY with an error, and frames that are against the rules. */
const faultsOfPeer: ReadonlySet<string> = new Set(['ERR_HTTP2_SESSION_ERROR', 'ERR_HTTP2_ERROR']);

/** Whether a head is sent with the promise of trailers. */
export const waitsForTrailers = (options: unknown): boolean =>
  typeof options === 'object' &&
  options !== null &&
  'waitForTrailers' in options &&
  Boolean(options.waitForTrailers);
