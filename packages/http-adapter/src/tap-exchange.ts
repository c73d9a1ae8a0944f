import { IncomingMessage, type ServerResponse } from 'node:http';
import type { Http2ServerRequest, Http2ServerResponse, ServerHttp2Stream } from 'node:http2';
import type { ExchangeTap, TapOptions, TapTarget } from '@gardenhose/core';
import {
  beginInbound,
  enterNone,
  isOutOfOrder,
  type ResolvedTapOptions,
  reportFailure,
  resolveTapOptions,
} from '@gardenhose/core/adapter';
import type { StreamWatch } from './http2/watch.ts';
import { isHttp2Request, isStream, streamOf, watchOf, watchStream } from './http2/watch-stream.ts';
import { type Internals, internals } from './internals.ts';
import { declaresBody, exchangeStart, isShadow } from './to-events.ts';
import { connectionOf, Watch } from './watch.ts';
import { markUpgrade } from './websocket/tap-upgrade.ts';

const watchKey: unique symbol = Symbol('gardenhose.watch');

/** A request of HTTP/1 or HTTP/2. */
export type NodeRequest = IncomingMessage | Http2ServerRequest;

/** Its response. */
export type NodeResponse = ServerResponse | Http2ServerResponse;

/** A request that some target was asked about. */
interface KnownRequest extends IncomingMessage {
  [watchKey]?: Watch;
}

/**
 * Records one exchange, from the moment of the call until both its sides have ended. Call it as the request arrives,
 * before anything reads the body or writes the response, and not after an `await`: what has passed by then is not seen.
 * Calling it again for the same request and target does nothing. Never throws.
 *
 * HTTP/1 and HTTP/2, the latter with the requests and responses of Node's compatibility API. A request that has become an
 * upgrade is left alone.
 *
 * @returns what is recording the exchange; undefined when it is not recorded
 * @throws GardenhoseError `invalid-option` for a wrong option
 */
export function tapExchange(
  req: NodeRequest,
  res: NodeResponse,
  target: TapTarget,
  options?: TapOptions,
): ExchangeTap | undefined {
  return watchExchange(req, res, target, resolveTapOptions(options), internals());
}

/** {@link tapExchange} with its options resolved. */
export function watchExchange(
  req: NodeRequest,
  res: NodeResponse,
  target: TapTarget,
  options: ResolvedTapOptions,
  { headText }: Internals,
): ExchangeTap | undefined {
  if (isHttp2Request(req)) return watchStream(req.stream, req.rawHeaders, target, options);
  if (!isHttp1Request(req) || !isHttp1Response(res)) return undefined;
  try {
    const request: KnownRequest = req;
    const known = request[watchKey];
    if (known?.knows(target)) return known.tap;
    if (options.parents) enterNone(req);
    if (known?.over || isUpgrade(req) || isOutOfOrder(target)) return undefined;
    const connection = connectionOf(req.socket);
    const bodyless = !declaresBody(req);
    known?.ask(target);
    const watch = known ?? new Watch(req, res, connection, target, bodyless, headText);
    request[watchKey] = watch;
    if (!options.recordShadow && isShadow(req)) return undefined;
    const start = exchangeStart(req, connection.facts);
    const tap = beginInbound(target, options.parents, req, start, bodyless);
    if (tap !== undefined) watch.record(tap);
    return watch.tap;
  } catch (error) {
    reportFailure(target, error);
    return undefined;
  }
}

const isHttp1Request = (req: NodeRequest): req is IncomingMessage => req.httpVersionMajor === 1;

const isHttp1Response = (res: NodeResponse): res is ServerResponse => !('createPushResponse' in res);

/** What frameworks route as a request when its connection has been handed over: no response of Node will say how it ends. */
function isUpgrade(req: IncomingMessage): boolean {
  return 'upgrade' in req && req.upgrade === true;
}

/** Tells how to find the operation of a request once its response is there. Its last word is the one that counts. */
export function nameOperation(req: NodeRequest, operation: () => string | undefined): void {
  const watch = watchFor(req);
  if (watch !== undefined) watch.operation = operation;
}

/**
 * Puts a note on the exchange that a request belongs to: a tenant, a user's choice, an error. Does nothing when the
 * exchange is not recorded or is over. Give Node's own request: `request.raw` in Fastify, `ctx.req` in Koa,
 * `c.env.incoming` in Hono; or the stream that an HTTP/2 server handed out.
 *
 * @returns whether the exchange is being recorded
 * @example
 * markExchange(req, 'tenant', req.account.tenant);
 */
export function markExchange(req: NodeRequest | ServerHttp2Stream, name: string, value: string): boolean {
  const watch = watchFor(req);
  if (watch?.tap === undefined) return req instanceof IncomingMessage && markUpgrade(req, name, value);
  try {
    watch.tap.mark(name, value);
    return true;
  } catch (error) {
    watch.fail(error);
    return false;
  }
}

function watchFor(
  req: KnownRequest | Http2ServerRequest | ServerHttp2Stream,
): Watch | StreamWatch | undefined {
  return watchKey in req ? req[watchKey] : watchOf(isStream(req) ? req : streamOf(req));
}
