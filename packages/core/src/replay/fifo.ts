/** So many that were taken out are worth moving the rest. */
const moveFrom = 1_024;

/** First in, first out. An array with a moving start: shifting one would move all that is in it for each that is taken out. */
export class Fifo<T> {
  // What was taken is let go at once: it would live as long as the array does.
  #items: (T | undefined)[] = [];
  #start = 0;

  get size(): number {
    return this.#items.length - this.#start;
  }

  push(item: T): void {
    this.#items.push(item);
  }

  /** The one at `place`, counted from the next to be taken out. */
  at(place: number): T | undefined {
    return this.#items[this.#start + place];
  }

  shift(): T | undefined {
    const item = this.#items[this.#start];
    if (this.#start === this.#items.length) return undefined;
    this.#items[this.#start++] = undefined;
    if (this.#start >= moveFrom && this.#start * 2 >= this.#items.length) {
      this.#items.splice(0, this.#start);
      this.#start = 0;
    }
    return item;
  }

  /** All that is in it, which it holds no longer. */
  drain(): T[] {
    const left: T[] = [];
    for (let item = this.shift(); item !== undefined; item = this.shift()) left.push(item);
    return left;
  }
}
