import { GardenhoseError } from '../errors.ts';
import type { CaptureEvent } from '../model/event.ts';
import { encodeEvent } from './encode.ts';
import { limits } from './format.ts';
import { RecordPacker } from './record-packer.ts';

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
  readonly #packer: RecordPacker;
  #used = 0;
  #count = 0;
  #firstSeq = 0;
  #lastSeq = 0;
  #baseNs = 0;
  #lastNs = 0;
  /** How many records of each type, and the types in the order in which they came. */
  readonly #counts: number[] = [];
  readonly #types: number[] = [];

  constructor(chunkBytes: number, chunkSpanMs: number) {
    this.#chunkBytes = chunkBytes;
    this.#maxSpanNs = chunkSpanMs * 1e6;
    this.#packer = new RecordPacker(chunkBytes);
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
    const { seq, at } = event;
    const first = this.#count === 0;
    const firstSeq = first ? seq : this.#firstSeq;
    const baseNs = first ? at : this.#baseNs;
    if (at - baseNs > this.#maxSpanNs || seq - firstSeq > limits.span) return false;
    if (this.#count === limits.records) return false;
    // Content is looked at before it is copied: what is too long for this chunk would be copied twice.
    const least = contentBytes(event);
    if (least > limits.raw) throw tooLong(event, least);
    if (!first && this.#used + least > this.#chunkBytes) return false;
    const packer = this.#packer;
    packer.at = this.#used;
    const type = encodeEvent(packer, event, firstSeq, baseNs);
    const size = packer.at - this.#used;
    if (!first && packer.at > this.#chunkBytes) return false;
    if (size > limits.raw) throw tooLong(event, size);
    this.#used += size;
    this.#count += 1;
    this.#firstSeq = firstSeq;
    this.#baseNs = baseNs;
    this.#lastSeq = seq;
    this.#lastNs = at;
    const before = this.#counts[type] ?? 0;
    if (before === 0) this.#types.push(type);
    this.#counts[type] = before + 1;
    return true;
  }

  /** Closes the chunk and begins the next; undefined when it is empty. */
  seal(): SealedChunk | undefined {
    if (this.#count === 0) return undefined;
    this.#packer.at = this.#used;
    const sealed: SealedChunk = {
      raw: this.#packer.take(),
      count: this.#count,
      firstSeq: this.#firstSeq,
      seqSpan: this.#lastSeq - this.#firstSeq,
      baseNs: this.#baseNs,
      spanNs: this.#lastNs - this.#baseNs,
      counts: new Map(this.#types.map((type) => [type, this.#counts[type] ?? 0])),
    };
    this.#used = 0;
    this.#count = 0;
    this.#counts.length = 0;
    this.#types.length = 0;
    return sealed;
  }
}

function contentBytes(event: CaptureEvent): number {
  if (event.type !== 'body' && event.type !== 'message' && event.type !== 'chunk') return 0;
  return event.data?.length ?? 0;
}

function tooLong(event: CaptureEvent, bytes: number): GardenhoseError {
  return new GardenhoseError(
    'capture-limit',
    `A ${event.type} event takes ${bytes} bytes, at most ${limits.raw} fit into a record`,
  );
}
