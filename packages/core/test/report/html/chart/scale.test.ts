import fc from 'fast-check';
import { expect, test } from 'vitest';
import { durationScale, linearScale, timeScale } from '../../../../src/report/html/chart/scale.ts';

const labels = (scale: { ticks: readonly { label: string }[] }) => scale.ticks.map(({ label }) => label);

test('ticks stand at round values', () => {
  expect(labels(linearScale(1_430, 0, 100, String))).toEqual(['0', '500', '1000', '1500']);
  expect(labels(timeScale(64_000, 0, 100))).toEqual(['0', '10 s', '20 s', '30 s', '40 s', '50 s', '1:00']);
  expect(labels(timeScale(3, 0, 100))).toEqual(['0', '0.5 ms', '1 ms', '1.5 ms', '2 ms', '2.5 ms', '3 ms']);
  expect(labels(durationScale(0.02, 2_000, 0, 100))).toEqual([
    '10 µs',
    '100 µs',
    '1 ms',
    '10 ms',
    '100 ms',
    '1 s',
    '10 s',
  ]);
});

test('no value leaves the picture, and there are never too many ticks', () => {
  const any = fc.double({ min: 0, max: 1e10, noNaN: true });
  fc.assert(
    fc.property(any, any, any, (min, max, value) => {
      for (const scale of [
        linearScale(max, 10, 90, String),
        timeScale(max, 10, 90),
        durationScale(Math.min(min, max), max, 10, 90),
      ]) {
        expect(scale.at(value)).toBeGreaterThanOrEqual(10);
        expect(scale.at(value)).toBeLessThanOrEqual(90);
        expect(scale.ticks.length).toBeGreaterThan(0);
        expect(scale.ticks.length).toBeLessThanOrEqual(16);
      }
    }),
  );
});
