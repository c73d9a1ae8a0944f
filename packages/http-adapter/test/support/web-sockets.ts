import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import { type ClientOptions, type ServerOptions, WebSocket, WebSocketServer } from 'ws';
import { listening } from './servers.ts';

export interface SocketService extends AsyncDisposable {
  readonly server: Server;
  readonly port: number;
  readonly origin: string;
  readonly sockets: WebSocketServer;
}

/** A server whose WebSockets say back what they are told, unless they are given something else to do. */
export async function socketService(
  serve: (socket: WebSocket) => void = echo,
  options: Omit<ServerOptions, 'server'> = {},
): Promise<SocketService> {
  const at = await listening(createServer((_, res) => res.end('ok')));
  const sockets = new WebSocketServer({ server: at.server, ...options });
  sockets.on('connection', serve);
  return {
    ...at,
    sockets,
    async [Symbol.asyncDispose]() {
      for (const socket of sockets.clients) socket.terminate();
      sockets.close();
      await at[Symbol.asyncDispose]();
    },
  };
}

function echo(socket: WebSocket): void {
  socket.on('message', (data, isBinary) => socket.send(data, { binary: isBinary }));
}

export async function connected(
  port: number,
  path = '/chat',
  options: ClientOptions = {},
): Promise<WebSocket> {
  const socket = new WebSocket(`ws://127.0.0.1:${port}${path}`, options);
  await once(socket, 'open');
  return socket;
}

/** The next message of a socket, as text. */
export async function told(socket: WebSocket): Promise<string> {
  const [data] = await once(socket, 'message');
  return String(data);
}

/** Closes, and waits until both have. */
export async function closed(socket: WebSocket, code = 1000, reason = ''): Promise<void> {
  const over = once(socket, 'close');
  socket.close(code, reason);
  await over;
}

/** The head of a handshake; the key is that of RFC 6455 section 1.3. */
export const handshake = (headers: readonly string[] = [], path = '/chat'): string =>
  [
    `GET ${path} HTTP/1.1`,
    'Host: a',
    'Connection: keep-alive, Upgrade',
    'UPGRADE: WebSocket',
    'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==',
    'Sec-WebSocket-Version: 13',
    ...headers,
    '\r\n',
  ].join('\r\n');
