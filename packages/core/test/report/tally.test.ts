import { expect, test } from 'vitest';
import { Tally } from '../../src/report/tally.ts';

test('Tally counts by name, the most frequent first', () => {
  const tally = new Tally();
  for (const name of ['b', 'a', 'b', 'c']) tally.add(name);
  tally.add('a', 4);
  expect(tally.entries()).toEqual([
    ['a', 5],
    ['b', 2],
    ['c', 1],
  ]);
  expect(tally.total).toBe(8);
});

test('Tally counts names beyond its limit under one', () => {
  const tally = new Tally(2);
  for (const name of ['a', 'b', 'c', 'd', 'a']) tally.add(name);
  expect(tally.entries()).toEqual([
    ['(other)', 2],
    ['a', 2],
    ['b', 1],
  ]);
});
