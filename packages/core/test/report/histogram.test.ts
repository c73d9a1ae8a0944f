import fc from 'fast-check';
import { expect, test } from 'vitest';
import { stepEndNs, stepOf } from '../../src/model/duration-steps.ts';
import { Histogram } from '../../src/report/histogram.ts';

test('Histogram tells percentiles within a thousandth, and the exact maximum', () => {
  const histogram = new Histogram();
  for (let us = 1; us <= 10_000; us++) histogram.record(us * 1_000);
  const { count, minMs, meanMs, p50Ms, p90Ms, p99Ms, p999Ms, maxMs } = histogram.summary();
  expect(count).toBe(10_000);
  for (const [found, expected] of [
    [minMs, 0.001],
    [meanMs, 5.0005],
    [p50Ms, 5],
    [p90Ms, 9],
    [p99Ms, 9.9],
    [p999Ms, 9.99],
  ] as const) {
    expect(Math.abs(found - expected) / expected).toBeLessThan(0.002);
  }
  expect(maxMs).toBe(10);
});

test('Histogram counts any duration, and none that is not a number', () => {
  const histogram = new Histogram();
  for (const ns of [-5, 0, 0.4, 1e20, Number.POSITIVE_INFINITY, Number.NaN]) histogram.record(ns);
  expect(histogram.summary()).toMatchObject({ count: 5, minMs: 0.000001, maxMs: 3_600_000 });
});

test('Histogram is all zero when nothing was counted', () => {
  expect(new Histogram().summary()).toEqual({
    count: 0,
    minMs: 0,
    meanMs: 0,
    p50Ms: 0,
    p90Ms: 0,
    p99Ms: 0,
    p999Ms: 0,
    maxMs: 0,
    buckets: [],
  });
});

test('Histogram puts every duration into the bucket that holds it', () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 1, max: 1e12 }), { minLength: 1 }), (durations) => {
      const histogram = new Histogram({ figures: 2 });
      for (const ns of durations) histogram.record(ns);
      const { buckets } = histogram.summary();
      let from = 0;
      for (const { upToMs, count } of buckets) {
        const upToNs = Math.round(upToMs * 1e6);
        const overNs = upToNs === 1_000 ? 0 : stepEndNs(stepOf(upToNs) - 1);
        const inside = durations.filter((ns) => ns <= upToNs && ns > overNs);
        expect(count).toBe(inside.length);
        expect(upToMs).toBeGreaterThan(from);
        from = upToMs;
      }
      expect(buckets.reduce((sum, { count }) => sum + count, 0)).toBe(durations.length);
    }),
  );
});
