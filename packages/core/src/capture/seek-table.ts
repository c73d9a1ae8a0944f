import { crc32 } from 'node:zlib';
import type { ChunkCipher } from './encryption.ts';
import { InvalidRecord } from './fields.ts';
import { codecs, frameHeaderBytes, frameTypes, limits, trailerBytes } from './format.ts';
import { type FrameHeader, frameHeaderFault, readFrameHeader } from './frame.ts';
import { startsWith } from './frame-reader.ts';
import type { RandomAccess } from './random-access.ts';
import {
  type ChunkEntry,
  decodeFooter,
  decodeIndex,
  decodeTrailer,
  type Footer,
  isSealed,
} from './summary-payload.ts';

/** A chunk at which reading can begin. */
export type SeekPoint = Pick<ChunkEntry, 'offset' | 'number' | 'firstSeq' | 'baseNs'>;

const mostPoints = 65_536;

/** Places of chunks, in order; thinned out when there are many, since reading can begin at any earlier one. */
export class SeekTable {
  #points: SeekPoint[] = [];
  #stride = 1;
  #skipped = 0;

  add({ offset, number, firstSeq, baseNs }: SeekPoint): void {
    if (this.#skipped > 0) {
      this.#skipped -= 1;
      return;
    }
    this.#points.push({ offset, number, firstSeq, baseNs });
    this.#skipped = this.#stride - 1;
    if (this.#points.length < mostPoints) return;
    this.#points = this.#points.filter((_, i) => i % 2 === 0);
    this.#stride *= 2;
    this.#skipped = this.#stride - 1;
  }

  /** The last chunk that begins before this sequence number and this time. */
  before(seq: number, at: number): SeekPoint | undefined {
    let low = 0;
    let high = this.#points.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      const point = this.#points[middle];
      if (point !== undefined && point.firstSeq < seq && point.baseNs < at) low = middle + 1;
      else high = middle;
    }
    return this.#points[low - 1];
  }
}

/** What was found without reading the chunks. */
export interface Layout {
  readonly table: SeekTable;
  /** Undefined when the capture was not closed, or its summary cannot be trusted. */
  readonly footer: Footer | undefined;
}

/** The frame at a place, if a sound one of this type stands there. Everything in it was checked but its codec's work. */
async function frameAt(
  access: RandomAccess,
  sync: Uint8Array | undefined,
  offset: number,
  type: number,
): Promise<{ header: FrameHeader; stored: Uint8Array } | undefined> {
  const header = await frameHeaderAt(access, sync, offset);
  if (header === undefined || header.type !== type || header.cipher !== 0) return undefined;
  const stored = await access.read(offset + frameHeaderBytes, header.storedBytes);
  if (stored.length !== header.storedBytes || crc32(stored) !== header.crcStored) return undefined;
  return { header, stored };
}

export async function frameHeaderAt(
  access: RandomAccess,
  sync: Uint8Array | undefined,
  offset: number,
): Promise<FrameHeader | undefined> {
  const bytes = await access.read(offset, frameHeaderBytes);
  if (bytes.length < frameHeaderBytes || (sync !== undefined && !startsWith(bytes, sync))) return undefined;
  const header = readFrameHeader(bytes);
  return header === undefined || frameHeaderFault(header) !== undefined ? undefined : header;
}

/** The footer, found by the trailer; undefined when any of it is not as it should be. */
export async function readFooter(
  access: RandomAccess,
  sync: Uint8Array | undefined,
  cipher?: ChunkCipher,
): Promise<{ footer: Footer; offset: number; number: number } | undefined> {
  const size = await access.size();
  const trailer = decodeTrailer(await access.read(Math.max(0, size - trailerBytes), trailerBytes));
  if (trailer === undefined || trailer.footerOffset + trailer.footerBytes + trailerBytes !== size)
    return undefined;
  const frame = await frameAt(access, sync, trailer.footerOffset, frameTypes.footer);
  if (frame === undefined || frame.header.codec !== codecs.none) return undefined;
  const footer = sound(() => decodeFooter(frame.stored));
  return footer && isSealed(footer, cipher)
    ? { footer, offset: trailer.footerOffset, number: frame.header.number }
    : undefined;
}

/** Finds where the chunks stand: by the index when it fits together without a seam, else by walking over the headers. */
export async function readLayout(
  access: RandomAccess,
  sync: Uint8Array,
  headEnd: number,
  cipher?: ChunkCipher,
): Promise<Layout> {
  const found = await readFooter(access, sync, cipher);
  if (found !== undefined) {
    const table = await readIndex(access, sync, headEnd, found);
    if (table !== undefined) return { table, footer: found.footer };
  }
  return { table: await walk(access, sync, headEnd), footer: undefined };
}

async function readIndex(
  access: RandomAccess,
  sync: Uint8Array,
  headEnd: number,
  { footer, offset: footerOffset, number: footerNumber }: { footer: Footer; offset: number; number: number },
): Promise<SeekTable | undefined> {
  const { indexOffsets } = footer;
  if (indexOffsets === undefined || indexOffsets.length > limits.indexFrames) return undefined;
  const table = new SeekTable();
  let offset = headEnd;
  let number = 1;
  let chunks = 0;
  let seq = 0;
  let at = 0;
  for (const indexOffset of indexOffsets) {
    const frame = await frameAt(access, sync, indexOffset, frameTypes.index);
    if (frame === undefined || frame.header.codec !== codecs.none) return undefined;
    const entries = sound(() => decodeIndex(frame.stored, frame.header.count));
    if (entries === undefined) return undefined;
    for (const entry of entries) {
      if (entry.offset !== offset || entry.number !== number || entry.firstSeq < seq || entry.baseNs < at)
        return undefined;
      table.add(entry);
      offset += frameHeaderBytes + entry.storedBytes;
      number += 1;
      chunks += 1;
      seq = entry.firstSeq + entry.seqSpan;
      at = entry.baseNs + entry.spanNs;
    }
    if (indexOffset !== offset || frame.header.number !== number) return undefined;
    offset += frameHeaderBytes + frame.header.storedBytes;
    number += 1;
  }
  return offset === footerOffset && number === footerNumber && chunks === footer.chunks ? table : undefined;
}

async function walk(access: RandomAccess, sync: Uint8Array, headEnd: number): Promise<SeekTable> {
  const table = new SeekTable();
  let number = 1;
  let seq = 0;
  let at = 0;
  for (let offset = headEnd; ; ) {
    const header = await frameHeaderAt(access, sync, offset);
    // Beyond the first fault nothing is certain: reading starts before it and deals with it.
    if (header === undefined || header.number !== number) return table;
    if (header.type === frameTypes.chunk) {
      if (header.firstSeq < seq || header.baseNs < at) return table;
      table.add({ offset, number, firstSeq: header.firstSeq, baseNs: header.baseNs });
      seq = header.firstSeq + header.seqSpan;
      at = header.baseNs + header.spanNs;
    }
    offset += frameHeaderBytes + header.storedBytes;
    number += 1;
  }
}

/** What a decoder finds, if what it reads is sound. */
function sound<T>(decode: () => T | undefined): T | undefined {
  try {
    return decode();
  } catch (error) {
    if (error instanceof InvalidRecord) return undefined;
    throw error;
  }
}
