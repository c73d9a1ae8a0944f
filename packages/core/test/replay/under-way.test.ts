import { expect, test } from 'vitest';
import { UnderWay } from '../../src/replay/under-way.ts';

test('what is under way is found by its deadline until it is answered', () => {
  const underWay = new UnderWay<{ name: string; underWay: number; deadline: number }>();
  const all = ['a', 'b', 'c', 'd'].map((name, i) => ({ name, underWay: -1, deadline: i }));
  for (const one of all) underWay.add(one);
  const names = (now: number) =>
    underWay
      .overdue(now)
      .map(({ name }) => name)
      .sort();
  expect(names(1)).toEqual(['a', 'b']);
  const [a, , , d] = all;
  if (a !== undefined) underWay.delete(a);
  if (d !== undefined) underWay.delete(d);
  expect(all.map(({ underWay: place }) => place >= 0)).toEqual([false, true, true, false]);
  expect(names(Number.POSITIVE_INFINITY)).toEqual(['b', 'c']);
  expect(underWay.size).toBe(2);
});
