import { crc32 } from 'node:zlib';
import { GardenhoseError } from '../errors.ts';
import { codecs, frameHeaderBytes, frameTypes, magic } from './format.ts';
import { buildFrame, type EncryptPayload, type FrameContent } from './frame.ts';
import { encodeTrailer } from './summary-payload.ts';

/** Takes the bytes of a capture, in order: a file, a pipe, a socket, memory. */
export interface ByteOutput {
  /** Takes all of `bytes`, or fails. The writer waits for a returned promise before its next call. */
  write(bytes: Uint8Array): void | Promise<void>;
  /**
   * After a failed write: makes the output end at `offset` again, if it can, so that no torn frame stays behind. Returns
   * where it ends now. An output without this cannot go on after a failed write.
   */
  restore?(offset: number): number;
}

/** Where a frame came to stand. */
export interface FramePlace {
  readonly offset: number;
  readonly number: number;
  /** Length of its payload there. */
  readonly storedBytes: number;
}

/** Gives frames to an output: numbers them, keeps account of where they stand, and copes with writes that fail. */
export class FrameWriter {
  readonly #output: ByteOutput;
  readonly #sync: Uint8Array;
  readonly #head: Uint8Array;
  readonly #encrypt: EncryptPayload | undefined;
  #number = 1;
  #offset = 0;
  #broken: GardenhoseError | undefined;

  constructor(output: ByteOutput, sync: Uint8Array, headerPayload: Uint8Array, encrypt?: EncryptPayload) {
    this.#output = output;
    this.#sync = sync;
    this.#encrypt = encrypt;
    this.#head = Buffer.concat([
      magic,
      buildFrame(sync, 0, plainContent(frameTypes.header, headerPayload, 1)),
    ]);
  }

  /** Bytes that the output has taken. */
  get offset(): number {
    return this.#offset;
  }

  /** Why the output can take nothing more. */
  get broken(): GardenhoseError | undefined {
    return this.#broken;
  }

  /** Writes magic and header, if that was not done. */
  begin(): void | Promise<void> {
    return this.#offset === 0 ? this.#emit(this.#head, this.#number) : undefined;
  }

  /**
   * Writes a frame in one piece: behind the head if it is the first, with the trailer if it is the last.
   *
   * @throws GardenhoseError `io`, also as a rejection
   */
  write(content: FrameContent, last = false): FramePlace | Promise<FramePlace> {
    const first = this.#offset === 0;
    const offset = first ? this.#head.length : this.#offset;
    const number = this.#number;
    // Index and footer say where chunks stand, and nothing of what is in them.
    const encrypt = content.type === frameTypes.chunk ? this.#encrypt : undefined;
    const frame = buildFrame(this.#sync, number, content, encrypt);
    const parts = [frame];
    if (first) parts.unshift(this.#head);
    if (last) parts.push(encodeTrailer(offset, frame.length));
    const bytes = parts.length === 1 ? frame : Buffer.concat(parts);
    return after(this.#emit(bytes, number + 1), () => ({
      offset,
      number,
      storedBytes: frame.length - frameHeaderBytes,
    }));
  }

  #emit(bytes: Uint8Array, nextNumber: number): void | Promise<void> {
    let pending: void | Promise<void>;
    try {
      pending = this.#output.write(bytes);
    } catch (error) {
      return this.#failed(error);
    }
    const taken = (): void => {
      this.#offset += bytes.length;
      this.#number = nextNumber;
    };
    return pending === undefined ? taken() : pending.then(taken, (error) => this.#failed(error));
  }

  #failed(cause: unknown): never {
    const why = cause instanceof Error ? cause.message : String(cause);
    const error = new GardenhoseError('io', `The capture could not be written: ${why}`, { cause });
    const end = this.#output.restore?.(this.#offset);
    // Without its head a capture is no capture, and where an unknown part of a frame has gone, nothing can follow it.
    if (end === undefined || (this.#offset === 0 && end !== 0)) this.#broken = error;
    else if (end !== this.#offset) {
      // A torn frame stays. Readers find the next one by its sync mark; the torn one's number is not used again.
      this.#offset = end;
      this.#number += 1;
    }
    throw error;
  }
}

/** Goes on at once where nothing must be waited for: in the last moments of a process nothing can be. */
export function after<T, U>(pending: T | Promise<T>, next: (value: T) => U | Promise<U>): U | Promise<U> {
  return pending instanceof Promise ? pending.then(next) : next(pending);
}

/** A payload as it stands. */
export function plainContent(type: number, payload: Uint8Array, count: number): FrameContent {
  const crcRaw = crc32(payload);
  return { type, codec: codecs.none, stored: payload, rawBytes: payload.length, crcRaw, count };
}
