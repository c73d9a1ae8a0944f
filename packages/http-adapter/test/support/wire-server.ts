import { once } from 'node:events';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';

/** One connection as a server sees it: the bytes that came, and when. */
export interface WireConnection {
  readonly socket: Socket;
  readonly pieces: { readonly atMs: number; readonly bytes: Buffer }[];
  /** All bytes that came, as latin1. */
  readonly text: () => string;
}

export interface WireServer extends AsyncDisposable {
  readonly origin: string;
  readonly authority: string;
  readonly connections: readonly WireConnection[];
}

/** The answer that a test needs when it looks at requests only. */
export const okAnswer = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok';

/** A server that keeps the bytes of every connection and leaves it to `onData` what to do. */
export async function wireServer(
  onData: (connection: WireConnection, data: Buffer) => void,
  onConnection: (connection: WireConnection) => void = () => {},
): Promise<WireServer> {
  const connections: WireConnection[] = [];
  const server: Server = createServer((socket) => {
    const pieces: { atMs: number; bytes: Buffer }[] = [];
    const text = () => Buffer.concat(pieces.map(({ bytes }) => bytes)).toString('latin1');
    const connection = { socket, pieces, text };
    connections.push(connection);
    // A client that goes away is what some tests are about.
    socket.on('error', () => socket.destroy());
    socket.on('data', (bytes: Buffer) => {
      pieces.push({ atMs: performance.now(), bytes });
      onData(connection, bytes);
    });
    onConnection(connection);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return {
    origin: `http://127.0.0.1:${port}`,
    authority: `127.0.0.1:${port}`,
    connections,
    async [Symbol.asyncDispose]() {
      for (const { socket } of connections) socket.destroy();
      server.close();
      await once(server, 'close');
    },
  };
}

/** Answers each whole head that comes with this. For requests without a body. */
export function answerHeads(answer: string | ((count: number) => string)) {
  const seen = new Map<WireConnection, number>();
  return (connection: WireConnection): void => {
    const heads = connection.text().split('\r\n\r\n').length - 1;
    for (let done = seen.get(connection) ?? 0; done < heads; done++) {
      connection.socket.write(typeof answer === 'string' ? answer : answer(done));
    }
    seen.set(connection, heads);
  };
}
