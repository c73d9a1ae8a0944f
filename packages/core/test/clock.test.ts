import { afterEach, expect, test, vi } from 'vitest';
import { systemClock } from '../src/clock.ts';

afterEach(() => {
  vi.useRealTimers();
});

test('the monotonic time never falls', () => {
  let last = systemClock.nowNs();
  for (let i = 0; i < 1000; i++) {
    const now = systemClock.nowNs();
    expect(now).toBeGreaterThanOrEqual(last);
    last = now;
  }
});

test('the wall clock is that of the machine', () => {
  expect(Math.abs(systemClock.wallMs() - Date.now())).toBeLessThan(1000);
});

test('after() calls once, no earlier than asked, and not when it is undone', async () => {
  const began = systemClock.nowNs();
  let undone = 0;
  systemClock.after(5, () => undone++)();
  // The clock's own timers do not keep the process alive; this one does, for the test.
  const alive = setInterval(() => undefined, 1000);
  await new Promise<void>((called) => systemClock.after(10, called));
  clearInterval(alive);
  expect(systemClock.nowNs() - began).toBeGreaterThanOrEqual(9e6);
  expect(undone).toBe(0);
});

test('after() bears delays that are longer than a timer can be', async () => {
  vi.useFakeTimers();
  vi.resetModules();
  const { systemClock: faked } = await import('../src/clock.ts');
  const delayMs = 3 * 2 ** 31;
  let called = 0;
  faked.after(delayMs, () => called++);
  const undo = faked.after(delayMs, () => called++);
  vi.advanceTimersByTime(delayMs - 1);
  expect(called).toBe(0);
  undo();
  vi.advanceTimersByTime(1);
  expect(called).toBe(1);
});

test('the clock goes on when a test runner fakes the timers', () => {
  vi.useFakeTimers({ now: 0 });
  expect(systemClock.wallMs()).toBeGreaterThan(Date.UTC(2024, 0, 1));
});
