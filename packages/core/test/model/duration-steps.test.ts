import fc from 'fast-check';
import { expect, test } from 'vitest';
import { stepCount, stepEndNs, stepMiddleNs, stepOf } from '../../src/model/duration-steps.ts';

test('every duration up to an hour lies in its step, and within 9 % of its middle', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1_001, max: 3_600e9 }), (ns) => {
      const step = stepOf(ns);
      expect(ns).toBeLessThanOrEqual(stepEndNs(step));
      expect(ns).toBeGreaterThan(stepEndNs(step - 1));
      expect(Math.abs(ns / stepMiddleNs(step) - 1)).toBeLessThan(0.092);
    }),
  );
});

test('what is shorter than a microsecond is in the first step, and what is longer than all in the last', () => {
  expect([stepOf(-5), stepOf(0), stepOf(Number.NaN), stepOf(1_000)]).toEqual([0, 0, 0, 0]);
  expect([stepOf(1_001), stepOf(2_000), stepOf(2_001)]).toEqual([1, 4, 5]);
  expect(stepOf(Number.POSITIVE_INFINITY)).toBe(stepCount - 1);
  expect(stepEndNs(stepCount - 1)).toBeGreaterThan(3_600e9);
});
