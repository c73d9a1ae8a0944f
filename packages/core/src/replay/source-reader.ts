/** Reads an iterable until it ends or is told to halt, even while it waits for more. */
export class SourceReader<T> {
  readonly #iterator: AsyncIterator<T> | Iterator<T>;
  #halted = false;
  #halt = () => {};
  #done = false;

  constructor(source: AsyncIterable<T> | Iterable<T>) {
    this.#iterator =
      Symbol.asyncIterator in source ? source[Symbol.asyncIterator]() : source[Symbol.iterator]();
  }

  /** The next value, or undefined when there are no more or reading was halted. */
  async next(): Promise<{ readonly value: T } | undefined> {
    if (this.#halted) return undefined;
    const next = await new Promise<IteratorResult<T> | undefined>((resolve, reject) => {
      // One place that is filled anew each time: a race against one long-lived promise would keep all of them.
      this.#halt = () => resolve(undefined);
      Promise.resolve(this.#iterator.next()).then(resolve, reject);
    });
    this.#done = next?.done === true;
    return next === undefined || next.done === true ? undefined : next;
  }

  halt(): void {
    this.#halted = true;
    this.#halt();
  }

  /**
   * Tells the source that nothing more is read. Not to be waited for before anything else ends: a source that waits for input
   * may not be able to end before it has some.
   */
  async close(): Promise<void> {
    if (!this.#done) await this.#iterator.return?.();
  }
}
