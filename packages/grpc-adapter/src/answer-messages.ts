import { promisify } from 'node:util';
import { gunzip, inflate } from 'node:zlib';
import type { AnswerError, RunTimer, Side } from '@gardenhose/core';
import { Deframer, type MessageReceiver } from './deframer.ts';
import { headerOf } from './to-events.ts';

export interface MessageLimits {
  /** Bytes kept of the messages of one answer. */
  readonly maxBodyBytes: number;
  /** Bytes of one message. */
  readonly maxMessageBytes: number;
  /** Bytes kept of all answers that are under way: one for all calls of a sender. */
  readonly room: { bytes: number };
}

/** What it costs to keep a message besides its bytes: a stream of empty ones shall not fill the memory either. */
const messageCost = 128;

interface Kept {
  readonly at: number;
  readonly data: Uint8Array;
}

/** The messages of one answer, as they are at its end. */
export interface KeptMessages {
  readonly chunks: readonly Kept[];
  readonly size: number;
  readonly truncated: boolean;
  /** What takes the place of this when some of them had to be decompressed. */
  readonly whole: Promise<WholeMessages> | undefined;
}

interface WholeMessages {
  readonly chunks: readonly Kept[];
  readonly size: number;
  readonly truncated: boolean;
  readonly error?: AnswerError;
}

/** Finds the messages of one answer in its bytes and keeps them, within limits. */
export class AnswerMessages implements MessageReceiver {
  readonly #limits: MessageLimits;
  readonly #timer: RunTimer;
  readonly #deframer = new Deframer('response');
  readonly #chunks: Kept[] = [];
  /** Places of those that came compressed. */
  #compressed: Set<number> | undefined;
  #kept = 0;
  #size = 0;
  #truncated = false;

  constructor(limits: MessageLimits, timer: RunTimer) {
    this.#limits = limits;
    this.#timer = timer;
  }

  /** How many came whole, kept or not. */
  count = 0;

  /** Takes bytes as they come; says what is wrong, if something is. */
  push(bytes: Buffer, target: string): AnswerError | undefined {
    this.#deframer.push(bytes, this);
    const { maxMessageBytes } = this.#limits;
    if (this.#deframer.wanted <= maxMessageBytes + 5) return undefined;
    return {
      code: 'response-limit',
      message: `${target} sent a message that is over maxMessageBytes (${maxMessageBytes})`,
    };
  }

  message(_side: Side, flag: number, data: Buffer): void {
    this.count++;
    this.#size += data.length;
    const cost = data.length + messageCost;
    const { maxBodyBytes, room } = this.#limits;
    // What is kept is a beginning: nothing is kept behind what was left out.
    this.#truncated ||= this.#kept + cost > maxBodyBytes || cost > room.bytes;
    if (this.#truncated) return;
    this.#kept += cost;
    room.bytes -= cost;
    if (flag !== 0) {
      this.#compressed ??= new Set();
      this.#compressed.add(this.#chunks.length);
    }
    this.#chunks.push({ at: this.#timer.nowNs(), data });
  }

  tooLong(): void {
    // The deframer has no limit here: what is too long ends the call as it begins.
  }

  /** @param head - Of the answer, names and values in turns */
  finish(head: readonly string[], target: string): KeptMessages {
    this.#limits.room.bytes += this.#kept;
    this.#deframer.close();
    const compressed = this.#compressed;
    return {
      chunks: this.#chunks,
      size: this.#size,
      truncated: this.#truncated,
      whole: compressed === undefined ? undefined : this.#decompressed(compressed, head, target),
    };
  }

  async #decompressed(
    compressed: ReadonlySet<number>,
    head: readonly string[],
    target: string,
  ): Promise<WholeMessages> {
    const coding = headerOf(head, 'grpc-encoding');
    const decode = coding === 'gzip' ? gunzipped : coding === 'deflate' ? inflated : undefined;
    const { maxBodyBytes, maxMessageBytes: maxOutputLength, room } = this.#limits;
    const chunks: Kept[] = [];
    let size = this.#size;
    let kept = 0;
    let truncated = this.#truncated;
    let error: AnswerError | undefined;
    for (const [place, chunk] of this.#chunks.entries()) {
      let { data } = chunk;
      if (compressed.has(place)) {
        try {
          if (decode === undefined) throw new TypeError('an unknown coding');
          data = await decode(chunk.data, { maxOutputLength });
        } catch {
          const message = `${target} sent a message that cannot be decompressed, or is over maxMessageBytes (${maxOutputLength}) then`;
          error = { code: 'response-malformed', message };
          break;
        }
        size += data.length - chunk.data.length;
      }
      // A few bytes may have become very many: the limits hold for what they became.
      const cost = data.length + messageCost;
      if (kept + cost > maxBodyBytes || cost > room.bytes) {
        truncated = true;
        break;
      }
      kept += cost;
      room.bytes -= cost;
      chunks.push({ at: chunk.at, data });
    }
    room.bytes += kept;
    return error === undefined ? { chunks, size, truncated } : { chunks, size, truncated, error };
  }
}

const gunzipped = promisify<Uint8Array, { maxOutputLength: number }, Buffer>(gunzip);
const inflated = promisify<Uint8Array, { maxOutputLength: number }, Buffer>(inflate);
