import { once } from 'node:events';
import { createServer, type RequestListener } from 'node:http';
import { createServer as createTcpServer, type Server, type Socket } from 'node:net';

/** A server on loopback that goes when the test ends. */
export interface TestServer extends AsyncDisposable {
  /** `http://127.0.0.1:PORT`. */
  readonly origin: string;
  readonly port: number;
}

/** Starts an HTTP server on a free port. */
export async function httpServer(listener: RequestListener): Promise<TestServer> {
  const server = createServer(listener);
  return started(server, () => server.closeAllConnections());
}

/** Starts a server that does this with each connection. */
export async function tcpServer(onConnection: (socket: Socket) => void): Promise<TestServer> {
  const sockets = new Set<Socket>();
  const server = createTcpServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined).once('close', () => sockets.delete(socket));
    onConnection(socket);
  });
  return started(server, () => {
    for (const socket of sockets) socket.destroy();
  });
}

/** A port on which nothing listens. */
export async function closedPort(): Promise<number> {
  await using server = await tcpServer(() => undefined);
  return server.port;
}

async function started(server: Server, dropConnections: () => void): Promise<TestServer> {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  return {
    origin: `http://127.0.0.1:${port}`,
    port,
    async [Symbol.asyncDispose]() {
      const closed = once(server, 'close');
      server.close();
      dropConnections();
      await closed;
    },
  };
}
