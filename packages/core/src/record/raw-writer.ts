import type { AbortEvent, ExchangeId, ExchangeStart, GapEvent, Side } from '../model/event.ts';
import { gapReasons } from '../model/event.ts';
import type { HeaderList } from '../model/headers.ts';
import type { PackedBuffer } from './buffer-pool.ts';
import { aligned, flag, recordHead, recordKind } from './raw-layout.ts';

const sideFlag = (side: Side): number => (side === 'response' ? flag.response : 0);

// Header texts are one byte a character by contract; what an application or a user names is not.
const needsTwoBytes = /[^\0-\xff]/;

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

  start(at: number, exchange: ExchangeId, start: ExchangeStart, sampleRate: number): boolean {
    const { lane, operation, peer, authority, headers } = start;
    let flags: number = recordKind.start;
    if (start.direction === 'outbound') flags |= flag.outbound;
    if (start.scheme === 'https') flags |= flag.https;
    if (start.protocol !== 'http') flags |= start.protocol === 'grpc' ? flag.grpc : flag.websocket;
    if (start.parent !== undefined) flags |= flag.hasParent;
    if (operation !== undefined) flags |= flag.hasOperation;
    if (peer !== undefined) flags |= flag.hasPeer;
    if (authority !== undefined) flags |= flag.hasAuthority;
    const { version, method, target } = start;
    let text = lane + (operation ?? '') + (peer ?? '') + version + method + target + (authority ?? '');
    if (needsTwoBytes.test(text)) flags |= flag.wide;
    for (let i = 0; i < headers.length; i++) text += headers[i];
    const count = 7 + headers.length;
    const offset = this.#open(flags, at, exchange, 16, count, text, flags & flag.wide);
    if (offset < 0 || this.current === undefined) return false;
    const { f64, u32 } = this.current;
    f64[offset >> 3] = start.parent ?? 0;
    f64[(offset >> 3) + 1] = sampleRate;
    let at32 = (offset + 16) >> 2;
    u32[at32++] = count;
    u32[at32++] = lane.length;
    u32[at32++] = operation === undefined ? 0 : operation.length;
    u32[at32++] = peer === undefined ? 0 : peer.length;
    u32[at32++] = version.length;
    u32[at32++] = method.length;
    u32[at32++] = target.length;
    u32[at32++] = authority === undefined ? 0 : authority.length;
    for (let i = 0; i < headers.length; i++) u32[at32++] = headers[i]?.length ?? 0;
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
    let text = reason + version;
    for (let i = 0; i < headers.length; i++) text += headers[i];
    const count = 2 + headers.length;
    const offset = this.#open(recordKind.headers, at, exchange, 8, count, text, 0);
    if (offset < 0 || this.current === undefined) return false;
    const { f64, u32 } = this.current;
    f64[offset >> 3] = status;
    let at32 = (offset + 8) >> 2;
    u32[at32++] = count;
    u32[at32++] = reason.length;
    u32[at32++] = version.length;
    for (let i = 0; i < headers.length; i++) u32[at32++] = headers[i]?.length ?? 0;
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
    const offset = this.#open(flags, at, exchange, 8, -1, '', 0);
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
    const offset = this.#open(recordKind.clock, at, 0, 8, -1, '', 0);
    if (offset < 0 || this.current === undefined) return false;
    this.current.f64[offset >> 3] = wallMs;
    return true;
  }

  gap(at: number, gap: Omit<GapEvent, 'type' | 'seq' | 'at' | 'toAt' | 'exchange'>): boolean {
    const offset = this.#open(recordKind.gap, at, 0, 40, -1, '', 0);
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
    if (keep === data.length) bytes.set(data, offset + 32);
    else if (keep > 0) bytes.set(data.subarray(0, keep), offset + 32);
    return true;
  }

  #texts(
    flags: number,
    at: number,
    exchange: ExchangeId,
    texts: readonly string[],
    mayBeWide: boolean,
  ): boolean {
    let text = '';
    for (let i = 0; i < texts.length; i++) text += texts[i];
    const wide = mayBeWide && needsTwoBytes.test(text) ? flag.wide : 0;
    const offset = this.#open(flags | wide, at, exchange, 0, texts.length, text, wide);
    if (offset < 0 || this.current === undefined) return false;
    const { u32 } = this.current;
    let at32 = offset >> 2;
    u32[at32++] = texts.length;
    for (let i = 0; i < texts.length; i++) u32[at32++] = texts[i]?.length ?? 0;
    return true;
  }

  /** Reserves a record with texts (none when `count` is below 0) and writes their characters. Gives the offset after the head. */
  #open(
    flags: number,
    at: number,
    exchange: ExchangeId,
    fixed: number,
    count: number,
    text: string,
    wide: number,
  ): number {
    const lengths = count < 0 ? 0 : 4 * (1 + count);
    const characters = wide === 0 ? text.length : 2 * text.length;
    const offset = this.#reserve(flags, at, exchange, fixed + lengths + characters);
    if (offset >= 0 && characters > 0) {
      this.current?.bytes.write(
        text,
        offset + fixed + lengths,
        characters,
        wide === 0 ? 'latin1' : 'utf16le',
      );
    }
    return offset;
  }

  #reserve(flags: number, at: number, exchange: ExchangeId, body: number): number {
    const size = aligned(recordHead + body);
    let buffer = this.current;
    if (buffer === undefined || buffer.used + size > buffer.memory.byteLength) {
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
