/** What a map holds at most, besides its number of entries. */
export interface ByteBound<K, V> {
  readonly mostBytes: number;
  /** About what an entry takes in memory. */
  bytesOf(key: K, value: V): number;
}

/** A map that forgets what was put in first, and counts it. */
export class BoundedMap<K, V> {
  /** How many were forgotten. */
  forgotten = 0;
  readonly #entries = new Map<K, V>();
  readonly #most: number;
  readonly #bound: ByteBound<K, V> | undefined;
  /** Of each entry when it was put in: it may have grown since. */
  readonly #costs = new Map<K, number>();
  #bytes = 0;

  constructor(most: number, bound?: ByteBound<K, V>) {
    this.#most = most;
    this.#bound = bound;
  }

  get size(): number {
    return this.#entries.size;
  }

  has(key: K): boolean {
    return this.#entries.has(key);
  }

  get(key: K): V | undefined {
    return this.#entries.get(key);
  }

  /** An entry that is there keeps its place; one that has grown is put in again to be counted as it is. */
  set(key: K, value: V): void {
    this.#entries.set(key, value);
    if (this.#bound !== undefined) {
      const bytes = this.#bound.bytesOf(key, value);
      this.#bytes += bytes - (this.#costs.get(key) ?? 0);
      this.#costs.set(key, bytes);
    }
    while (this.#entries.size > this.#most || this.#bytes > (this.#bound?.mostBytes ?? 0))
      this.#forgetOldest();
  }

  #forgetOldest(): void {
    const oldest = this.#entries.keys().next();
    if (oldest.done === true) return;
    this.#entries.delete(oldest.value);
    this.#bytes -= this.#costs.get(oldest.value) ?? 0;
    this.#costs.delete(oldest.value);
    this.forgotten++;
  }
}
