import { expect, test } from 'vitest';
import { LagLimit } from '../../src/replay/lag-limit.ts';

const late = 11e6;
const onTime = 9e6;

test('one in a hundred may be late, two may not', () => {
  const limit = new LagLimit(10);
  for (let i = 0; i < 99; i++) expect(limit.ended(i * 1e6, onTime)).toBe(false);
  expect(limit.ended(100e6, late)).toBe(false);
  expect(limit.ended(101e6, late)).toBe(true);
});

test('what was late more than a second ago is over', () => {
  const limit = new LagLimit(10);
  for (let i = 0; i < 150; i++) limit.ended(i, onTime);
  expect(limit.ended(200, late)).toBe(false);
  for (let i = 0; i < 150; i++) limit.ended(1.2e9 + i, onTime);
  expect(limit.ended(1.25e9, late)).toBe(false);
  expect(limit.ended(1.25e9, late)).toBe(true);
  // Told late, of a time that is over: it counts now.
  expect(limit.ended(5, late)).toBe(true);
});

test('what has no lag is not late', () => {
  expect(new LagLimit(10).ended(0, Number.NaN)).toBe(false);
});

test('what is held back without end is late before it can tell', () => {
  const limit = new LagLimit(10);
  expect(limit.held({ taken: 0, holding: false }, 100)).toBe(false);
  expect(limit.held({ taken: 0, holding: true }, 200)).toBe(false);
  expect(limit.held({ taken: 0, holding: true }, 209)).toBe(false);
  // One was let through meanwhile.
  expect(limit.held({ taken: 1, holding: true }, 212)).toBe(false);
  expect(limit.held({ taken: 1, holding: true }, 222)).toBe(false);
  expect(limit.held({ taken: 1, holding: true }, 223)).toBe(true);
});
