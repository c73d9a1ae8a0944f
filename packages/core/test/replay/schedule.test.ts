import fc from 'fast-check';
import { expect, test } from 'vitest';
import { createSchedule, type PaceOptions } from '../../src/replay/schedule.ts';

const plan = (options: PaceOptions, starts: readonly number[]) => {
  const schedule = createSchedule(options);
  return starts.map((startAt) => schedule.plan(startAt));
};

test('the recorded pace plans each exchange at its offset from the first', () => {
  expect(plan({}, [5_000, 5_100, 9_000])).toEqual([0, 100, 4_000]);
});

test('a speed divides every offset', () => {
  expect(plan({ speed: 4 }, [1_000, 1_400, 5_000])).toEqual([0, 100, 1_000]);
});

test('a fixed rate plans by count, and the recorded times do not matter', () => {
  expect(plan({ pace: { rate: 500 } }, [7, 7, 1e12])).toEqual([0, 2e6, 4e6]);
});

test('a fixed rate does not drift over a million exchanges', () => {
  const schedule = createSchedule({ pace: { rate: 3 } });
  let last = 0;
  for (let i = 0; i < 1_000_000; i++) last = schedule.plan(0);
  expect(last).toBe((999_999 * 1e9) / 3);
});

test('asap plans no time at all', () => {
  const schedule = createSchedule({ pace: 'asap' });
  expect(schedule.plan(123)).toBeNaN();
  expect(schedule.offset(5e9)).toBe(0);
  expect(schedule.abandonAfter(5e9)).toBe(5e9);
});

test('pieces of an exchange keep their recorded distance, scaled by speed, unless told otherwise', () => {
  expect(createSchedule({}).offset(30)).toBe(30);
  expect(createSchedule({ speed: 3 }).offset(30)).toBe(10);
  expect(createSchedule({ speed: 3 }).abandonAfter(30)).toBe(10);
  expect(createSchedule({ stream: 'asap' }).offset(30)).toBe(0);
  expect(createSchedule({ pace: { rate: 10 } }).offset(30)).toBe(30);
});

test('an exchange that comes out of order is planned no earlier than time zero', () => {
  expect(plan({}, [1_000, 400])).toEqual([0, 0]);
});

test('the plan of an exchange depends on its own start and the first alone', () => {
  const starts = fc.array(fc.integer({ min: 0, max: 2 ** 50 }), { minLength: 1, maxLength: 50 });
  fc.assert(
    fc.property(starts, fc.double({ min: 0.01, max: 100, noNaN: true }), (unsorted, speed) => {
      const sorted = unsorted.toSorted((a, b) => a - b);
      const [first = 0] = sorted;
      expect(plan({ speed }, sorted)).toEqual(sorted.map((startAt) => (startAt - first) / speed));
    }),
  );
});

test('options that mean nothing are refused by name', () => {
  expect(() => createSchedule({ speed: 0 })).toThrow(/speed must be a number over 0, got 0/);
  expect(() => createSchedule({ speed: Number.NaN })).toThrow(/speed/);
  expect(() => createSchedule({ pace: 'asap', speed: 2 })).toThrow(/speed has no meaning with pace 'asap'/);
  expect(() => createSchedule({ pace: { rate: -1 } })).toThrow(/pace must be .* got {"rate":-1}/);
  expect(() => createSchedule(JSON.parse('{"pace":"fast"}'))).toThrow(/pace must be .* got 'fast'/);
  expect(() => createSchedule(JSON.parse('{"pace":null}'))).toThrow(/pace must be/);
  expect(() => createSchedule(JSON.parse('{"stream":"slow"}'))).toThrow(/stream must be/);
});

test('a deadline is never made shorter by speed, unless it was up in the recording', () => {
  const deadlines = (options: Parameters<typeof createSchedule>[0]) =>
    [false, true].map((passed) => createSchedule(options).deadlineAfter(600, passed));
  expect(deadlines({ speed: 3 })).toEqual([600, 200]);
  expect(deadlines({ speed: 0.5 })).toEqual([1_200, 1_200]);
  expect(deadlines({ pace: 'asap' })).toEqual([600, 600]);
  expect(deadlines({ pace: { rate: 10 } })).toEqual([600, 600]);
});
