import type { Http2Session, OutgoingHttpHeaders } from 'node:http2';
import type { ExchangeTap, Side, TapTarget } from '@gardenhose/core';
import { inflateMessage, reportFailure } from '@gardenhose/core/adapter';
import { messageCoding } from './decompress.ts';
import { Deframer, isOneMessage, type MessageReceiver } from './deframer.ts';
import type { Method, WatchedStream, Witness } from './overrides.ts';
import { breakOff, flattenHeaders, flattenTrailers, passedDeadline } from './to-events.ts';

const nothing: Method = () => undefined;
const nothingKept: Buffer = Buffer.alloc(0);

/** Calls whose request has just ended. */
let ending: Watch[] = [];

/** What the tap knows of one call, from the stream that carries it. */
export class Watch implements Witness, MessageReceiver {
  push: Method = nothing;
  respond: Method = nothing;
  write: Method = nothing;
  sendTrailers: Method = nothing;
  tap: ExchangeTap | undefined;
  readonly #stream: WatchedStream;
  readonly #session: Http2Session;
  readonly #targets: TapTarget[];
  readonly #headers: readonly string[];
  readonly #startedMs: number = performance.now();
  // Made for bytes that are not a whole message each.
  #request: Deframer | undefined;
  #response: Deframer | undefined;
  #requestEnd: 'open' | 'held' | 'told' = 'open';
  /** Bytes came that were not looked at. */
  #unread = false;
  #headSeen = false;
  /** The last thing of the response was sent. */
  #answered = false;
  #deadlinePassed = false;
  #resetByServer = false;
  readonly #maxMessageBytes: number;

  /**
   * @param headers - Of the request, names and values in turns
   * @param maxMessageBytes - Messages longer than this are told without their bytes. Default without limit
   */
  constructor(
    stream: WatchedStream,
    session: Http2Session,
    target: TapTarget,
    headers: readonly string[],
    maxMessageBytes: number = Number.POSITIVE_INFINITY,
  ) {
    this.#stream = stream;
    this.#session = session;
    this.#targets = [target];
    this.#headers = headers;
    this.#maxMessageBytes = maxMessageBytes;
  }

  /** Whether this target was asked about the call; from here on it was. */
  knows(target: TapTarget): boolean {
    if (this.#targets.includes(target)) return true;
    this.#targets.push(target);
    return false;
  }

  pushed(chunk: unknown): void {
    if (this.tap === undefined || this.tap.over === true || this.#requestEnd !== 'open') return;
    try {
      // What arrives after the answer is complete is read by nobody.
      if (chunk !== null) {
        if (this.#answered) this.#unread = true;
        else if (chunk instanceof Buffer) {
          if (this.#request === undefined && this.#isOneMessage(chunk)) {
            this.message('request', chunk[0] ?? 0, chunk.subarray(5));
          } else {
            this.#request ??= new Deframer('request', this.#maxMessageBytes);
            this.#request.push(chunk, this);
          }
        }
      } else if (this.#stream.rstCode === 0 && !this.#stream.destroyed) {
        // A client that cancels ends its side first, and resets the stream a moment later.
        this.#requestEnd = 'held';
        if (ending.length === 0) setImmediate(tellEnds);
        ending.push(this);
      }
    } catch (error) {
      this.fail(error);
    }
  }

  /** Tells the end of the request, if it has ended and was not cancelled. */
  tellRequestEnd(): void {
    const { tap } = this;
    if (tap === undefined || this.#requestEnd !== 'held') return;
    try {
      if (this.#stream.rstCode !== 0) return;
      this.#requestEnd = 'told';
      tap.end('request', this.#sawWhole());
    } catch (error) {
      this.fail(error);
    }
  }

  responded(headers: unknown, options: unknown): void {
    const { tap } = this;
    if (tap === undefined || this.#headSeen || !this.#stream.headersSent) return;
    this.tellRequestEnd();
    try {
      this.#headSeen = true;
      const sent = isHeaders(headers) ? headers : {};
      const { date } = this.#stream.sentHeaders ?? {};
      const last = isEnd(options);
      if (last) this.#answered = true;
      const status = Number(sent[':status'] ?? 200);
      if (last && status === 200 && sent['grpc-status'] !== undefined) {
        this.#noteStatus(sent);
        tap.trailers('response', flattenTrailers(sent, date));
      } else {
        tap.headers(status, '', '2', flattenHeaders(sent, date));
      }
    } catch (error) {
      this.fail(error);
    }
  }

  wrote(chunk: unknown): void {
    if (this.tap === undefined || this.tap.over === true || this.#answered) return;
    if (!(chunk instanceof Buffer)) return;
    this.tellRequestEnd();
    try {
      if (this.#response === undefined && this.#isOneMessage(chunk)) {
        this.message('response', chunk[0] ?? 0, chunk.subarray(5));
      } else {
        this.#response ??= new Deframer('response', this.#maxMessageBytes);
        this.#response.push(chunk, this);
      }
    } catch (error) {
      this.fail(error);
    }
  }

  message(side: Side, flag: number, message: Buffer): void {
    const { tap } = this;
    if (tap === undefined) return;
    if (flag === 0) {
      tap.message(side, 0, message);
      return;
    }
    const headers = side === 'request' ? this.#headers : flattenHeaders(this.#stream.sentHeaders ?? {});
    const coding = messageCoding(headers);
    if (coding !== undefined && tap.compressed !== undefined) {
      tap.compressed(side, coding, flag, message);
      return;
    }
    const plain = coding === undefined ? undefined : inflateMessage(message, coding);
    tap.message(side, flag, plain ?? message.subarray(0, 0));
    if (plain === undefined) tap.mark('undecoded', `${side} message of ${message.length} bytes`);
  }

  tooLong(side: Side, length: number, flag: number): void {
    this.tap?.message(side, flag, nothingKept);
    this.tap?.mark('undecoded', `${side} message of ${length} bytes`);
  }

  /** From here on it is the server that resets the stream. */
  resetByServer(): void {
    this.#resetByServer = true;
  }

  trailed(headers: unknown): void {
    const { tap } = this;
    if (tap === undefined || this.#answered || !isHeaders(headers)) return;
    this.tellRequestEnd();
    try {
      this.#answered = true;
      this.#noteStatus(headers);
      const trailers = flattenTrailers(headers);
      if (trailers.length > 0) tap.trailers('response', trailers);
    } catch (error) {
      this.fail(error);
    }
  }

  closed(): void {
    const { tap } = this;
    if (tap === undefined) return;
    try {
      const { rstCode } = this.#stream;
      // A call is over for its client when it has the trailers: it may close the connection before Node has closed the stream.
      if (this.#answered && (rstCode === 0 || this.#session.destroyed)) {
        if (this.#requestEnd !== 'told') tap.end('request', this.#requestEnd === 'held' && this.#sawWhole());
        if (this.#deadlinePassed) tap.abort('server', 'DEADLINE_EXCEEDED');
        else tap.end('response');
      } else {
        const { by, code } = breakOff(this.#stream, this.#session);
        tap.abort(this.#resetByServer ? 'server' : by, code);
      }
      this.#over();
    } catch (error) {
      this.fail(error);
    }
  }

  /** Takes the tap out of this call and says so. */
  fail(error: unknown): void {
    const { tap } = this;
    this.#over();
    try {
      tap?.abort('recorder', 'tap-failed');
    } catch {
      // The failure that counts is the first; it is reported below.
    }
    for (const target of this.#targets) reportFailure(target, error);
  }

  #isOneMessage(chunk: Buffer): boolean {
    return isOneMessage(chunk) && chunk.length <= this.#maxMessageBytes;
  }

  #sawWhole(): boolean {
    return this.#request?.between !== false && !this.#unread;
  }

  #noteStatus(sent: OutgoingHttpHeaders): void {
    this.#deadlinePassed = passedDeadline(sent, this.#headers, performance.now() - this.#startedMs);
  }

  #over(): void {
    this.tap = undefined;
    this.#request?.close();
    this.#response?.close();
  }
}

const isHeaders = (headers: unknown): headers is OutgoingHttpHeaders =>
  typeof headers === 'object' && headers !== null;

const isEnd = (options: unknown): boolean =>
  typeof options === 'object' && options !== null && 'endStream' in options && options.endStream === true;

function tellEnds(): void {
  const ended = ending;
  ending = [];
  for (const watch of ended) watch.tellRequestEnd();
}
