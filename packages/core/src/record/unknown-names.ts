const mostNames = 64;

/** Counts names, at most 64 of them: those that come later are not told. */
export class UnknownNames {
  readonly #counts = new Map<string, number>();
  /** Made when it is asked for, and good until the next count. */
  #entries: readonly (readonly [name: string, count: number])[] | undefined = [];

  add(name: string): void {
    const count = this.#counts.get(name) ?? 0;
    if (count === 0 && this.#counts.size >= mostNames) return;
    this.#counts.set(name, count + 1);
    this.#entries = undefined;
  }

  /** The most frequent first. */
  entries(): readonly (readonly [name: string, count: number])[] {
    this.#entries ??= [...this.#counts].sort(([, a], [, b]) => b - a);
    return this.#entries;
  }
}
