import type { AbortEvent, CaptureEvent, ContentState, EndEvent, Protocol, Side } from '../model/event.ts';
import { gapReasons } from '../model/event.ts';
import { ContentCopier } from './content-copier.ts';
import { inflateMessage } from './inflate-message.ts';
import { InflateWindows } from './inflate-windows.ts';
import type { OutcomeShares } from './outcome.ts';
import { flag, limitState, recordHead, recordKind, startTexts } from './raw-layout.ts';
import { parseWireHead } from './wire-head.ts';

/** Reads the events packed into the first `used` bytes of a buffer, in order. They share no memory with it. */
export class RawReader {
  readonly #bytes: Buffer;
  readonly #u32: Uint32Array;
  readonly #f64: Float64Array;
  readonly #contents: ContentCopier;
  readonly #used: number;
  readonly #windows: InflateWindows;
  /** Of the next record. */
  #next = 0;
  /** What the record that was read last tells besides. */
  #following: CaptureEvent | undefined;
  /** Of the start that was read last, if its exchange is to be held. */
  shares: OutcomeShares | undefined;
  /** Bytes that the event that was read last took. */
  packedBytes = 0;
  // Of the record that is read: where its kind's own fields begin, and its flags.
  #offset = 0;
  #flags = 0;

  /** @param windows - What was remembered of compressed messages in the buffers before this one */
  constructor(memory: SharedArrayBuffer, used: number, windows: InflateWindows = new InflateWindows()) {
    this.#windows = windows;
    this.#bytes = Buffer.from(memory);
    this.#u32 = new Uint32Array(memory);
    this.#f64 = new Float64Array(memory);
    this.#contents = new ContentCopier(this.#bytes);
    this.#used = used;
  }

  /** The next event; undefined when all have been read. */
  next(): CaptureEvent | undefined {
    const following = this.#following;
    if (following !== undefined) {
      this.#following = undefined;
      this.packedBytes = 0;
      return following;
    }
    const offset = this.#next;
    if (offset >= this.#used) return undefined;
    const at32 = offset >> 2;
    const at64 = offset >> 3;
    this.packedBytes = this.#u32[at32 + 1] ?? this.#used;
    this.#next = offset + this.packedBytes;
    this.#offset = offset + recordHead;
    this.#flags = this.#u32[at32] ?? 0;
    return this.#event(this.#f64[at64 + 2] ?? 0, this.#f64[at64 + 1] ?? 0, this.#f64[at64 + 3] ?? 0);
  }

  #event(seq: number, at: number, exchange: number): CaptureEvent {
    switch (this.#flags & 0xff) {
      case recordKind.start:
        return this.#start(seq, at, exchange);
      case recordKind.headers: {
        const [reason = '', version = '', ...headers] = this.#texts(8);
        return { type: 'headers', seq, at, exchange, status: this.#number(0), reason, version, headers };
      }
      case recordKind.wireHead: {
        const { status, reason, version, headers } = parseWireHead(this.#wireHead());
        return { type: 'headers', seq, at, exchange, status, reason, version, headers };
      }
      case recordKind.chunk: {
        const [size, data] = [this.#number(0), this.#content()];
        return { type: 'chunk', seq, at, exchange, side: this.#side(), size, data };
      }
      case recordKind.message:
        if (this.#has(compressedFlags)) return this.#compressed(seq, at, exchange);
        return {
          type: 'message',
          seq,
          at,
          exchange,
          side: this.#side(),
          index: this.#number(1),
          kind: this.#number(2),
          size: this.#number(0),
          state: this.#state(),
          data: this.#content(),
        };
      case recordKind.trailers:
        return { type: 'trailers', seq, at, exchange, side: this.#side(), headers: this.#texts(0) };
      case recordKind.end: {
        const complete = this.#has(flag.complete);
        const [side, size, state] = [this.#side(), this.#number(0), this.#state()];
        this.#windows.forget(exchange, side);
        return { type: 'end', seq, at, exchange, side, size, state, complete };
      }
      case recordKind.mark: {
        const [name = '', value = ''] = this.#texts(0);
        return { type: 'mark', seq, at, exchange, name, value };
      }
      case recordKind.abort: {
        const [by, code = ''] = this.#texts(0);
        this.#windows.forget(exchange, 'request');
        this.#windows.forget(exchange, 'response');
        return { type: 'abort', seq, at, exchange, by: abortBy(by), code };
      }
      case recordKind.gap:
        return {
          type: 'gap',
          seq,
          at,
          reason: gapReasons[this.#number(0)] ?? 'buffer-full',
          fromAt: this.#number(1),
          toAt: at,
          exchanges: this.#number(2),
          events: this.#number(3),
          fromSeq: this.#number(4),
        };
      case recordKind.control: {
        const [name = '', value = ''] = this.#texts(0);
        return { type: 'control', seq, at, name, value };
      }
      case recordKind.schema:
        return { type: 'schema', seq, at, format: 'protobuf', data: this.#content() ?? new Uint8Array() };
      default:
        return { type: 'clock', seq, at, wallMs: this.#number(0) };
    }
  }

  #start(seq: number, at: number, exchange: number): CaptureEvent {
    const texts = this.#texts(this.#readShares());
    const [lane = '', operation, peer, version = '', method = '', target = '', authority] = texts;
    if (this.#has(flag.bodyless)) this.#following = endOfNothing(seq + 1, at, exchange);
    return {
      type: 'start',
      seq,
      at,
      exchange,
      sampleRate: this.#number(1),
      direction: this.#has(flag.outbound) ? 'outbound' : 'inbound',
      protocol: this.#protocol(),
      lane,
      parent: this.#has(flag.hasParent) ? this.#number(0) : undefined,
      operation: this.#has(flag.hasOperation) ? operation : undefined,
      peer: this.#has(flag.hasPeer) ? peer : undefined,
      scheme: this.#has(flag.https) ? 'https' : 'http',
      version,
      method,
      target,
      authority: this.#has(flag.hasAuthority) ? authority : undefined,
      headers: texts.slice(startTexts),
    };
  }

  /** Gives how many bytes of fixed numbers the start has. */
  #readShares(): number {
    this.shares = undefined;
    if (!this.#has(flag.hasShares)) return 16;
    const count = this.#number(2);
    const from = (this.#offset >> 3) + 3;
    this.shares = { otherwise: this.#number(1), shares: Array.from(this.#f64.subarray(from, from + count)) };
    return 24 + 8 * count;
  }

  #compressed(seq: number, at: number, exchange: number): CaptureEvent {
    const stored = this.#contents.copy(this.#offset + 32, this.#number(3));
    const [limit, index, kind] = [this.#number(0), this.#number(1), this.#number(2)];
    const side = this.#side();
    const plain = this.#inflated(exchange, side, stored);
    const size = plain?.length ?? 0;
    let state: ContentState = 'kept';
    let data: Uint8Array | undefined = plain ?? new Uint8Array();
    if (size > limit) {
      state = this.#has(flag.truncated) ? 'truncated' : limitState;
      data = state === 'truncated' ? data.subarray(0, limit) : undefined;
    }
    if (plain === undefined) {
      const value = `${side} message of ${stored.length} bytes`;
      this.#following = { type: 'mark', seq, at, exchange, name: 'undecoded', value };
    }
    return { type: 'message', seq, at, exchange, side, index, kind, size, state, data };
  }

  #inflated(exchange: number, side: Side, stored: Uint8Array): Uint8Array | undefined {
    if (this.#has(flag['deflate-window'])) return this.#windows.inflate(exchange, side, stored);
    if (this.#has(flag['deflate-raw'])) return inflateMessage(stored, 'deflate-raw');
    return inflateMessage(stored, this.#has(flag.gzip) ? 'gzip' : 'deflate');
  }

  #has(bit: number): boolean {
    return (this.#flags & bit) !== 0;
  }

  #side(): Side {
    return this.#has(flag.response) ? 'response' : 'request';
  }

  #protocol(): Protocol {
    if (this.#has(flag.grpc)) return 'grpc';
    return this.#has(flag.websocket) ? 'websocket' : 'http';
  }

  #state(): ContentState {
    if (this.#has(flag.dropped)) return limitState;
    return this.#has(flag.truncated) ? 'truncated' : 'kept';
  }

  /** The n-th fixed number of the kind. */
  #number(index: number): number {
    return this.#f64[(this.#offset >> 3) + index] ?? 0;
  }

  /** The texts after so many bytes of fixed numbers. All are decoded at once, and each is a part of that. */
  #texts(fixed: number): string[] {
    const u32 = this.#u32;
    const at32 = (this.#offset + fixed) >> 2;
    const count = u32[at32] ?? 0;
    const lengths = at32 + 1;
    let total = 0;
    for (let i = 0; i < count; i++) total += u32[lengths + i] ?? 0;
    const from = (lengths + count) * 4;
    const all = this.#has(flag.wide)
      ? this.#bytes.toString('utf16le', from, from + total * 2)
      : this.#bytes.toString('latin1', from, from + total);
    const texts: string[] = [];
    let position = 0;
    for (let i = 0; i < count; i++) {
      const end = position + (u32[lengths + i] ?? 0);
      texts.push(all.slice(position, end));
      position = end;
    }
    return texts;
  }

  #wireHead(): string {
    const from = this.#offset + 8;
    return this.#bytes.toString('latin1', from, from + this.#number(0));
  }

  /** A copy: the buffer is used again. */
  #content(): Uint8Array | undefined {
    if (this.#has(flag.dropped)) return undefined;
    return this.#contents.copy(this.#offset + 32, this.#number(3));
  }
}

const compressedFlags = flag.gzip | flag.deflate | flag['deflate-raw'] | flag['deflate-window'];

/** The end of a request that was recorded with its start. */
function endOfNothing(seq: number, at: number, exchange: number): EndEvent {
  return { type: 'end', seq, at, exchange, side: 'request', size: 0, state: 'kept', complete: true };
}

function abortBy(text: string | undefined): AbortEvent['by'] {
  return text === 'client' || text === 'server' || text === 'recorder' ? text : 'unknown';
}
