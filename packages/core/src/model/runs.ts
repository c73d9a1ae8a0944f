/**
 * Names the method of a source that gives its values in runs: within a run nothing is waited for. A promise for each value would cost a
 * replay at full rate as much as some of its stages.
 */
export const inRuns: unique symbol = Symbol('gardenhose.inRuns');

/** A source that can be read value by value, and run by run. */
export interface RunSource<T> extends AsyncIterable<T> {
  [inRuns](): AsyncIterable<Iterable<T>>;
}

/** The values of runs one by one, and the runs themselves. Can be read as often as `runs` can be called. */
export function runSource<T>(runs: () => AsyncIterable<Iterable<T>>): RunSource<T> {
  async function* each(): AsyncGenerator<T, void, undefined> {
    for await (const run of runs()) yield* run;
  }
  return { [Symbol.asyncIterator]: each, [inRuns]: runs };
}

/** The same values, changed one by one, in the runs that they come in. */
export function mapRuns<T>(
  source: AsyncIterable<T> | Iterable<T>,
  change: (value: T) => T,
): AsyncIterable<T> {
  function* changed(run: Iterable<T>): Generator<T, void, undefined> {
    for (const value of run) yield change(value);
  }
  async function* runs(): AsyncGenerator<Iterable<T>, void, undefined> {
    for await (const run of runsOf(source)) yield changed(run);
  }
  return runSource(runs);
}

/** A source in runs; where it has none of its own, each value is one. */
export async function* runsOf<T>(
  source: AsyncIterable<T> | Iterable<T>,
): AsyncGenerator<Iterable<T>, void, undefined> {
  if (isRunSource(source)) yield* source[inRuns]();
  else for await (const value of source) yield [value];
}

export function isRunSource<T>(source: AsyncIterable<T> | Iterable<T>): source is RunSource<T> {
  return inRuns in source;
}
