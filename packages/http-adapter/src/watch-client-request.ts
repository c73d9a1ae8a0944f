import type { ClientRequest, IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { type HeaderList, parseHeaderLines } from '@gardenhose/core';
import { clientConnectionOf, isReady, whenReady } from './client-connection.ts';
import type { ClientExchange } from './client-exchange.ts';
import { clientBreakOff, clientConnectionFacts, parseRequestHead } from './to-client-events.ts';

/** What Node keeps to itself. */
interface WatchedClientRequest extends ClientRequest {
  readonly _header?: unknown;
  readonly _trailer?: unknown;
}

interface WatchedAnswer extends Omit<IncomingMessage, 'push'> {
  readonly _dumped?: unknown;
  push(...args: unknown[]): boolean;
}

/** Watches one request of `node:http` or `node:https`, from what the application first writes to it. */
export class ClientRequestWatch {
  readonly #request: WatchedClientRequest;
  readonly #exchange: ClientExchange;
  #socket: Duplex | undefined;
  #writable = true;
  /** What it was told. It may go on all the same, as after a write behind its end. */
  #error: unknown;
  #answerBytes = 0;

  constructor(request: ClientRequest, exchange: ClientExchange) {
    this.#request = request;
    this.#exchange = exchange;
    if (request.socket) this.#connected(request.socket);
  }

  /** Before what the application writes. After the end, or a break, it does not go out. */
  before(): void {
    this.#writable = !this.#request.writableEnded && !this.#request.destroyed;
  }

  after(chunk: unknown, encoding: unknown, last: boolean): void {
    if (!this.#writable || this.#exchange.over) return;
    this.#exchange.guard(() => {
      this.#beginIfSent();
      if (typeof chunk !== 'function') this.#exchange.requestBytes(chunk, encoding);
      if (!last) return;
      this.#exchange.requestTrailers(this.#trailers());
      this.#exchange.requestEnd();
      if (this.#exchange.waiting) this.#beginIfSent();
    });
  }

  emitting(name: unknown, first: unknown): void {
    if (this.#exchange.over) return;
    this.#exchange.guard(() => {
      if (name === 'socket') this.#connected(first);
      else if (name === 'continue') this.#continued();
      else if (name === 'information') this.#informed(first);
      else if (name === 'response') this.#answered(first);
      else if (name === 'upgrade' || name === 'connect') this.#upgraded(first);
      else if (name === 'error') this.#error ??= first;
      else if (name === 'close') this.#closed();
    });
  }

  #connected(socket: unknown): void {
    if (!isDuplex(socket)) return;
    this.#socket = socket;
    whenReady(socket, () => this.#exchange.guard(() => this.#beginIfSent()));
  }

  /** A head that Node has made goes out as soon as there is a connection for it. */
  #beginIfSent(): void {
    const socket = this.#socket;
    if (!this.#exchange.waiting || socket === undefined || !isReady(socket)) return;
    const { _header: text } = this.#request;
    if (typeof text !== 'string') return;
    const head = parseRequestHead(text);
    if (head !== undefined) this.#exchange.begin(head, clientConnectionOf(socket, this.#scheme()));
  }

  /** Told of before the head of it is, since the application sends its body now. */
  #continued(): void {
    this.#beginIfSent();
    this.#exchange.responseHead(100, 'Continue', '1.1', []);
  }

  #informed(message: unknown): void {
    if (isHead(message) && message.statusCode !== 100) this.#head(message);
  }

  #head(message: unknown): void {
    if (!isHead(message)) return;
    this.#beginIfSent();
    const { statusCode, statusMessage, httpVersion, rawHeaders } = message;
    this.#exchange.responseHead(statusCode, statusMessage ?? '', httpVersion, rawHeaders);
  }

  #answered(answer: unknown): void {
    this.#head(answer);
    if (!isAnswer(answer)) return;
    const { push } = answer;
    // Told before the original runs: pushing hands the bytes to the application.
    answer.push = (...args) => {
      this.#pushed(answer, args[0]);
      return Reflect.apply(push, answer, args) === true;
    };
  }

  #pushed(answer: WatchedAnswer, chunk: unknown): void {
    this.#exchange.guard(() => {
      if (chunk !== null) {
        if (chunk instanceof Uint8Array) this.#answerBytes += chunk.length;
        this.#exchange.responseBytes(chunk);
      } else if (answer.complete) {
        this.#exchange.responseTrailers(answer.rawTrailers);
        // What nobody wanted is thrown away by Node, and not pushed.
        const whole =
          answer._dumped !== true || answer.headers['content-length'] === String(this.#answerBytes);
        this.#exchange.responseEnd(whole);
      }
    });
  }

  #upgraded(answer: unknown): void {
    this.#head(answer);
    this.#exchange.upgraded();
  }

  #closed(): void {
    if (this.#exchange.answered) this.#exchange.requestEnd(false);
    else this.#broken();
  }

  #broken(): void {
    const { by, code } = clientBreakOff(this.#error, this.#socket);
    if (!this.#exchange.waiting) {
      this.#exchange.abort(by, code);
      return;
    }
    const { method, path, _header: text } = this.#request;
    const made = typeof text === 'string' ? parseRequestHead(text) : undefined;
    const head = made ?? { method, target: path, version: '1.1', headers: givenHeaders(this.#request) };
    this.#exchange.failUnsent(head, clientConnectionFacts(undefined, this.#scheme()), by, code);
  }

  #scheme(): 'http' | 'https' {
    return this.#request.protocol === 'https:' ? 'https' : 'http';
  }

  #trailers(): HeaderList {
    const { _trailer: text, chunkedEncoding } = this.#request;
    return chunkedEncoding && typeof text === 'string' ? parseHeaderLines(text) : [];
  }
}

function givenHeaders(request: ClientRequest): HeaderList {
  return request.getRawHeaderNames().flatMap((name) =>
    [request.getHeader(name)]
      .flat()
      .filter((value) => value !== undefined)
      .flatMap((value) => [name, String(value)]),
  );
}

function isDuplex(value: unknown): value is Duplex {
  return typeof value === 'object' && value !== null && 'write' in value && 'once' in value;
}

interface Head {
  readonly statusCode: number;
  readonly statusMessage?: string | undefined;
  readonly httpVersion: string;
  readonly rawHeaders: string[];
}

function isHead(message: unknown): message is Head {
  return (
    typeof message === 'object' &&
    message !== null &&
    'statusCode' in message &&
    typeof message.statusCode === 'number' &&
    'httpVersion' in message &&
    typeof message.httpVersion === 'string' &&
    'rawHeaders' in message &&
    Array.isArray(message.rawHeaders)
  );
}

function isAnswer(message: unknown): message is WatchedAnswer {
  return isHead(message) && 'push' in message && typeof message.push === 'function';
}
