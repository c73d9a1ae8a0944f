import fc from 'fast-check';
import { expect, test } from 'vitest';
import { type SeriesPoint, TimeSeries } from '../../src/report/time-series.ts';

const ms = 1e6;
const point = (over: Partial<SeriesPoint> = {}): SeriesPoint => ({
  plannedAt: 0,
  sentAt: 0,
  endAt: ms,
  blockedNs: 0,
  failed: false,
  ...over,
});
const sum = (values: readonly number[] = []) => values.reduce((total, value) => total + value, 0);

function seriesOf(points: readonly SeriesPoint[]) {
  const series = new TimeSeries();
  for (const one of points) series.add(one);
  return series.series();
}

test('each exchange is counted when it was planned, sent and ended', () => {
  const series = seriesOf([
    point({ plannedAt: 0, sentAt: 0.5 * ms, endAt: 2.5 * ms }),
    point({ plannedAt: 1 * ms, sentAt: 1.5 * ms, endAt: 3.5 * ms, failed: true }),
  ]);
  expect(series).toMatchObject({
    bucketMs: 1,
    planned: [1, 1, 0, 0],
    sent: [1, 1, 0, 0],
    answered: [0, 0, 1, 0],
    failed: [0, 0, 0, 1],
    inFlight: [0.5, 1.5, 1.5, 0.5],
    lagMaxMs: [0.5, 0.5, 0, 0],
  });
  expect(series?.serviceP99Ms[0]).toBeGreaterThan(1.8);
  expect(series?.serviceP99Ms[0]).toBeLessThan(2.2);
});

test('the time that an exchange was blocked is no lag, but part of its response time', () => {
  const series = seriesOf([point({ plannedAt: 0, blockedNs: 8 * ms, sentAt: 8.2 * ms, endAt: 9 * ms })]);
  expect(series?.lagMaxMs[8]).toBeCloseTo(0.2, 6);
  expect(series?.responseP99Ms[0]).toBeGreaterThan(8);
  expect(series?.serviceP99Ms[8]).toBeLessThan(1);
});

test('a longer run has wider buckets, never more than 600 of them', () => {
  const series = seriesOf(
    Array.from({ length: 5_000 }, (_, i) => point({ sentAt: i * ms, endAt: (i + 1) * ms })),
  );
  expect(series?.bucketMs).toBe(16);
  expect(series?.sent).toHaveLength(313);
  expect(series?.inFlight.slice(0, -1).every((mean) => mean === 1)).toBe(true);
});

test('nothing is lost when buckets are joined, in whatever order results come', () => {
  const time = fc.integer({ min: 0, max: 2e12 });
  const points = fc.array(
    fc.record({
      plannedAt: time,
      sentAt: time,
      lasts: fc.integer({ min: 0, max: 1e11 }),
      failed: fc.boolean(),
    }),
    { minLength: 1 },
  );
  fc.assert(
    fc.property(points, (drawn) => {
      const all = drawn.map(({ lasts, ...rest }) => point({ ...rest, endAt: rest.sentAt + lasts }));
      const series = seriesOf(all);
      expect(sum(series?.sent)).toBe(all.length);
      expect(sum(series?.planned)).toBe(all.length);
      expect(sum(series?.answered) + sum(series?.failed)).toBe(all.length);
      const { bucketMs = 0, inFlight = [] } = series ?? {};
      const spent = all.reduce((total, { sentAt, endAt }) => total + (endAt - sentAt) / ms, 0);
      expect(Math.abs(sum(inFlight) * bucketMs - spent)).toBeLessThan(0.002 * bucketMs * inFlight.length);
      expect(inFlight.length).toBeLessThanOrEqual(600);
      for (const [i, count] of (series?.sent ?? []).entries()) {
        const [from, to] = [i * bucketMs * ms, (i + 1) * bucketMs * ms];
        expect(count).toBe(all.filter(({ sentAt }) => sentAt >= from && sentAt < to).length);
      }
    }),
    { numRuns: 30 },
  );
});

test('without a plan nothing is late, and what was not sent leaves no series', () => {
  const series = seriesOf([point({ plannedAt: Number.NaN })]);
  expect(series).toMatchObject({ planned: [0, 0], sent: [1, 0], lagMaxMs: [0, 0], responseP99Ms: [0, 0] });
  expect(seriesOf([])).toBeUndefined();
  expect(seriesOf([point({ sentAt: Number.NaN, endAt: Number.NaN })])).toBeUndefined();
  expect(seriesOf([point({ plannedAt: 1e300, sentAt: Number.POSITIVE_INFINITY })])).toBeUndefined();
});
