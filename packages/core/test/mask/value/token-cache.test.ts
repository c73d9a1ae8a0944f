import { expect, test } from 'vitest';
import { TokenCache } from '../../../src/mask/value/token-cache.ts';
import { ManualClock } from '../../../src/testing/manual-clock.ts';

function filled(most: number, values: number): { cache: TokenCache; clock: ManualClock; held: () => number } {
  const clock = new ManualClock();
  const cache = new TokenCache(most, clock);
  for (let i = 0; i < values; i++) cache.set('type', `value ${i}`, `token ${i}`);
  // Looks without touching: a look keeps a value.
  const held = () =>
    Array.from({ length: values }, (_, i) => cache.get('type', `value ${i}`)).filter(Boolean).length;
  return { cache, clock, held };
}

test('remembers at most as many values as it may, the latest ones', () => {
  const { cache, held } = filled(100, 1000);
  expect(cache.get('type', 'value 999')).toBe('token 999');
  expect(cache.get('type', 'value 0')).toBeUndefined();
  expect(held()).toBeLessThanOrEqual(100);
  expect(filled(0, 10).held()).toBe(0);
});

test('remembers values of a type for that type', () => {
  const { cache } = filled(100, 1);
  expect(cache.get('other', 'value 0')).toBeUndefined();
});

test('remembers no long values', () => {
  const { cache } = filled(100, 0);
  cache.set('type', 'x'.repeat(257), 'token');
  expect(cache.get('type', 'x'.repeat(257))).toBeUndefined();
});

test('lets go of a value a minute after its last use', () => {
  const { cache, clock } = filled(100, 2);
  clock.advanceMs(29_000);
  expect(cache.get('type', 'value 0')).toBe('token 0');
  clock.advanceMs(20_000);
  expect(cache.get('type', 'value 0')).toBe('token 0');
  clock.advanceMs(25_000);
  expect(cache.get('type', 'value 0')).toBe('token 0');
  expect(cache.get('type', 'value 1')).toBeUndefined();
  clock.advanceMs(60_000);
  expect(cache.get('type', 'value 0')).toBeUndefined();
});

test('forgets all when it is wiped, also what is held elsewhere', () => {
  const { cache, clock, held } = filled(100, 60);
  let forgotten = 0;
  cache.alsoForget(() => forgotten++);
  cache.wipe();
  expect(held()).toBe(0);
  expect(forgotten).toBe(1);
  cache.set('type', 'again', 'token');
  clock.advanceMs(30_000);
  expect(forgotten).toBe(2);
  clock.advanceMs(1_000_000);
  expect(forgotten).toBe(3);
});

test('has values forgotten that are held only elsewhere', () => {
  const { cache, clock } = filled(100, 0);
  let forgotten = 0;
  const begun = cache.alsoForget(() => forgotten++);
  clock.advanceMs(1_000_000);
  expect(forgotten).toBe(0);
  begun();
  begun();
  clock.advanceMs(1_000_000);
  expect(forgotten).toBe(1);
});
