const edge = 100;

/** Whether a series slips: the median of its last 100 values minus that of its first 100. */
export class Drift {
  readonly #first: number[] = [];
  readonly #last: number[] = [];
  #next = 0;

  add(value: number): void {
    if (this.#first.length < edge) this.#first.push(value);
    this.#last[this.#next] = value;
    this.#next = (this.#next + 1) % edge;
  }

  /** 0 when there are too few values to tell a beginning from an end. */
  value(): number {
    return this.#last.length < edge ? 0 : median(this.#last) - median(this.#first);
  }
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? 0;
}
