import type { MessagePart } from './message-parts.ts';

/** What stands in place of parts of a message, and what comes behind them. */
export class PartEdits {
  readonly #instead = new Map<MessagePart, readonly Uint8Array[]>();
  readonly #added: Uint8Array[] = [];

  replace(part: MessagePart, pieces: readonly Uint8Array[]): void {
    this.#instead.set(part, pieces);
  }

  remove(part: MessagePart): void {
    this.#instead.set(part, []);
  }

  add(pieces: readonly Uint8Array[]): void {
    append(this.#added, pieces);
  }

  /** The content with the edits; the same bytes when there are none. */
  apply(parts: readonly MessagePart[], bytes: Buffer): Buffer {
    if (this.#instead.size === 0 && this.#added.length === 0) return bytes;
    const pieces: Uint8Array[] = [];
    for (const part of parts) {
      const instead = this.#instead.get(part);
      if (instead === undefined) pieces.push(bytes.subarray(part.start, part.end));
      else append(pieces, instead);
    }
    append(pieces, this.#added);
    return Buffer.concat(pieces);
  }
}

/** There can be more of them than a call takes arguments. */
function append(list: Uint8Array[], more: readonly Uint8Array[]): void {
  for (const each of more) list.push(each);
}
