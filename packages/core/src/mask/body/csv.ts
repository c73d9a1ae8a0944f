const quote = 0x22;
const lf = 0x0a;
const cr = 0x0d;
const mostCells = 4096;

/** A cell: what is in its quotes, if it has them. */
export interface CsvCell {
  readonly start: number;
  readonly end: number;
  readonly isQuoted: boolean;
  /** Quotes within it are doubled. */
  readonly hasQuotes: boolean;
}

/**
 * Reads a table row by row as RFC 4180 says, with any separator and any line end; blank lines are passed over. What stands
 * behind the quote that ends a cell, and a quote that does not end, cannot be read: others would take it otherwise.
 */
export class CsvReader {
  /** The row at hand. */
  cells: CsvCell[] = [];
  isBroken = false;
  readonly #bytes: Buffer;
  readonly #end: number;
  readonly #separator: number;
  #at: number;

  constructor(bytes: Buffer, start: number, end: number, separator: number) {
    this.#bytes = bytes;
    this.#at = start;
    this.#end = end;
    this.#separator = separator;
  }

  /** Goes to the next row; false at the end, or where the table cannot be read on. */
  next(): boolean {
    while (this.#at < this.#end && this.#isLineEnd()) this.#at++;
    if (this.#at >= this.#end) return false;
    this.cells = [];
    for (;;) {
      const cell = this.#bytes[this.#at] === quote && this.#at < this.#end ? this.#quoted() : this.#plain();
      if (cell === undefined || this.cells.length >= mostCells) {
        this.isBroken = true;
        return false;
      }
      this.cells.push(cell);
      if (this.#at >= this.#end || this.#isLineEnd()) return true;
      this.#at++;
    }
  }

  #isLineEnd(): boolean {
    const code = this.#bytes[this.#at];
    return code === lf || code === cr;
  }

  #plain(): CsvCell {
    const start = this.#at;
    while (this.#at < this.#end && !this.#isLineEnd() && this.#bytes[this.#at] !== this.#separator)
      this.#at++;
    return { start, end: this.#at, isQuoted: false, hasQuotes: false };
  }

  #quoted(): CsvCell | undefined {
    const start = this.#at + 1;
    let hasQuotes = false;
    for (let at = start; at < this.#end; at++) {
      if (this.#bytes[at] !== quote) continue;
      if (at + 1 < this.#end && this.#bytes[at + 1] === quote) {
        hasQuotes = true;
        at++;
        continue;
      }
      this.#at = at + 1;
      const closes = this.#at >= this.#end || this.#isLineEnd() || this.#bytes[this.#at] === this.#separator;
      return closes ? { start, end: at, isQuoted: true, hasQuotes } : undefined;
    }
    return undefined;
  }
}
