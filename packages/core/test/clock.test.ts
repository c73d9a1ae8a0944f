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

test('the clock goes on when a test runner fakes the timers', () => {
  vi.useFakeTimers({ now: 0 });
  expect(systemClock.wallMs()).toBeGreaterThan(Date.UTC(2024, 0, 1));
});
