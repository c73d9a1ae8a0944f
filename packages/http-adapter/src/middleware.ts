import type { TapOptions, TapTarget } from '@gardenhose/core';
import { resolveTapOptions } from '@gardenhose/core/adapter';
import { internals } from './internals.ts';
import { type NodeRequest, type NodeResponse, nameOperation, watchExchange } from './tap-exchange.ts';

// Each is a few lines over the same tap, for applications that want to name the place where recording begins, and to
// have the route template on the exchange. Beside `attach()` with the same target nothing is recorded twice.

type Tap = (req: NodeRequest, res: NodeResponse) => void;

function tapWith(target: TapTarget, options: TapOptions | undefined): Tap {
  const resolved = resolveTapOptions(options);
  const found = internals();
  return (req, res) => {
    watchExchange(req, res, target, resolved, found);
  };
}

/**
 * Express 4 and 5. Use it first: middleware before it (a body parser, compression) would have changed what it sees.
 *
 * @example
 * app.use(expressTap(recorder));
 */
export function expressTap(
  target: TapTarget,
  options?: TapOptions,
): (req: NodeRequest, res: NodeResponse, next: () => void) => void {
  const tap = tapWith(target, options);
  return (req, res, next) => {
    tap(req, res);
    next();
  };
}

interface FastifyRequestLike {
  readonly raw: NodeRequest;
  readonly routeOptions: { readonly url?: string | undefined };
}

interface FastifyReplyLike {
  readonly raw: NodeResponse;
}

interface FastifyLike {
  addHook(
    name: 'onRequest',
    hook: (request: FastifyRequestLike, reply: FastifyReplyLike, done: () => void) => void,
  ): unknown;
}

/** A Fastify plugin that applies to the instance that registers it, and to its children. */
export type FastifyTap = (instance: FastifyLike, options: unknown, done: () => void) => void;

/**
 * Fastify, also what comes by `inject()`, which no other tap sees.
 *
 * @example
 * await app.register(fastifyTap(recorder));
 */
export function fastifyTap(target: TapTarget, options?: TapOptions): FastifyTap {
  const tap = tapWith(target, options);
  const plugin: FastifyTap = (instance, _, done) => {
    instance.addHook('onRequest', (request, reply, next) => {
      tap(request.raw, reply.raw);
      nameOperation(request.raw, () => request.routeOptions.url);
      next();
    });
    done();
  };
  // What the package fastify-plugin does: without it the hook would hold for the plugin's own routes only.
  return Object.assign(plugin, {
    [Symbol.for('skip-override')]: true,
    [Symbol.for('fastify.display-name')]: 'gardenhose',
  });
}

interface KoaContextLike {
  readonly req: NodeRequest;
  readonly res: NodeResponse;
}

/**
 * Koa. Use it first.
 *
 * @example
 * app.use(koaTap(recorder));
 */
export function koaTap(
  target: TapTarget,
  options?: TapOptions,
): <T>(context: KoaContextLike, next: () => Promise<T>) => Promise<T> {
  const tap = tapWith(target, options);
  return (context, next) => {
    tap(context.req, context.res);
    nameOperation(context.req, () => koaRoute(context));
    return next();
  };
}

/** The template that `@koa/router` leaves on the context. */
function koaRoute(context: object): string | undefined {
  const route = '_matchedRoute' in context ? context._matchedRoute : undefined;
  return route === undefined || route === null ? undefined : String(route);
}

interface HonoContextLike {
  readonly env: unknown;
  readonly req: { readonly routePath: string };
}

/**
 * Hono on `@hono/node-server`. On other runtimes it records nothing: there is no Node request.
 *
 * @example
 * app.use(honoTap(recorder));
 */
export function honoTap(
  target: TapTarget,
  options?: TapOptions,
): (context: HonoContextLike, next: () => Promise<void>) => Promise<void> {
  const tap = tapWith(target, options);
  return async (context, next) => {
    const { env } = context;
    if (!isNodeEnv(env)) return next();
    tap(env.incoming, env.outgoing);
    await next();
    // By now this is the handler that answered; `/*` is what a middleware has when no handler did.
    const route = context.req.routePath;
    if (route !== '/*' && route !== '*') nameOperation(env.incoming, () => route);
  };
}

function isNodeEnv(env: unknown): env is { incoming: NodeRequest; outgoing: NodeResponse } {
  return typeof env === 'object' && env !== null && 'incoming' in env && 'outgoing' in env;
}
