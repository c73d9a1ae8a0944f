import { promisify } from 'node:util';
import { inflateRaw, type ZlibOptions, constants as zlibConstants } from 'node:zlib';
import type { FrameMessage } from './frame-reader.ts';
import type { Deflate } from './handshake.ts';
import type { Room } from './room.ts';

/** A message of an answer. */
export interface KeptMessage {
  readonly at: number;
  readonly data: Uint8Array;
  readonly kind: number;
}

/** All messages of an answer, as far as they were kept. */
export interface MessagesOfAnswer {
  readonly chunks: readonly KeptMessage[];
  readonly size: number;
  readonly truncated: boolean;
  /** Whether one could not be decompressed: then those behind it are missing. */
  readonly unreadable: boolean;
}

/** What it costs to keep a message besides its bytes: a stream of empty ones shall not fill the memory either. */
const messageCost = 128;
/** As far back as deflate looks (RFC 1951 section 2). */
const windowBytes = 32 * 1024;
/** RFC 7692 section 7.2.2. */
const tail = Buffer.from([0x00, 0x00, 0xff, 0xff]);

/** Keeps the messages of one answer, within limits. They are decompressed at the end: while it runs, others wait for their time. */
export class KeptMessages {
  readonly #maxBytes: number;
  readonly #room: Room;
  readonly #chunks: KeptMessage[] = [];
  /** Places of those that came compressed. */
  readonly #compressed = new Set<number>();
  #kept = 0;
  #size = 0;
  #truncated = false;

  /**
   * @param maxBytes - Kept of one answer, before they are decompressed and after
   * @param room - For what is kept of all answers that are under way
   */
  constructor(maxBytes: number, room: Room) {
    this.#maxBytes = maxBytes;
    this.#room = room;
  }

  add(at: number, { opcode: kind, data, size, compressed }: FrameMessage): void {
    this.#size += size;
    const cost = size + messageCost;
    // What is kept is a beginning: nothing is kept behind what was left out.
    this.#truncated ||= data.length < size || this.#kept + cost > this.#maxBytes || cost > this.#room.bytes;
    if (this.#truncated) return;
    this.#kept += cost;
    this.#room.bytes -= cost;
    if (compressed) this.#compressed.add(this.#chunks.length);
    // A view would hold on to all that was read with it.
    this.#chunks.push({ at, data: Buffer.from(data), kind });
  }

  /** Gives the room back, and what came; a promise where some of it has to be decompressed first. */
  finish(deflate: Deflate | undefined): MessagesOfAnswer | Promise<MessagesOfAnswer> {
    this.#room.bytes += this.#kept;
    const [chunks, size, truncated] = [this.#chunks, this.#size, this.#truncated];
    return this.#compressed.size === 0
      ? { chunks, size, truncated, unreadable: false }
      : this.#decompressed(deflate?.response === 'window');
  }

  async #decompressed(takenOver: boolean): Promise<MessagesOfAnswer> {
    const chunks: KeptMessage[] = [];
    let size = this.#size;
    let kept = 0;
    let before = Buffer.alloc(0);
    for (const [place, chunk] of this.#chunks.entries()) {
      let { data } = chunk;
      if (this.#compressed.has(place)) {
        const plain = await inflated(data, before, this.#maxBytes);
        if (plain === undefined) return { chunks, size, truncated: true, unreadable: true };
        size += plain.length - data.length;
        if (takenOver) before = Buffer.concat([before, plain]).subarray(-windowBytes);
        data = plain;
      }
      kept += data.length + messageCost;
      if (kept > this.#maxBytes) return { chunks, size, truncated: true, unreadable: false };
      chunks.push({ ...chunk, data });
    }
    return { chunks, size, truncated: this.#truncated, unreadable: false };
  }
}

const inflate = promisify<Uint8Array, ZlibOptions, Buffer>(inflateRaw);

/** @param before - What the message goes on from: the end of what was put out before it */
async function inflated(
  data: Uint8Array,
  before: Buffer,
  maxOutputLength: number,
): Promise<Buffer | undefined> {
  try {
    return await inflate(Buffer.concat([data, tail]), {
      maxOutputLength,
      finishFlush: zlibConstants.Z_SYNC_FLUSH,
      dictionary: before.length === 0 ? undefined : before,
    });
  } catch {
    // No deflate, or too much of it: told by the answer.
    return undefined;
  }
}
