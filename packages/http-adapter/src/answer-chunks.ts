/** Pieces that are kept as they came. What is small and comes after so many is put together. */
const maxSmall = 1_024;
const smallBytes = 4_096;
const pageBytes = 16_384;

/**
 * The body of an answer as it came, piece by piece. A target can send its body a byte at a time, and each piece costs far
 * more than a byte to keep: so beyond 1,024 small pieces, small ones are put together, at the time of the first of them.
 */
export class AnswerChunks {
  readonly list: { at: number; data: Uint8Array }[] = [];
  #small = 0;
  #page: Buffer | undefined;
  #used = 0;

  add(at: number, data: Uint8Array): void {
    const isSmall = data.length < smallBytes;
    if (!isSmall || ++this.#small <= maxSmall) {
      this.#page = undefined;
      this.list.push({ at, data });
      return;
    }
    const last = this.list.at(-1);
    if (last === undefined || this.#page === undefined || this.#used + data.length > this.#page.length) {
      this.#page = Buffer.allocUnsafeSlow(pageBytes);
      this.#page.set(data);
      this.#used = data.length;
      this.list.push({ at, data: this.#page.subarray(0, this.#used) });
      return;
    }
    this.#page.set(data, this.#used);
    this.#used += data.length;
    last.data = this.#page.subarray(0, this.#used);
  }
}
