/** A record that is well-formed MessagePack but does not say what its type must say. */
export class InvalidRecord extends Error {
  override readonly name = 'InvalidRecord';
}

/** A value of an open list that this version does not know: the record is skipped, not refused. */
export class UnknownValue extends Error {
  override readonly name = 'UnknownValue';
}

/** Reads the fields of a record one after the other and checks the kind of each. Missing ones are nil. */
export class Fields {
  readonly #values: readonly unknown[];
  readonly #record: string;
  #next: number;

  constructor(values: readonly unknown[], record: string, from: number) {
    this.#values = values;
    this.#record = record;
    this.#next = from;
  }

  uint(): number {
    const value = this.#take();
    if (typeof value !== 'number' || !Number.isSafeInteger(value) || value < 0)
      throw this.#wrong('a whole number');
    return value;
  }

  optionalUint(): number | undefined {
    return this.#nil() ? undefined : this.uint();
  }

  real(): number {
    const value = this.#take();
    if (typeof value !== 'number' || !Number.isFinite(value) || value < 0)
      throw this.#wrong('a finite number');
    return value;
  }

  /** Of either sign. */
  signed(): number {
    const value = this.#take();
    if (typeof value !== 'number' || !Number.isFinite(value)) throw this.#wrong('a finite number');
    return value;
  }

  bool(): boolean {
    const value = this.#take();
    if (typeof value !== 'boolean') throw this.#wrong('true or false');
    return value;
  }

  optionalBool(): boolean | undefined {
    return this.#nil() ? undefined : this.bool();
  }

  text(): string {
    const value = this.#take();
    if (typeof value !== 'string') throw this.#wrong('a string');
    return value;
  }

  optionalText(): string | undefined {
    return this.#nil() ? undefined : this.text();
  }

  wire(): string {
    return this.#wire(this.#take());
  }

  optionalWire(): string | undefined {
    return this.#nil() ? undefined : this.wire();
  }

  wireList(maxItems: number, pairs: boolean): string[] {
    const value = this.list();
    if (value.length > maxItems || (pairs && value.length % 2 !== 0)) {
      throw this.#wrong(`a list of ${pairs ? 'names and values' : 'names'}, at most ${maxItems} items`);
    }
    return value.map((item) => this.#wire(item));
  }

  optionalWireList(maxItems: number): string[] {
    return this.#nil() ? [] : this.wireList(maxItems, false);
  }

  /** Copied: a view would keep the whole chunk in memory for as long as the bytes live. */
  bytes(): Uint8Array {
    const value = this.#take();
    if (!(value instanceof Uint8Array)) throw this.#wrong('bytes');
    return new Uint8Array(value);
  }

  optionalBytes(): Uint8Array | undefined {
    return this.#nil() ? undefined : this.bytes();
  }

  list(): readonly unknown[] {
    const value = this.#take();
    if (!Array.isArray(value)) throw this.#wrong('a list');
    return value;
  }

  optionalList(): readonly unknown[] {
    return this.#nil() ? [] : this.list();
  }

  /** The entry of `list` at the stored place. */
  oneOf<T>(list: readonly T[]): T {
    const value = list[this.uint()];
    if (value === undefined) throw new UnknownValue();
    return value;
  }

  /** The entry of `list` that is the stored word. */
  wordOf<T extends string>(list: readonly T[]): T {
    const word = this.text();
    const value = list.find((entry) => entry === word);
    if (value === undefined) throw new UnknownValue();
    return value;
  }

  #take(): unknown {
    return this.#values[this.#next++];
  }

  #nil(): boolean {
    const value = this.#values[this.#next];
    if (value !== undefined && value !== null) return false;
    this.#next++;
    return true;
  }

  #wire(value: unknown): string {
    if (typeof value === 'string') return value;
    if (value instanceof Uint8Array) {
      return Buffer.from(value.buffer, value.byteOffset, value.byteLength).toString('latin1');
    }
    throw this.#wrong('a string or bytes');
  }

  #wrong(expected: string): InvalidRecord {
    return new InvalidRecord(`field ${this.#next - 1} of a ${this.#record} record is not ${expected}`);
  }
}
