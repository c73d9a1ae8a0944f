import { crc32 } from 'node:zlib';
import type { CaptureEvent, GapEvent } from '../model/event.ts';
import type { ByteWindow } from './byte-window.ts';
import { decompress } from './codec.ts';
import type { ConditionLog } from './condition.ts';
import { decodeEvent } from './decode.ts';
import type { ChunkCipher } from './encryption.ts';
import { InvalidRecord } from './fields.ts';
import { ciphers, frameTypes, recordTypes } from './format.ts';
import { type FrameHeader, isKnownCipher, isKnownCodec } from './frame.ts';
import { type Frame, type FrameStart, readFrames } from './frame-reader.ts';
import { unsupported } from './header-payload.ts';
import { unpack } from './packing.ts';
import { RecordCursor } from './record-cursor.ts';
import { SummaryCheck } from './summary-check.ts';

/** A chunk whose content was checked as a whole. Its records are read when they are asked for. */
export interface SoundChunk {
  readonly kind: 'chunk';
  readonly frame: Frame;
  /** As its writer compressed it, decrypted. */
  readonly packed: Uint8Array;
  readonly raw: Uint8Array;
  readonly counts: ReadonlyMap<number, number>;
  /** Where each record ends in `raw`. */
  readonly ends: Uint32Array;
}

/** A gap that the reader itself declares, where damage took something. */
export interface DamageGap {
  readonly kind: 'gap';
  readonly gap: GapEvent;
}

/** Where reading begins in the order of events: after what an index let it pass over, or at nothing. */
export interface ReadStart extends FrameStart {
  readonly fromStart: boolean;
  /** What decrypts the chunks; undefined in a capture that is not encrypted. */
  readonly cipher?: ChunkCipher | undefined;
}

/** Reads the chunks of a capture, with a gap wherever something is missing between them. */
export async function* readChunks(
  window: ByteWindow,
  log: ConditionLog,
  start: ReadStart,
): AsyncGenerator<SoundChunk | DamageGap, void, undefined> {
  const order = new OrderKeeper(log);
  const summary = start.fromStart ? new SummaryCheck(log, start.cipher) : undefined;
  for await (const item of readFrames(window, log, start)) {
    if (item.kind === 'hole') {
      order.hole(item.lost);
      summary?.hole();
      continue;
    }
    const { header, offset } = item;
    if (header.type === frameTypes.chunk) {
      const content = await readContent(item, log, start.cipher);
      const fault = typeof content === 'string' ? content : order.fault(header);
      if (typeof content === 'string' || fault !== undefined) {
        log.lostBytes += header.storedBytes;
        log.fault('chunk', offset, fault ?? 'unreadable');
        order.hole(header);
        summary?.hole();
        continue;
      }
      const gap = order.pass(header, content.firstType);
      if (gap !== undefined) yield { kind: 'gap', gap };
      log.chunks += 1;
      summary?.chunk(item);
      const { packed, raw, counts, ends } = content;
      yield { kind: 'chunk', frame: item, packed, raw, counts, ends };
    } else if (header.type === frameTypes.index) {
      summary?.index(item);
    } else if (header.type === frameTypes.footer) {
      const end = summary?.footer(item);
      const gap = order.end(end);
      if (gap !== undefined) yield { kind: 'gap', gap };
    }
  }
  if (!order.done) {
    const gap = order.end(undefined);
    if (gap !== undefined) yield { kind: 'gap', gap };
  }
}

/** Reads the events of a chunk. What a record holds is checked here, so a bad one costs itself only. */
export function* chunkEvents(chunk: SoundChunk, log: ConditionLog): Generator<CaptureEvent, void, undefined> {
  const { raw, ends, frame } = chunk;
  const { firstSeq, baseNs } = frame.header;
  let start = 0;
  for (const end of ends) {
    const from = start;
    start = end;
    let event: CaptureEvent | undefined;
    try {
      event = decodeEvent(unpack(raw, from, end), firstSeq, baseNs);
    } catch (error) {
      if (!(error instanceof InvalidRecord)) throw error;
      log.fault('record', frame.offset, `${error.message} (byte ${from} of the chunk)`);
      log.lostEvents += 1;
      const cursor = new RecordCursor(raw.subarray(from, end));
      cursor.next();
      const at = baseNs + cursor.dNs;
      const seq = firstSeq + cursor.dSeq;
      yield damageGap({ seq, at, fromAt: at, toAt: at, events: 1, fromSeq: seq });
      continue;
    }
    if (event === undefined) log.unknownRecords += 1;
    else {
      log.events += 1;
      yield event;
    }
  }
}

interface Content extends Pick<SoundChunk, 'packed' | 'raw' | 'counts' | 'ends'> {
  readonly firstType: number;
}

/** The decompressed and checked payload of a chunk, or why it cannot be believed. */
async function readContent(
  frame: Frame,
  log: ConditionLog,
  cipher: ChunkCipher | undefined,
): Promise<Content | string> {
  const { header } = frame;
  if (!isKnownCipher(header.cipher)) throw unsupported(log.subject, `cipher ${header.cipher}`);
  if (!isKnownCodec(header.codec)) {
    if (log.mode === 'salvage')
      return `compressed by codec ${header.codec}, which this release does not know`;
    throw unsupported(log.subject, `codec ${header.codec}`);
  }
  const isPlain = header.cipher === ciphers.none;
  if (isPlain && cipher !== undefined)
    return `frame ${header.number} is not encrypted, as all chunks of this capture must be`;
  if (!isPlain && cipher === undefined)
    return `frame ${header.number} is encrypted, and the HEADER, which says how, is lost`;
  const packed = cipher === undefined ? frame.stored : cipher.decrypt(header, frame.stored);
  if (packed === undefined) return `frame ${header.number} was changed after it was encrypted, or moved`;
  const raw = await decompress(header.codec, packed, header.rawBytes);
  if (raw === undefined)
    return `the payload of frame ${header.number} does not decompress to what its header says`;
  if (isPlain && crc32(raw) !== header.crcRaw)
    return `the content of frame ${header.number} does not match its checksum`;
  const cursor = new RecordCursor(raw);
  const counts = new Map<number, number>();
  // A record has four bytes at least, whatever the header says.
  const ends = new Uint32Array(Math.min(header.count, Math.ceil(raw.length / 4)));
  let firstType = 0;
  let records = 0;
  let seq = 0;
  let ns = 0;
  while (!cursor.done) {
    const fault = cursor.next();
    if (fault !== undefined) return `frame ${header.number} holds ${fault}`;
    if (records === 0) {
      firstType = cursor.type;
      if (cursor.dSeq !== 0 || cursor.dNs !== 0)
        return `the first record of frame ${header.number} is not its base`;
    }
    if (cursor.dSeq < seq || cursor.dNs < ns) return `the records of frame ${header.number} are out of order`;
    seq = cursor.dSeq;
    ns = cursor.dNs;
    ends[records] = cursor.end;
    records += 1;
    if (records > header.count) break;
    counts.set(cursor.type, (counts.get(cursor.type) ?? 0) + 1);
  }
  if (records !== header.count || seq !== header.seqSpan || ns !== header.spanNs) {
    return `frame ${header.number} does not hold what its header says`;
  }
  return { packed, raw, counts, ends, firstType };
}

/** Events that repeat the sequence number of the one before them. */
const derivedTypes: readonly number[] = [
  recordTypes.body,
  recordTypes.audit,
  recordTypes.resume,
  recordTypes.gap,
];

/** Follows sequence and time from chunk to chunk, and works out what a hole between two of them took. */
class OrderKeeper {
  readonly #log: ConditionLog;
  #seq = -1;
  #at = 0;
  #open = false;
  #lost: FrameHeader | undefined;
  done = false;

  constructor(log: ConditionLog) {
    this.#log = log;
  }

  fault(header: FrameHeader): string | undefined {
    if (header.firstSeq >= this.#seq && header.baseNs >= this.#at) return undefined;
    return `frame ${header.number} goes back in sequence or time`;
  }

  hole(lost: FrameHeader | undefined): void {
    this.#open = true;
    if (lost?.type === frameTypes.chunk && this.fault(lost) === undefined) this.#lost = lost;
  }

  /** A sound chunk follows: the gap before it, if there is one. */
  pass(header: FrameHeader, firstType: number): GapEvent | undefined {
    const repeats = derivedTypes.includes(firstType);
    const gap = this.#gap(header.firstSeq + (repeats ? 1 : 0), header.baseNs);
    this.#seq = header.firstSeq + header.seqSpan;
    this.#at = header.baseNs + header.spanNs;
    return gap;
  }

  /** No chunk follows; `last` is what the footer says of the last event. */
  end(last: { readonly seq: number; readonly at: number } | undefined): GapEvent | undefined {
    this.done = true;
    if (last !== undefined && last.seq > this.#seq) this.#open = true;
    return this.#gap((last?.seq ?? this.#seq) + 1, Math.max(last?.at ?? 0, this.#at));
  }

  #gap(nextSeq: number, nextAt: number): GapEvent | undefined {
    if (!this.#open) return undefined;
    const lost = this.#lost;
    this.#open = false;
    this.#lost = undefined;
    const fromSeq = this.#seq >= 0 ? this.#seq + 1 : (lost?.firstSeq ?? nextSeq);
    const toSeq = Math.max(nextSeq, lost === undefined ? 0 : lost.firstSeq + lost.seqSpan + 1);
    const events = Math.max(0, toSeq - fromSeq);
    // Before the first event that could be read, how many are missing may be unknown: then the gap counts none.
    if (events === 0 && lost === undefined && (this.#seq >= 0 || this.done)) return undefined;
    this.#log.lostEvents += events;
    const toAt = Math.max(nextAt, lost === undefined ? 0 : lost.baseNs + lost.spanNs);
    const fromAt = this.#seq >= 0 ? this.#at : (lost?.baseNs ?? toAt);
    return damageGap({ seq: Math.max(0, fromSeq - 1), at: nextAt, fromAt, toAt, events, fromSeq });
  }
}

function damageGap(gap: Omit<GapEvent, 'type' | 'reason' | 'exchanges'>): GapEvent {
  return { type: 'gap', reason: 'damage', exchanges: 0, ...gap };
}
