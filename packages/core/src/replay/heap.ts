/** What stands in a {@link Heap}: by `key`, and where, so that it can be taken out from any place. */
export interface HeapEntry {
  readonly key: number;
  place: number;
}

/** A binary heap by the smallest key, whose entries know their places: each of its steps takes the logarithm of its size. */
export class Heap<E extends HeapEntry> {
  readonly #entries: E[] = [];

  get size(): number {
    return this.#entries.length;
  }

  /** The entry with the smallest key. */
  get first(): E | undefined {
    return this.#entries[0];
  }

  /** The smallest key; infinite when it is empty. */
  get least(): number {
    return this.#entries[0]?.key ?? Number.POSITIVE_INFINITY;
  }

  push(entry: E): void {
    this.#entries.push(entry);
    this.#rise(this.#entries.length - 1, entry);
  }

  /** Takes out an entry that is in it. */
  delete(entry: E): void {
    const last = this.#entries.pop();
    if (last === undefined || last === entry) return;
    const { place } = entry;
    this.#rise(place, last);
    this.#sink(last.place, last);
  }

  #rise(from: number, entry: E): void {
    let place = from;
    while (place > 0) {
      const above = this.#entries[(place - 1) >> 1];
      if (above === undefined || above.key <= entry.key) break;
      this.#put(place, above);
      place = (place - 1) >> 1;
    }
    this.#put(place, entry);
  }

  #sink(from: number, entry: E): void {
    let place = from;
    for (;;) {
      let below = 2 * place + 1;
      let child = this.#entries[below];
      const right = this.#entries[below + 1];
      if (child !== undefined && right !== undefined && right.key < child.key) {
        below++;
        child = right;
      }
      if (child === undefined || child.key >= entry.key) break;
      this.#put(place, child);
      place = below;
    }
    this.#put(place, entry);
  }

  #put(place: number, entry: E): void {
    this.#entries[place] = entry;
    entry.place = place;
  }
}
