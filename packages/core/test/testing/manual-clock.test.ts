import { expect, test } from 'vitest';
import { ManualClock } from '../../src/testing/manual-clock.ts';

test('timers run in the order of their times, each at its own time, and only once', () => {
  const clock = new ManualClock();
  const seen: [string, number][] = [];
  clock.after(20, () => seen.push(['b', clock.nowNs()]));
  clock.after(10, () => {
    seen.push(['a', clock.nowNs()]);
    clock.after(5, () => seen.push(['from a', clock.nowNs()]));
  });
  clock.advanceMs(100);
  clock.advanceMs(100);

  expect(seen).toEqual([
    ['a', 10e6],
    ['from a', 15e6],
    ['b', 20e6],
  ]);
  expect(clock.nowNs()).toBe(200e6);
});

test('a timer that is taken back does not run', () => {
  const clock = new ManualClock();
  let runs = 0;
  const undo = clock.after(10, () => runs++);
  undo();
  clock.advanceMs(20);

  expect(runs).toBe(0);
  expect(clock.pending).toBe(0);
});

test('the wall clock passes with the monotonic one, and can step alone', () => {
  const clock = new ManualClock({ wallMs: 1000 });
  clock.advanceMs(5);
  clock.stepWallMs(-100);

  expect(clock.wallMs()).toBe(905);
  expect(clock.nowNs()).toBe(5e6);
});
