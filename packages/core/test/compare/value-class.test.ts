import { expect, test } from 'vitest';
import { sameChangingClass, skeletonOf } from '../../src/compare/value-class.ts';

const now = Date.UTC(2026, 10, 21);

test.each([
  ['2026-11-21T12:00:00Z', '2026-11-21T12:00:05.123Z'],
  ['2026-11-21 12:00:00', '2026-11-22 12:00:00'],
  ['Sat, 21 Nov 2026 12:00:00 GMT', 'Sun, 22 Nov 2026 12:00:00 GMT'],
  ['7b1c7a52-7b4e-4f0f-9f55-2f8f6f0a1a11', 'f81d4fae-7dec-11d0-a765-00a0c91e6bf6'],
  ['01ARZ3NDEKTSV4RRFFQ69G5FAV', '01BX5ZZKBKACTAV9WEVGEMMVRZ'],
  ['9f86d081884c7d65', 'a3f5d081884c7d65'],
  ['eyJhbGciOi.eyJzdWIi.abc', 'eyJhbGciOi.eyJleHAi.xyz'],
  [
    '/orders/7b1c7a52-7b4e-4f0f-9f55-2f8f6f0a1a11/items',
    '/orders/f81d4fae-7dec-11d0-a765-00a0c91e6bf6/items',
  ],
  [
    'sid=9f86d081884c7d65; Expires=Sat, 21 Nov 2026 12:00:00 GMT',
    'sid=1f86d081884c7d65; Expires=Sun, 22 Nov 2026 12:00:00 GMT',
  ],
])('values of one changing class are told: %s', (recorded, replayed) => {
  expect(sameChangingClass(recorded, replayed, now)).toBe(true);
});

test.each([
  ['2026-11-21', '2026-11-22'],
  ['2026-11-21T12:00:00Z', '9f86d081884c7d65'],
  ['1234567890123456', '6543210987654321'],
  ['rose', 'tulip'],
  ['/orders/7b1c7a52-7b4e-4f0f-9f55-2f8f6f0a1a11', '/carts/f81d4fae-7dec-11d0-a765-00a0c91e6bf6'],
  [null, null],
  [true, false],
  [4200, 4300],
])('other values have no changing class: %s', (recorded, replayed) => {
  expect(sameChangingClass(recorded, replayed, now)).toBe(false);
});

test('times since 1970 are told from numbers by their nearness to now', () => {
  const seconds = now / 1_000;
  expect(sameChangingClass(seconds - 5_000, seconds, now)).toBe(true);
  expect(sameChangingClass(now - 5_000, now + 0, now)).toBe(true);
  expect(sameChangingClass(String(now - 5_000), String(now), now)).toBe(true);
  expect(sameChangingClass(1_000_000_000, 1_000_000_001, now)).toBe(false);
  expect(sameChangingClass(seconds, String(seconds), now)).toBe(false);
});

test('a long text is not searched', () => {
  const long = `${'eyJ-'.repeat(10_000)}2026-11-21T12:00:00Z`;
  expect(skeletonOf(long)).toBe(long);
});
