import { expect, test } from 'vitest';
import { systemClock } from '../../src/clock.ts';
import { clockWaiter, napWaiter, type Waiter } from '../../src/replay/waiter.ts';
import { ManualClock } from '../../src/testing/index.ts';

const nowNs = () => systemClock.nowNs();
const ms = 1e6;
const none = Number.POSITIVE_INFINITY;

/** When the waiter wakes, after it was asked to at `atNs`. */
const woken = (waiter: Waiter, atNs: number, awaitedSince = none) =>
  new Promise<number>((resolve) => waiter.waitUntil(atNs, () => resolve(nowNs()), awaitedSince));

test.each([true, false])('it wakes at its time or after, never before (naps: %s)', async (naps) => {
  const waiter = napWaiter(nowNs, naps);
  for (const delay of [0, 0.1, 1.5, 4, 12]) {
    const due = nowNs() + delay * ms;
    const at = await woken(waiter, due, delay === 1.5 ? nowNs() : none);
    expect(at).toBeGreaterThanOrEqual(due);
  }
});

test('the last wish counts, whether it is earlier or later', async () => {
  const waiter = napWaiter(nowNs);
  const ran: string[] = [];
  const from = nowNs();
  waiter.waitUntil(from + 1_000 * ms, () => ran.push('too late'), none);
  waiter.waitUntil(from + 0.5 * ms, () => ran.push('too early'), none);
  await woken(waiter, from + 3 * ms);
  expect(nowNs() - from).toBeGreaterThanOrEqual(3 * ms);
  expect(ran).toEqual([]);
});

test('what may come late comes no earlier, and makes way for what may not', async () => {
  const waiter = napWaiter(nowNs);
  const from = nowNs();
  const at = await new Promise<number>((resolve) =>
    waiter.waitUntil(from + 3.3 * ms, () => resolve(nowNs()), none, true),
  );
  expect(at).toBeGreaterThanOrEqual(from + 3.3 * ms);
  const ran: string[] = [];
  const then = nowNs();
  waiter.waitUntil(then + 5 * ms, () => ran.push('the coarse wish'), none, true);
  await woken(waiter, then + 5 * ms);
  expect(nowNs()).toBeGreaterThanOrEqual(then + 5 * ms);
  waiter.waitUntil(nowNs(), () => ran.push('what is due is due'), none, true);
  await new Promise((resolve) => setImmediate(() => setImmediate(resolve)));
  expect(ran).toEqual(['what is due is due']);
});

test('it can be asked again from within', async () => {
  const waiter = napWaiter(nowNs);
  let count = 0;
  await new Promise<void>((resolve) => {
    const again = () => {
      if (++count === 5) resolve();
      else waiter.waitUntil(nowNs() + 0.2 * ms, again, none);
    };
    again();
  });
  expect(count).toBe(5);
});

test('what is stopped does not wake, and nor does what never comes', async () => {
  const waiter = napWaiter(nowNs);
  let woke = false;
  const note = () => {
    woke = true;
  };
  waiter.waitUntil(nowNs() + 0.3 * ms, note, none);
  waiter.stop();
  waiter.waitUntil(none, note, none);
  await woken(napWaiter(nowNs), nowNs() + 3 * ms);
  expect(woke).toBe(false);
});

test('the event loop is served while it waits', async () => {
  let most = 0;
  // Another process may take the processor for longer than one wait.
  for (let round = 0; round < 50 && most <= 5; round++) {
    let turns = 0;
    const turn = () => {
      turns++;
      immediate = setImmediate(turn);
    };
    let immediate = setImmediate(turn);
    const from = nowNs();
    await woken(napWaiter(nowNs), from + 5 * ms, from);
    clearImmediate(immediate);
    most = Math.max(most, turns);
  }
  expect(most).toBeGreaterThan(5);
});

test('a clock that is moved by hand wakes it when it is told to', () => {
  const clock = new ManualClock();
  const waiter = clockWaiter(clock, () => clock.nowNs());
  const at: number[] = [];
  waiter.waitUntil(5 * ms, () => at.push(clock.nowNs()), none);
  waiter.waitUntil(2 * ms, () => at.push(clock.nowNs()), none);
  clock.advanceMs(10);
  waiter.waitUntil(none, () => at.push(-1), none);
  waiter.waitUntil(20 * ms, () => at.push(-1), none);
  waiter.stop();
  clock.advanceMs(50);
  expect(at).toEqual([2 * ms]);
});
