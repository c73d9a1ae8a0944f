import type { Side } from '@gardenhose/core';

/** Bytes before each message: the compressed flag and the length. */
const prefixBytes = 5;

/** Whether these bytes are one message and nothing else, as they nearly always are. */
export const isOneMessage = (chunk: Buffer): boolean =>
  chunk.length >= prefixBytes && chunk.readUInt32BE(1) === chunk.length - prefixBytes;

/** Who is told each whole message, in order. */
export interface MessageReceiver {
  message(side: Side, flag: number, message: Buffer): void;
}

/**
 * Finds the messages in one direction of a gRPC stream, however the bytes are cut (gRPC over HTTP/2, "Length-Prefixed-Message").
 * Pieces of a message are kept as they are until it is whole: they are the memory that the transport holds anyway.
 */
export class Deframer {
  readonly #side: Side;
  #pieces: Buffer[] | undefined;
  #held = 0;
  /** Bytes that are wanted before anything can be told. */
  #wanted = prefixBytes;

  constructor(side: Side) {
    this.#side = side;
  }

  /** Whether the stream stands between two messages. */
  get between(): boolean {
    return this.#held === 0;
  }

  push(chunk: Buffer, receiver: MessageReceiver): void {
    let rest = chunk;
    if (this.#pieces !== undefined) {
      this.#pieces.push(chunk);
      this.#held += chunk.length;
      if (this.#held < this.#wanted) return;
      rest = Buffer.concat(this.#pieces, this.#held);
      this.#drop();
    }
    while (rest.length >= prefixBytes) {
      const end = prefixBytes + rest.readUInt32BE(1);
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

  #hold(rest: Buffer, wanted: number): void {
    this.#pieces = [rest];
    this.#held = rest.length;
    this.#wanted = wanted;
  }

  #drop(): void {
    this.#pieces = undefined;
    this.#held = 0;
    this.#wanted = prefixBytes;
  }
}
