import { GardenhoseError } from '../errors.ts';
import type { CaptureEvent } from '../model/event.ts';
import { encodeEvent } from './encode.ts';
import { limits } from './format.ts';
import { pack } from './packing.ts';

/** A chunk ready to be framed. `raw` is good until the builder takes the next event. */
export interface SealedChunk {
  readonly raw: Uint8Array;
  readonly count: number;
  readonly firstSeq: number;
  readonly seqSpan: number;
  readonly baseNs: number;
  readonly spanNs: number;
  /** How many records of each type. */
  readonly counts: ReadonlyMap<number, number>;
}

/** Collects the records of one chunk. */
export class ChunkBuilder {
  readonly #chunkBytes: number;
  readonly #maxSpanNs: number;
  #buffer: Buffer;
  #used = 0;
  #count = 0;
  #firstSeq = 0;
  #lastSeq = 0;
  #baseNs = 0;
  #lastNs = 0;
  #counts = new Map<number, number>();

  constructor(chunkBytes: number, chunkSpanMs: number) {
    this.#chunkBytes = chunkBytes;
    this.#maxSpanNs = chunkSpanMs * 1e6;
    this.#buffer = Buffer.allocUnsafe(chunkBytes);
  }

  get empty(): boolean {
    return this.#count === 0;
  }

  /**
   * Adds an event; false when it belongs into the next chunk.
   *
   * @throws GardenhoseError `event-invalid` or `capture-limit`, and the chunk is as it was before
   */
  add(event: CaptureEvent): boolean {
    const first = this.#count === 0;
    const firstSeq = first ? event.seq : this.#firstSeq;
    const baseNs = first ? event.at : this.#baseNs;
    if (event.at - baseNs > this.#maxSpanNs || event.seq - firstSeq > limits.span) return false;
    if (this.#count === limits.records) return false;
    const record = encodeEvent(event, firstSeq, baseNs);
    const bytes = pack(record);
    if (!first && this.#used + bytes.length > this.#chunkBytes) return false;
    if (bytes.length > limits.raw) {
      throw new GardenhoseError(
        'capture-limit',
        `A ${event.type} event takes ${bytes.length} bytes, at most ${limits.raw} fit into a record`,
      );
    }
    if (bytes.length > this.#buffer.length) this.#buffer = Buffer.allocUnsafe(bytes.length);
    this.#buffer.set(bytes, this.#used);
    this.#used += bytes.length;
    this.#count += 1;
    this.#firstSeq = firstSeq;
    this.#baseNs = baseNs;
    this.#lastSeq = event.seq;
    this.#lastNs = event.at;
    const type = Number(record[0]);
    this.#counts.set(type, (this.#counts.get(type) ?? 0) + 1);
    return true;
  }

  /** Closes the chunk and begins the next; undefined when it is empty. */
  seal(): SealedChunk | undefined {
    if (this.#count === 0) return undefined;
    const sealed: SealedChunk = {
      raw: this.#buffer.subarray(0, this.#used),
      count: this.#count,
      firstSeq: this.#firstSeq,
      seqSpan: this.#lastSeq - this.#firstSeq,
      baseNs: this.#baseNs,
      spanNs: this.#lastNs - this.#baseNs,
      counts: this.#counts,
    };
    this.#used = 0;
    this.#count = 0;
    this.#counts = new Map();
    // One large record must not keep its room for ever.
    if (this.#buffer.length > this.#chunkBytes) this.#buffer = Buffer.allocUnsafe(this.#chunkBytes);
    return sealed;
  }
}
