import {
  type ClientRequest,
  createServer,
  Agent as HttpAgent,
  request as httpRequest,
  type IncomingMessage,
  type RequestOptions,
  type Server,
  type ServerResponse,
} from 'node:http';
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https';
import type { Socket } from 'node:net';
import {
  type HeaderList,
  headerEntries,
  headerValues,
  type OriginTlsOptions,
  type TapOptions,
  type TapTarget,
  withHeader,
} from '@gardenhose/core';
import { flagOption, originOption, originTls } from '@gardenhose/core/adapter';
import { endToEnd } from './hop-by-hop.ts';
import { type Origin, originHostname } from './proxy-origin.ts';
import { passUpgrade } from './proxy-upgrade.ts';
import { markExchange } from './tap-exchange.ts';
import { tapServer } from './tap-server.ts';
import { declaresBody } from './to-events.ts';

export interface RecordingProxyOptions extends TapOptions {
  /** Where requests go: `http://127.0.0.1:3000`, `https://api.example`. An origin: no path, no credentials. */
  readonly to: string | URL;
  /** What records. Without it, the proxy only passes on. */
  readonly target?: TapTarget | undefined;
  /**
   * Whether the Host header is replaced by the origin's. Default `false`: the service sees what the client asked for, as
   * it would without the proxy. Ask for it where the origin serves by name.
   */
  readonly rewriteHost?: boolean | undefined;
  /** How an `https:` origin is trusted. Default by the authorities of Node. */
  readonly tls?: OriginTlsOptions | undefined;
}

/** What passed a proxy so far. */
export interface ProxyCounts {
  /** Requests that were passed on. */
  readonly requests: number;
  /** Connections that were switched to another protocol: passed through as they are. WebSockets are recorded, others are not. */
  readonly upgrades: number;
  /** Requests and upgrades that the origin did not take or broke off. */
  readonly originErrors: number;
}

/** A server that is not listening yet, and what has passed it. */
export type RecordingProxy = Server & { readonly counts: ProxyCounts };

/**
 * A reverse proxy that records: for services in any language. It passes heads on in their order, case and number,
 * except the fields of the one connection (RFC 9110 section 7.6.1), streams bodies both ways with backpressure, and passes
 * trailers, informational heads and upgrades; of these, WebSockets are recorded. Each client connection has its own connection to the origin. It adds no
 * header but `Connection`. When the origin does not answer, the client gets 502 with the reason.
 *
 * @throws GardenhoseError `invalid-option` if `to` is not an origin
 * @example
 * const proxy = createRecordingProxy({ to: 'http://127.0.0.1:3000', target: recorder });
 * proxy.listen(8080);
 */
export function createRecordingProxy(options: RecordingProxyOptions): RecordingProxy {
  const url = originOption('to', options.to);
  const { target, recordShadow } = options;
  const rewriteHost = flagOption('rewriteHost', options.rewriteHost, false);
  const counts = { requests: 0, upgrades: 0, originErrors: 0 };
  const origin: Origin = {
    url,
    tls: originTls(url, options.tls),
    host: rewriteHost ? url.host : undefined,
    counts,
  };
  const agents = new WeakMap<Socket, HttpAgent>();
  // The origin's own limits and time limits are the ones that shall hold.
  const server = createServer({
    keepAliveTimeout: 0,
    requestTimeout: 0,
    requireHostHeader: false,
    maxHeaderSize: 256 * 1024,
  });
  server.maxHeadersCount = 0;
  const pass = (req: IncomingMessage, res: ServerResponse): void => {
    const agent = agents.get(req.socket) ?? newAgent(origin);
    agents.set(req.socket, agent);
    counts.requests += 1;
    passRequest(req, res, agent, origin);
  };
  server.on('connection', (socket: Socket) => {
    socket.once('close', () => agents.get(socket)?.destroy());
  });
  server.on('request', pass);
  // With listeners of our own, Node does not answer these itself; the origin's answer is passed on.
  server.on('checkContinue', pass);
  server.on('checkExpectation', pass);
  server.on('upgrade', (req: IncomingMessage, socket: Socket, head: Buffer) =>
    passUpgrade(req, socket, head, origin),
  );
  if (target !== undefined) server.once('close', tapServer(server, target, { recordShadow }));
  return Object.assign(server, { counts });
}

/** One connection to the origin for each of a client's: what the origin keeps per connection stays with its client. */
function newAgent({ url, tls }: Origin): HttpAgent {
  const options = { keepAlive: true, maxSockets: 1 };
  return url.protocol === 'https:' ? new HttpsAgent({ ...options, ...tls }) : new HttpAgent(options);
}

function passRequest(req: IncomingMessage, res: ServerResponse, agent: HttpAgent, origin: Origin): void {
  const hasBody = declaresBody(req);
  const open = (): ClientRequest => {
    const asked = askOrigin(req, agent, origin);
    asked.on('error', (error) => {
      if (res.destroyed || res.writableEnded) return;
      // The origin closed the kept connection as the request went out; nothing of it was answered, nothing consumed.
      if (asked.reusedSocket && !hasBody && !res.headersSent && codeOf(error) === 'ECONNRESET' && !retried) {
        retried = true;
        current = open();
        current.end();
        return;
      }
      origin.counts.originErrors += 1;
      refuse(req, res, origin, error);
    });
    asked.on('information', (info: Informational) => passInformational(info, res));
    asked.on('response', (answer) => passAnswer(req, res, answer, origin));
    return asked;
  };
  let retried = false;
  let current: ClientRequest | undefined;
  try {
    current = open();
  } catch (error) {
    // Node will not send such a head: characters that it forbids in a path or a header.
    origin.counts.originErrors += 1;
    refuse(req, res, origin, error);
    return;
  }
  res.once('close', () => {
    if (!res.writableFinished) current?.destroy();
  });
  // The origin may stop to read: what the client still sends then goes nowhere, and its connection stays usable.
  current.once('close', () => {
    if (current !== undefined) req.unpipe(current);
    req.resume();
  });
  if (hasBody) passBody(req, current);
  else current.end();
}

function askOrigin(req: IncomingMessage, agent: HttpAgent, { url, host }: Origin): ClientRequest {
  const headers = endToEnd(req.rawHeaders);
  // HTTP/1.0 asks without a host; what goes to the origin is HTTP/1.1, which must have one.
  const replace = host ?? (req.headers.host === undefined ? url.host : undefined);
  const named = replace === undefined ? headers : [...withHeader(headers, 'Host', replace)];
  const options: RequestOptions = {
    agent,
    protocol: url.protocol,
    hostname: originHostname(url),
    port: url.port === '' ? undefined : url.port,
    method: req.method,
    path: req.url,
    setHost: false,
    headers: named,
    maxHeaderSize: 256 * 1024,
  };
  const asked = url.protocol === 'https:' ? httpsRequest(options) : httpRequest(options);
  asked.maxHeadersCount = 0;
  return asked;
}

/** Streams a body on, and its trailers after it. The head goes out at once if the body lets wait for itself. */
function passBody(from: IncomingMessage, to: ClientRequest | ServerResponse): void {
  from.pipe(to, { end: false });
  from.once('end', () => {
    if (from.rawTrailers.length > 0) to.addTrailers(pairs(from.rawTrailers));
    to.end();
  });
  setImmediate(() => {
    if (!to.writableEnded && !to.destroyed) to.flushHeaders();
  });
}

function pairs(headers: HeaderList): [string, string][] {
  return Array.from(headerEntries(headers), ([name, value]) => [name, value]);
}

interface Informational {
  readonly statusCode: number;
  readonly rawHeaders: HeaderList;
}

/** Node can write 100, 102 and 103; other informational heads end here. */
function passInformational({ statusCode, rawHeaders }: Informational, res: ServerResponse): void {
  if (res.headersSent || res.destroyed) return;
  if (statusCode === 100) res.writeContinue();
  else if (statusCode === 102) res.writeProcessing();
  else if (statusCode === 103) {
    const hints: [string, string | string[]][] = pairs(rawHeaders).filter(
      ([name]) => name.toLowerCase() !== 'link',
    );
    // Several links may stand on one line, which Node does not take back.
    const links = headerValues(rawHeaders, 'link').flatMap((value) => value.split(/,\s*(?=<)/));
    try {
      res.writeEarlyHints(Object.fromEntries([...hints, ['link', links]]));
    } catch {
      // A hint is only a hint: one that Node does not take as a link is not worth an answer.
    }
  }
}

function passAnswer(
  req: IncomingMessage,
  res: ServerResponse,
  answer: IncomingMessage,
  origin: Origin,
): void {
  if (res.destroyed) {
    answer.destroy();
    return;
  }
  let headers = endToEnd(answer.rawHeaders);
  // A client of HTTP/1.0 does not know chunks: it gets the body up to the end of the connection.
  if (req.httpVersionMinor === 0) headers = withoutTransferEncoding(headers);
  res.sendDate = false;
  try {
    res.writeHead(answer.statusCode ?? 502, answer.statusMessage, headers);
  } catch (error) {
    origin.counts.originErrors += 1;
    answer.destroy();
    refuse(req, res, origin, error);
    return;
  }
  // The origin broke off within the body: so does the proxy, and the client sees that the body is not whole.
  answer.once('error', () => {
    if (res.destroyed || res.writableEnded) return;
    origin.counts.originErrors += 1;
    markExchange(req, 'proxy', 'origin-broke-off');
    res.destroy();
  });
  passBody(answer, res);
}

function withoutTransferEncoding(headers: string[]): string[] {
  return pairs(headers)
    .filter(([name]) => name.toLowerCase() !== 'transfer-encoding')
    .flat();
}

/** Answers in place of the origin. The mark tells such an answer from one of the service's own. */
function refuse(req: IncomingMessage, res: ServerResponse, { url }: Origin, error: unknown): void {
  markExchange(req, 'proxy', 'origin-failed');
  if (res.headersSent) {
    res.destroy();
    return;
  }
  const body = Buffer.from(`gardenhose: no answer from ${url.origin}: ${codeOf(error)}\n`);
  res.writeHead(502, ['Content-Type', 'text/plain; charset=utf-8', 'Content-Length', String(body.length)]);
  res.end(body);
}

function codeOf(error: unknown): string {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  return typeof code === 'string' ? code : 'failed';
}
