import { AsyncResource } from 'node:async_hooks';
import type { Duplex } from 'node:stream';
import { clientConnectionOf } from './client-connection.ts';
import type { ClientExchange } from './client-exchange.ts';
import {
  type ClientHead,
  clientBreakOff,
  clientConnectionFacts,
  headersOfUndici,
  parseRequestHead,
} from './to-client-events.ts';
import { flattenHeaders } from './to-events.ts';

/** The request of an undici, whichever copy and version, as its channels hand it over. */
export interface UndiciRequest {
  readonly method: string;
  readonly path: unknown;
  readonly origin: unknown;
  readonly headers: unknown;
  readonly host?: unknown;
}

export function isUndiciRequest(value: unknown): value is UndiciRequest {
  return (
    typeof value === 'object' &&
    value !== null &&
    'method' in value &&
    typeof value.method === 'string' &&
    'path' in value &&
    'origin' in value &&
    'headers' in value
  );
}

/**
 * Runs this as the code that asked for the request. A pool of limited size makes the requests that wait for their turn where others
 * give back a connection; of those, the handlers of undici's own calls keep where they came from.
 */
export function inContextOf<T>(request: UndiciRequest, run: () => T): T {
  for (const key of Object.getOwnPropertySymbols(request)) {
    const value: unknown = Reflect.get(request, key);
    if (value instanceof AsyncResource) return value.runInAsyncScope(run);
  }
  return run();
}

/** Its methods that undici calls as it sends and receives, by their names in all versions from 6 to 8. */
const methods = {
  sent: ['onBodySent'],
  allSent: ['onRequestSent'],
  head: ['onHeaders', 'onResponseStart'],
  data: ['onData', 'onResponseData'],
  end: ['onComplete', 'onResponseEnd'],
  error: ['onError', 'onResponseError'],
  upgrade: ['onUpgrade', 'onRequestUpgrade'],
} as const;

/** Watches one request of undici, such as that of a `fetch`. */
export class UndiciRequestWatch {
  readonly #request: UndiciRequest;
  readonly #begin: () => ClientExchange;
  #exchange: ClientExchange;
  #http2 = false;

  /**
   * @param exchanges - Begins the record of one sending of it: undici may send it again on another connection
   * @throws TypeError where it has not the methods that are known
   */
  constructor(request: UndiciRequest, exchanges: () => ClientExchange) {
    for (const names of Object.values(methods)) methodOf(request, names);
    this.#request = request;
    this.#begin = exchanges;
    this.#exchange = exchanges();
    const tell = (names: readonly string[], told: (...args: readonly unknown[]) => void): void =>
      override(request, names, (args) => {
        if (!this.#exchange.over) this.#exchange.guard(() => told(...args));
      });
    tell(methods.sent, (chunk) => {
      this.#beginUnseen();
      this.#exchange.requestBytes(chunk);
    });
    tell(methods.allSent, () => {
      this.#beginUnseen();
      this.#exchange.requestEnd();
    });
    tell(methods.head, (status, headers, _resume, reason) => this.#head(status, headers, reason));
    tell(methods.data, (chunk) => this.#exchange.responseBytes(chunk));
    tell(methods.end, (trailers) => {
      this.#exchange.responseTrailers(headersOfUndici(trailers));
      this.#exchange.responseEnd();
    });
    tell(methods.error, (error) => this.#broken(error));
    tell(methods.upgrade, (status, headers, _socket, reason) => {
      if (typeof status === 'number') this.#head(status, headers, reason);
      this.#exchange.upgraded();
    });
  }

  /** undici sends it on this connection; of HTTP/1 it tells all of the head but how the body is framed. */
  sending(socket: Duplex, text: string): void {
    if (!this.#exchange.waiting) {
      // The connection that it was sent on before broke before there was an answer.
      this.#exchange.abort('server', 'UND_ERR_SOCKET');
      this.#exchange = this.#begin();
    }
    this.#exchange.guard(() => {
      const { path, method } = this.#request;
      const facts = clientConnectionOf(socket, this.#scheme());
      this.#http2 = !text.startsWith(`${method} ${String(path)} HTTP/1.`);
      if (this.#http2) this.#exchange.begin(this.#ownHead('2'), facts, false);
      else {
        const exchange = this.#exchange;
        expectHead(socket, text, (whole) =>
          exchange.guard(() => exchange.begin(parseRequestHead(whole) ?? this.#ownHead('1.1'), facts)),
        );
      }
    });
  }

  /** Where its head was not seen going out, as on HTTP/2 of undici before 8, it has by now. */
  #beginUnseen(): void {
    if (!this.#exchange.waiting) return;
    this.#http2 = true;
    this.#exchange.begin(this.#ownHead('2'), clientConnectionFacts(undefined, this.#scheme()), false);
  }

  #head(status: unknown, headers: unknown, reason: unknown): void {
    this.#beginUnseen();
    const version = this.#http2 ? '2' : '1.1';
    this.#exchange.responseHead(Number(status), String(reason ?? ''), version, headersOfUndici(headers));
  }

  #broken(error: unknown): void {
    const { by, code } = clientBreakOff(error, undefined);
    if (!this.#exchange.waiting) this.#exchange.abort(by, code);
    else {
      const nowhere = clientConnectionFacts(undefined, this.#scheme());
      this.#exchange.failUnsent(this.#ownHead('1.1'), nowhere, by, code);
    }
  }

  /** The head by what undici was asked for. */
  #ownHead(version: '1.1' | '2'): ClientHead {
    const { method, path, headers, host, origin } = this.#request;
    const authority = typeof host === 'string' ? host : authorityOf(String(origin));
    const given =
      typeof headers === 'string'
        ? headers.split('\r\n').flatMap(lineOf)
        : headersOfUndici(flattenHeaders(headers));
    return version === '2'
      ? { method, target: String(path), version, authority, headers: given }
      : { method, target: String(path), version, headers: ['host', authority, ...given] };
  }

  #scheme(): 'http' | 'https' {
    return String(this.#request.origin).startsWith('https:') ? 'https' : 'http';
  }
}

const authorityOf = (origin: string): string => (URL.canParse(origin) ? new URL(origin).host : '');

function lineOf(line: string): string[] {
  const colon = line.indexOf(':');
  return colon < 0 ? [] : [line.slice(0, colon), line.slice(colon + 1).trim()];
}

type Method = (this: unknown, ...args: unknown[]) => unknown;

/** Puts a method of its own on an object, which tells and calls the original. */
function override(object: object, names: readonly string[], told: (args: readonly unknown[]) => void): void {
  const { name, method } = methodOf(object, names);
  const telling: Method = function (...args) {
    told(args);
    return Reflect.apply(method, this, args);
  };
  Object.defineProperty(object, name, { value: telling, writable: true, configurable: true });
}

function methodOf(
  object: object,
  names: readonly string[],
): { readonly name: string; readonly method: Method } {
  for (const name of names) {
    const method: unknown = Reflect.get(object, name);
    if (isMethod(method)) return { name, method };
  }
  throw new TypeError(`there is no method ${names.join(' or ')}`);
}

function isMethod(value: unknown): value is Method {
  return typeof value === 'function';
}

interface ExpectedHead {
  readonly begin: string;
  readonly seen: (whole: string) => void;
}

const expected = new WeakMap<Duplex, ExpectedHead[]>();

/** Tells the text that goes out on the socket and begins with this: the head as it is on the wire. */
function expectHead(socket: Duplex, begin: string, seen: (whole: string) => void): void {
  const known = expected.get(socket);
  if (known !== undefined) {
    known.push({ begin, seen });
    return;
  }
  const heads: ExpectedHead[] = [{ begin, seen }];
  expected.set(socket, heads);
  override(socket, ['write'], ([text]) => {
    if (heads.length === 0 || typeof text !== 'string') return;
    const found = heads.filter((head) => text.startsWith(head.begin));
    if (found.length === 0) return;
    heads.splice(0, heads.length, ...heads.filter((head) => !found.includes(head)));
    for (const head of found) head.seen(text);
  });
}
