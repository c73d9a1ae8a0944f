import { createServer, type IncomingMessage, Server, type ServerResponse } from 'node:http';
import type { Http2SecureServer, Http2Server } from 'node:http2';
import { Server as HttpsServer } from 'node:https';
import { type Duplex, duplexPair } from 'node:stream';
import { GardenhoseError, inProcessTarget, type Sender } from '@gardenhose/core';
import { holdEgress } from './egress.ts';
import { isHttp2Server } from './http2/servers.ts';
import { defaultResponseLimits } from './response-parser.ts';
import { type Line, maxBytesUnderWay } from './sender-connection.ts';
import { HttpLane } from './sender-lane.ts';
import { toShipment } from './to-shipment.ts';
import type { SocketOptions } from './websocket/sent-socket.ts';

export type RequestListener = (request: IncomingMessage, response: ServerResponse) => unknown;

/**
 * An application that can be sent to without a port: a request listener (an Express app is one), a `Server` of `node:http`
 * or `node:https`, one of `node:http2` that listens to requests (it gets those of HTTP/1.1, as with `allowHTTP1`), an app that gives a
 * listener by `callback()` (Koa), or one with a `server` and `ready()` (Fastify).
 * A fetch-style app needs its adapter to Node first, such as `getRequestListener(app.fetch)` of `@hono/node-server`.
 */
export type InProcessApp =
  | RequestListener
  | Server
  | HttpsServer
  | Http2Server
  | Http2SecureServer
  | { callback(): RequestListener }
  | {
      readonly server: Server | HttpsServer | Http2Server | Http2SecureServer;
      ready(): PromiseLike<unknown>;
    };

export interface InProcessOptions {
  /** `Host` header that the app sees. Default the recorded one. */
  readonly host?: string | undefined;
  /** Bytes kept of one answer's body; the rest is counted. Default 16,777,216 (16 MiB). */
  readonly maxBodyBytes?: number | undefined;
}

/**
 * Sends recorded HTTP exchanges and WebSockets to an application in this process. The bytes go through Node's own HTTP parser, over a pair
 * of streams in place of a socket: header case, pipelining, chunks and trailers are as on a port. TLS is left out.
 *
 * @throws {@link GardenhoseError} `invalid-option` when it is no such application; what its `ready()` throws
 */
export async function createInProcessSender(
  app: InProcessApp,
  options: InProcessOptions = {},
): Promise<Sender> {
  const server = await serverOf(app);
  // A TLS server serves HTTP on what its handshake has given.
  const event = server instanceof HttpsServer ? 'secureConnection' : 'connection';
  const connection: SocketOptions = {
    target: inProcessTarget,
    dial: () => dial((side) => server.emit(event, side)),
    limits: defaultResponseLimits,
    maxBodyBytes: options.maxBodyBytes ?? 16 * 1024 * 1024,
    room: { bytes: maxBytesUnderWay },
    connectTimeoutMs: 5_000,
    maxMessageWaitMs: 5_000,
    local: true,
  };
  const { host } = options;
  const request = {
    authority: host ?? 'localhost',
    host: host === undefined ? 'recorded' : 'target',
  } as const;
  return {
    target: inProcessTarget,
    prepare: (exchange, recorded, authority) => toShipment(exchange, request, recorded, authority),
    secure: ({ egress }) => (egress === 'allow' ? () => {} : holdEgress(egress)),
    openLane: (_lane, timer) => new HttpLane(connection, timer),
    async close() {},
  };
}

async function serverOf(app: InProcessApp): Promise<Server | HttpsServer> {
  if (isServer(app)) return app;
  if (servesRequests(app)) return asHttp1(app);
  if (typeof app === 'function') return createServer(app);
  if (typeof app === 'object' && app !== null) {
    if ('callback' in app) return createServer(app.callback());
    if ('ready' in app) {
      await app.ready();
      if (isServer(app.server)) return app.server;
      if (servesRequests(app.server)) return asHttp1(app.server);
    }
  }
  throw new GardenhoseError(
    'invalid-option',
    'target must be an origin, a request listener, a Server, or an app with callback() or ready() and server',
    { subject: 'target' },
  );
}

/** Whether it is a server of HTTP/2 that takes requests, and not streams alone. */
function servesRequests(value: unknown): value is Http2Server | Http2SecureServer {
  return isHttp2Server(value) && value.listenerCount('request') > 0;
}

/** What such a server does with clients of HTTP/1.1, where it lets them in. */
function asHttp1(server: Http2Server | Http2SecureServer): Server {
  return createServer((request, response) => void server.emit('request', request, response));
}

function isServer(value: unknown): value is Server | HttpsServer {
  return value instanceof Server || value instanceof HttpsServer;
}

/** A connection that is a pair of streams. Each end goes when the other does, as the ends of a socket do. */
function dial(accept: (side: Duplex) => void): Line {
  const [client, server] = duplexPair();
  // The app is called from the event loop, as it is by a socket: what it throws is no one else's to catch.
  const write = client._write.bind(client);
  client._write = (chunk, encoding, done) => process.nextTick(() => write(chunk, encoding, done));
  client.once('close', () => server.destroy());
  server.once('close', () => client.destroy());
  // What is wrong shows on the client's side, as a connection that was closed.
  server.on('error', () => client.destroy());
  accept(asSocket(server));
  return { stream: client };
}

/** What Node's HTTP server and frameworks ask of a socket, besides being a stream. */
function asSocket(side: Duplex): Duplex {
  const itself = () => side;
  return Object.assign(side, {
    remoteAddress: '127.0.0.1',
    remoteFamily: 'IPv4',
    remotePort: 0,
    localAddress: '127.0.0.1',
    localPort: 0,
    encrypted: false,
    setKeepAlive: itself,
    setNoDelay: itself,
    setTimeout: itself,
    ref: itself,
    unref: itself,
  });
}
