import { expect, test } from 'vitest';
import { BoundedMap } from '../../src/correlate/bounded-map.ts';

test('beyond a number, what was put in first is forgotten', () => {
  const map = new BoundedMap<string, number>(2);
  for (const [i, key] of ['a', 'b', 'a', 'c'].entries()) map.set(key, i);
  expect([map.get('a'), map.get('b'), map.get('c'), map.size, map.forgotten]).toEqual([
    undefined,
    1,
    3,
    2,
    1,
  ]);
});

test('beyond a number of bytes, so much of what was put in first is forgotten that the rest has room', () => {
  const map = new BoundedMap<string, { bytes: number }>(99, {
    mostBytes: 10,
    bytesOf: (_, { bytes }) => bytes,
  });
  const grown = { bytes: 3 };
  map.set('a', { bytes: 4 });
  map.set('b', { bytes: 3 });
  map.set('c', grown);
  expect([map.size, map.forgotten]).toEqual([3, 0]);
  grown.bytes = 9;
  map.set('c', grown);
  expect([map.has('a'), map.has('b'), map.get('c'), map.forgotten]).toEqual([false, false, grown, 2]);
  // What was forgotten has left its room behind.
  map.set('d', { bytes: 1 });
  expect([map.size, map.forgotten]).toEqual([2, 2]);
  map.set('e', { bytes: 11 });
  expect([map.size, map.forgotten]).toEqual([0, 5]);
});
