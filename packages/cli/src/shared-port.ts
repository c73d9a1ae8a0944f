import type { EventEmitter } from 'node:events';
import type { Server as HttpServer } from 'node:http';
import { createServer as createHttp2Server, type Http2Server } from 'node:http2';
import type { Socket } from 'node:net';
import { createServer as createTlsServer, type TLSSocket } from 'node:tls';
import { isGrpcContentType } from '@gardenhose/grpc-adapter';

/** What an HTTP/2 connection begins with where nothing was agreed before (RFC 9113 section 3.4). */
const preface = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n');
const tlsHandshake = 0x16;

export interface SharedPortOptions {
  /** Certificate and private key, as PEM: clients must speak TLS then. Default none: they must not. */
  readonly tls?: { readonly cert: string; readonly key: string } | undefined;
  /**
   * Whether clients that speak both over TLS get HTTP/2, asked for each that comes with TLS. Without TLS they have chosen.
   * Default they do.
   */
  readonly prefersHttp2?: (() => Promise<boolean>) | undefined;
  /** Told of a connection that could not be served. */
  readonly refused: (reason: string) => void;
}

/** What ends the connections that none of the two servers knows of. */
export interface SharedPort {
  /** Those that have not said what they speak. */
  closeUndecided(): void;
  closeAll(): void;
}

/**
 * Lets a server of HTTP/1, which listens, share its port with one of HTTP/2, which does not: by the first bytes of a connection, or
 * with TLS by what is agreed in its handshake (ALPN).
 */
export function sharePort(http1: HttpServer, http2: EventEmitter, options: SharedPortOptions): SharedPort {
  const serveHttp1 = http1.listeners('connection');
  http1.removeAllListeners('connection');
  const toHttp1 = (socket: Socket): void => {
    for (const listener of serveHttp1) listener.call(http1, socket);
  };
  const toHttp2 = (socket: Socket): void => {
    // As servers of HTTP/2 have it: who ends one side has ended the connection.
    socket.allowHalfOpen = false;
    http2.emit('connection', socket);
  };
  const all = new Set<Socket>();
  const undecided = new Set<Socket>();
  const { prefersHttp2 = async () => true } = options;
  let http2First = true;
  const secure =
    options.tls === undefined
      ? undefined
      : createTlsServer({
          ...options.tls,
          ALPNCallback: ({ protocols }) =>
            (http2First ? ['h2', 'http/1.1'] : ['http/1.1', 'h2']).find((one) => protocols.includes(one)),
        });
  secure?.on('secureConnection', (socket: TLSSocket) => {
    if (socket.alpnProtocol === 'h2') toHttp2(socket);
    else toHttp1(socket);
  });
  secure?.on('tlsClientError', (error: Error & { readonly code?: string }, socket: TLSSocket) => {
    // A client that went away before it said anything is none.
    if (error.code !== 'ECONNRESET') options.refused(`no TLS with a client (${error.code ?? error.message})`);
    socket.destroy();
  });
  const withoutTls = secure === undefined ? undefined : serverThatAsksForTls();

  http1.on('connection', (socket: Socket) => {
    all.add(socket);
    undecided.add(socket);
    // What breaks a connection closes it as well. Those that are refused have nobody else to hear of it.
    socket.on('error', () => undefined);
    socket.once('close', () => {
      all.delete(socket);
      undecided.delete(socket);
    });
    firstBytes(socket, (kind) => {
      undecided.delete(socket);
      if (kind === 'tls' && secure !== undefined) {
        socket.allowHalfOpen = false;
        void prefersHttp2().then((prefers) => {
          http2First = prefers;
          if (!socket.destroyed) secure.emit('connection', socket);
        });
      } else if (kind === 'tls') {
        options.refused(
          'a client speaks TLS, and this port does not; give --tls-cert and --tls-key, or let it ask without',
        );
        socket.end(badRequest('this port does not speak TLS'));
      } else if (withoutTls !== undefined) {
        options.refused('a client speaks without TLS, and this port speaks TLS; let it ask with TLS');
        if (kind === 'http2') withoutTls.emit('connection', socket);
        else socket.end(badRequest('this port speaks TLS'));
      } else if (kind === 'http2') {
        toHttp2(socket);
      } else {
        toHttp1(socket);
        process.nextTick(() => socket.resume());
      }
    });
  });
  return {
    closeUndecided() {
      for (const socket of undecided) socket.destroy();
    },
    closeAll() {
      for (const socket of all) socket.destroy();
    },
  };
}

type Kind = 'tls' | 'http1' | 'http2';

/** Finds out what a connection speaks, and leaves what it has said to be read. */
function firstBytes(socket: Socket, tell: (kind: Kind) => void): void {
  let seen: Buffer = Buffer.alloc(0);
  const failed = (): void => {
    socket.destroy();
  };
  const look = (chunk: Buffer): void => {
    seen = seen.length === 0 ? chunk : Buffer.concat([seen, chunk]);
    const kind = kindOf(seen);
    if (kind === undefined) return;
    socket.off('data', look);
    socket.off('end', failed);
    socket.off('error', failed);
    socket.pause();
    socket.unshift(seen);
    tell(kind);
  };
  socket.on('data', look);
  socket.on('end', failed);
  socket.on('error', failed);
}

/** Undefined while it may be either. */
function kindOf(seen: Buffer): Kind | undefined {
  if (seen[0] === tlsHandshake) return 'tls';
  const length = Math.min(seen.length, preface.length);
  if (!seen.subarray(0, length).equals(preface.subarray(0, length))) return 'http1';
  return length === preface.length ? 'http2' : undefined;
}

const badRequest = (problem: string): string =>
  `HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain\r\nConnection: close\r\n\r\ngardenhose: ${problem}\n`;

/** Answers clients of HTTP/2 that came without TLS, so that they need not guess. */
function serverThatAsksForTls(): Http2Server {
  const message = 'gardenhose: this port speaks TLS';
  const server = createHttp2Server();
  server.on('sessionError', () => undefined);
  server.on('stream', (stream, headers) => {
    stream.on('error', () => undefined);
    // Its client has taken it back.
    if (stream.destroyed || stream.closed) return;
    const isCall = isGrpcContentType(headers['content-type']);
    const answer = isCall
      ? { ':status': 200, 'content-type': 'application/grpc', 'grpc-status': '14', 'grpc-message': message }
      : { ':status': 400, 'content-type': 'text/plain' };
    stream.respond(answer, { endStream: isCall });
    if (!isCall) stream.end(`${message}\n`);
    stream.session?.close();
  });
  return server;
}
