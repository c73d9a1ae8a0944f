import fc from 'fast-check';
import { expect, test } from 'vitest';
import { checkThreads, LanePins, threadsFor } from '../../src/replay/threads.ts';

test('one thread sends where nothing else is possible', () => {
  expect(checkThreads('auto', 'inline', 'causal')).toEqual({ most: 1, fixed: true });
  expect(checkThreads(undefined, 'worker', 'serial')).toEqual({ most: 1, fixed: true });
  expect(() => checkThreads(2, 'inline', 'causal')).toThrow(
    /^threads must be 1 where the engine runs inline, got 2/,
  );
  expect(() => checkThreads(2, 'worker', 'serial')).toThrow(/^threads must be 1 with order 'serial'/);
  for (const threads of [0, 1.5, 65, Number.NaN]) {
    expect(() => checkThreads(threads, 'worker', 'causal')).toThrow(
      /^threads must be 'auto' or a whole number/,
    );
  }
});

test('as many threads send as the rate takes, and no more than there is room for', () => {
  const limit = { most: 4, fixed: false };
  expect([0, 1, 10_000, 10_001, 30_000, 1e6].map((rate) => threadsFor(limit, rate))).toEqual([
    1, 1, 1, 2, 3, 4,
  ]);
  expect(threadsFor({ most: 3, fixed: true }, 1)).toBe(3);
});

test('a lane stays with its thread, and lanes are spread evenly', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 8 }), fc.array(fc.string()), (threads, lanes) => {
      const pins = new LanePins(threads);
      const first = lanes.map((lane) => pins.threadOf(lane));
      expect(lanes.map((lane) => pins.threadOf(lane))).toEqual(first);
      const counts = Array.from({ length: threads }, () => 0);
      for (const lane of new Set(lanes)) {
        const thread = pins.threadOf(lane);
        counts[thread] = (counts[thread] ?? Number.NaN) + 1;
      }
      expect(Math.max(...counts) - Math.min(...counts)).toBeLessThanOrEqual(1);
    }),
  );
});

test('lanes beyond those that are remembered keep their thread too', () => {
  const pins = new LanePins(3);
  const threadOf = () => Array.from({ length: 70_000 }, (_, i) => pins.threadOf(`lane ${i}`));
  const first = threadOf();
  expect(threadOf()).toEqual(first);
  expect(new Set(first.slice(-1_000))).toEqual(new Set([0, 1, 2]));
});
