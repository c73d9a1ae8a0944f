import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import {
  type ExchangeTap,
  type HeaderList,
  parseHeaderLines,
  type Side,
  type TapTarget,
} from '@gardenhose/core';
import { both, reportFailure, tellWireHead } from '@gardenhose/core/adapter';
import {
  installOnRequest,
  installOnResponse,
  type Method,
  nothing,
  type Originals,
  usual,
  type WatchedResponse,
  type Witness,
} from './overrides.ts';
import {
  breakOff,
  bytesOf,
  type ConnectionFacts,
  connectionFacts,
  expressOperation,
  flattenHeaders,
  headFromParts,
  isUtf8,
} from './to-events.ts';

/** One client connection: its facts, and the exchanges on it that are not over, linked from the latest to the first. */
export interface Connection {
  readonly facts: ConnectionFacts;
  latest: Watch | undefined;
}

const connectionKey: unique symbol = Symbol('gardenhose.connection');

const factsKey: unique symbol = Symbol('gardenhose.facts');

export interface KnownSocket extends Socket {
  [connectionKey]?: Connection;
  [factsKey]?: ConnectionFacts;
}

export function connectionOf(socket: KnownSocket): Connection {
  const known = socket[connectionKey];
  if (known !== undefined) return known;
  const connection: Connection = { facts: connectionFacts(socket), latest: undefined };
  socket[connectionKey] = connection;
  // One listener per connection. A pipelined response that waits for its turn is not told that the connection closed.
  socket.once('close', () => {
    const open: Watch[] = [];
    for (let watch = connection.latest; watch !== undefined; watch = watch.earlier) open.push(watch);
    for (const watch of open.reverse()) watch.broken();
  });
  return connection;
}

/** The facts of a connection that has left HTTP: it gets no listener. */
export function factsOf(socket: KnownSocket): ConnectionFacts {
  const facts = socket[connectionKey]?.facts ?? socket[factsKey] ?? connectionFacts(socket);
  socket[factsKey] = facts;
  return facts;
}

const none: HeaderList = [];

/** What the tap knows of one exchange, and the original methods of its messages. */
export class Watch implements Witness {
  tap: ExchangeTap | undefined;
  // Its neighbours on the connection. A set of them would be made anew every few requests, at each of which it grows.
  earlier: Watch | undefined;
  later: Watch | undefined;
  /** Inside an original method: what it calls on the same message has been told already. */
  inside = false;
  originals: Originals = usual;
  push: Method = nothing;
  operation: (() => string | undefined) | undefined;
  private readonly connection: Connection;
  private readonly socket: Socket;
  private readonly req: IncomingMessage & { _dumped?: unknown };
  private readonly res: ServerResponse & Pick<WatchedResponse, '_header' | '_trailer' | '_hasBody'>;
  private readonly bodyless: boolean;
  private readonly headText: boolean;
  private given: HeaderList = none;
  private givenTrailers: HeaderList = none;
  private readonly target: TapTarget;
  private otherTargets: TapTarget[] | undefined;
  private installed = false;
  private operationSeen = false;
  private headSeen = false;
  private bytesSeen = false;
  private requestBytes = 0;
  private requestEnded = false;
  private responseEnded = false;
  private finishSeen = false;
  private closeSeen = false;

  /**
   * @param target - The first that was asked about it
   * @param bodyless - Whether the request has no body
   * @param headText - Whether the response has the text of its head
   */
  constructor(
    req: IncomingMessage,
    res: ServerResponse,
    connection: Connection,
    target: TapTarget,
    bodyless: boolean,
    headText: boolean,
  ) {
    this.req = req;
    this.res = res;
    this.socket = req.socket;
    this.connection = connection;
    this.target = target;
    this.bodyless = bodyless;
    this.headText = headText;
  }

  knows(target: TapTarget): boolean {
    return this.target === target || this.otherTargets?.includes(target) === true;
  }

  /** Another target was asked about it. */
  ask(target: TapTarget): void {
    this.otherTargets ??= [];
    this.otherTargets.push(target);
  }

  /** Adds a recorder of this exchange. The first one installs the methods; a later one may have missed bytes. */
  record(tap: ExchangeTap): void {
    if (this.tap !== undefined) {
      if (this.headSeen) this.tellHead(tap);
      if (this.requestEnded) tap.end('request', !this.bytesSeen && this.bodyless);
      this.tap = both(this.tap, tap, this.bytesSeen);
      return;
    }
    this.tap = tap;
    try {
      this.link();
      this.installed = true;
      installOnResponse(this.res, this);
      if (!this.headText) this.rememberGiven(this.res);
      if (this.bodyless) this.endRequest(true);
      else if (this.req.complete) this.endRequest(false);
      else installOnRequest(this.req, this);
      this.noteHead();
    } catch (error) {
      this.fail(error);
    }
  }

  /** Whether it was recorded and is so no more. */
  get over(): boolean {
    return this.tap === undefined && this.installed;
  }

  /** Where Node's text of the head cannot be had: keeps what the application gives. */
  private rememberGiven(res: WatchedResponse): void {
    const { writeHead, addTrailers } = res;
    res.writeHead = (...args) => {
      const given = args[typeof args[1] === 'string' ? 2 : 1];
      this.given = flattenHeaders(given);
      writeHead.apply(res, args);
      return res;
    };
    res.addTrailers = (...args) => {
      addTrailers.apply(res, args);
      this.givenTrailers = flattenHeaders(args[0]);
    };
  }

  /** The parser hands over a piece of the request's body, or its end. */
  pushed(chunk: unknown, encoding: unknown): void {
    const { tap } = this;
    if (tap === undefined || this.requestEnded) return;
    try {
      if (chunk !== null) {
        this.noteBytes(tap, 'request', chunk, encoding);
        return;
      }
      // Not every maker of requests has them: those of Fastify's inject() have not.
      const { rawTrailers = [] }: { rawTrailers?: HeaderList } = this.req;
      if (rawTrailers.length > 0) tap.trailers('request', rawTrailers);
      this.endRequest(this.req._dumped !== true || this.sawWholeRequest());
    } catch (error) {
      this.fail(error);
    }
  }

  /** Whether what the application writes now goes out: not after the end, not after a break. */
  get writable(): boolean {
    return this.tap !== undefined && !this.inside && !this.res.writableEnded && !this.res.destroyed;
  }

  /** Original `write` or `end` has returned, or a head has gone out by itself. */
  wrote(chunk: unknown, encoding: unknown, last: boolean): void {
    const { tap } = this;
    if (tap === undefined) return;
    try {
      if (this.headSeen || !this.noteAnswer(tap, chunk, encoding)) {
        this.noteHead();
        if (this.headSeen && this.res._hasBody !== false) this.noteBytes(tap, 'response', chunk, encoding);
      }
      if (last) {
        this.noteOperation(tap);
        this.noteTrailers(tap);
      }
      if (this.finishSeen) this.finished();
      if (this.closeSeen) this.broken();
    } catch (error) {
      this.fail(error);
    }
  }

  /** An informational head went out. */
  informed(text: string): void {
    const { tap } = this;
    if (tap === undefined) return;
    try {
      tellWireHead(tap, text);
    } catch (error) {
      this.fail(error);
    }
  }

  /** The response has been handed to the operating system whole. */
  finished(): void {
    const { tap } = this;
    if (tap === undefined || this.responseEnded) return;
    if (this.inside) {
      this.finishSeen = true;
      return;
    }
    try {
      this.noteHead();
      this.responseEnded = true;
      tap.end('response', true);
      // Where Node reads the rest itself, it will not be seen. Messages of other makers do not say, so end here too.
      if (!this.requestEnded && this.req._dumped !== false) this.endRequest(this.sawWholeRequest());
      if (this.requestEnded) this.done();
    } catch (error) {
      this.fail(error);
    }
  }

  /** The response was closed; if it had not finished, it broke off. */
  closed(): void {
    if (this.tap === undefined || this.responseEnded) return;
    if (this.inside) this.closeSeen = true;
    else this.broken();
  }

  broken(): void {
    const { tap } = this;
    if (tap === undefined) return;
    try {
      this.noteOperation(tap);
      const { by, code } = breakOff(this.res, this.socket);
      tap.abort(by, code);
      this.done();
    } catch (error) {
      this.fail(error);
    }
  }

  /** Takes the tap out of this exchange and says so. */
  fail(error: unknown): void {
    const { tap } = this;
    this.done();
    try {
      tap?.abort('recorder', 'tap-failed');
    } catch {
      // The failure that counts is the first; it is reported below.
    }
    reportFailure(this.target, error);
    for (const target of this.otherTargets ?? []) reportFailure(target, error);
  }

  private done(): void {
    this.tap = undefined;
    this.unlink();
  }

  private link(): void {
    const { latest } = this.connection;
    this.earlier = latest;
    if (latest !== undefined) latest.later = this;
    this.connection.latest = this;
  }

  private unlink(): void {
    const { connection, earlier, later } = this;
    if (earlier !== undefined) earlier.later = later;
    if (later !== undefined) later.earlier = earlier;
    else if (connection.latest === this) connection.latest = earlier;
    this.earlier = undefined;
    this.later = undefined;
  }

  private endRequest(complete: boolean): void {
    this.requestEnded = true;
    this.tap?.end('request', complete);
    if (this.responseEnded) this.done();
  }

  /** Node has stopped to push, but the bytes that came by were all that the head declares. */
  private sawWholeRequest(): boolean {
    return String(this.requestBytes) === this.req.headers['content-length'];
  }

  private noteHead(): void {
    const { tap } = this;
    if (this.headSeen || tap === undefined || !this.res.headersSent) return;
    this.headSeen = true;
    this.tellHead(tap);
  }

  /** Head and first bytes in one where they passed in one; false where the recorder or this response does not have it so. */
  private noteAnswer(tap: ExchangeTap, chunk: unknown, encoding: unknown): boolean {
    const { _header: text, _hasBody: hasBody } = this.res;
    if (tap.wireAnswer === undefined || !this.headText || typeof text !== 'string' || hasBody === false)
      return false;
    const body = typeof chunk === 'string' && isUtf8(encoding) ? chunk : bytesOf(chunk, encoding);
    if (body === undefined || body.length === 0) return false;
    if (tap.wireAnswer(text, body) === false) return false;
    this.headSeen = true;
    this.bytesSeen = true;
    return true;
  }

  private tellHead(tap: ExchangeTap): void {
    const { res } = this;
    const { _header: text } = res;
    if (this.headText && typeof text === 'string' && tellWireHead(tap, text)) return;
    const head = headFromParts(res, this.given);
    tap.headers(head.status, head.reason, head.version, head.headers);
  }

  private noteBytes(tap: ExchangeTap, side: Side, chunk: unknown, encoding: unknown): void {
    if (typeof chunk === 'string' && chunk !== '' && tap.text !== undefined && isUtf8(encoding)) {
      this.bytesSeen = true;
      tap.text(side, chunk);
      return;
    }
    const bytes = bytesOf(chunk, encoding);
    if (bytes === undefined || bytes.length === 0) return;
    this.bytesSeen = true;
    if (side === 'request') this.requestBytes += bytes.length;
    tap.chunk(side, bytes);
  }

  private noteTrailers(tap: ExchangeTap): void {
    const { _trailer: text, chunkedEncoding, _hasBody: hasBody } = this.res;
    if (!chunkedEncoding || hasBody === false) return;
    const trailers = this.headText && typeof text === 'string' ? parseHeaderLines(text) : this.givenTrailers;
    if (trailers.length > 0) tap.trailers('response', trailers);
  }

  private noteOperation(tap: ExchangeTap): void {
    if (this.operationSeen) return;
    const operation = this.operation === undefined ? expressOperation(this.req) : this.operation();
    this.operationSeen = operation !== undefined;
    if (operation !== undefined && operation !== '') tap.mark('operation', operation);
  }
}
