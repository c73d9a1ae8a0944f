import { invalidOption } from '../model/option-values.ts';

/** Reads an iterable, once or several times, until it ends or is told to halt, even while it waits for more. */
export class SourceReader<T> {
  readonly #source: AsyncIterable<T> | Iterable<T>;
  readonly #times: number;
  #iterator: AsyncIterator<T> | Iterator<T>;
  #time = 1;
  #halted = false;
  #halt = () => {};
  #done = false;

  /** @throws {@link GardenhoseError} `invalid-option` when it is to be read several times, and can be read once */
  constructor(source: AsyncIterable<T> | Iterable<T>, times: number = 1) {
    this.#source = source;
    this.#times = times;
    this.#iterator = iteratorOf(source);
    const once: unknown = source;
    if (times > 1 && this.#iterator === once) {
      throw invalidOption(
        'loop',
        `needs a source that can be read ${times} times: a capture in a file, or a list`,
      );
    }
  }

  /** Which time it is read, from 1. */
  get time(): number {
    return this.#time;
  }

  /** The next value, or undefined when there are no more or reading was halted. */
  async next(): Promise<{ readonly value: T } | undefined> {
    for (;;) {
      if (this.#halted) return undefined;
      const next = await new Promise<IteratorResult<T> | undefined>((resolve, reject) => {
        // One place that is filled anew each time: a race against one long-lived promise would keep all of them.
        this.#halt = () => resolve(undefined);
        Promise.resolve(this.#iterator.next()).then(resolve, reject);
      });
      if (next === undefined) return undefined;
      if (next.done !== true) return next;
      this.#done = true;
      if (!this.#again()) return undefined;
    }
  }

  /** Reads no more of it this time. The next value is the first of the next time, if there is one. */
  async skipRest(): Promise<void> {
    if (!this.#done) await this.#iterator.return?.();
    this.#done = true;
    if (!this.#again()) this.#halted = true;
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

  #again(): boolean {
    if (this.#time >= this.#times) return false;
    this.#time++;
    this.#iterator = iteratorOf(this.#source);
    this.#done = false;
    return true;
  }
}

function iteratorOf<T>(source: AsyncIterable<T> | Iterable<T>): AsyncIterator<T> | Iterator<T> {
  return Symbol.asyncIterator in source ? source[Symbol.asyncIterator]() : source[Symbol.iterator]();
}
