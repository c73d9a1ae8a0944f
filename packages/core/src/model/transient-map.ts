/**
 * A map for values that are held a short while, by the million, one after the other. In a `Map` they would outlive that: when
 * V8 makes its table anew, the old table points to the new one, and once one of them is in the old generation no collection
 * of the young one frees what any later one held. Here the tables hold numbers alone, and the values stand in one array.
 */
export class TransientMap<K, V> {
  readonly #places = new Map<K, number>();
  readonly #values: (V | undefined)[] = [];
  readonly #free: number[] = [];

  get size(): number {
    return this.#places.size;
  }

  get(key: K): V | undefined {
    const place = this.#places.get(key);
    return place === undefined ? undefined : this.#values[place];
  }

  set(key: K, value: V): void {
    let place = this.#places.get(key);
    if (place === undefined) {
      place = this.#free.pop() ?? this.#values.length;
      this.#places.set(key, place);
    }
    this.#values[place] = value;
  }

  /** Takes the value out; undefined when there is none. */
  take(key: K): V | undefined {
    const place = this.#places.get(key);
    if (place === undefined) return undefined;
    const value = this.#values[place];
    this.#values[place] = undefined;
    this.#free.push(place);
    this.#places.delete(key);
    return value;
  }

  /** How many values are such. */
  count(isSuch: (value: V) => boolean): number {
    return this.#values.reduce((sum, value) => sum + (value !== undefined && isSuch(value) ? 1 : 0), 0);
  }
}
