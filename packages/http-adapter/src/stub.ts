import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type {
  ListeningStub,
  StubOptions,
  StubSource,
  StubSourceOptions,
  StubSummary,
  StubTlsOptions,
} from '@gardenhose/core';
import {
  listenOn,
  openStub,
  type Stub,
  stopListening,
  wholeOption,
  withCertificate,
} from '@gardenhose/core/adapter';
import { ResponseAnswer, whyNotServed } from './stub-answer.ts';
import { connectionFacts, exchangeStart } from './to-events.ts';

export interface HttpStubOptions extends StubOptions, StubSourceOptions {
  /** To listen with TLS. Default none: clients connect without it. */
  readonly tls?: StubTlsOptions | undefined;
  /** Bytes of the body of a request; a larger one is refused with 413. Default 67,108,864 (64 MiB). */
  readonly maxBodyBytes?: number | undefined;
}

/** Recorded HTTP services, served back. */
export interface HttpStub extends ListeningStub {
  /** What listens: for those who have connections for it that they took themselves. */
  readonly server: Server;
}

/**
 * Serves the HTTP exchanges of a recording back: status, headers, body and trailers as they were recorded, each piece of a body
 * at its recorded time after the request was whole. Live requests are masked as the recorded ones were, and then compared. A
 * request that has no recording is answered with status 599 and the reason.
 *
 * @throws GardenhoseError `invalid-option`, `mask-policy`, `mask-key`; `capture-empty` when there is nothing to serve;
 *   `capture-limit` when there is more than `maxHeldBytes`; and what opening and reading the capture throws
 * @example
 * const stub = await createStub('stock.hose', { ignore: ['body:$..requestId'] });
 * process.env.STOCK_URL = `http://${await stub.listen()}`;
 */
export async function createStub(source: StubSource, options: HttpStubOptions = {}): Promise<HttpStub> {
  const { tls, maxBodyBytes, ...rest } = options;
  const limit = wholeOption('maxBodyBytes', maxBodyBytes, 64 * 1024 * 1024);
  const server = serverWith(tls);
  return new RunningStub(server, await openStub(source, 'http', rest, whyNotServed), limit);
}

function serverWith(tls: StubTlsOptions | undefined): Server {
  return tls === undefined ? createServer() : withCertificate('tls', tls, createTlsServer);
}

class RunningStub implements HttpStub {
  readonly server: Server;
  readonly #stub: Stub;
  readonly #maxBodyBytes: number;

  constructor(server: Server, stub: Stub, maxBodyBytes: number) {
    this.server = server;
    this.#stub = stub;
    this.#maxBodyBytes = maxBodyBytes;
    server.on('request', (req, res) => this.#serve(req, res));
  }

  listen(address?: string): Promise<string> {
    return listenOn(this.server, address);
  }

  summary(): StubSummary {
    return this.#stub.summary();
  }

  async close(): Promise<void> {
    this.#stub.close();
    const closed = stopListening(this.server);
    this.server.closeAllConnections();
    await closed;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  #serve(req: IncomingMessage, res: ServerResponse): void {
    const request = this.#stub.begin(
      exchangeStart(req, connectionFacts(req.socket)),
      new ResponseAnswer(res),
    );
    // What breaks a request or an answer closes it as well.
    req.on('error', () => undefined);
    res.on('error', () => undefined);
    res.once('close', () => request.closed());
    let bytes = 0;
    req.on('data', (chunk: Buffer) => {
      bytes += chunk.length;
      if (bytes <= this.#maxBodyBytes) request.chunk(chunk);
      else if (!res.headersSent) {
        request.closed();
        res.writeHead(413, { Connection: 'close' }).end();
      }
    });
    req.once('end', () => request.end());
  }
}
