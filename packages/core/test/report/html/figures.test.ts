import { expect, test } from 'vitest';
import { count, counted, duration, percent } from '../../../src/report/html/figures.ts';

test('figures are written for people', () => {
  expect([0, 999, 1_234_567, 12.34].map(count)).toEqual(['0', '999', '1,234,567', '12.3']);
  expect([counted(1, 'lane'), counted(2_000, 'lane')]).toEqual(['1 lane', '2,000 lanes']);
  expect([0, 0.0123, 1.2345, 123.4, 12_345, 200_000, 7_300_000].map(duration)).toEqual([
    '0 ms',
    '12.3 µs',
    '1.23 ms',
    '123 ms',
    '12.3 s',
    '3 min 20 s',
    '2 h 1 min',
  ]);
  expect(duration(-0.003)).toBe('-3.00 µs');
  expect([percent(0, 0), percent(1, 8), percent(1, 1e5), percent(99_999, 1e5), percent(5, 5)]).toEqual([
    '0 %',
    '12.5 %',
    '< 0.1 %',
    '> 99.9 %',
    '100 %',
  ]);
});
