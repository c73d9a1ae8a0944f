// What the clients of Node and undici say on one side, the words of the model on the other; beside to-events.ts, for requests that go out.

import { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { type ExchangeId, type ExchangeStart, type HeaderList, parseHeaderLines } from '@gardenhose/core';
import { type BreakOff, type ConnectionFacts, codeOf, flattenHeaders, peerOf } from './to-events.ts';

let connections = 0;

/** Names a connection that this process made. Of one that was never made, or is not known, there is no socket. */
export function clientConnectionFacts(socket: Duplex | undefined, scheme: 'http' | 'https'): ConnectionFacts {
  connections += 1;
  return {
    lane: `o${connections}`,
    peer: socket instanceof Socket ? peerOf(socket.remoteAddress, socket.remotePort) : undefined,
    scheme,
  };
}

/** The head of a request as a client sends it. */
export interface ClientHead {
  readonly method: string;
  readonly target: string;
  readonly version: string;
  readonly authority?: string | undefined;
  readonly headers: HeaderList;
}

export function clientStart(
  head: ClientHead,
  connection: ConnectionFacts,
  parent: ExchangeId | undefined,
): ExchangeStart {
  return { direction: 'outbound', protocol: 'http', parent, ...connection, ...head };
}

/** Reads the text of a request's head, which may lack its empty line; undefined where it is none. */
export function parseRequestHead(text: string): ClientHead | undefined {
  const lineEnd = text.indexOf('\r\n');
  const [, method, target, version] = /^(\S+) (\S+) HTTP\/(\d\.\d)$/.exec(text.slice(0, lineEnd)) ?? [];
  if (method === undefined || target === undefined || version === undefined) return undefined;
  return { method, target, version, headers: parseHeaderLines(text, lineEnd + 2) };
}

/** Whether a head says that it is replayed traffic. */
export function hasShadowMark(headers: HeaderList): boolean {
  for (let i = 0; i + 1 < headers.length; i += 2) {
    if (headers[i]?.toLowerCase() === 'x-shadow-traffic') {
      return headers[i + 1]?.toLowerCase().startsWith('true') === true;
    }
  }
  return false;
}

/** Errors that another machine, or what runs there, is the cause of. */
const ofServer = /^(?:ECONNREFUSED|ECONNRESET|ECONNABORTED|EPIPE|UND_ERR_SOCKET|UND_ERR_RES_.*|HPE_.*)$/;
/** Errors that nobody can be named for: names that are not found, ways that do not lead there. */
const ofNobody = /^(?:ENOTFOUND|EAI_.*|ETIMEDOUT|EHOSTDOWN|EHOSTUNREACH|ENETDOWN|ENETUNREACH|EADDRNOTAVAIL)$/;

/**
 * Who broke off a request that this process made, by the error that its client told, if any, and the state of the connection:
 * Node tells its own `destroy()` by the code of a reset.
 */
export function clientBreakOff(
  error: unknown,
  socket: Pick<Duplex, 'errored' | 'readableEnded'> | undefined,
): BreakOff {
  const reported = error ?? socket?.errored;
  const code = domCode(reported) ?? codeOf(reported);
  if (ofNobody.test(code)) return { by: 'unknown', code };
  const wasReset = typeof reported === 'object' && reported !== null && 'syscall' in reported;
  const closedHere = code === 'ECONNRESET' && !wasReset && socket !== undefined && !socket.readableEnded;
  if (closedHere && !socket.errored) return { by: 'client', code: 'destroyed' };
  if (ofServer.test(code) || wasReset) return { by: 'server', code };
  if (reported === undefined || reported === null) {
    return socket?.readableEnded === true
      ? { by: 'server', code: 'closed' }
      : { by: 'client', code: 'destroyed' };
  }
  return { by: 'client', code };
}

/** The platform's errors have names where Node's have codes. */
function domCode(error: unknown): string | undefined {
  if (!(error instanceof Error) || ('code' in error && typeof error.code === 'string')) return undefined;
  if (error.name === 'AbortError') return 'ABORT_ERR';
  return error.name === 'TimeoutError' ? 'TIMEOUT_ERR' : undefined;
}

/** Headers as undici hands them over, of HTTP/1 as bytes in turns, of HTTP/2 as an object. */
export function headersOfUndici(given: unknown): HeaderList {
  if (!Array.isArray(given)) return flattenHeaders(given);
  const list: readonly unknown[] = given;
  return list.map((part) =>
    part instanceof Uint8Array ? Buffer.from(part).toString('latin1') : String(part),
  );
}
