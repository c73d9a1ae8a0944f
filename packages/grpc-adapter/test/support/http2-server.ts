import { once } from 'node:events';
import {
  createServer,
  type IncomingHttpHeaders,
  type ServerHttp2Session,
  type ServerHttp2Stream,
  type ServerOptions,
} from 'node:http2';
import type { AddressInfo } from 'node:net';

export interface BareServer extends AsyncDisposable {
  readonly origin: string;
  /** Connections so far, open or not. */
  readonly sessions: readonly ServerHttp2Session[];
}

export type BareHandler = (
  stream: ServerHttp2Stream,
  headers: IncomingHttpHeaders,
  raw: readonly string[],
) => void;

/** An HTTP/2 server that does what it is told, as no library for gRPC would. */
export async function serveBare(handler: BareHandler, options: ServerOptions = {}): Promise<BareServer> {
  const sessions: ServerHttp2Session[] = [];
  const server = createServer(options);
  server.on('session', (session) => {
    sessions.push(session);
    session.on('error', () => {
      // The test's doing.
    });
  });
  server.on(
    'stream',
    (stream: ServerHttp2Stream, headers: IncomingHttpHeaders, _flags: number, raw: string[]) => {
      stream.on('error', () => {
        // The test's doing.
      });
      handler(stream, headers, raw);
    },
  );
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    sessions,
    async [Symbol.asyncDispose]() {
      for (const session of sessions) session.destroy();
      server.close();
      await once(server, 'close');
    },
  };
}

export const grpcHead = { ':status': 200, 'content-type': 'application/grpc' } as const;

/** A message as it is on the wire. */
export function frame(data: Uint8Array | string, compressed: boolean = false): Buffer {
  const bytes = Buffer.from(data);
  const prefix = Buffer.from([compressed ? 1 : 0, 0, 0, 0, 0]);
  prefix.writeUInt32BE(bytes.length, 1);
  return Buffer.concat([prefix, bytes]);
}

/** Answers with these messages and status 0. */
export function answerWith(stream: ServerHttp2Stream, frames: readonly Buffer[], head: object = {}): void {
  stream.respond({ ...grpcHead, ...head }, { waitForTrailers: true });
  stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': '0' }));
  stream.resume();
  stream.end(Buffer.concat(frames));
}
