/** The buffers that were handed over and have not come back, oldest first. */
export class OutQueue {
  readonly #lastSeqs: number[] = [];
  readonly #times: number[] = [];
  /** The last number in those that have come back. */
  processedSeq = 0;

  /** @param lastSeq - The last number in the buffer. @param at - Nanoseconds */
  push(lastSeq: number, at: number): void {
    this.#lastSeqs.push(lastSeq);
    this.#times.push(at);
  }

  shift(): void {
    this.processedSeq = this.#lastSeqs.shift() ?? this.processedSeq;
    this.#times.shift();
  }

  /** How long the oldest has been out; 0 where none is. */
  lagNs(now: number): number {
    const [oldest = now] = this.#times;
    return Math.max(0, now - oldest);
  }
}
