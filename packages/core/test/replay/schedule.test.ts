import fc from 'fast-check';
import { expect, test } from 'vitest';
import { checkExtent, createSchedule, type PaceOptions } from '../../src/replay/schedule.ts';

const plan = (options: PaceOptions, starts: readonly number[]) => {
  const schedule = createSchedule(options);
  return starts.map((startAt) => schedule.plan(startAt, startAt));
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
  for (let i = 0; i < 1_000_000; i++) last = schedule.plan(0, 0);
  expect(last).toBe((999_999 * 1e9) / 3);
});

test('asap plans no time at all', () => {
  const schedule = createSchedule({ pace: 'asap' });
  expect(schedule.plan(123, 456)).toBeNaN();
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

const s = 1e9;

test('a ramp begins at one rate, ends at the other, and stays there', () => {
  const ramp = { from: 10, to: 110, overMs: 10_000 };
  // 600 in ten seconds, then 110 in each.
  const times = plan({ pace: { ramp } }, Array(820).fill(0));
  const within = (from: number, to: number) => times.filter((at) => at >= from * s && at < to * s).length;
  expect(times[0]).toBe(0);
  expect(within(0, 10)).toBe(600);
  expect(within(0, 1)).toBeCloseTo(15, -1);
  expect(within(9, 10)).toBeCloseTo(105, -1);
  expect(within(10, 11)).toBe(110);
  expect(times[711]).toBeCloseTo(11 * s + s / 110, -3);
});

test('a ramp keeps to its integral, up and down, from nothing and without a change', () => {
  const rates = fc.double({ min: 0, max: 5_000, noNaN: true });
  const ramps = fc.record({
    from: rates,
    to: rates.map((rate) => rate + 1),
    overMs: fc.double({ min: 1, max: 60_000, noNaN: true }),
  });
  fc.assert(
    fc.property(ramps, fc.integer({ min: 1, max: 300 }), (ramp, count) => {
      const times = plan({ pace: { ramp } }, Array(count).fill(0));
      const { from, to } = ramp;
      const overS = ramp.overMs / 1e3;
      for (const [place, at] of times.entries()) {
        const t = at / s;
        const inRamp = Math.min(t, overS);
        const sent = from * inRamp + ((to - from) * inRamp ** 2) / (2 * overS) + to * Math.max(0, t - overS);
        expect(Math.abs(sent - place)).toBeLessThan(1e-3);
        expect(at).toBeGreaterThanOrEqual(times[place - 1] ?? 0);
      }
    }),
    { numRuns: 50 },
  );
});

test('idle times are cut to the longest that is allowed, counted from the last start or end', () => {
  const schedule = createSchedule({ maxIdleMs: 2_000 });
  const at = (startS: number, endS: number) => schedule.plan(startS * s, endS * s) / s;
  expect(at(100, 101)).toBe(0);
  // 9 s after the first was over.
  expect(at(110, 130)).toBe(3);
  // One is under way, but it has not ended either: 5 s since the last start.
  expect(at(115, 116)).toBe(5);
  // 1 s since the long one ended: nothing was idle.
  expect(at(131, 131)).toBe(21);
  expect(schedule.idleCutNs).toBe(10 * s);
});

test('idle times are as long as asked for after the speed', () => {
  expect(plan({ maxIdleMs: 1_000, speed: 10 }, [0, 10 * s, 50 * s])).toEqual([0, 1 * s, 2 * s]);
});

test('no time within which something begins or ends is touched by cutting idle times', () => {
  const starts = fc.array(fc.integer({ min: 0, max: 3_000 }), { minLength: 1, maxLength: 40 });
  fc.assert(
    fc.property(starts, fc.integer({ min: 1, max: 500 }), (gaps, maxIdleMs) => {
      const sorted = gaps.map(
        (_, place) => gaps.slice(0, place + 1).reduce((sum, gap) => sum + gap, 0) * 1e6,
      );
      const times = plan({ maxIdleMs }, sorted);
      for (const [place, at] of times.entries()) {
        if (place === 0) continue;
        const recorded = (sorted[place] ?? 0) - (sorted[place - 1] ?? 0);
        expect(at - (times[place - 1] ?? 0)).toBeCloseTo(Math.min(recorded, maxIdleMs * 1e6), -1);
      }
    }),
    { numRuns: 50 },
  );
});

test('what is replayed again begins where the recording of it ended', () => {
  const schedule = createSchedule({ speed: 2 });
  const once = () => [
    schedule.plan(10 * s, 11 * s),
    schedule.plan(12 * s, 18 * s),
    schedule.plan(14 * s, 15 * s),
  ];
  expect(once()).toEqual([0, 1 * s, 2 * s]);
  expect(schedule.forecast(3)).toEqual({ lastNs: 10 * s, peakPerSecond: 1 });
  schedule.again();
  expect(once()).toEqual([4 * s, 5 * s, 6 * s]);
  schedule.again();
  expect(once()).toEqual([8 * s, 9 * s, 10 * s]);
});

test('a count goes on when exchanges come again, and the forecast knows the end of a ramp', () => {
  const rate = createSchedule({ pace: { rate: 10 } });
  for (let i = 0; i < 20; i++) rate.plan(0, 0);
  expect(rate.forecast(2)).toEqual({ lastNs: 3.9 * s, peakPerSecond: 10 });
  rate.again();
  expect(rate.plan(0, 0)).toBe(2 * s);
  const ramp = createSchedule({ pace: { ramp: { from: 0, to: 1_000, overMs: 100_000 } } });
  for (let i = 0; i < 51; i++) ramp.plan(0, 0);
  expect(ramp.forecast(1).lastNs).toBeCloseTo(Math.sqrt(10) * s, 0);
  expect(ramp.forecast(1).peakPerSecond).toBe(32);
});

test('pacing that means nothing is refused by name', () => {
  const refused = (options: unknown, message: RegExp) => {
    const given: PaceOptions = JSON.parse(JSON.stringify(options));
    expect(() => [createSchedule(given), checkExtent(given)]).toThrow(message);
  };
  refused({ maxIdleMs: 0 }, /^maxIdleMs must be a number over 0, got 0/);
  refused({ maxIdleMs: 5, pace: 'asap' }, /^maxIdleMs has no meaning with pace 'asap'/);
  refused({ pace: { ramp: { from: -1, to: 2, overMs: 3 } } }, /^pace\.ramp\.from must be/);
  refused({ pace: { ramp: { from: 1, to: 0, overMs: 3 } } }, /^pace\.ramp\.to must be/);
  refused({ pace: { ramp: { from: 1, to: 2 } } }, /^pace\.ramp\.overMs must be/);
  refused({ pace: { ramp: { from: 1, to: 2, overMs: 3, by: 4 } } }, /pace\.ramp/);
  refused({ loop: 0 }, /^loop must be a whole number over 0, got 0/);
  refused({ loop: 1e9 }, /^loop must be at most 1000000/);
  refused({ window: { fromMs: -1 } }, /^window\.fromMs must be/);
  refused({ window: { fromMs: 5, toMs: 5 } }, /^window\.toMs must be a number over fromMs \(5\), got 5/);
  refused({ window: { from: 5 } }, /window/);
});
