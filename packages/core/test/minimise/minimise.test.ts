import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type MinimiseTrial, minimise } from '../../src/minimise/minimise.ts';

const numbers = (count: number): number[] => Array.from({ length: count }, (_, i) => i + 1);

/** Shows when all of these are there. */
const needs = (needed: readonly number[]) => async (items: readonly number[]) =>
  needed.every((one) => items.includes(one));

describe('minimise', () => {
  test('finds what is needed and nothing else, in order', async () => {
    const found = await minimise(numbers(100), needs([70, 3, 42]));
    expect(found).toMatchObject({ items: [3, 42, 70], prefix: 70, minimal: true });
    expect(found.trials).toBeLessThan(60);
  });

  test('finds any set that is needed, and each of its items is needed', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 1, max: 60 }).chain((count) =>
          fc.record({
            count: fc.constant(count),
            needed: fc.uniqueArray(fc.integer({ min: 1, max: count }), { minLength: 1, maxLength: 5 }),
            from: fc.integer({ min: 0, max: 70 }),
          }),
        ),
        async ({ count, needed, from }) => {
          const last = Math.max(...needed);
          const found = await minimise(numbers(count), needs(needed), {
            from: Math.min(from, last),
            maxTrials: 10_000,
          });
          expect(found.items).toEqual([...needed].sort((a, b) => a - b));
          expect(found.prefix).toBe(last);
        },
      ),
      { numRuns: 60 },
    );
  });

  test('of a failure that comes and goes with single items, no item can be left out', async () => {
    // Shows with an even number of items that includes the 7.
    const shows = async (items: readonly number[]) => items.includes(7) && items.length % 2 === 0;
    const { items, minimal } = await minimise(numbers(20), shows, { maxTrials: 1_000 });
    expect(minimal).toBe(true);
    expect(await shows(items)).toBe(true);
    for (const left of items.slice(0, -1))
      expect(await shows(items.filter((one) => one !== left))).toBe(false);
  });

  test('leaves out what was needed only beside another', async () => {
    const shows = async (items: readonly number[]) =>
      items.includes(3) && (!items.includes(1) || items.includes(2));
    expect((await minimise(numbers(3), shows)).items).toEqual([3]);
  });

  test('tries no set twice', async () => {
    const seen = new Set<string>();
    await minimise(numbers(30), async (items) => {
      expect(seen.has(items.join())).toBe(false);
      seen.add(items.join());
      return items.includes(11) && items.includes(29);
    });
  });

  test('says when all together do not show it', async () => {
    expect(await minimise(numbers(5), async () => false)).toEqual({
      items: [],
      prefix: 0,
      trials: 1,
      minimal: false,
    });
    expect((await minimise([], async () => true)).items).toEqual([]);
  });

  test('ends at its limit with the smallest set so far', async () => {
    const trials: MinimiseTrial[] = [];
    const found = await minimise(numbers(1_000), needs([10, 500]), {
      maxTrials: 12,
      onTrial: (trial) => trials.push(trial),
    });
    expect(found).toMatchObject({ trials: 12, minimal: false });
    expect(found.items.length).toBe(trials.at(-1)?.smallest);
    expect(found.items).toContain(10);
    expect(found.items).toContain(500);
    expect(trials[0]).toMatchObject({ number: 1, step: 'all', size: 1_000, shown: true });
  });

  test('ends when it is told to', async () => {
    const control = new AbortController();
    const found = await minimise(numbers(50), needs([50]), {
      signal: control.signal,
      onTrial: ({ number }) => number === 2 && control.abort(),
    });
    expect(found).toMatchObject({ trials: 2, minimal: false });
  });

  test('refuses options that mean nothing', async () => {
    await expect(minimise([1], async () => true, { maxTrials: 0 })).rejects.toThrow(/maxTrials/);
  });
});
