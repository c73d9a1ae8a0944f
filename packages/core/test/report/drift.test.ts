import { expect, test } from 'vitest';
import { Drift } from '../../src/report/drift.ts';

const driftOf = (values: readonly number[]) => {
  const drift = new Drift();
  for (const value of values) drift.add(value);
  return drift.value();
};

test('Drift is the median of the last hundred minus that of the first hundred', () => {
  expect(driftOf(Array.from({ length: 1_000 }, (_, i) => i))).toBe(900);
  expect(driftOf(Array.from({ length: 1_000 }, () => 5))).toBe(0);
});

test('Drift is not moved by a few outliers', () => {
  expect(driftOf(Array.from({ length: 1_000 }, (_, i) => (i % 30 === 0 ? 1e9 : 3)))).toBe(0);
});

test('Drift is 0 where there are too few values', () => {
  expect(driftOf([1, 500, 900])).toBe(0);
});
