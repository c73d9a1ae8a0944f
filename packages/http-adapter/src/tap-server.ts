import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { Server as HttpServer, IncomingMessage, ServerResponse } from 'node:http';
import { Server as HttpsServer } from 'node:https';
import { GardenhoseError, type TapOptions, type TapTarget } from '@gardenhose/core';
import { resolveTapOptions } from '@gardenhose/core/adapter';
import { internals } from './internals.ts';
import { watchExchange } from './tap-exchange.ts';

/**
 * Takes a tap off again. Exchanges that are under way are recorded to their end; later ones are not seen. Calling it
 * again does nothing.
 */
export type Detach = () => void;

/**
 * Records what one HTTP or HTTPS server of Node serves, whatever framework runs on it. Upgrades and CONNECT are left
 * alone.
 *
 * @throws GardenhoseError `invalid-option` if `server` is not a server of `node:http` or `node:https`
 */
export function tapServer(server: HttpServer | HttpsServer, target: TapTarget, options?: TapOptions): Detach {
  const given: unknown = server;
  if (!(given instanceof HttpServer || given instanceof HttpsServer)) {
    throw new GardenhoseError('invalid-option', 'server must be a Server of node:http or node:https', {
      subject: 'server',
    });
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
  subscribe(requestStart, onRequest);
  return () => {
    unsubscribe(requestStart, onRequest);
  };
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
