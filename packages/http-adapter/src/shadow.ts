import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { type IncomingHttpHeaders, IncomingMessage } from 'node:http';
import type { PropagateTo, ShadowTrust } from '@gardenhose/core';
import {
  baggageWithoutMarks,
  enterMarks,
  hasMarks,
  onlyOptions,
  shadowHeaderNames,
  type TrustMarks,
  trustMarks,
  trustNames,
} from '@gardenhose/core/adapter';
import { onStream } from './http2/servers.ts';
import { isHttp2Request } from './http2/watch-stream.ts';
import { propagateShadow } from './shadow-outbound.ts';
import type { NodeRequest, NodeResponse } from './tap-exchange.ts';
import type { Detach } from './tap-server.ts';

/** What {@link attachShadow} can be told. */
export interface AttachShadowOptions extends ShadowTrust {
  /** Whom marks are passed on to by `fetch`, undici, `node:http` and `node:https`. Default `private`. */
  readonly propagateTo?: PropagateTo | undefined;
}

/**
 * Lets the code of this process know replayed requests, by `isShadow()` and `unlessShadow()`: those of every server of `node:http`,
 * `node:https` and `node:http2`, from now on; calls of gRPC are left to the gRPC adapter. Marks that are not trusted are taken out of a request before any listener sees it; those that
 * are, are passed on by requests that it makes in turn. Attach it before recorders, which leave out what is marked.
 *
 * @throws GardenhoseError `invalid-option`
 * @example
 * const detach = attachShadow({ signKey: process.env.SHADOW_KEY });
 */
export function attachShadow(options: AttachShadowOptions = {}): Detach {
  onlyOptions('shadow', options, { ...trustNames, propagateTo: true });
  const { propagateTo, ...rest } = options;
  const trust = trustMarks(rest);
  const stopPropagating = propagateShadow({ propagateTo });
  const onRequest = (message: unknown): void => {
    const request = requestIn(message);
    if (request !== undefined) admit(request, trust);
  };
  subscribe('http.server.request.start', onRequest);
  const forgetStreams = onStream((_, stream, rawHeaders, headers) => {
    if (isGrpcCall(headers)) return;
    const remoteAddress = stream.session?.socket.remoteAddress;
    admit({ rawHeaders, headers, socket: { remoteAddress } }, trust);
  });
  return () => {
    forgetStreams();
    unsubscribe('http.server.request.start', onRequest);
    stopPropagating();
  };
}

const isGrpcCall = (headers: IncomingHttpHeaders): boolean =>
  /^application\/grpc(?:[+;\s]|$)/i.test(headers['content-type'] ?? '');

function requestIn(message: unknown): IncomingMessage | undefined {
  if (typeof message !== 'object' || message === null || !('request' in message)) return undefined;
  return message.request instanceof IncomingMessage ? message.request : undefined;
}

/**
 * As {@link attachShadow}, for one application of Express, Connect or the like, without passing marks on: that is
 * {@link propagateShadow}. Use it first.
 *
 * @throws GardenhoseError `invalid-option`
 * @example
 * app.use(expressShadow({ trust: ['10.0.0.0/8'] }));
 */
export function expressShadow(
  options: ShadowTrust = {},
): (req: NodeRequest, res: NodeResponse, next: () => void) => void {
  const trust = trustMarks(options);
  return (req, _res, next) => {
    admit(req, trust);
    next();
  };
}

interface FastifyLike {
  addHook(
    name: 'onRequest',
    hook: (request: { readonly raw: NodeRequest }, reply: unknown, done: () => void) => void,
  ): unknown;
}

/** A Fastify plugin that applies to the instance that registers it, and to its children. */
export type FastifyShadow = (instance: FastifyLike, options: unknown, done: () => void) => void;

/**
 * As {@link expressShadow}, for Fastify.
 *
 * @throws GardenhoseError `invalid-option`
 * @example
 * await app.register(fastifyShadow());
 */
export function fastifyShadow(options: ShadowTrust = {}): FastifyShadow {
  const trust = trustMarks(options);
  const plugin: FastifyShadow = (instance, _, done) => {
    instance.addHook('onRequest', (request, _reply, next) => {
      admit(request.raw, trust);
      next();
    });
    done();
  };
  // What the package fastify-plugin does: without it the hook would hold for the plugin's own routes only.
  return Object.assign(plugin, {
    [Symbol.for('skip-override')]: true,
    [Symbol.for('fastify.display-name')]: 'gardenhose-shadow',
  });
}

/**
 * As {@link expressShadow}, for Koa.
 *
 * @throws GardenhoseError `invalid-option`
 * @example
 * app.use(koaShadow());
 */
export function koaShadow(
  options: ShadowTrust = {},
): <T>(context: { readonly req: NodeRequest }, next: () => Promise<T>) => Promise<T> {
  const trust = trustMarks(options);
  return (context, next) => {
    admit(context.req, trust);
    return next();
  };
}

/**
 * As {@link expressShadow}, for Hono on `@hono/node-server`. On other runtimes it does nothing: there is no Node request.
 *
 * @throws GardenhoseError `invalid-option`
 * @example
 * app.use(honoShadow());
 */
export function honoShadow(
  options: ShadowTrust = {},
): (context: { readonly env: unknown }, next: () => Promise<void>) => Promise<void> {
  const trust = trustMarks(options);
  return ({ env }, next) => {
    if (typeof env === 'object' && env !== null && 'incoming' in env && isNodeRequest(env.incoming)) {
      admit(env.incoming, trust);
    }
    return next();
  };
}

const isNodeRequest = (incoming: unknown): incoming is MarkedRequest =>
  incoming instanceof IncomingMessage ||
  (typeof incoming === 'object' && incoming !== null && isHttp2Request(incoming));

/** What of a request can hold marks: of HTTP/1, of HTTP/2, or of a stream of it. */
interface MarkedRequest {
  readonly rawHeaders: string[];
  readonly headers: IncomingHttpHeaders;
  readonly headersDistinct?: NodeJS.Dict<string[]>;
  readonly socket: { readonly remoteAddress?: string | undefined };
}

/** Decides whose request it is. Runs in the context of the request, and all that comes of it gets what is entered here. */
function admit(request: MarkedRequest, trust: TrustMarks): void {
  const marked = hasMarks(request.rawHeaders);
  const marks = marked ? trust(request.rawHeaders, request.socket.remoteAddress) : undefined;
  if (marked && marks === undefined) takeOut(request);
  enterMarks(marks);
}

/** Takes the marks out of every form in which Node gives headers. */
function takeOut(request: MarkedRequest): void {
  // Node makes these of the list when they are first asked for, by a count that it keeps: so before the list is changed.
  const { headers, headersDistinct = {}, rawHeaders } = request;
  const kept = rawHeaders.flatMap((name, i) => {
    const value = rawHeaders[i + 1];
    if (i % 2 === 1 || value === undefined || shadowHeaderNames.has(name.toLowerCase())) return [];
    const rest = name.toLowerCase() === 'baggage' ? baggageWithoutMarks(value) : value;
    return rest === '' && value !== '' ? [] : [name, rest];
  });
  rawHeaders.splice(0, rawHeaders.length, ...kept);
  for (const name of shadowHeaderNames) {
    delete headers[name];
    delete headersDistinct[name];
  }
  const { baggage } = headers;
  if (typeof baggage !== 'string') return;
  const rest = baggageWithoutMarks(baggage);
  if (rest.trim() === '') {
    delete headers.baggage;
    delete headersDistinct.baggage;
  } else {
    headers.baggage = rest;
    headersDistinct.baggage = headersDistinct.baggage?.map(baggageWithoutMarks).filter((one) => one !== '');
  }
}
