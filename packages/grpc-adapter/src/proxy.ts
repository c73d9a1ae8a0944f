import {
  constants,
  createSecureServer,
  createServer,
  type Http2SecureServer,
  type Http2Server,
  type Http2Session,
  type ServerHttp2Session,
  type ServerHttp2Stream,
} from 'node:http2';
import type { OriginTlsOptions, TapOptions, TapTarget } from '@gardenhose/core';
import {
  claimServer,
  flagOption,
  invalidOption,
  originOption,
  originTls,
  type ResolvedTapOptions,
  resolveTapOptions,
  wholeOption,
  withCertificate,
} from '@gardenhose/core/adapter';
import { isGrpcContentType } from './content-type.ts';
import { type PassedRequest, pass } from './proxy-passage.ts';
import {
  connectionWindow,
  maxHeaderBytes,
  maxHeaderPairs,
  streamWindow,
  Upstream,
} from './proxy-upstream.ts';
import { headerOf } from './to-events.ts';
import { watchCall } from './watch-call.ts';

/** What {@link createRecordingProxy} can be told. */
export interface RecordingProxyOptions extends TapOptions {
  /** Where calls go: `http://127.0.0.1:50051` without TLS, `https://api.example` with it. An origin: no path, no credentials. */
  readonly to: string | URL;
  /** What records. Without it, the proxy only passes on. */
  readonly target?: TapTarget | undefined;
  /**
   * Whether `:authority` is replaced by the origin's host. Default `false`: the service sees what the client asked for, as it
   * would without the proxy. Ask for it where the origin serves by name.
   */
  readonly rewriteHost?: boolean | undefined;
  /** How an `https:` origin is trusted. Default by the authorities of Node. */
  readonly tls?: OriginTlsOptions | undefined;
  /** Certificate and private key, as PEM, to listen with TLS. Default none: clients speak HTTP/2 without TLS. */
  readonly listenTls?: { readonly cert: string; readonly key: string } | undefined;
  /** Messages longer than this are recorded without their bytes: the proxy does not keep them. Default 4 MiB. */
  readonly maxMessageBytes?: number | undefined;
  /**
   * Told why, each time the origin takes a request not or not to its end, and of which stream, before its client is answered.
   * Default nobody.
   */
  readonly onOriginError?: ((reason: string, stream: ServerHttp2Stream) => void) | undefined;
}

/** What passed a proxy so far. */
export interface ProxyCounts {
  /** Calls of gRPC that were passed on. */
  readonly calls: number;
  /** Other requests over HTTP/2 that were passed on: by their content type no gRPC. */
  readonly others: number;
  /** Calls and requests that the origin did not take, or broke off with its connection. */
  readonly originErrors: number;
}

interface ProxyControls {
  readonly counts: ProxyCounts;
  /** Tells all clients to open no more calls on their connections (GOAWAY), which end when the last call has. */
  closeIdleConnections(): void;
  /** Breaks off all connections. */
  closeAllConnections(): void;
}

/** A server that is not listening yet, and what has passed it. */
export type RecordingProxy = (Http2Server | Http2SecureServer) & ProxyControls;

/**
 * A reverse proxy that records gRPC: for services in any language. It passes metadata on in its order and number, messages as
 * the bytes they are, with backpressure, and resets, half-closes, trailers and what the origin says of its connections (GOAWAY,
 * the number of calls at once). Each client connection has its own connection to the origin. It adds nothing. A call that the origin
 * cannot be asked, or that its connection breaks off, ends with UNAVAILABLE and the reason.
 *
 * Requests over HTTP/2 that are no gRPC pass as well, and are counted but not recorded here: `tapServer()` of
 * `@gardenhose/http-adapter`, given this server and the same target, does that.
 *
 * @throws {@link GardenhoseError} `invalid-option` if `to` is not an origin, or another option is wrong
 * @example
 * const proxy = createRecordingProxy({ to: 'http://127.0.0.1:50051', target: recorder });
 * proxy.listen(8080);
 */
export function createRecordingProxy(options: RecordingProxyOptions): RecordingProxy {
  const settings = resolve(options);
  const counts: Counts = { calls: 0, others: 0, originErrors: 0 };
  const server = newServer(options.listenTls);
  if (settings.target !== undefined) {
    claimServer(server, settings.target, (block) => isGrpcContentType(headerOf(block, 'content-type')));
  }
  const clients = new Map<Http2Session, Client>();
  // Errors of a connection are followed by its 'close'.
  server.on('sessionError', () => undefined);
  server.on('session', (session: ServerHttp2Session) => {
    const client = new Client(session, settings, counts);
    clients.set(session, client);
    if (!session.destroyed) session.setLocalWindowSize(connectionWindow);
    session.once('close', () => {
      clients.delete(session);
      client.closed();
    });
  });
  server.on('stream', (stream: ServerHttp2Stream, _headers: unknown, flags: number, raw: string[]) => {
    if (stream.session !== undefined) clients.get(stream.session)?.pass(stream, flags, raw);
  });
  return Object.assign(server, {
    counts,
    closeIdleConnections() {
      for (const session of clients.keys()) session.close();
    },
    closeAllConnections() {
      for (const session of clients.keys()) {
        session.destroy(new Error('the proxy ends'), constants.NGHTTP2_NO_ERROR);
      }
    },
  });
}

interface Settings {
  readonly url: URL;
  readonly target: TapTarget | undefined;
  readonly rewriteHost: boolean;
  readonly tls: OriginTlsOptions;
  readonly tap: ResolvedTapOptions;
  readonly maxMessageBytes: number;
  readonly onOriginError: (reason: string, stream: ServerHttp2Stream) => void;
}

function resolve(options: RecordingProxyOptions): Settings {
  const { target, onOriginError = () => undefined } = options;
  const url = originOption('to', options.to);
  if (typeof onOriginError !== 'function') throw invalidOption('onOriginError', 'must be a function');
  return {
    url,
    target,
    rewriteHost: flagOption('rewriteHost', options.rewriteHost, false),
    tls: originTls(url, options.tls),
    tap: resolveTapOptions(options),
    maxMessageBytes: wholeOption('maxMessageBytes', options.maxMessageBytes, 4 * 1024 * 1024),
    onOriginError,
  };
}

function newServer(tls: RecordingProxyOptions['listenTls']): Http2Server | Http2SecureServer {
  // The origin's own limits are the ones that shall hold.
  const limits = {
    settings: { initialWindowSize: streamWindow, maxHeaderListSize: maxHeaderBytes },
    maxSessionMemory: Number.MAX_SAFE_INTEGER,
    maxHeaderListPairs: maxHeaderPairs,
    maxSendHeaderBlockLength: 2 * maxHeaderBytes,
    ...{ strictSingleValueFields: false },
  };
  if (tls === undefined) return createServer(limits);
  return withCertificate('listenTls', tls, (pair) => createSecureServer({ ...limits, ...pair }));
}

interface Counts {
  calls: number;
  others: number;
  originErrors: number;
}

/** One connection of a client, and the one to the origin that is made for it with its first request. */
class Client {
  readonly #session: ServerHttp2Session;
  readonly #settings: Settings;
  readonly #counts: Counts;
  #upstream: Upstream | undefined;

  constructor(session: ServerHttp2Session, settings: Settings, counts: Counts) {
    this.#session = session;
    this.#settings = settings;
    this.#counts = counts;
  }

  pass(stream: ServerHttp2Stream, flags: number, raw: readonly string[]): void {
    const { target, tap, url, maxMessageBytes } = this.#settings;
    const isCall = isGrpcContentType(headerOf(raw, 'content-type'));
    if (isCall) {
      this.#counts.calls += 1;
      if (target !== undefined) watchCall(stream, raw, target, { ...tap, maxMessageBytes });
    } else {
      this.#counts.others += 1;
    }
    const request: PassedRequest = {
      headers: this.#passedOn(raw),
      // A HEAD that was to go on and is broken off makes Node write empty frames without end (seen with 20.20).
      endStream: (flags & constants.NGHTTP2_FLAG_END_STREAM) !== 0 || headerOf(raw, ':method') === 'HEAD',
      isCall,
    };
    this.#upstream ??= this.#connect();
    const failed = (reason: string): void => {
      this.#counts.originErrors += 1;
      this.#settings.onOriginError(reason, stream);
    };
    pass(stream, request, { origin: url.origin, upstream: this.#upstream, failed });
  }

  closed(): void {
    this.#upstream?.close();
  }

  #connect(): Upstream {
    const { url, tls } = this.#settings;
    const session = this.#session;
    return new Upstream(url, tls, {
      closing: () => session.close(),
      closed: (code, data) => {
        if (session.closed || session.destroyed) return;
        if (code !== undefined && code !== constants.NGHTTP2_NO_ERROR) session.goaway(code, 0, data);
        session.close();
      },
      limit: (maxConcurrentStreams) => {
        if (session.closed || session.destroyed) return;
        if (session.localSettings.maxConcurrentStreams !== maxConcurrentStreams) {
          session.settings({ maxConcurrentStreams });
        }
      },
    });
  }

  #passedOn(raw: readonly string[]): readonly string[] {
    const { url, rewriteHost } = this.#settings;
    const headers = [...raw];
    for (let at = 0; at + 1 < headers.length; at += 2) {
      const name = headers[at];
      if (name === ':scheme') headers[at + 1] = url.protocol.slice(0, -1);
      else if (rewriteHost && (name === ':authority' || name === 'host')) headers[at + 1] = url.host;
    }
    return headers;
  }
}
