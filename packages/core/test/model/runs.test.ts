import { expect, test } from 'vitest';
import { mapRuns, runSource, runsOf } from '../../src/model/runs.ts';
import { SourceReader } from '../../src/replay/source-reader.ts';

async function all<T>(source: AsyncIterable<T>): Promise<T[]> {
  const values: T[] = [];
  for await (const value of source) values.push(value);
  return values;
}

async function* twoRuns(): AsyncGenerator<Iterable<number>, void, undefined> {
  yield [1, 2];
  yield [];
  yield [3];
}

test('a source in runs can be read value by value, as often as it is asked', async () => {
  const source = runSource(twoRuns);
  expect(await all(source)).toEqual([1, 2, 3]);
  expect(await all(source)).toEqual([1, 2, 3]);
  expect(await all(runsOf(source))).toEqual([[1, 2], [], [3]]);
});

test('what has no runs of its own gives each value as one, and values are changed in the runs that they come in', async () => {
  expect(await all(runsOf([1, 2]))).toEqual([[1], [2]]);
  const doubled = mapRuns(runSource(twoRuns), (value) => value * 2);
  expect(await all(doubled)).toEqual([2, 4, 6]);
  expect((await all(runsOf(doubled))).length).toBe(3);
});

test('within a run nothing is waited for; a reader that halts takes no more of it', async () => {
  const reader = new SourceReader(runSource(twoRuns), 2);
  expect(reader.take()).toBeUndefined();
  expect((await reader.next())?.value).toBe(1);
  expect(reader.take()?.value).toBe(2);
  expect(reader.take()).toBeUndefined();
  expect((await reader.next())?.value).toBe(3);
  // The second time.
  expect((await reader.next())?.value).toBe(1);
  expect(reader.time).toBe(2);
  reader.halt();
  expect(reader.take()).toBeUndefined();
  expect(await reader.next()).toBeUndefined();
});

test('a source that is left in a run is told so', async () => {
  let ended = 0;
  function* run(): Generator<number, void, undefined> {
    try {
      yield* [1, 2];
    } finally {
      ended++;
    }
  }
  const reader = new SourceReader(
    runSource(async function* () {
      try {
        yield run();
      } finally {
        ended++;
      }
    }),
  );
  await reader.next();
  await reader.close();
  expect(ended).toBe(2);
});
