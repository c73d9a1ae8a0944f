import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { Server as HttpServer, IncomingMessage, ServerResponse } from 'node:http';
import type { Http2SecureServer, Http2Server } from 'node:http2';
import { Server as HttpsServer } from 'node:https';
import { GardenhoseError, type TapOptions, type TapTarget } from '@gardenhose/core';
import { isClaimed, resolveTapOptions, untilKilled } from '@gardenhose/core/adapter';
import { isHttp2Server, onStream } from './http2/servers.ts';
import { watchStream } from './http2/watch-stream.ts';
import { internals } from './internals.ts';
import { watchExchange } from './tap-exchange.ts';
import { watchUpgrade } from './websocket/tap-upgrade.ts';
import { onUpgrade } from './websocket/upgrades.ts';

/**
 * Takes a tap off again. Exchanges that are under way are recorded to their end; later ones are not seen. Calling it
 * again does nothing.
 */
export type Detach = () => void;

/** A server of Node that speaks HTTP. One of `node:http2` with `allowHTTP1` speaks both. */
export type NodeServer = HttpServer | HttpsServer | Http2Server | Http2SecureServer;

/**
 * Records what one server of Node serves, over HTTP/1 and HTTP/2, whatever framework runs on it, its WebSockets with it.
 * Upgrades to other protocols, CONNECT and pushed streams are left alone, and so is gRPC that its own adapter records.
 *
 * @throws GardenhoseError `invalid-option` if `server` is not a server of `node:http`, `node:https` or `node:http2`
 */
export function tapServer(server: NodeServer, target: TapTarget, options?: TapOptions): Detach {
  const given: unknown = server;
  if (!(given instanceof HttpServer || given instanceof HttpsServer || isHttp2Server(given))) {
    throw new GardenhoseError(
      'invalid-option',
      'server must be a Server of node:http, node:https or node:http2',
      { subject: 'server' },
    );
  }
  return tapRequests(target, options, (of) => of === server);
}

/** What Node publishes, before any listener of the server runs, when the head of a request has been read. */
interface RequestStart {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly server: unknown;
}

const requestStart = 'http.server.request.start';

/** Taps every request of this process whose server is wanted. */
export function tapRequests(
  target: TapTarget,
  options: TapOptions | undefined,
  wanted: (server: unknown) => boolean,
): Detach {
  const resolved = resolveTapOptions(options);
  const found = internals();
  const onRequest = (message: unknown): void => {
    if (isRequestStart(message) && wanted(message.server)) {
      watchExchange(message.request, message.response, target, resolved, found);
    }
  };
  const stopUpgrades = onUpgrade((upgrade) => {
    if (wanted(upgrade.server)) watchUpgrade(upgrade, target, resolved);
  });
  subscribe(requestStart, onRequest);
  const forgetStreams = onStream((server, stream, raw) => {
    if (wanted(server) && !isClaimed(server, target, raw)) watchStream(stream, raw, target, resolved);
  });
  return untilKilled(target, () => {
    unsubscribe(requestStart, onRequest);
    stopUpgrades();
    forgetStreams();
  });
}

function isRequestStart(message: unknown): message is RequestStart {
  return (
    typeof message === 'object' &&
    message !== null &&
    'request' in message &&
    'response' in message &&
    'server' in message &&
    message.request instanceof IncomingMessage &&
    message.response instanceof ServerResponse
  );
}
