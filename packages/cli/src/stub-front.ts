import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import { createServer as createHttp2Server, type Http2Server } from 'node:http2';
import type { StubSummary } from '@gardenhose/core';
import { boundAddress } from '@gardenhose/core/adapter';
import type { GrpcStub } from '@gardenhose/grpc-adapter';
import type { HttpStub } from '@gardenhose/http-adapter';
import type { Address } from './flags.ts';
import { showCount } from './output.ts';
import { type SharedPort, sharePort } from './shared-port.ts';

interface Stubs {
  readonly grpc: GrpcStub | undefined;
  readonly http: HttpStub | undefined;
}

/** The port of a stub: what stands behind it for gRPC and for HTTP/1.1. */
export class StubFront {
  readonly #stubs: Stubs;
  readonly #scheme: string;
  readonly #server: Server;
  #port: SharedPort | undefined;
  #at = '';

  private constructor(stubs: Stubs, secure: boolean) {
    this.#stubs = stubs;
    this.#scheme = secure ? 'https' : 'http';
    this.#server = stubs.http?.server ?? serverWithoutRequests();
  }

  static async listen(
    { host, port }: Address,
    stubs: Stubs,
    tls: { readonly cert: string; readonly key: string } | undefined,
    refused: (reason: string) => void,
  ): Promise<StubFront> {
    const front = new StubFront(stubs, tls !== undefined);
    front.#port = sharePort(front.#server, stubs.grpc?.server ?? serverWithoutCalls(), { tls, refused });
    const listening = once(front.#server, 'listening');
    front.#server.listen(port, host);
    await listening;
    front.#at = boundAddress(front.#server.address());
    return front;
  }

  /** As `127.0.0.1:50051`. */
  get at(): string {
    return this.#at;
  }

  /** As `http://127.0.0.1:50051`. */
  get origin(): string {
    return `${this.#scheme}://${this.#at}`;
  }

  /** What is served, in words. */
  get names(): string {
    return this.summaries()
      .map(({ name, summary }) => `${showCount(summary.recorded.exchanges, 'exchange')} of ${name}`)
      .join(' and ');
  }

  summaries(): readonly { readonly name: string; readonly summary: StubSummary }[] {
    const { grpc, http } = this.#stubs;
    return [
      ...(grpc === undefined ? [] : [{ name: 'gRPC', summary: grpc.summary() }]),
      ...(http === undefined ? [] : [{ name: 'HTTP', summary: http.summary() }]),
    ];
  }

  /** Ends what is under way. The summaries can still be asked for. */
  async close(): Promise<void> {
    const { grpc, http } = this.#stubs;
    const closed = this.#server.listening ? once(this.#server, 'close') : undefined;
    await grpc?.close();
    await http?.close();
    this.#server.close();
    this.#port?.closeAll();
    await closed;
  }
}

/** Answers where the capture has no HTTP that could be served. */
function serverWithoutRequests(): Server {
  return createServer((req, res) => {
    req.resume();
    res
      .writeHead(599, 'No Recording', { 'content-type': 'text/plain', 'gardenhose-stub': 'miss' })
      .end('nothing of HTTP/1.1 was recorded\n');
  });
}

/** Answers where the capture has no gRPC that could be served. */
function serverWithoutCalls(): Http2Server {
  const server = createHttp2Server();
  server.on('sessionError', () => undefined);
  server.on('stream', (stream) => {
    stream.on('error', () => undefined);
    // Its client has taken it back.
    if (stream.destroyed || stream.closed) return;
    const status = { 'grpc-status': '14', 'grpc-message': 'nothing of gRPC was recorded' };
    stream.respond(
      { ':status': 200, 'content-type': 'application/grpc', 'gardenhose-stub': 'miss', ...status },
      { endStream: true },
    );
  });
  return server;
}
