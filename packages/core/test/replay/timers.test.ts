import fc from 'fast-check';
import { expect, test } from 'vitest';
import { Timers } from '../../src/replay/timers.ts';

test('callbacks run once, in order of time, none before it', () => {
  fc.assert(
    fc.property(fc.array(fc.nat(1_000)), fc.nat(1_000), (times, now) => {
      const timers = new Timers();
      const ran: number[] = [];
      for (const at of times) timers.set(at, () => ran.push(at));
      timers.runDue(now);
      timers.runDue(now);
      const sorted = times.toSorted((a, b) => a - b);
      expect(ran).toEqual(sorted.filter((at) => at <= now));
      expect(timers.next).toBe(sorted.find((at) => at > now) ?? Number.POSITIVE_INFINITY);
    }),
  );
});

test('what is undone does not run', () => {
  const timers = new Timers();
  const ran: string[] = [];
  const undo = timers.set(5, () => ran.push('a'));
  timers.set(6, () => ran.push('b'));
  undo();
  timers.runDue(10);
  expect(ran).toEqual(['b']);
});

test('a callback may set another that is due at once', () => {
  const timers = new Timers();
  const ran: string[] = [];
  timers.set(5, () => {
    ran.push('first');
    timers.set(4, () => ran.push('second'));
  });
  timers.runDue(5);
  expect(ran).toEqual(['first', 'second']);
});

test('what is undone is not kept for ever, however late its time', () => {
  const timers = new Timers();
  const ran: number[] = [];
  for (let i = 0; i < 20_000; i++) {
    const undo = timers.set(1e15 + (i % 7), () => ran.push(-1));
    if (i % 1000 === 0) timers.set(20_000 - i, () => ran.push(20_000 - i));
    undo();
    undo();
  }
  expect(timers.size).toBeLessThan(3_000);
  timers.runDue(1e9);
  expect(ran).toEqual(Array.from({ length: 20 }, (_, i) => (i + 1) * 1000));
});

test('undoing what has run changes nothing', () => {
  const timers = new Timers();
  for (let i = 0; i < 5_000; i++) {
    const undo = timers.set(i, () => {});
    timers.runDue(i);
    undo();
  }
  timers.set(10_000, () => {});
  expect(timers.size).toBe(1);
});
