import { invalidOption } from '../model/option-values.ts';
import { inRuns, isRunSource } from '../model/runs.ts';

/** Reads an iterable, once or several times, until it ends or is told to halt, even while it waits for more. */
export class SourceReader<T> {
  readonly #source: AsyncIterable<T> | Iterable<T>;
  readonly #times: number;
  #iterator: SourceIterator<T>;
  /** What is at hand of it: its values need no waiting. */
  #run: Iterator<T> | undefined;
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
    if (times > 1 && this.#iterator.values === once) {
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

  /** The next value that is at hand without waiting; undefined when {@link next} has to be asked. */
  take(): { readonly value: T } | undefined {
    if (this.#halted || this.#run === undefined) return undefined;
    const next = this.#run.next();
    if (next.done !== true) return next;
    this.#run = undefined;
    return undefined;
  }

  /** The next value, or undefined when there are no more or reading was halted. */
  async next(): Promise<{ readonly value: T } | undefined> {
    for (;;) {
      const taken = this.take();
      if (taken !== undefined || this.#halted) return taken;
      const { runs, values } = this.#iterator;
      if (runs !== undefined) {
        const next = await this.#unlessHalted(runs.next());
        if (next === undefined) return undefined;
        if (next.done !== true) {
          this.#run = next.value[Symbol.iterator]();
          continue;
        }
      } else {
        const next = await this.#unlessHalted(values.next());
        if (next === undefined) return undefined;
        if (next.done !== true) return next;
      }
      this.#done = true;
      if (!this.#again()) return undefined;
    }
  }

  /** What is waited for; undefined when reading is halted first. */
  #unlessHalted<R>(result: R | Promise<R>): Promise<R | undefined> {
    return new Promise((resolve, reject) => {
      // One place that is filled anew each time: a race against one long-lived promise would keep all of them.
      this.#halt = () => resolve(undefined);
      Promise.resolve(result).then(resolve, reject);
    });
  }

  /** Reads no more of it this time. The next value is the first of the next time, if there is one. */
  async skipRest(): Promise<void> {
    await this.close();
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
    if (this.#done) return;
    this.#run?.return?.();
    this.#run = undefined;
    const { runs, values } = this.#iterator;
    await (runs ?? values).return?.();
  }

  #again(): boolean {
    if (this.#time >= this.#times) return false;
    this.#time++;
    this.#iterator = iteratorOf(this.#source);
    this.#done = false;
    return true;
  }
}

type SourceIterator<T> =
  | { readonly runs: AsyncIterator<Iterable<T>>; readonly values?: undefined }
  | { readonly runs?: undefined; readonly values: AsyncIterator<T> | Iterator<T> };

function iteratorOf<T>(source: AsyncIterable<T> | Iterable<T>): SourceIterator<T> {
  if (isRunSource(source)) return { runs: source[inRuns]()[Symbol.asyncIterator]() };
  // A list is one run, but it may grow while it is waited for.
  return {
    values: Symbol.asyncIterator in source ? source[Symbol.asyncIterator]() : source[Symbol.iterator](),
  };
}
