/**
 * A view of a byte stream that moves forward. Holds no more than what was asked for and one piece of the source, however
 * long the stream is.
 */
export class ByteWindow {
  readonly #source: AsyncIterator<Uint8Array>;
  #buffer: Uint8Array = new Uint8Array(0);
  /** A piece of the source itself, which is not ours to write to. */
  #borrowed = true;
  #start = 0;
  #end = 0;
  #offset: number;
  #ended = false;

  constructor(source: AsyncIterable<Uint8Array>, offset = 0) {
    this.#source = source[Symbol.asyncIterator]();
    this.#offset = offset;
  }

  /** Place of the window's first byte in the stream. */
  get offset(): number {
    return this.#offset;
  }

  /** Bytes at hand. */
  get available(): number {
    return this.#end - this.#start;
  }

  /** Reads until `length` bytes are at hand; false when the stream ends before. */
  async need(length: number): Promise<boolean> {
    while (this.available < length && !this.#ended) {
      const { done, value } = await this.#source.next();
      if (done === true) this.#ended = true;
      else this.#append(value, length);
    }
    return this.available >= length;
  }

  /** The first `length` bytes at hand, good until the window moves or reads on. */
  view(length: number): Uint8Array {
    return this.#buffer.subarray(this.#start, this.#start + length);
  }

  /** Moves over bytes that are at hand. */
  skip(length: number): void {
    this.#start += length;
    this.#offset += length;
  }

  /** Tells the source that no more is wanted. */
  async close(): Promise<void> {
    this.#ended = true;
    await this.#source.return?.();
  }

  #append(piece: Uint8Array, needed: number): void {
    if (!(piece instanceof Uint8Array))
      throw new TypeError('The source of a capture must give Uint8Array pieces');
    const held = this.available;
    if (held === 0) {
      this.#buffer = piece;
      this.#borrowed = true;
      this.#start = 0;
      this.#end = piece.length;
      return;
    }
    const total = held + piece.length;
    if (this.#borrowed || total > this.#buffer.length) {
      const grown = Buffer.allocUnsafe(Math.max(total, Math.min(needed + piece.length, 2 * total)));
      grown.set(this.view(held), 0);
      this.#buffer = grown;
      this.#borrowed = false;
      this.#start = 0;
    } else if (this.#end + piece.length > this.#buffer.length) {
      this.#buffer.copyWithin(0, this.#start, this.#end);
      this.#start = 0;
    }
    this.#buffer.set(piece, this.#start + held);
    this.#end = this.#start + total;
  }
}
