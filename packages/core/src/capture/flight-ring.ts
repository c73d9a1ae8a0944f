import type { CaptureEvent } from '../model/event.ts';
import { ChunkBuilder } from './chunk-builder.ts';
import type { Compression } from './codec.ts';
import { OpenExchanges } from './open-exchanges.ts';
import { type PackedChunk, packChunk } from './packed-chunk.ts';
import { SeenSchemas } from './seen-schemas.ts';
import { bodyParts, type CaptureWriter, isRefusal, refusedGap } from './writer.ts';

/** Parts of a ring: the finer, the closer it comes to its bounds, and the more often it repeats how exchanges had begun. */
const segmentsPerRing = 16;
const longestChunkMs = 4000;

export interface FlightRingOptions {
  readonly maxBytes: number;
  readonly windowMs: number;
  readonly chunkBytes: number;
  readonly compression: Compression;
}

/** Chunks one after the other, and how the exchanges had begun that were under way before the first: as a file of a rotated recording. */
interface Segment {
  readonly prefix: readonly PackedChunk[];
  readonly chunks: PackedChunk[];
  /** What came before it. */
  readonly seq: number;
  readonly at: number;
  bytes: number;
}

/**
 * Keeps the last events of a recording as chunks that a file can take over as they are, within a bound of bytes and of time. It
 * lets go of whole segments, each of which begins as the file of a rotated recording does; so what is saved begins at a
 * segment, at most a sixteenth before or after what the bounds allow.
 */
export class FlightRing {
  readonly #options: FlightRingOptions;
  readonly #windowNs: number;
  readonly #builder: ChunkBuilder;
  readonly #exchanges = new OpenExchanges();
  readonly #schemas = new SeenSchemas();
  #current: Segment = { prefix: [], chunks: [], seq: 0, at: 0, bytes: 0 };
  readonly #segments: Segment[] = [this.#current];
  /** Whether anything was let go. */
  #isCut = false;
  #bytes = 0;
  #lastSeq = 0;
  #lastAt = 0;
  #lostEvents = 0;
  #lostExchanges = 0;

  constructor(options: FlightRingOptions) {
    this.#options = options;
    this.#windowNs = options.windowMs * 1e6;
    this.#builder = new ChunkBuilder(options.chunkBytes, longestChunkMs);
  }

  /** Bytes of its chunks, as a file would hold them. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Events that the format cannot hold. A gap stands in the place of each. */
  get lost(): { readonly exchanges: number; readonly events: number } {
    return { exchanges: this.#lostExchanges, events: this.#lostEvents };
  }

  /** @throws GardenhoseError `event-invalid` or `capture-limit` for an event that the format cannot hold: a gap stands in its place */
  add(event: CaptureEvent): void {
    if (event.type === 'body') for (const part of bodyParts(event)) this.#addOrDeclare(part);
    else this.#addOrDeclare(event);
    this.#exchanges.note(event);
    this.#schemas.note(event);
  }

  /** Gives a writer all that is kept, from the window before this time on. */
  async save(writer: CaptureWriter, at: number): Promise<void> {
    this.#seal();
    this.#letGo(at);
    const [first] = this.#segments;
    if (first === undefined) return;
    if (this.#isCut) {
      for (const event of this.#schemas.repeated(first.seq, first.at)) await writer.write(event);
    }
    for (const chunk of first.prefix) await writer.writePacked(chunk);
    for (const { chunks } of this.#segments) for (const chunk of chunks) await writer.writePacked(chunk);
  }

  #addOrDeclare(event: CaptureEvent): void {
    try {
      this.#add(event);
    } catch (error) {
      if (isRefusal(error)) this.#declareRefused(event);
      throw error;
    }
  }

  #add(event: CaptureEvent): void {
    if (!this.#builder.add(event)) {
      this.#seal();
      this.#builder.add(event);
    }
    this.#lastSeq = event.seq;
    this.#lastAt = event.at;
  }

  #declareRefused(event: CaptureEvent): void {
    this.#lostEvents++;
    if (event.type === 'start') this.#lostExchanges++;
    this.#add(refusedGap(event, this.#lastSeq, this.#lastAt));
  }

  /** Between two events: what comes before is in the exchanges under way, what comes after is not. */
  #seal(): void {
    const chunk = packedFrom(this.#builder, this.#options.compression);
    if (chunk === undefined) return;
    const segment = this.#current;
    segment.chunks.push(chunk);
    segment.bytes += chunk.stored.length;
    this.#bytes += chunk.stored.length;
    const isFull = segment.bytes >= this.#options.maxBytes / segmentsPerRing;
    if (isFull || this.#lastAt - segment.at >= this.#windowNs / segmentsPerRing) this.#begin();
    this.#letGo(this.#lastAt);
  }

  #begin(): void {
    const prefix: PackedChunk[] = [];
    const builder = new ChunkBuilder(this.#options.chunkBytes, longestChunkMs);
    const seal = (): void => {
      const chunk = packedFrom(builder, this.#options.compression);
      if (chunk !== undefined) prefix.push(chunk);
    };
    const [seq, at] = [this.#lastSeq, this.#lastAt];
    for (const event of this.#exchanges.resumed(seq, at)) {
      if (builder.add(event)) continue;
      seal();
      builder.add(event);
    }
    seal();
    const bytes = prefix.reduce((sum, chunk) => sum + chunk.stored.length, 0);
    this.#current = { prefix, chunks: [], seq, at, bytes };
    this.#segments.push(this.#current);
    this.#bytes += bytes;
  }

  #letGo(now: number): void {
    for (;;) {
      const [first, second] = this.#segments;
      const isOld = second !== undefined && second.at <= now - this.#windowNs;
      if (first === undefined || (!isOld && this.#bytes <= this.#options.maxBytes)) return;
      this.#isCut = true;
      this.#segments.shift();
      this.#bytes -= first.bytes;
      // What is under way can alone be more than the ring may hold: then the rest begins without its starts.
      if (second === undefined) {
        this.#current = { ...first, prefix: [], chunks: [], seq: this.#lastSeq, at: this.#lastAt, bytes: 0 };
        this.#segments.push(this.#current);
        return;
      }
    }
  }
}

/** A copy: the ring keeps it while the builder goes on, and of what the compressor gives, only what it needs. */
function packedFrom(builder: ChunkBuilder, compression: Compression): PackedChunk | undefined {
  const sealed = builder.seal();
  if (sealed === undefined) return undefined;
  const chunk = packChunk(sealed, compression);
  return { ...chunk, stored: new Uint8Array(chunk.stored) };
}
