import { expect, test } from 'vitest';
import { RecentSecond } from '../../src/replay/recent.ts';

const ms = 1e6;

test('only the last second counts', () => {
  const recent = new RecentSecond();
  for (let i = 0; i < 3_000; i++) recent.add(i * ms, i < 2_000 ? 50 * ms : 0.2 * ms);
  const { perSecond, lagP99Ms } = recent.at(2_999.9 * ms);
  expect(perSecond).toBeGreaterThan(990);
  expect(perSecond).toBeLessThan(1_010);
  expect(lagP99Ms).toBeGreaterThan(0.18);
  expect(lagP99Ms).toBeLessThan(0.22);
  expect(recent.at(5_000 * ms)).toEqual({ perSecond: 0, lagP99Ms: 0 });
});

test('one of a hundred sets the p99, none without a plan does', () => {
  const recent = new RecentSecond();
  for (let i = 0; i < 50; i++) recent.add(i * ms, i === 7 ? 9 * ms : 0.01 * ms);
  expect(recent.at(100 * ms).lagP99Ms).toBeGreaterThan(8);
  const unplanned = new RecentSecond();
  unplanned.add(5 * ms, Number.NaN);
  expect(unplanned.at(10 * ms)).toEqual({ perSecond: 100, lagP99Ms: 0 });
  expect(new RecentSecond().at(0)).toEqual({ perSecond: 0, lagP99Ms: 0 });
});

test('one that ends late is not counted in the place of a later one', () => {
  const recent = new RecentSecond();
  recent.add(2_050 * ms, 1);
  recent.add(1_050 * ms, 1);
  recent.add(-5, 1);
  expect(recent.at(2_060 * ms).perSecond).toBeCloseTo(1 / 0.96, 6);
});
