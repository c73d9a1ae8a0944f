import { expect, test } from 'vitest';
import { createGuard } from '../../src/replay/guard.ts';
import { inFlightAt, rampedUp, rampUpOf } from '../../src/replay/ramp-up.ts';
import { createSchedule } from '../../src/replay/schedule.ts';

const local = createGuard('http://127.0.0.1:1');
const allow = ['https://staging.example'];
const remote = (rampUpMs?: number) => createGuard('https://staging.example', { allow, rampUpMs });

test('a run that is faster than recorded rises to its rate where the target is not loopback', () => {
  expect(rampUpOf(remote(), { speed: 2 })).toBe(5_000);
  expect(rampUpOf(remote(), { pace: { rate: 10 } })).toBe(5_000);
  expect(rampUpOf(remote(), { pace: 'asap' })).toBe(5_000);
  expect(rampUpOf(remote(), {})).toBe(0);
  expect(rampUpOf(remote(), { pace: { ramp: { from: 0, to: 5, overMs: 9 } } })).toBe(0);
  expect(rampUpOf(local, { speed: 2 })).toBe(0);
});

test('it can be asked for, and turned off, but not beside a ramp', () => {
  expect(rampUpOf(createGuard('http://127.0.0.1:1', { rampUpMs: 70 }), {})).toBe(70);
  expect(rampUpOf(remote(0), { speed: 9 })).toBe(0);
  const ramp = { pace: { ramp: { from: 0, to: 5, overMs: 9 } } };
  expect(() => rampUpOf(remote(1), ramp)).toThrow(/guard\.rampUpMs has no meaning with a ramp/);
  for (const wrong of [-1, Number.NaN, Number.POSITIVE_INFINITY, 3_600_001]) {
    expect(() => remote(wrong)).toThrow(/guard\.rampUpMs must be/);
  }
});

test('a steady rate begins with none and is reached at the end of the ramp', () => {
  const schedule = rampedUp(createSchedule({ pace: { rate: 100 } }), 4_000);
  const times = Array.from({ length: 1_000 }, () => schedule.plan(0, 0) / 1e9);
  const within = (from: number, to: number) => times.filter((at) => at >= from && at < to).length;
  expect([0, 1, 2, 3].map((second) => within(second, second + 1))).toEqual([13, 37, 63, 87]);
  expect(within(4, 5)).toBe(100);
  expect(within(7, 8)).toBe(100);
  expect(times).toEqual([...times].sort((a, b) => a - b));
  expect(schedule.forecast(1)).toEqual({ lastNs: (times.at(-1) ?? 0) * 1e9, peakPerSecond: 100 });
});

test('what has no planned time has none with it, and exchanges keep their inner distances', () => {
  expect(rampedUp(createSchedule({ pace: 'asap' }), 100).plan(5, 6)).toBeNaN();
  const schedule = rampedUp(createSchedule({ speed: 2 }), 100);
  expect([schedule.offset(10), schedule.abandonAfter(10)]).toEqual([5, 5]);
  const plain = createSchedule({});
  expect(rampedUp(plain, 0)).toBe(plain);
});

test('how many may be under way rises as well, so that a burst at the beginning is held back', () => {
  expect([0, 50, 500, 1_000, 9_000].map((ms) => inFlightAt(ms, 1_000, 256))).toEqual([4, 12, 128, 256, 256]);
  expect(inFlightAt(0, 1_000, 2)).toBe(2);
});
