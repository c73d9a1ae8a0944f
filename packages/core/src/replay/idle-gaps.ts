import { Heap, type HeapEntry } from './heap.ts';

/** A recording has no more under way at once; beyond it, ends are not looked at. */
const maxUnderWay = 65_536;

/** Finds times in which nothing begins and nothing ends, in exchanges that come in the order of their starts. */
export class IdleGaps {
  readonly #longestNs: number;
  /** Ends of those that are under way. */
  #ends = new Heap<HeapEntry>();
  #last: number | undefined;

  /** @param longestNs - How long such a time may be */
  constructor(longestNs: number) {
    this.#longestNs = longestNs;
  }

  /** By how much the time before the next exchange is too long. */
  excessBefore(startAt: number, finishedAt: number): number {
    if (this.#longestNs === Number.POSITIVE_INFINITY) return 0;
    let last = this.#last ?? startAt;
    for (let end = this.#ends.first; end !== undefined && end.key <= startAt; end = this.#ends.first) {
      last = Math.max(last, end.key);
      this.#ends.delete(end);
    }
    this.#last = Math.max(last, startAt);
    if (this.#ends.size < maxUnderWay) this.#ends.push({ key: finishedAt, place: -1 });
    return Math.max(0, startAt - last - this.#longestNs);
  }

  reset(): void {
    this.#ends = new Heap();
    this.#last = undefined;
  }
}
