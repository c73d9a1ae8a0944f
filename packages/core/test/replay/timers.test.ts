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
