import { timingSafeEqual } from 'node:crypto';
import { crc32 } from 'node:zlib';
import type { ChunkCipher } from './encryption.ts';
import { Fields } from './fields.ts';
import { endMark, frameHeaderBytes, limits, trailerBytes } from './format.ts';
import { type Packable, pack, uint, unpack } from './packing.ts';
import { RecordCursor } from './record-cursor.ts';

/** Where a chunk stands and what it spans: what its frame header says, collected so that nobody must visit them all. */
export interface ChunkEntry {
  /** Of the frame's first byte, from the start of the capture. */
  readonly offset: number;
  readonly storedBytes: number;
  /** The frame's number. */
  readonly number: number;
  readonly count: number;
  readonly firstSeq: number;
  readonly seqSpan: number;
  readonly baseNs: number;
  readonly spanNs: number;
}

/** What a writer has written in all. */
export class Totals {
  chunks = 0;
  records = 0;
  firstSeq: number | undefined;
  lastSeq = 0;
  firstNs = 0;
  lastNs = 0;
  readonly counts: Map<number, number> = new Map();

  add(
    chunk: Omit<ChunkEntry, 'offset' | 'storedBytes' | 'number'>,
    counts: ReadonlyMap<number, number>,
  ): void {
    this.chunks += 1;
    this.records += chunk.count;
    if (this.firstSeq === undefined) {
      this.firstSeq = chunk.firstSeq;
      this.firstNs = chunk.baseNs;
    }
    this.lastSeq = chunk.firstSeq + chunk.seqSpan;
    this.lastNs = chunk.baseNs + chunk.spanNs;
    for (const [type, count] of counts) this.counts.set(type, (this.counts.get(type) ?? 0) + count);
  }
}

/** The record of a chunk in an INDEX frame. The bytes are the caller's to keep. */
export function encodeIndexEntry(entry: ChunkEntry): Uint8Array {
  return Uint8Array.from(
    pack([
      uint(entry.offset, 'offset'),
      entry.storedBytes,
      entry.number,
      entry.count,
      uint(entry.firstSeq, 'firstSeq'),
      entry.seqSpan,
      uint(entry.baseNs, 'baseNs'),
      entry.spanNs,
    ]),
  );
}

/**
 * The entries of an INDEX frame's payload.
 *
 * @throws InvalidRecord when it holds something else
 */
export function decodeIndex(payload: Uint8Array, count: number): ChunkEntry[] | undefined {
  const cursor = new RecordCursor(payload);
  const entries: ChunkEntry[] = [];
  if (count > limits.indexEntries) return undefined;
  while (!cursor.done) {
    if (entries.length === count || cursor.next(false) !== undefined) return undefined;
    const fields = new Fields(unpack(payload, cursor.start, cursor.end), 'index', 0);
    entries.push({
      offset: fields.uint(),
      storedBytes: fields.uint(),
      number: fields.uint(),
      count: fields.uint(),
      firstSeq: fields.uint(),
      seqSpan: fields.uint(),
      baseNs: fields.uint(),
      spanNs: fields.uint(),
    });
  }
  return entries.length === count ? entries : undefined;
}

/** What the FOOTER frame says of the whole capture. */
export interface Footer {
  /** Copy of the HEADER frame's payload. */
  readonly headerPayload: Uint8Array;
  /** Offsets of the INDEX frames, rising; undefined when the capture has too many chunks to be indexed. */
  readonly indexOffsets: readonly number[] | undefined;
  readonly chunks: number;
  readonly records: number;
  readonly firstSeq: number | undefined;
  readonly lastSeq: number;
  readonly firstNs: number;
  readonly lastNs: number;
  /** How many records of each type. */
  readonly counts: ReadonlyMap<number, number>;
  /** Proof, in an encrypted capture, that the totals are what its writer wrote. */
  readonly seal: Uint8Array | undefined;
}

export function encodeFooter(
  headerPayload: Uint8Array,
  indexOffsets: readonly number[] | undefined,
  totals: Totals,
  seal: Uint8Array | undefined,
): Uint8Array {
  const counts: Packable[] = [];
  for (const [type, count] of totals.counts) counts.push(type, count);
  return Uint8Array.from(
    pack([
      headerPayload,
      indexOffsets === undefined ? null : indexOffsets.map((offset) => uint(offset, 'offset')),
      uint(totals.chunks, 'chunks'),
      uint(totals.records, 'records'),
      totals.firstSeq === undefined ? null : uint(totals.firstSeq, 'firstSeq'),
      uint(totals.lastSeq, 'lastSeq'),
      uint(totals.firstNs, 'firstNs'),
      uint(totals.lastNs, 'lastNs'),
      counts,
      ...(seal === undefined ? [] : [seal]),
    ]),
  );
}

/**
 * Reads a FOOTER frame's payload; undefined when it is not sound.
 *
 * @throws InvalidRecord when its fields are not what they must be
 */
export function decodeFooter(payload: Uint8Array): Footer | undefined {
  const cursor = new RecordCursor(payload);
  if (cursor.next(false) !== undefined || !cursor.done) return undefined;
  const fields = new Fields(unpack(payload, cursor.start, cursor.end), 'footer', 0);
  const headerPayload = fields.bytes();
  const offsets = fields.optionalList();
  const indexOffsets: number[] = [];
  for (const offset of offsets) {
    if (typeof offset !== 'number' || !Number.isSafeInteger(offset) || offset <= (indexOffsets.at(-1) ?? 0)) {
      return undefined;
    }
    indexOffsets.push(offset);
  }
  const chunks = fields.uint();
  const footer = {
    headerPayload,
    indexOffsets: indexOffsets.length === 0 && chunks > 0 ? undefined : indexOffsets,
    chunks,
    records: fields.uint(),
    firstSeq: fields.optionalUint(),
    lastSeq: fields.uint(),
    firstNs: fields.uint(),
    lastNs: fields.uint(),
    counts: new Map<number, number>(),
  };
  const counts = fields.list();
  const seal = fields.optionalBytes();
  for (let i = 0; i + 1 < counts.length && i < 512; i += 2) {
    const type = counts[i];
    const count = counts[i + 1];
    if (typeof type === 'number' && typeof count === 'number') footer.counts.set(type, count);
  }
  return { ...footer, seal };
}

/** Whether a footer is what the writer of an encrypted capture wrote. Of others nobody can tell. */
export function isSealed(footer: Footer, cipher: ChunkCipher | undefined): boolean {
  if (cipher === undefined) return true;
  const expected = cipher.seal(footer);
  return footer.seal?.length === expected.length && timingSafeEqual(footer.seal, expected);
}

/** The last 24 bytes of a capture that was closed: where its footer stands. */
export function encodeTrailer(footerOffset: number, footerBytes: number): Uint8Array {
  const bytes = new Uint8Array(trailerBytes);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, footerOffset % 2 ** 32, true);
  view.setUint32(4, Math.floor(footerOffset / 2 ** 32), true);
  view.setUint32(8, footerBytes, true);
  view.setUint32(12, crc32(bytes.subarray(0, 12)), true);
  bytes.set(endMark, 16);
  return bytes;
}

/** Reads a trailer; undefined when these bytes are none. */
export function decodeTrailer(bytes: Uint8Array): { footerOffset: number; footerBytes: number } | undefined {
  if (bytes.length !== trailerBytes || !endMark.every((byte, i) => bytes[16 + i] === byte)) return undefined;
  const view = new DataView(bytes.buffer, bytes.byteOffset, trailerBytes);
  if (view.getUint32(12, true) !== crc32(bytes.subarray(0, 12))) return undefined;
  const footerOffset = view.getUint32(4, true) * 2 ** 32 + view.getUint32(0, true);
  const footerBytes = view.getUint32(8, true);
  if (!Number.isSafeInteger(footerOffset) || footerBytes < frameHeaderBytes) return undefined;
  return { footerOffset, footerBytes };
}
