import { createServer, type Http2Server, type IncomingHttpHeaders, type ServerHttp2Stream } from 'node:http2';
import * as grpc from '@grpc/grpc-js';
import { expect } from 'vitest';
import { tapChannel } from '../../src/tap-channel.ts';
import { type Recording, recording } from './recording.ts';

export type OnStream = (stream: ServerHttp2Stream, headers: IncomingHttpHeaders, server: Http2Server) => void;

export interface OddServer extends AsyncDisposable {
  readonly server: Http2Server;
  readonly port: number;
}

/** A server of bare HTTP/2, which answers as no gRPC library would. */
export async function oddServer(onStream: OnStream): Promise<OddServer> {
  const server = createServer();
  const sessions = new Set<{ destroy(): void }>();
  server.on('session', (session) => {
    sessions.add(session);
    session.on('error', () => undefined);
    session.on('close', () => sessions.delete(session));
  });
  server.on('stream', (stream, headers) => {
    stream.on('error', () => undefined);
    onStream(stream, headers, server);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', () => resolve()));
  const address = server.address();
  return {
    server,
    port: typeof address === 'object' && address !== null ? address.port : 0,
    async [Symbol.asyncDispose]() {
      for (const session of sessions) session.destroy();
      await new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
}

/** A client without the tap and with it, each at a server of its own; what it saw must be the same. Gives what was recorded. */
export async function recordedAlikeBy(
  start: () => Promise<AsyncDisposable & { readonly port: number }>,
  drive: (client: grpc.Client) => Promise<unknown>,
  options: grpc.ClientOptions = {},
): Promise<{ lines: string[]; sink: Recording['sink'] }> {
  const { recorder, told, sink } = recording();
  const seen: unknown[] = [];
  for (const tapped of [false, true]) {
    await using odd = await start();
    const client = new grpc.Client(`127.0.0.1:${odd.port}`, grpc.credentials.createInsecure(), {
      // Clients of equal options share connections, and so would the two.
      'grpc.use_local_subchannel_pool': 1,
      ...options,
      ...(tapped ? tapChannel(recorder, { grpc }) : {}),
    });
    seen.push(await drive(client));
    client.close();
  }
  expect(seen[1]).toEqual(seen[0]);
  expect(recorder.stats()).toMatchObject({ tapFailures: 0, underWay: 0 });
  return { lines: await told(), sink };
}
