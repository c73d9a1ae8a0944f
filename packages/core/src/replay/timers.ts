interface Entry {
  readonly at: number;
  run: (() => void) | undefined;
}

/** So few that are cancelled are not worth looking for. */
const keptCancelled = 1_024;

/** Callbacks by time: a binary heap. What is cancelled stays in it, empty, until its time or until it is half of the heap. */
export class Timers {
  #heap: Entry[] = [];
  #cancelled = 0;

  /** The earliest time that something is set for; infinite when nothing is. */
  get next(): number {
    return this.#heap[0]?.at ?? Number.POSITIVE_INFINITY;
  }

  /** @returns the undo */
  set(at: number, run: () => void): () => void {
    const entry: Entry = { at, run };
    this.#heap.push(entry);
    this.#rise(this.#heap.length - 1, entry);
    return () => {
      if (entry.run === undefined) return;
      entry.run = undefined;
      this.#cancelled++;
      if (this.#cancelled > keptCancelled && this.#cancelled * 2 > this.#heap.length) this.#sweep();
    };
  }

  /** Callbacks and cancelled ones that are held. */
  get size(): number {
    return this.#heap.length;
  }

  /** Takes out and runs what is due at `now`. */
  runDue(now: number): void {
    for (let first = this.#heap[0]; first !== undefined && first.at <= now; first = this.#heap[0]) {
      const last = this.#heap.pop();
      if (last !== undefined && last !== first) this.#sink(last);
      const { run } = first;
      if (run === undefined) this.#cancelled--;
      // To undo what has run is no cancelling.
      first.run = undefined;
      run?.();
    }
  }

  /** A sorted array is a heap. */
  #sweep(): void {
    this.#heap = this.#heap.filter(({ run }) => run !== undefined).sort((a, b) => a.at - b.at);
    this.#cancelled = 0;
  }

  #rise(from: number, entry: Entry): void {
    let index = from;
    while (index > 0) {
      const above = (index - 1) >> 1;
      const parent = this.#heap[above];
      if (parent === undefined || parent.at <= entry.at) break;
      this.#heap[index] = parent;
      index = above;
    }
    this.#heap[index] = entry;
  }

  /** Puts `entry` in the place of the first and down to where it belongs. */
  #sink(entry: Entry): void {
    let index = 0;
    for (;;) {
      let below = 2 * index + 1;
      let child = this.#heap[below];
      const right = this.#heap[below + 1];
      if (right !== undefined && child !== undefined && right.at < child.at) {
        below++;
        child = right;
      }
      if (child === undefined || child.at >= entry.at) break;
      this.#heap[index] = child;
      index = below;
    }
    this.#heap[index] = entry;
  }
}
