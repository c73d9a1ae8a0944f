import { expect, test } from 'vitest';
import { budgetOf, Spending } from '../../src/replay/budget.ts';
import { createGuard } from '../../src/replay/guard.ts';

const planned = { exchanges: 40, durationMs: 10_000, peakPerSecond: 20, longestMs: 500 };
const remote = 'https://staging.test';

test('a budget follows from the plan, for a target that is not loopback', () => {
  expect(budgetOf(createGuard(remote, { allow: [remote] }), planned)).toEqual({
    maxRequests: 40,
    maxBytes: 2 ** 30,
    maxDurationMs: 75_750,
    maxRps: 34,
    maxInFlight: 256,
  });
  expect(budgetOf(createGuard('http://127.0.0.1:1'), planned)).toEqual({ maxInFlight: 256 });
});

test('without a schedule there is no rate and no duration; what is given is kept', () => {
  const asap = { ...planned, durationMs: 0, peakPerSecond: 0 };
  const limits = { maxRequests: 7, maxBytes: 8, maxDurationMs: 9, maxRps: 0.5, maxInFlight: 2 };
  const { maxRps, maxDurationMs } = budgetOf(createGuard(remote, { allow: [remote] }), asap);
  expect([maxRps, maxDurationMs]).toEqual([undefined, undefined]);
  expect(budgetOf(createGuard('in-process', limits), planned)).toEqual(limits);
});

test('spending ends at the first limit, and takes nothing then', () => {
  const byCount = new Spending(createGuard('in-process', { maxRequests: 2 }));
  expect([byCount.take(9), byCount.take(9), byCount.take(0)]).toEqual([undefined, undefined, 'max-requests']);
  const byBytes = new Spending(createGuard('in-process', { maxBytes: 10 }));
  expect([byBytes.take(10), byBytes.take(1), byBytes.take(0)]).toEqual([undefined, 'max-bytes', undefined]);
});

test('limits that are none are refused', () => {
  for (const [name, value] of [
    ['maxRequests', 0],
    ['maxBytes', 1.5],
    ['maxRps', -1],
    ['maxRps', Number.NaN],
  ] as const) {
    expect(() => createGuard('in-process', { [name]: value })).toThrow(`guard.${name}`);
  }
});
