import { once } from 'node:events';
import { type Recorder, systemClock } from '@gardenhose/core';
import {
  type RecordingProxy as CallProxy,
  createRecordingProxy as createCallProxy,
} from '@gardenhose/grpc-adapter';
import {
  createRecordingProxy as createRequestProxy,
  markExchange,
  type RecordingProxy as RequestProxy,
  tapServer,
} from '@gardenhose/http-adapter';
import type { Address } from './flags.ts';
import { originProtocol } from './origin-protocol.ts';
import { type SharedPort, sharePort } from './shared-port.ts';

/** How long requests under way may take to end after an interrupt. */
const drainMs = 2000;
/** The proxy keeps messages up to this length until they are whole. */
const keptMessageBytes = 4 * 1024 * 1024;
/** More than these kinds of problems are not told apart. */
const maxProblems = 20;

export interface FrontOptions {
  readonly listen: Address;
  readonly to: string;
  readonly rewriteHost: boolean | undefined;
  /** Certificate and private key to listen with, as PEM. */
  readonly listenTls: { readonly cert: string; readonly key: string } | undefined;
  /** Whom to trust at the origin, as PEM. */
  readonly ca: string | undefined;
  readonly maxBodyBytes: number | undefined;
}

/** What passed so far. */
export interface FrontCounts {
  readonly requests: number;
  readonly upgrades: number;
  readonly calls: number;
  readonly otherHttp2: number;
  readonly originErrors: number;
}

/** The port that is recorded at: what stands behind it for HTTP/1.1, and for HTTP/2 with gRPC. */
export class RecordingFront {
  readonly #options: FrontOptions;
  readonly #requests: RequestProxy;
  readonly #problems = new Set<string>();
  #told = 0;
  #calls: CallProxy | undefined;
  #port: SharedPort | undefined;
  #closed: Promise<unknown> | undefined;

  private constructor(options: FrontOptions) {
    this.#options = options;
    const { to, rewriteHost, ca } = options;
    this.#requests = createRequestProxy({ to, rewriteHost, tls: { ca } });
  }

  /** Listens. Call {@link record} before anything else happens. */
  static async listen(options: FrontOptions): Promise<RecordingFront> {
    const front = new RecordingFront(options);
    const listening = once(front.#requests, 'listening');
    front.#requests.listen(options.listen.port, options.listen.host);
    await listening;
    return front;
  }

  record(recorder: Recorder): void {
    const { to, rewriteHost, ca, listenTls, maxBodyBytes = 0 } = this.#options;
    const calls = createCallProxy({
      to,
      rewriteHost,
      tls: { ca },
      target: recorder,
      maxMessageBytes: Math.max(maxBodyBytes, keptMessageBytes),
      onOriginError: (reason, stream) => {
        // Of a call, the proxy itself does so.
        markExchange(stream, 'proxy', stream.headersSent ? 'origin-broke-off' : 'origin-failed');
        this.#note(`a request over HTTP/2 got no answer from ${to}: ${reason}`);
      },
    });
    tapServer(this.#requests, recorder);
    // What is no gRPC.
    tapServer(calls, recorder);
    this.#calls = calls;
    this.#port = sharePort(this.#requests, calls, {
      tls: listenTls,
      prefersHttp2: originProtocol(to, ca),
      refused: (reason) => this.#note(reason),
    });
  }

  /** As `https://127.0.0.1:8443`. */
  get origin(): string {
    return `${this.#options.listenTls === undefined ? 'http' : 'https'}://${this.at}`;
  }

  /** As `127.0.0.1:8443`. */
  get at(): string {
    const address = this.#requests.address();
    if (address === null || typeof address === 'string') return String(address);
    return address.family === 'IPv6'
      ? `[${address.address}]:${address.port}`
      : `${address.address}:${address.port}`;
  }

  get counts(): FrontCounts {
    const { requests, upgrades, originErrors } = this.#requests.counts;
    const { calls = 0, others = 0, originErrors: callErrors = 0 } = this.#calls?.counts ?? {};
    return { requests, upgrades, calls, otherHttp2: others, originErrors: originErrors + callErrors };
  }

  /** Problems that were not told before; each is told once. */
  newProblems(): string[] {
    const fresh = [...this.#problems].slice(this.#told);
    this.#told = this.#problems.size;
    return fresh;
  }

  /** Takes no more requests, and waits a moment for those under way. */
  async drain(): Promise<void> {
    let late: () => void = () => undefined;
    const hurry = new Promise<void>((resolve) => {
      late = systemClock.after(drainMs, resolve);
    });
    await Promise.race([this.#close(), hurry]);
    late();
  }

  /** Breaks off what is still under way. */
  async end(): Promise<void> {
    const closed = this.#close();
    this.#requests.closeAllConnections();
    this.#calls?.closeAllConnections();
    this.#port?.closeAll();
    await closed;
  }

  #close(): Promise<unknown> {
    if (this.#closed === undefined) {
      this.#closed = this.#requests.listening ? once(this.#requests, 'close') : Promise.resolve();
      this.#requests.close();
      this.#requests.closeIdleConnections();
      this.#calls?.closeIdleConnections();
      this.#port?.closeUndecided();
    }
    return this.#closed;
  }

  #note(problem: string): void {
    if (this.#problems.size < maxProblems) this.#problems.add(problem);
  }
}
