import type { Side } from '@gardenhose/core';

/** Bytes before each message: the compressed flag and the length. */
const prefixBytes = 5;

/** Whether these bytes are one message and nothing else, as they nearly always are. */
export const isOneMessage = (chunk: Buffer): boolean =>
  chunk.length >= prefixBytes && chunk.readUInt32BE(1) === chunk.length - prefixBytes;

/** Pieces of fewer bytes are copied. */
const smallPiece = 1024;
/** Bytes that small pieces are put together in: at first, and at most. */
const firstJoined = 256;
const mostJoined = 16 * 1024;

/** Who is told each whole message, in order. */
export interface MessageReceiver {
  message(side: Side, flag: number, message: Buffer): void;
  /** A message that is longer than the limit has passed. */
  tooLong(side: Side, length: number, flag: number): void;
}

/**
 * Finds the messages in one direction of a gRPC stream, however the bytes are cut (gRPC over HTTP/2, "Length-Prefixed-Message").
 * Pieces of a message are kept as they are until it is whole: they are the memory that the transport holds anyway. Small ones are
 * put together, since each holds on to the whole read that it came in.
 */
export class Deframer {
  readonly #side: Side;
  readonly #maxBytes: number;
  #pieces: Buffer[] | undefined;
  /** Where small pieces are put: what is written of it is the last of the pieces. */
  #joined: Buffer | undefined;
  #joinedUsed = 0;
  #held = 0;
  /** Bytes that are wanted before anything can be told. */
  #wanted = prefixBytes;
  /** Bytes of a message over the limit that are still to come. */
  #passing = 0;
  #passingFlag = 0;
  #passingLength = 0;

  /** @param maxBytes - Messages longer than this are not kept. Default without limit */
  constructor(side: Side, maxBytes: number = Number.POSITIVE_INFINITY) {
    this.#side = side;
    this.#maxBytes = maxBytes;
  }

  /** Whether the stream stands between two messages. */
  get between(): boolean {
    return this.#held === 0 && this.#passing === 0;
  }

  /** Bytes of the message that is under way, as far as its beginning tells, with those before it. */
  get wanted(): number {
    return this.#wanted;
  }

  /** Bytes of the message over the limit that is under way; undefined where there is none. */
  get passing(): number | undefined {
    return this.#passing === 0 ? undefined : this.#passingLength;
  }

  push(chunk: Buffer, receiver: MessageReceiver): void {
    let rest = chunk;
    if (this.#passing > 0) {
      const passed = Math.min(this.#passing, rest.length);
      rest = rest.subarray(passed);
      this.#pass(passed, receiver);
    }
    if (this.#pieces !== undefined) {
      if (this.#held + chunk.length < this.#wanted) {
        this.#keep(this.#pieces, chunk);
        return;
      }
      this.#pieces.push(chunk);
      this.#held += chunk.length;
      rest = Buffer.concat(this.#pieces, this.#held);
      this.#drop();
    }
    while (rest.length >= prefixBytes) {
      const length = rest.readUInt32BE(1);
      const end = prefixBytes + length;
      if (length > this.#maxBytes) {
        this.#passingFlag = rest[0] ?? 0;
        this.#passingLength = length;
        this.#passing = length;
        const passed = Math.min(length, rest.length - prefixBytes);
        rest = rest.subarray(prefixBytes + passed);
        this.#pass(passed, receiver);
        continue;
      }
      if (rest.length < end) {
        this.#hold(rest, end);
        return;
      }
      receiver.message(this.#side, rest[0] ?? 0, rest.subarray(prefixBytes, end));
      if (rest.length === end) return;
      rest = rest.subarray(end);
    }
    if (rest.length > 0) this.#hold(rest, prefixBytes);
  }

  /** Gives up what is held: the stream is over. */
  close(): void {
    this.#drop();
  }

  #pass(bytes: number, receiver: MessageReceiver): void {
    this.#passing -= bytes;
    if (this.#passing === 0) receiver.tooLong(this.#side, this.#passingLength, this.#passingFlag);
  }

  #hold(rest: Buffer, wanted: number): void {
    this.#pieces = [];
    this.#wanted = wanted;
    this.#keep(this.#pieces, rest);
  }

  #keep(pieces: Buffer[], piece: Buffer): void {
    const left = this.#wanted - this.#held;
    this.#held += piece.length;
    if (piece.length >= smallPiece) {
      pieces.push(piece);
      this.#joined = undefined;
      return;
    }
    let joined = this.#joined;
    if (joined === undefined || joined.length - this.#joinedUsed < piece.length) {
      const more = Math.max(firstJoined, piece.length, Math.min(mostJoined, 2 * (joined?.length ?? 0)));
      joined = Buffer.allocUnsafeSlow(Math.min(left, more));
      this.#joined = joined;
      this.#joinedUsed = 0;
      pieces.push(joined);
    }
    joined.set(piece, this.#joinedUsed);
    this.#joinedUsed += piece.length;
    pieces[pieces.length - 1] = joined.subarray(0, this.#joinedUsed);
  }

  #drop(): void {
    this.#pieces = undefined;
    this.#joined = undefined;
    this.#held = 0;
    this.#wanted = prefixBytes;
  }
}
