import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import type { ClientRequest } from 'node:http';
import type { Duplex } from 'node:stream';
import type { ClientTapOptions, TapTarget } from '@gardenhose/core';
import {
  isOutOfOrder,
  parentOf,
  type ResolvedTapOptions,
  reportFailure,
  resolveTapOptions,
  untilKilled,
} from '@gardenhose/core/adapter';
import { ClientExchange } from './client-exchange.ts';
import { hookClientRequests } from './client-request-hooks.ts';
import { isOfUndici, onClientStream } from './http2/client-sessions.ts';
import { ClientStreamWatch, isNoRequest } from './http2/watch-client-stream.ts';
import type { Detach } from './tap-server.ts';
import { ClientRequestWatch } from './watch-client-request.ts';
import {
  inContextOf,
  isUndiciRequest,
  type UndiciRequest,
  UndiciRequestWatch,
} from './watch-undici-request.ts';

/**
 * Records the requests that this process makes, as outbound exchanges: by the built-in `fetch`, by undici (6 to 8, every copy), by
 * `node:http` and `node:https` and what is built on them, by `connect()` of `node:http2`. Each hop of a redirect, and each further
 * try, is an exchange; each connection is a lane. Recorded is what is on the wire: bodies stay compressed. No client is replaced,
 * and no import order is asked for. Calls of gRPC are left to its own adapter.
 *
 * @throws GardenhoseError `invalid-option` for a wrong option
 * @example
 * const detach = tapClients(recorder);
 */
export function tapClients(target: TapTarget, options?: ClientTapOptions): Detach {
  const resolved = resolveTapOptions(options);
  const undos = [
    tapUndici(target, resolved),
    tapClientRequests(target, resolved),
    tapClientStreams(target, resolved),
  ];
  return untilKilled(target, () => {
    for (const undo of undos.splice(0)) undo();
  });
}

function tapClientRequests(target: TapTarget, options: ResolvedTapOptions): Detach {
  const watches = new WeakMap<ClientRequest, ClientRequestWatch>();
  let attached = true;
  let underWay = 0;
  const unhook = hookClientRequests({
    before(request) {
      try {
        let watch = watches.get(request);
        if (watch === undefined) {
          // What has gone out before is not known any more.
          if (!attached || hasSentHead(request) || isOutOfOrder(target) || !isFirst(request, target)) return;
          watch = new ClientRequestWatch(
            request,
            new ClientExchange(target, options, () => attached, parentOf(target)),
          );
          watches.set(request, watch);
          underWay += 1;
        }
        watch.before();
      } catch (error) {
        reportFailure(target, error);
      }
    },
    after: (request, chunk, encoding, last) => watches.get(request)?.after(chunk, encoding, last),
    emitting(request, name, first) {
      const watch = watches.get(request);
      if (watch === undefined) return;
      watch.emitting(name, first);
      if (name !== 'close') return;
      watches.delete(request);
      underWay -= 1;
      if (!attached && underWay === 0) unhook();
    },
  });
  return () => {
    attached = false;
    if (underWay === 0) unhook();
  };
}

/** By a request, or the stream that carries it: whom it is told to. */
const told = new WeakMap<object, TapTarget[]>();

/** Whether a target is not told of this request yet: from here on it is. One that is tapped twice is told once, as of servers. */
function isFirst(request: object, target: TapTarget): boolean {
  const targets = told.get(request);
  if (targets === undefined) told.set(request, [target]);
  else if (targets.includes(target)) return false;
  else targets.push(target);
  return true;
}

/** Node sends the head of a request that waits for `100 Continue` before the application does anything. */
const hasSentHead = (request: ClientRequest): boolean => request.headersSent && !request.hasHeader('expect');

/** Requests over HTTP/2 by Node's own client. Those of undici are told by undici, and calls of gRPC by their own adapter. */
function tapClientStreams(target: TapTarget, options: ResolvedTapOptions): Detach {
  let attached = true;
  const unhook = onClientStream((session, stream, given) => {
    try {
      if (isOutOfOrder(target) || isOfUndici(session) || isNoRequest(stream) || !isFirst(stream, target))
        return;
      const exchange = new ClientExchange(target, options, () => attached, parentOf(target));
      new ClientStreamWatch(session, stream, exchange, given).install();
    } catch (error) {
      reportFailure(target, error);
    }
  });
  return () => {
    attached = false;
    unhook();
  };
}

function tapUndici(target: TapTarget, options: ResolvedTapOptions): Detach {
  const watches = new WeakMap<UndiciRequest, UndiciRequestWatch>();
  let attached = true;
  const watchOf = (request: unknown): UndiciRequestWatch | undefined => {
    if (!isUndiciRequest(request)) return undefined;
    const known = watches.get(request);
    if (known !== undefined || isOutOfOrder(target) || !isFirst(request, target)) return known;
    const parent = inContextOf(request, () => parentOf(target));
    const watch = new UndiciRequestWatch(
      request,
      () => new ClientExchange(target, options, () => attached, parent),
    );
    watches.set(request, watch);
    return watch;
  };
  const guarded =
    (run: (message: object) => void) =>
    (message: unknown): void => {
      try {
        if (typeof message === 'object' && message !== null) run(message);
      } catch (error) {
        reportFailure(target, error);
      }
    };
  const onCreate = guarded((message) => {
    if ('request' in message) watchOf(message.request);
  });
  const onSending = guarded((message) => {
    if (!('request' in message && 'headers' in message && 'socket' in message)) return;
    const { request, headers, socket } = message;
    if (isDuplex(socket)) watchOf(request)?.sending(socket, String(headers));
  });
  subscribe('undici:request:create', onCreate);
  subscribe('undici:client:sendHeaders', onSending);
  return () => {
    attached = false;
    unsubscribe('undici:request:create', onCreate);
    unsubscribe('undici:client:sendHeaders', onSending);
  };
}

function isDuplex(value: unknown): value is Duplex {
  return typeof value === 'object' && value !== null && 'write' in value && 'read' in value;
}
