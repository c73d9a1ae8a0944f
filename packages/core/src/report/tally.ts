/** Counts by name, of which there may come too many: those beyond the limit are counted under one. */
export class Tally {
  readonly #counts = new Map<string, number>();
  readonly #limit: number;
  #total = 0;

  constructor(limit = 100) {
    this.#limit = limit;
  }

  get total(): number {
    return this.#total;
  }

  add(name: string, count = 1): void {
    this.#total += count;
    const known = this.#counts.get(name);
    const key = known === undefined && this.#counts.size >= this.#limit ? otherName : name;
    this.#counts.set(key, (this.#counts.get(key) ?? 0) + count);
  }

  /** Names and counts, the most frequent first. */
  entries(): [name: string, count: number][] {
    return [...this.#counts].sort((a, b) => b[1] - a[1] || (a[0] < b[0] ? -1 : 1));
  }
}

/** What is counted without a name of its own. */
export const otherName = '(other)';
