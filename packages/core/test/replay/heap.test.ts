import fc from 'fast-check';
import { expect, test } from 'vitest';
import { Fifo } from '../../src/replay/fifo.ts';
import { Heap } from '../../src/replay/heap.ts';

test('a heap tells the smallest key, whatever was put in and taken out of any place', () => {
  const step = fc.oneof(
    fc.record({ key: fc.oneof(fc.integer({ min: -5, max: 5 }), fc.constant(Number.NEGATIVE_INFINITY)) }),
    fc.record({ take: fc.nat() }),
  );
  fc.assert(
    fc.property(fc.array(step, { maxLength: 80 }), (steps) => {
      const heap = new Heap<{ key: number; place: number }>();
      const there: { key: number; place: number }[] = [];
      for (const one of steps) {
        if ('key' in one) {
          const entry = { key: one.key, place: -1 };
          heap.push(entry);
          there.push(entry);
        } else if (there.length > 0) {
          for (const entry of there.splice(one.take % there.length, 1)) heap.delete(entry);
        }
        expect(heap.size).toBe(there.length);
        expect(heap.least).toBe(Math.min(Number.POSITIVE_INFINITY, ...there.map(({ key }) => key)));
      }
    }),
  );
});

test('a line gives back what was put in, in order, and shows what stands in it', () => {
  const fifo = new Fifo<number>();
  let given = 0;
  let taken = 0;
  for (let round = 0; round < 6_000; round++) {
    fifo.push(given++);
    if (round % 3 !== 0) expect(fifo.shift()).toBe(taken++);
    expect([fifo.size, fifo.at(0)]).toEqual([given - taken, given === taken ? undefined : taken]);
  }
  expect(fifo.at(5)).toBe(taken + 5);
  expect(fifo.drain()).toEqual(Array.from({ length: given - taken }, (_, i) => taken + i));
  expect([fifo.size, fifo.shift(), fifo.at(0)]).toEqual([0, undefined, undefined]);
});
