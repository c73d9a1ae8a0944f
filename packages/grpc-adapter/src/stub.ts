import {
  createSecureServer,
  createServer,
  type Http2SecureServer,
  type Http2Server,
  type Http2Session,
  type IncomingHttpHeaders,
  type ServerHttp2Stream,
} from 'node:http2';
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
  type StubRequest,
  stopListening,
  wholeOption,
  withCertificate,
} from '@gardenhose/core/adapter';
import { isGrpcContentType } from './content-type.ts';
import { decompress } from './decompress.ts';
import { Deframer } from './deframer.ts';
import { StreamAnswer, whyNotServed } from './stub-answer.ts';
import { connectionFacts, exchangeStart, headerOf } from './to-events.ts';

export interface GrpcStubOptions extends StubOptions, StubSourceOptions {
  /** To listen with TLS. Default none: clients connect without it. */
  readonly tls?: StubTlsOptions | undefined;
  /** Bytes of one message of a request; a call with a larger one is ended. Default 67,108,864 (64 MiB). */
  readonly maxMessageBytes?: number | undefined;
}

/** Recorded gRPC services, served back. */
export interface GrpcStub extends ListeningStub {
  /** What listens: for those who have connections for it that they took themselves. */
  readonly server: Http2Server | Http2SecureServer;
}

/** Calls that are under way when it closes have this long to end. */
const closeMs = 500;
const maxSessionMegabytes = 1_024;
const maxHeaderPairs = 2_000;

/**
 * Serves the gRPC calls of a recording back, of all four kinds: messages, metadata, statuses, trailers and resets as they were
 * recorded, each after what it waited for in the recording and at its recorded time after that. Live requests are masked as
 * the recorded ones were, and then compared. It speaks HTTP/2 itself, below grpc-js, so that metadata, trailers-only answers,
 * compression flags and reset codes are those of the recording: clients of any language can call it.
 *
 * @throws GardenhoseError `invalid-option`, `mask-policy`, `mask-key`; `capture-empty` when there is nothing to serve;
 *   `capture-limit` when there is more than `maxHeldBytes`; and what opening and reading the capture throws
 * @example
 * const stub = await createStub('stock.hose', { mask: { version: 1, key: { env: 'GARDENHOSE_MASK_KEY' } } });
 * const client = new Stock(await stub.listen(), grpc.credentials.createInsecure());
 * // … the test …
 * await stub.close();
 * assert.equal(stub.summary().verdict, 0);
 */
export async function createStub(source: StubSource, options: GrpcStubOptions = {}): Promise<GrpcStub> {
  const { tls, maxMessageBytes, ...rest } = options;
  const limit = wholeOption('maxMessageBytes', maxMessageBytes, 64 * 1024 * 1024);
  const server = serverWith(tls);
  const stub = await openStub(source, 'grpc', rest, whyNotServed);
  return new RunningStub(server, stub, limit);
}

type AnyServer = Http2Server | Http2SecureServer;

function serverWith(tls: StubTlsOptions | undefined): AnyServer {
  const settings = { maxSessionMemory: maxSessionMegabytes, maxHeaderListPairs: maxHeaderPairs };
  if (tls === undefined) return createServer(settings);
  return withCertificate('tls', tls, (pair) => createSecureServer({ ...settings, ...pair }));
}

class RunningStub implements GrpcStub {
  readonly server: AnyServer;
  readonly #stub: Stub;
  readonly #maxMessageBytes: number;
  readonly #sessions = new Set<Http2Session>();
  readonly #streams = new Set<ServerHttp2Stream>();

  constructor(server: AnyServer, stub: Stub, maxMessageBytes: number) {
    this.server = server;
    this.#stub = stub;
    this.#maxMessageBytes = maxMessageBytes;
    server.on('session', (session) => {
      this.#sessions.add(session);
      session.once('close', () => this.#sessions.delete(session));
      // A connection that breaks ends its calls, each of which is told.
      session.on('error', () => undefined);
    });
    server.on(
      'stream',
      (stream: ServerHttp2Stream, _headers: IncomingHttpHeaders, _flags: number, raw?: unknown) =>
        this.#serve(stream, isList(raw) ? raw : []),
    );
  }

  listen(address?: string): Promise<string> {
    return listenOn(this.server, address);
  }

  summary(): StubSummary {
    return this.#stub.summary();
  }

  async close(): Promise<void> {
    this.#stub.close();
    for (const stream of this.#streams) stream.close(cancelled);
    const closed: Promise<unknown>[] = [stopListening(this.server)];
    // Also those that the server was given and did not take itself.
    for (const session of this.#sessions) {
      closed.push(new Promise((resolve) => session.once('close', resolve)));
      session.close();
    }
    const hurry = setTimeout(() => {
      for (const session of this.#sessions) session.destroy();
    }, closeMs);
    await Promise.all(closed);
    clearTimeout(hurry);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  #serve(stream: ServerHttp2Stream, raw: readonly string[]): void {
    const { session } = stream;
    // What breaks a stream closes it as well.
    stream.on('error', () => undefined);
    if (session === undefined) return;
    const start = exchangeStart(raw, connectionFacts(session));
    if (start.method !== 'POST' || !isGrpcContentType(headerOf(start.headers, 'content-type'))) {
      stream.respond({ ':status': 415, 'accept-post': 'application/grpc' }, { endStream: true });
      return;
    }
    this.#streams.add(stream);
    const answer = new StreamAnswer(stream, start.headers);
    const request = this.#stub.begin(start, answer);
    stream.once('close', () => {
      this.#streams.delete(stream);
      request.closed();
    });
    this.#read(stream, start.headers, request, answer);
  }

  #read(
    stream: ServerHttp2Stream,
    headers: readonly string[],
    request: StubRequest,
    answer: StreamAnswer,
  ): void {
    const deframer = new Deframer('request', this.#maxMessageBytes);
    let refused = false;
    const refuse = (code: number, why: string): void => {
      refused = true;
      request.closed();
      answer.refuse(code, why);
    };
    const receiver = {
      message: (_side: unknown, flag: number, message: Buffer) => {
        const plain = flag === 0 ? message : decompress(message, headers);
        // As the recording has one that cannot be read.
        request.message(plain ?? message.subarray(0, 0), flag);
      },
      tooLong: (_side: unknown, length: number) =>
        refuse(
          resourceExhausted,
          `a message of ${length} bytes is over maxMessageBytes (${this.#maxMessageBytes})`,
        ),
    };
    stream.on('data', (chunk: Buffer) => {
      if (refused) return;
      deframer.push(chunk, receiver);
      // Not after it has come whole.
      if (deframer.passing !== undefined) receiver.tooLong('request', deframer.passing);
    });
    stream.once('end', () => {
      // A client that cancels ends its side first, and resets the stream a moment later.
      setImmediate(() => {
        if (stream.rstCode !== 0 || stream.destroyed || refused) return;
        if (deframer.between) request.end();
        else refuse(internal, 'the request ends in the middle of a message');
      });
    });
  }
}

/** CANCEL of HTTP/2. */
const cancelled = 8;
/** RESOURCE_EXHAUSTED of gRPC. */
const resourceExhausted = 8;
/** INTERNAL of gRPC. */
const internal = 13;

const isList = (raw: unknown): raw is readonly string[] => Array.isArray(raw);
