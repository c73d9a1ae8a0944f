import { expect, test } from 'vitest';
import type { ReplayProgress } from '../../src/replay/progress.ts';
import { reportProgress, watchSignal } from '../../src/replay/run-watch.ts';
import { ManualClock } from '../../src/testing/index.ts';

test('a signal that is aborted stops, at once where it is already, and not after the undo', () => {
  let stops = 0;
  const stop = () => stops++;
  watchSignal(AbortSignal.abort(), stop);
  expect(stops).toBe(1);
  const later = new AbortController();
  watchSignal(later.signal, stop);
  const undone = new AbortController();
  watchSignal(undone.signal, stop)();
  later.abort();
  undone.abort();
  expect(stops).toBe(2);
});

test('progress is told five times a second, and no more once it is undone, be it while it is told', () => {
  const clock = new ManualClock();
  const told: number[] = [];
  let elapsedMs = 0;
  const progress = () => ({ elapsedMs: ++elapsedMs }) as ReplayProgress;
  const undo = reportProgress(clock, progress, ({ elapsedMs: at }) => {
    told.push(at);
    if (at === 5) undo();
  });
  clock.advanceMs(999);
  expect(told).toHaveLength(4);
  clock.advanceMs(10_000);
  expect(told).toEqual([1, 2, 3, 4, 5]);
});
