/**
 * Jobs or answers on their way between threads: numbers in one array, bytes in one buffer, both transferred, and the strings.
 * Cloning them as objects would cost the thread that sends several times as much.
 */
export interface Batch {
  readonly numbers: Float64Array<ArrayBuffer>;
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly strings: readonly string[];
}

/** The buffers of a batch, to be named when it is posted. */
export function batchTransfer(batch: Batch): ArrayBuffer[] {
  return [batch.numbers.buffer, batch.bytes.buffer];
}

/** Puts numbers, bytes and strings into a batch. */
export class Packer {
  readonly #numbers: number[] = [];
  readonly #bytes: Uint8Array[] = [];
  readonly #strings: string[] = [];
  readonly #places = new Map<string, number>();
  #length = 0;

  number(value: number): void {
    this.#numbers.push(value);
  }

  /** NaN stands for none. */
  maybe(value: number | undefined): void {
    this.#numbers.push(value ?? Number.NaN);
  }

  flag(value: boolean | undefined): void {
    this.#numbers.push(value === true ? 1 : 0);
  }

  bytes(value: Uint8Array): void {
    this.#numbers.push(value.length);
    this.#bytes.push(value);
    this.#length += value.length;
  }

  /** A string that is likely to come again in the batch. */
  shared(value: string): void {
    let place = this.#places.get(value);
    if (place === undefined) {
      place = this.#strings.length;
      this.#strings.push(value);
      this.#places.set(value, place);
    }
    this.#numbers.push(place);
  }

  strings(values: readonly string[]): void {
    this.#numbers.push(this.#strings.length, values.length);
    for (const value of values) this.#strings.push(value);
  }

  batch(): Batch {
    const bytes = new Uint8Array(this.#length);
    let offset = 0;
    for (const piece of this.#bytes) {
      bytes.set(piece, offset);
      offset += piece.length;
    }
    return { numbers: Float64Array.from(this.#numbers), bytes, strings: this.#strings };
  }
}

/** Takes them out again, in the same order. */
export class Unpacker {
  readonly #batch: Batch;
  #number = 0;
  #byte = 0;

  constructor(batch: Batch) {
    this.#batch = batch;
  }

  get done(): boolean {
    return this.#number >= this.#batch.numbers.length;
  }

  number(): number {
    return this.#batch.numbers[this.#number++] ?? Number.NaN;
  }

  maybe(): number | undefined {
    const value = this.number();
    return Number.isNaN(value) ? undefined : value;
  }

  flag(): boolean {
    return this.number() === 1;
  }

  bytes(): Uint8Array {
    const from = this.#byte;
    this.#byte += this.number();
    return this.#batch.bytes.subarray(from, this.#byte);
  }

  string(): string {
    return this.#batch.strings[this.number()] ?? '';
  }

  strings(): string[] {
    const from = this.number();
    return this.#batch.strings.slice(from, from + this.number());
  }
}
