import type { Http2Session } from 'node:http2';
import type { ExchangeTap, TapTarget } from '@gardenhose/core';
import { both, reportFailure } from '@gardenhose/core/adapter';
import { type BreakOff, bytesOf, isUtf8 } from '../to-events.ts';
import { install, none, type Originals, type WatchedStream, type Witness } from './overrides.ts';
import { givenBlock, localBreakOff, waitsForTrailers } from './to-events.ts';

/** Exchanges whose request has just ended. */
let ending: StreamWatch[] = [];

/** What the tap knows of one exchange, from the stream that carries it. */
export class StreamWatch implements Witness {
  tap: ExchangeTap | undefined;
  originals: Originals = none;
  inside = false;
  operation: (() => string | undefined) | undefined;
  readonly #stream: WatchedStream;
  readonly #session: Http2Session | undefined;
  readonly #targets: TapTarget[];
  #installed = false;
  /** The end of the request: not come, come but perhaps only as part of a reset, told. */
  #requestEnd: 'open' | 'held' | 'told' = 'open';
  #requestMissed = false;
  #headSeen = false;
  /** Written while the stream was corked and no head had gone out. */
  #early: Uint8Array[] = [];
  #bytesSeen = false;
  #trailersDue = false;
  #fromFile = false;
  #responseEnded = false;
  #broken: BreakOff | undefined;

  constructor(stream: WatchedStream, target: TapTarget) {
    this.#stream = stream;
    this.#session = stream.session;
    this.#targets = [target];
  }

  /** Whether this target was asked about the exchange; from here on it was. */
  knows(target: TapTarget): boolean {
    if (this.#targets.includes(target)) return true;
    this.#targets.push(target);
    return false;
  }

  /** Whether it was recorded and is so no more. */
  get over(): boolean {
    return this.tap === undefined && this.#installed;
  }

  /** Adds a recorder of this exchange. The first one installs the methods; a later one may have missed bytes. */
  record(tap: ExchangeTap): void {
    if (this.tap !== undefined) {
      if (this.#headSeen) this.#tellHead(tap, this.#stream.sentHeaders);
      if (this.#requestEnd === 'told') tap.end('request', !this.#bytesSeen && this.#stream.endAfterHeaders);
      this.tap = both(this.tap, tap, this.#bytesSeen);
      return;
    }
    this.tap = tap;
    try {
      this.#installed = true;
      install(this.#stream, this);
      if (this.#stream.endAfterHeaders) this.#endRequest(true);
      else this.#catchUp();
      this.#noteHead();
    } catch (error) {
      this.fail(error);
    }
  }

  /**
   * What came together with the head: where somebody read a connection before HTTP/2 did, to see what it speaks, Node hands over
   * all bytes of that read before it tells of the streams in them.
   */
  #catchUp(): void {
    const stream = this.#stream;
    if (stream.readableDidRead || stream.readableEnded) this.#requestMissed = true;
    else if (stream.readableLength > 0) {
      const early: unknown = stream.read();
      stream.unshift(early);
      this.pushed(early);
      // Whether it has ended too is not to be seen yet.
      stream.once('end', () => this.pushed(null));
    }
  }

  pushed(chunk: unknown): void {
    const { tap } = this;
    if (tap === undefined || this.#requestEnd !== 'open') return;
    try {
      if (chunk !== null) {
        if (chunk instanceof Uint8Array && chunk.length > 0) {
          this.#bytesSeen = true;
          tap.chunk('request', chunk);
        }
      } else if (!this.#stream.closed && !this.#stream.destroyed) {
        // Clients that break off within a body end their side first, and reset the stream a moment later.
        this.#requestEnd = 'held';
        if (ending.length === 0) setImmediate(tellEnds);
        ending.push(this);
      }
    } catch (error) {
      this.fail(error);
    }
  }

  trailersCame(raw: unknown): void {
    const { tap } = this;
    if (tap === undefined || this.#requestEnd === 'told' || !Array.isArray(raw)) return;
    try {
      const fields: readonly unknown[] = raw;
      if (fields.length > 0) tap.trailers('request', fields.map(String));
    } catch (error) {
      this.fail(error);
    }
  }

  /** Tells the end of the request, if it has ended and nothing was broken off. */
  tellRequestEnd(): void {
    if (this.tap === undefined || this.#requestEnd !== 'held') return;
    try {
      if (this.#stream.rstCode === 0) this.#endRequest(!this.#requestMissed);
    } catch (error) {
      this.fail(error);
    }
  }

  informed(headers: unknown): void {
    const { tap } = this;
    if (tap === undefined) return;
    try {
      this.#tellHead(tap, headers);
    } catch (error) {
      this.fail(error);
    }
  }

  responded(headers: unknown, options: unknown): void {
    if (this.tap === undefined || this.#headSeen || !this.#stream.headersSent) return;
    this.tellRequestEnd();
    try {
      // Where Node ends the answer with its head, it asks for no trailers.
      this.#trailersDue = waitsForTrailers(options) && !this.#stream.writableEnded;
      // A list is sent as it stands; of an object, Node keeps a copy that has what it added.
      this.#noteHead(Array.isArray(headers) ? headers : undefined);
      this.#noteEnd();
    } catch (error) {
      this.fail(error);
    }
  }

  get writable(): boolean {
    const { writableEnded, destroyed, closed } = this.#stream;
    return this.tap !== undefined && !writableEnded && !destroyed && !closed;
  }

  wrote(chunk: unknown, encoding: unknown): void {
    const { tap } = this;
    if (tap === undefined) return;
    this.tellRequestEnd();
    try {
      this.#noteHead();
      this.#noteBytes(tap, chunk, encoding);
    } catch (error) {
      this.fail(error);
    }
  }

  ending(): void {
    // A head has gone out that nobody gave to `respond`: that of a file, whose bytes do not pass here.
    if (!this.#headSeen && this.#stream.headersSent && this.#early.length === 0) this.#fromFile = true;
  }

  trailed(headers: unknown): void {
    const { tap } = this;
    if (tap === undefined || this.#responseEnded) return;
    try {
      const { headers: fields } = givenBlock(headers);
      if (fields.length > 0) tap.trailers('response', fields);
      this.#trailersDue = false;
      this.#noteEnd();
    } catch (error) {
      this.fail(error);
    }
  }

  breaking(error: unknown): void {
    if (this.#broken !== undefined) return;
    try {
      // Otherwise its code is not known yet.
      this.#broken = localBreakOff(this.#session, error) ?? { by: 'server', code: '' };
    } catch (failure) {
      this.fail(failure);
    }
  }

  finished(): void {
    if (this.tap === undefined) return;
    try {
      this.#noteHead();
      this.#noteEnd();
    } catch (error) {
      this.fail(error);
    }
  }

  closed(): void {
    const { tap } = this;
    if (tap === undefined) return;
    try {
      this.#noteHead();
      this.#noteOperation(tap);
      const { rstCode, aborted } = this.#stream;
      if (rstCode === 0) this.tellRequestEnd();
      if (this.#headSeen && !this.#responseEnded && rstCode === 0 && !aborted) {
        this.#endResponse(tap, !this.#fromFile);
      }
      if (!this.#responseEnded) {
        const { by, code } = this.#broken ?? { by: 'client', code: '' };
        tap.abort(by, code === '' ? `RST_STREAM ${rstCode}` : code);
        this.#done();
      } else if (this.#requestEnd !== 'told') {
        // What had come by then was not all, or nobody saw its end.
        this.#endRequest(false);
      }
    } catch (error) {
      this.fail(error);
    }
  }

  /** Takes the tap out of this exchange and says so. */
  fail(error: unknown): void {
    const { tap } = this;
    this.#done();
    try {
      tap?.abort('recorder', 'tap-failed');
    } catch {
      // The failure that counts is the first; it is reported below.
    }
    for (const target of this.#targets) reportFailure(target, error);
  }

  #done(): void {
    this.tap = undefined;
    this.#early = [];
  }

  #noteHead(given?: unknown): void {
    const { tap } = this;
    if (tap === undefined || this.#headSeen || !this.#stream.headersSent) return;
    this.#headSeen = true;
    this.#tellHead(tap, given ?? this.#stream.sentHeaders);
    for (const bytes of this.#early.splice(0)) tap.chunk('response', bytes);
  }

  #tellHead(tap: ExchangeTap, given: unknown): void {
    const { status, headers } = givenBlock(given);
    tap.headers(status === 0 ? 200 : status, '', '2', headers);
  }

  #noteBytes(tap: ExchangeTap, chunk: unknown, encoding: unknown): void {
    if (
      this.#headSeen &&
      typeof chunk === 'string' &&
      chunk !== '' &&
      tap.text !== undefined &&
      isUtf8(encoding)
    ) {
      this.#bytesSeen = true;
      tap.text('response', chunk);
      return;
    }
    const bytes = bytesOf(chunk, encoding);
    if (bytes === undefined || bytes.length === 0) return;
    this.#bytesSeen = true;
    if (this.#headSeen) tap.chunk('response', bytes);
    else this.#early.push(Buffer.from(bytes));
  }

  /** Ends the response if it has been handed over whole. */
  #noteEnd(): void {
    const { tap } = this;
    const { writableFinished, rstCode, aborted } = this.#stream;
    if (tap === undefined || !this.#headSeen || this.#responseEnded || !writableFinished) return;
    // The end of a file is known when the stream closes.
    if (this.#trailersDue || this.#fromFile || rstCode !== 0 || aborted) return;
    this.tellRequestEnd();
    this.#endResponse(tap, true);
  }

  #endResponse(tap: ExchangeTap, complete: boolean): void {
    this.#noteOperation(tap);
    this.#responseEnded = true;
    tap.end('response', complete);
    if (this.#requestEnd === 'told') this.#done();
  }

  #endRequest(complete: boolean): void {
    this.#requestEnd = 'told';
    this.tap?.end('request', complete);
    if (this.#responseEnded) this.#done();
  }

  #noteOperation(tap: ExchangeTap): void {
    const operation = this.operation?.();
    this.operation = undefined;
    if (operation !== undefined && operation !== '') tap.mark('operation', operation);
  }
}

function tellEnds(): void {
  const ended = ending;
  ending = [];
  for (const watch of ended) watch.tellRequestEnd();
}
