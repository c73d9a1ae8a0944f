import type { AbortEvent, ExchangeId, Side } from '../model/event.ts';
import type { HeaderList } from '../model/headers.ts';
import type { ExchangeTap } from './exchange-tap.ts';
import type { MessageCoding } from './inflate-message.ts';
import type { RequestPath } from './request-path.ts';

/**
 * One exchange under way on the request path. Its methods are shared and it holds numbers only, so that an exchange costs
 * one small object.
 */
export class RecordedExchange implements ExchangeTap {
  readonly id: ExchangeId;
  readonly #path: RequestPath;
  #over = false;
  #answered = false;
  #requestEnded = false;
  #responseEnded = false;
  #requestSize = 0;
  #responseSize = 0;
  #requestMessages = 0;
  #responseMessages = 0;
  #requestLimited = false;
  #responseLimited = false;

  /** @param bodyless - Whether the request's end was recorded with its start */
  constructor(path: RequestPath, id: ExchangeId, bodyless = false) {
    this.#path = path;
    this.id = id;
    this.#requestEnded = bodyless;
    path.underWay.add(this);
  }

  get over(): boolean {
    return this.#over || !this.#path.open;
  }

  headers(status: number, reason: string, version: string, headers: HeaderList): void {
    if (!this.#takes('response') || this.#answered) return;
    try {
      const at = this.#path.stamp();
      if (!this.#path.flowing || !this.#path.writer.headers(at, this.id, status, reason, version, headers)) {
        this.#giveUp(at);
      }
      this.#answered = status >= 200 || status === 101;
    } catch (error) {
      this.#fail(error);
    }
    this.#plan();
  }

  wireHead(text: string): boolean {
    if (!this.#takes('response') || this.#answered) return true;
    let taken = true;
    try {
      taken = this.#packHead(this.#path.stamp(), text);
    } catch (error) {
      this.#fail(error);
    }
    this.#plan();
    return taken;
  }

  wireAnswer(text: string, body: string | Uint8Array): boolean {
    if (!this.#takes('response')) return true;
    try {
      const at = this.#path.stamp();
      if (!this.#answered && !this.#packHead(at, text)) return false;
      if (this.#over) return true;
      if (typeof body === 'string') this.#packText(at, 'response', body);
      else this.#packChunk(at, 'response', body);
    } catch (error) {
      this.#fail(error);
    }
    this.#plan();
    return true;
  }

  text(side: Side, text: string): void {
    if (!this.#takes(side)) return;
    try {
      this.#packText(this.#path.stamp(), side, text);
    } catch (error) {
      this.#fail(error);
    }
    this.#plan();
  }

  chunk(side: Side, data: Uint8Array): void {
    if (!this.#takes(side)) return;
    try {
      this.#packChunk(this.#path.stamp(), side, data);
    } catch (error) {
      this.#fail(error);
    }
    this.#plan();
  }

  get maxMessageBytes(): number {
    return this.#path.options.maxBodyBytes;
  }

  message(side: Side, kind: number, data: Uint8Array, size?: number): void {
    this.#message(side, kind, data, Math.max(size ?? 0, data.length), undefined);
  }

  compressed(side: Side, coding: MessageCoding, kind: number, data: Uint8Array): void {
    this.#message(side, kind, data, data.length, coding);
  }

  #message(
    side: Side,
    kind: number,
    data: Uint8Array,
    size: number,
    coding: MessageCoding | undefined,
  ): void {
    if (!this.#takes(side)) return;
    try {
      const at = this.#path.stamp();
      const { maxBodyBytes, onBodyLimit } = this.#path.options;
      // What later messages go on from is read in any case.
      const fits = size <= maxBodyBytes || coding === 'deflate-window';
      // The beginning of what is compressed can be read by nobody.
      const cut = onBodyLimit === 'truncate' && coding === undefined ? maxBodyBytes : 0;
      const keep = fits ? data.length : Math.min(cut, data.length);
      const index = side === 'request' ? this.#requestMessages++ : this.#responseMessages++;
      if (side === 'request') this.#requestSize += size;
      else this.#responseSize += size;
      const { writer } = this.#path;
      const packed =
        this.#path.flowing &&
        (coding === undefined || !fits
          ? writer.message(at, this.id, side, index, kind, data, keep, size)
          : writer.compressed(at, this.id, side, index, kind, data, coding, maxBodyBytes, onBodyLimit));
      if (!packed) this.#giveUp(at);
    } catch (error) {
      this.#fail(error);
    }
    this.#plan();
  }

  trailers(side: Side, headers: HeaderList): void {
    if (!this.#takes(side)) return;
    try {
      const at = this.#path.stamp();
      if (!this.#path.flowing || !this.#path.writer.trailers(at, this.id, side, headers)) this.#giveUp(at);
    } catch (error) {
      this.#fail(error);
    }
    this.#plan();
  }

  end(side: Side, complete: boolean = true): void {
    if (!this.#takes(side)) return;
    try {
      const at = this.#path.stamp();
      const request = side === 'request';
      const size = request ? this.#requestSize : this.#responseSize;
      const limited = request ? this.#requestLimited : this.#responseLimited;
      const state = limited
        ? this.#path.options.onBodyLimit === 'truncate'
          ? 'truncated'
          : 'dropped'
        : undefined;
      if (request) this.#requestEnded = true;
      else this.#responseEnded = true;
      if (!this.#path.flowing || !this.#path.writer.end(at, this.id, side, size, state, complete)) {
        this.#giveUp(at);
      } else if (this.#requestEnded && this.#responseEnded) {
        this.#finish();
      }
    } catch (error) {
      this.#fail(error);
    }
    this.#plan();
  }

  abort(by: AbortEvent['by'], code: string): void {
    if (this.#over || !this.#path.open) return;
    try {
      const at = this.#path.stamp();
      if (!this.#path.flowing || !this.#path.writer.abort(at, this.id, by, code)) this.#giveUp(at);
      else this.#finish();
    } catch (error) {
      this.#fail(error);
    }
    this.#plan();
  }

  mark(name: string, value: string): void {
    if (this.#over || !this.#path.open) return;
    try {
      const at = this.#path.stamp();
      if (!this.#path.flowing || !this.#path.writer.mark(at, this.id, name, value)) this.#giveUp(at);
    } catch (error) {
      this.#fail(error);
    }
    this.#plan();
  }

  #packHead(at: number, text: string): boolean {
    const status = this.#path.flowing ? this.#path.writer.wireHead(at, this.id, text) : undefined;
    if (status === 0) return false;
    if (status === undefined) this.#giveUp(at);
    else this.#answered = status >= 200 || status === 101;
    return true;
  }

  #packText(at: number, side: Side, text: string): void {
    const before = side === 'request' ? this.#requestSize : this.#responseSize;
    // A character takes up to three bytes. Near the limit they are counted, and cut, as bytes.
    if (before + 3 * text.length > this.#path.options.maxBodyBytes) {
      this.#packChunk(at, side, Buffer.from(text));
      return;
    }
    const size = this.#path.flowing ? this.#path.writer.text(at, this.id, side, text) : -1;
    if (size < 0) this.#giveUp(at);
    else if (side === 'request') this.#requestSize = before + size;
    else this.#responseSize = before + size;
  }

  #packChunk(at: number, side: Side, data: Uint8Array): void {
    const { maxBodyBytes, onBodyLimit } = this.#path.options;
    const before = side === 'request' ? this.#requestSize : this.#responseSize;
    const after = before + data.length;
    let keep = data.length;
    if (after > maxBodyBytes) {
      keep = onBodyLimit === 'truncate' && before < maxBodyBytes ? maxBodyBytes - before : 0;
      if (side === 'request') this.#requestLimited = true;
      else this.#responseLimited = true;
    }
    if (side === 'request') this.#requestSize = after;
    else this.#responseSize = after;
    if (!this.#path.flowing || !this.#path.writer.chunk(at, this.id, side, data, keep)) this.#giveUp(at);
  }

  #takes(side: Side): boolean {
    if (this.#over || !this.#path.open) return false;
    return side === 'request' ? !this.#requestEnded : !this.#responseEnded;
  }

  #plan(): void {
    if (!this.#path.flushPlanned) this.#path.planFlush();
  }

  #finish(): void {
    this.#over = true;
    this.#path.underWay.delete(this);
  }

  #giveUp(at: number): void {
    this.#finish();
    this.#path.giveUp(this, at);
  }

  /** Something that was handed in is not what the contract says. The exchange is given up; the service is not told. */
  #fail(error: unknown): void {
    this.#path.options.failed(error);
    if (this.#over) return;
    const at = this.#path.stamp();
    if (!this.#path.flowing || !this.#path.writer.abort(at, this.id, 'recorder', 'tap-failed'))
      this.#giveUp(at);
    else this.#finish();
  }
}
