import type { IncomingMessage, ServerResponse } from 'node:http';
import type { ExchangeTap, TapOptions, TapTarget } from '@gardenhose/core';
import {
  isOutOfOrder,
  type ResolvedTapOptions,
  reportFailure,
  resolveTapOptions,
} from '@gardenhose/core/adapter';
import { type Internals, internals } from './internals.ts';
import { declaresBody, exchangeStart, headerOf } from './to-events.ts';
import { connectionOf, Watch } from './watch.ts';

const watchKey: unique symbol = Symbol('gardenhose.watch');

/** A request that some target was asked about. */
interface KnownRequest extends IncomingMessage {
  [watchKey]?: Watch;
}

/**
 * Records one exchange, from the moment of the call until both its sides have ended. Call it as the request arrives,
 * before anything reads the body or writes the response, and not after an `await`: what has passed by then is not seen.
 * Calling it again for the same request and target does nothing. Never throws.
 *
 * Only HTTP/1 is recorded; an HTTP/2 request is left alone.
 *
 * @returns what is recording the exchange; undefined when it is not recorded
 * @throws GardenhoseError `invalid-option` for a wrong option
 */
export function tapExchange(
  req: IncomingMessage,
  res: ServerResponse,
  target: TapTarget,
  options?: TapOptions,
): ExchangeTap | undefined {
  return watchExchange(req, res, target, resolveTapOptions(options), internals());
}

/** {@link tapExchange} with its options resolved. */
export function watchExchange(
  req: IncomingMessage,
  res: ServerResponse,
  target: TapTarget,
  options: ResolvedTapOptions,
  { headText }: Internals,
): ExchangeTap | undefined {
  try {
    const request: KnownRequest = req;
    const known = request[watchKey];
    if (known?.knows(target)) return known.tap;
    if (known?.over || req.httpVersionMajor !== 1 || isOutOfOrder(target)) return undefined;
    const connection = connectionOf(req.socket);
    const bodyless = !declaresBody(req);
    known?.ask(target);
    const watch = known ?? new Watch(req, res, connection, target, bodyless, headText);
    request[watchKey] = watch;
    if (!options.recordShadow && isShadow(req)) return undefined;
    const tap = target.begin(exchangeStart(req, connection.facts), bodyless);
    if (tap !== undefined) watch.record(tap);
    return watch.tap;
  } catch (error) {
    reportFailure(target, error);
    return undefined;
  }
}

/** Tells how to find the operation of a request once its response is there. Its last word is the one that counts. */
export function nameOperation(req: IncomingMessage, operation: () => string | undefined): void {
  const request: KnownRequest = req;
  const watch = request[watchKey];
  if (watch !== undefined) watch.operation = operation;
}

/**
 * Puts a note on the exchange that a request belongs to: a tenant, a user's choice, an error. Does nothing when the
 * exchange is not recorded or is over. Give Node's own request: `request.raw` in Fastify, `ctx.req` in Koa,
 * `c.env.incoming` in Hono.
 *
 * @returns whether the exchange is being recorded
 * @example
 * markExchange(req, 'tenant', req.account.tenant);
 */
export function markExchange(req: IncomingMessage, name: string, value: string): boolean {
  const request: KnownRequest = req;
  const watch = request[watchKey];
  if (watch?.tap === undefined) return false;
  try {
    watch.tap.mark(name, value);
    return true;
  } catch (error) {
    watch.fail(error);
    return false;
  }
}

function isShadow(req: IncomingMessage): boolean {
  return headerOf(req, 'x-shadow-traffic')?.toLowerCase().startsWith('true') === true;
}
