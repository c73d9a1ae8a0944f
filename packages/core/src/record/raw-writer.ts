import type { AbortEvent, ExchangeId, ExchangeStart, GapEvent, Side } from '../model/event.ts';
import { gapReasons } from '../model/event.ts';
import type { HeaderList } from '../model/headers.ts';
import type { PackedBuffer } from './buffer-pool.ts';
import type { MessageCoding } from './inflate-message.ts';
import { aligned, flag, recordHead, recordKind } from './raw-layout.ts';
import { putBytes, putShortText, putTexts, putWideTexts } from './raw-texts.ts';
import { statusIn } from './wire-head.ts';

const sideFlag = (side: Side): number => (side === 'response' ? flag.response : 0);

const none: readonly string[] = [];
const noShares: readonly number[] = [];

/** Below this length a text is written without asking first how many bytes it takes. */
const shortText = 1024;

/**
 * Packs raw events into buffers, on the request path: no objects, one text write per event. Asks `room` for a place;
 * where it gets none, nothing is written and the answer is false.
 */
export class RawWriter {
  /** The buffer being filled. */
  current: PackedBuffer | undefined;
  /** Sequence number of the next event. */
  seq = 1;
  readonly #renew: (atLeast: number) => PackedBuffer | undefined;

  /** @param renew - Seals the full buffer and gives another, or nothing when there is no room */
  constructor(renew: (atLeast: number) => PackedBuffer | undefined) {
    this.#renew = renew;
  }

  start(
    at: number,
    exchange: ExchangeId,
    start: ExchangeStart,
    sampleRate: number,
    bodyless = false,
    shares: readonly number[] = noShares,
  ): boolean {
    const { lane, operation, peer, authority, headers } = start;
    let flags: number = recordKind.start;
    if (bodyless) flags |= flag.bodyless;
    if (shares.length > 0) flags |= flag.hasShares;
    if (start.direction === 'outbound') flags |= flag.outbound;
    if (start.scheme === 'https') flags |= flag.https;
    if (start.protocol !== 'http') flags |= start.protocol === 'grpc' ? flag.grpc : flag.websocket;
    if (start.parent !== undefined) flags |= flag.hasParent;
    if (operation !== undefined) flags |= flag.hasOperation;
    if (peer !== undefined) flags |= flag.hasPeer;
    if (authority !== undefined) flags |= flag.hasAuthority;
    // Header texts are one byte a character by contract; what an application or a user names is not, but mostly. A new list
    // costs less than one that is kept: each new text stored in it would be noted for the garbage collector.
    const texts = [
      lane,
      operation ?? '',
      peer ?? '',
      start.version,
      start.method,
      start.target,
      authority ?? '',
    ];
    const fixed = shares.length > 0 ? 24 + 8 * shares.length : 16;
    const offset = this.#open(flags, at, exchange, fixed, texts, true, headers);
    if (offset < 0 || this.current === undefined) return false;
    const { f64 } = this.current;
    f64[offset >> 3] = start.parent ?? 0;
    f64[(offset >> 3) + 1] = sampleRate;
    if (shares.length > 0) {
      f64[(offset >> 3) + 2] = shares.length;
      f64.set(shares, (offset >> 3) + 3);
    }
    if (bodyless) this.seq++;
    return true;
  }

  headers(
    at: number,
    exchange: ExchangeId,
    status: number,
    reason: string,
    version: string,
    headers: HeaderList,
  ): boolean {
    const offset = this.#open(recordKind.headers, at, exchange, 8, [reason, version], false, headers);
    if (offset < 0 || this.current === undefined) return false;
    this.current.f64[offset >> 3] = status;
    return true;
  }

  /**
   * The text of a whole response head: one write, where its parts would be one each. Gives its status; 0 when the text is
   * no head, and nothing is written; undefined where there is no room.
   */
  wireHead(at: number, exchange: ExchangeId, text: string): number | undefined {
    const { length } = text;
    const offset = this.#reserve(recordKind.wireHead, at, exchange, 8 + length);
    const buffer = this.current;
    if (offset < 0 || buffer === undefined) return undefined;
    const { f64, bytes } = buffer;
    f64[offset >> 3] = length;
    bytes.write(text, offset + 8, length, 'latin1');
    // Looked at when it is written: Node puts it together from pieces, and to look into those would join them first.
    const status = statusIn(bytes, offset + 8, length);
    if (status === 0) this.#undo(buffer, offset);
    return status;
  }

  /** A body chunk given as text; gives its bytes in UTF-8, or -1 where there is no room. */
  text(at: number, exchange: ExchangeId, side: Side, text: string): number {
    // Of a short text no more than the bound of its length is asked for; what it does not take is given back.
    const most = text.length < shortText ? 3 * text.length : Buffer.byteLength(text);
    const offset = this.#reserve(recordKind.chunk | sideFlag(side), at, exchange, 32 + most);
    const buffer = this.current;
    if (offset < 0 || buffer === undefined) return -1;
    const { f64, bytes, u32 } = buffer;
    const short = putShortText(bytes, text, offset + 32);
    const size = short < 0 ? bytes.write(text, offset + 32) : short;
    const at64 = offset >> 3;
    f64[at64] = size;
    f64[at64 + 1] = 0;
    f64[at64 + 2] = 0;
    f64[at64 + 3] = size;
    const whole = aligned(recordHead + 32 + size);
    u32[(offset - recordHead + 4) >> 2] = whole;
    buffer.used = offset - recordHead + whole;
    return size;
  }

  /** The first `keep` bytes of a body chunk; none is kept of one that is over the limit. */
  chunk(at: number, exchange: ExchangeId, side: Side, data: Uint8Array, keep: number): boolean {
    const flags = recordKind.chunk | sideFlag(side) | (keep === 0 && data.length > 0 ? flag.dropped : 0);
    return this.#content(flags, at, exchange, data.length, 0, 0, data, keep);
  }

  message(
    at: number,
    exchange: ExchangeId,
    side: Side,
    index: number,
    kind: number,
    data: Uint8Array,
    keep: number,
    size: number = data.length,
  ): boolean {
    let flags = recordKind.message | sideFlag(side);
    if (keep < size) flags |= keep === 0 ? flag.dropped : flag.truncated;
    return this.#content(flags, at, exchange, size, index, kind, data, keep);
  }

  /** A whole message that is compressed. What becomes of it decides the reader, by the limit for its bytes. */
  compressed(
    at: number,
    exchange: ExchangeId,
    side: Side,
    index: number,
    kind: number,
    data: Uint8Array,
    coding: MessageCoding,
    limitBytes: number,
    onLimit: 'drop' | 'truncate',
  ): boolean {
    const flags = recordKind.message | sideFlag(side) | flag[coding];
    const cut = onLimit === 'truncate' ? flag.truncated : 0;
    return this.#content(flags | cut, at, exchange, limitBytes, index, kind, data, data.length);
  }

  trailers(at: number, exchange: ExchangeId, side: Side, headers: HeaderList): boolean {
    return this.#open(recordKind.trailers | sideFlag(side), at, exchange, 0, headers, false, none) >= 0;
  }

  end(
    at: number,
    exchange: ExchangeId,
    side: Side,
    size: number,
    limited: 'truncated' | 'dropped' | undefined,
    complete: boolean,
  ): boolean {
    let flags = recordKind.end | sideFlag(side) | (complete ? flag.complete : 0);
    if (limited !== undefined) flags |= flag[limited];
    const offset = this.#reserve(flags, at, exchange, 8);
    if (offset < 0 || this.current === undefined) return false;
    this.current.f64[offset >> 3] = size;
    return true;
  }

  abort(at: number, exchange: ExchangeId, by: AbortEvent['by'], code: string): boolean {
    return this.#open(recordKind.abort, at, exchange, 0, [by, code], true, none) >= 0;
  }

  mark(at: number, exchange: ExchangeId, name: string, value: string): boolean {
    return this.#open(recordKind.mark, at, exchange, 0, [name, value], true, none) >= 0;
  }

  control(at: number, name: string, value: string): boolean {
    return this.#open(recordKind.control, at, 0, 0, [name, value], true, none) >= 0;
  }

  clock(at: number, wallMs: number): boolean {
    const offset = this.#reserve(recordKind.clock, at, 0, 8);
    if (offset < 0 || this.current === undefined) return false;
    this.current.f64[offset >> 3] = wallMs;
    return true;
  }

  schema(at: number, data: Uint8Array): boolean {
    return this.#content(recordKind.schema, at, 0, data.length, 0, 0, data, data.length);
  }

  gap(at: number, gap: Omit<GapEvent, 'type' | 'seq' | 'at' | 'toAt' | 'exchange'>): boolean {
    const offset = this.#reserve(recordKind.gap, at, 0, 40);
    if (offset < 0 || this.current === undefined) return false;
    const { f64 } = this.current;
    let at64 = offset >> 3;
    f64[at64++] = gapReasons.indexOf(gap.reason);
    f64[at64++] = gap.fromAt;
    f64[at64++] = gap.exchanges;
    f64[at64++] = gap.events;
    f64[at64++] = gap.fromSeq;
    return true;
  }

  #content(
    flags: number,
    at: number,
    exchange: ExchangeId,
    size: number,
    index: number,
    kind: number,
    data: Uint8Array,
    keep: number,
  ): boolean {
    const offset = this.#reserve(flags, at, exchange, 32 + keep);
    if (offset < 0 || this.current === undefined) return false;
    const { f64, bytes } = this.current;
    const at64 = offset >> 3;
    f64[at64] = size;
    f64[at64 + 1] = index;
    f64[at64 + 2] = kind;
    f64[at64 + 3] = keep;
    if (keep > 0) putBytes(bytes, keep === data.length ? data : data.subarray(0, keep), offset + 32);
    return true;
  }

  /**
   * Reserves a record and writes texts, those of two lists one after the other, with two bytes a character where the first
   * list is `checked` and needs them. Gives the offset after the head.
   */
  #open(
    flags: number,
    at: number,
    exchange: ExchangeId,
    fixed: number,
    first: readonly string[],
    checked: boolean,
    second: readonly string[],
  ): number {
    const count = first.length + second.length;
    const size = fixed + 4 * (1 + count) + lengthOf(first) + lengthOf(second);
    const offset = this.#reserve(flags, at, exchange, size);
    const buffer = this.current;
    if (offset < 0 || buffer === undefined) return -1;
    const at32 = (offset + fixed) >> 2;
    buffer.u32[at32] = count;
    const end = putTexts(buffer, first, checked, at32 + 1, offset + fixed + 4 * (1 + count));
    if (end < 0) {
      this.#undo(buffer, offset);
      return this.#openWide(flags | flag.wide, at, exchange, fixed, first, second);
    }
    putTexts(buffer, second, false, at32 + 1 + first.length, end);
    return offset;
  }

  #openWide(
    flags: number,
    at: number,
    exchange: ExchangeId,
    fixed: number,
    first: readonly string[],
    second: readonly string[],
  ): number {
    const count = first.length + second.length;
    const size = fixed + 4 * (1 + count) + 2 * (lengthOf(first) + lengthOf(second));
    const offset = this.#reserve(flags, at, exchange, size);
    const buffer = this.current;
    if (offset < 0 || buffer === undefined) return -1;
    const at32 = (offset + fixed) >> 2;
    buffer.u32[at32] = count;
    const end = putWideTexts(buffer, first, at32 + 1, offset + fixed + 4 * (1 + count));
    putWideTexts(buffer, second, at32 + 1 + first.length, end);
    return offset;
  }

  /** Takes back the record that was reserved last, by what `#reserve` gave for it. */
  #undo(buffer: PackedBuffer, offset: number): void {
    buffer.used = offset - recordHead;
    this.seq--;
  }

  #reserve(flags: number, at: number, exchange: ExchangeId, body: number): number {
    const size = aligned(recordHead + body);
    let buffer = this.current;
    if (buffer === undefined || buffer.used + size > buffer.size) {
      buffer = this.#renew(size);
      this.current = buffer;
      if (buffer === undefined) return -1;
    }
    const offset = buffer.used;
    buffer.used = offset + size;
    buffer.u32[offset >> 2] = flags;
    buffer.u32[(offset >> 2) + 1] = size;
    const at64 = offset >> 3;
    buffer.f64[at64 + 1] = at;
    buffer.f64[at64 + 2] = this.seq++;
    buffer.f64[at64 + 3] = exchange;
    return offset + recordHead;
  }
}

function lengthOf(texts: readonly string[]): number {
  let length = 0;
  for (let i = 0; i < texts.length; i++) length += texts[i]?.length ?? 0;
  return length;
}
