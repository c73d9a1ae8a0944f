import type { AbortEvent, ExchangeId, ExchangeStart, GapEvent, Side } from '../model/event.ts';
import { gapReasons } from '../model/event.ts';
import type { HeaderList } from '../model/headers.ts';
import type { PackedBuffer } from './buffer-pool.ts';
import { aligned, flag, recordHead, recordKind, startTexts } from './raw-layout.ts';
import { putBytes, putIfNarrow, putTexts, putUtf8 } from './raw-texts.ts';

const sideFlag = (side: Side): number => (side === 'response' ? flag.response : 0);

const none: readonly string[] = [];

/** In place of an offset: the record was taken back. */
const tooWide = -2;

/**
 * Packs raw events into buffers, on the request path: no objects, one text write per event. Asks `room` for a place;
 * where it gets none, nothing is written and the answer is false.
 */
export class RawWriter {
  /** The buffer being filled. */
  current: PackedBuffer | undefined;
  /** Sequence number of the next event. */
  seq = 1;
  // Used again for each event of their kind.
  readonly #startTexts: string[] = Array.from({ length: startTexts }, () => '');
  readonly #headTexts: string[] = ['', ''];
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
  ): boolean {
    const { lane, operation, peer, authority, headers } = start;
    let flags: number = recordKind.start;
    if (bodyless) flags |= flag.bodyless;
    if (start.direction === 'outbound') flags |= flag.outbound;
    if (start.scheme === 'https') flags |= flag.https;
    if (start.protocol !== 'http') flags |= start.protocol === 'grpc' ? flag.grpc : flag.websocket;
    if (start.parent !== undefined) flags |= flag.hasParent;
    if (operation !== undefined) flags |= flag.hasOperation;
    if (peer !== undefined) flags |= flag.hasPeer;
    if (authority !== undefined) flags |= flag.hasAuthority;
    const texts = this.#startTexts;
    texts[0] = lane;
    texts[1] = operation ?? '';
    texts[2] = peer ?? '';
    texts[3] = start.version;
    texts[4] = start.method;
    texts[5] = start.target;
    texts[6] = authority ?? '';
    // Header texts are one byte a character by contract; what an application or a user names is not, but mostly.
    let offset = this.#open(flags, at, exchange, 16, texts, headers, true);
    if (offset === tooWide) offset = this.#open(flags | flag.wide, at, exchange, 16, texts, headers);
    if (offset < 0 || this.current === undefined) return false;
    const { f64 } = this.current;
    f64[offset >> 3] = start.parent ?? 0;
    f64[(offset >> 3) + 1] = sampleRate;
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
    const texts = this.#headTexts;
    texts[0] = reason;
    texts[1] = version;
    const offset = this.#open(recordKind.headers, at, exchange, 8, texts, headers);
    if (offset < 0 || this.current === undefined) return false;
    this.current.f64[offset >> 3] = status;
    return true;
  }

  /** The text of a whole response head. One write, where its parts would be one each. */
  wireHead(at: number, exchange: ExchangeId, text: string): boolean {
    const { length } = text;
    const offset = this.#reserve(recordKind.wireHead, at, exchange, 8 + length);
    if (offset < 0 || this.current === undefined) return false;
    const { f64, bytes } = this.current;
    f64[offset >> 3] = length;
    bytes.write(text, offset + 8, length, 'latin1');
    return true;
  }

  /** A body chunk given as text that takes `size` bytes in UTF-8. */
  text(at: number, exchange: ExchangeId, side: Side, text: string, size: number): boolean {
    const flags = recordKind.chunk | sideFlag(side);
    const offset = this.#reserve(flags, at, exchange, 32 + size);
    if (offset < 0 || this.current === undefined) return false;
    const { f64, bytes } = this.current;
    const at64 = offset >> 3;
    f64[at64] = size;
    f64[at64 + 1] = 0;
    f64[at64 + 2] = 0;
    f64[at64 + 3] = size;
    putUtf8(bytes, text, offset + 32, size);
    return true;
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
  ): boolean {
    let flags = recordKind.message | sideFlag(side);
    if (keep < data.length) flags |= keep === 0 ? flag.dropped : flag.truncated;
    return this.#content(flags, at, exchange, data.length, index, kind, data, keep);
  }

  trailers(at: number, exchange: ExchangeId, side: Side, headers: HeaderList): boolean {
    return this.#texts(recordKind.trailers | sideFlag(side), at, exchange, headers, false);
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
    return this.#texts(recordKind.abort, at, exchange, [by, code], true);
  }

  mark(at: number, exchange: ExchangeId, name: string, value: string): boolean {
    return this.#texts(recordKind.mark, at, exchange, [name, value], true);
  }

  control(at: number, name: string, value: string): boolean {
    return this.#texts(recordKind.control, at, 0, [name, value], true);
  }

  clock(at: number, wallMs: number): boolean {
    const offset = this.#reserve(recordKind.clock, at, 0, 8);
    if (offset < 0 || this.current === undefined) return false;
    this.current.f64[offset >> 3] = wallMs;
    return true;
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

  #texts(
    flags: number,
    at: number,
    exchange: ExchangeId,
    texts: readonly string[],
    mayBeWide: boolean,
  ): boolean {
    const offset = this.#open(flags, at, exchange, 0, texts, none, mayBeWide);
    if (offset === tooWide) return this.#open(flags | flag.wide, at, exchange, 0, texts, none) >= 0;
    return offset >= 0;
  }

  /**
   * Reserves a record and writes its texts, those of two lists one after the other. Gives the offset after the head; or
   * {@link tooWide} where the first list may be wide, is, and `flags` do not say so.
   */
  #open(
    flags: number,
    at: number,
    exchange: ExchangeId,
    fixed: number,
    first: readonly string[],
    second: readonly string[],
    mayBeWide = false,
  ): number {
    const count = first.length + second.length;
    let length = 0;
    for (let i = 0; i < first.length; i++) length += first[i]?.length ?? 0;
    for (let i = 0; i < second.length; i++) length += second[i]?.length ?? 0;
    const wide = (flags & flag.wide) !== 0;
    const lengths = 4 * (1 + count);
    const offset = this.#reserve(flags, at, exchange, fixed + lengths + (wide ? 2 * length : length));
    const buffer = this.current;
    if (offset < 0 || buffer === undefined) return -1;
    const at32 = (offset + fixed) >> 2;
    buffer.u32[at32] = count;
    const characters = offset + fixed + lengths;
    const end =
      mayBeWide && !wide
        ? putIfNarrow(buffer, first, at32 + 1, characters)
        : putTexts(buffer, first, at32 + 1, characters, wide);
    if (end < 0) {
      buffer.used = offset - recordHead;
      this.seq--;
      return tooWide;
    }
    putTexts(buffer, second, at32 + 1 + first.length, end, wide);
    return offset;
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
