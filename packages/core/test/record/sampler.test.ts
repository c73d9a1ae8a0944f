import { expect, test } from 'vitest';
import { always, never, rateLimited, sampleBy, sampleRatio } from '../../src/record/sampler.ts';
import { aStart } from '../../src/testing/factories.ts';
import { ManualClock } from '../../src/testing/manual-clock.ts';
import { processorMs } from '../mask/linear.ts';

const ids = Array.from({ length: 20_000 }, (_, i) => i + 1);

test('always() and never() do', () => {
  expect(always.sample(aStart(), 1)).toBe(1);
  expect(never.sample(aStart(), 1)).toBe(0);
});

test.each([0.01, 0.1, 0.5, 0.9])('sampleRatio(%d) records about that share, and stamps it', (ratio) => {
  const rates = ids.map((id) => sampleRatio(ratio).sample(aStart(), id));
  const taken = rates.filter((rate) => rate > 0);
  expect(new Set(taken)).toEqual(new Set([ratio]));
  expect(Math.abs(taken.length / ids.length - ratio)).toBeLessThan(0.015);
});

test('sampleRatio() decides alike wherever it is made, and a lower ratio within a higher one', () => {
  const taken = (ratio: number) => new Set(ids.filter((id) => sampleRatio(ratio).sample(aStart(), id) > 0));
  expect(taken(0.2)).toEqual(taken(0.2));
  const more = taken(0.4);
  for (const id of taken(0.2)) expect(more.has(id)).toBe(true);
  expect(taken(0).size).toBe(0);
  expect(taken(1).size).toBe(ids.length);
});

test.each([-0.1, 1.1, Number.NaN])('sampleRatio(%d) is refused', (ratio) => {
  expect(() => sampleRatio(ratio)).toThrow('ratio must be from 0 to 1');
});

test('rateLimited() records the first so many of each second, and stamps the share of the second before', () => {
  const clock = new ManualClock();
  const sampler = rateLimited(10, clock);
  const second = (count: number) => Array.from({ length: count }, (_, i) => sampler.sample(aStart(), i));
  expect(second(40).filter((rate) => rate === 1)).toHaveLength(10);
  clock.advanceMs(1000);
  expect(second(5)).toEqual(Array.from({ length: 5 }, () => 0.25));
  clock.advanceMs(1000);
  expect(second(1)).toEqual([1]);
  expect(() => rateLimited(0)).toThrow('perSecond must be over 0');
});

test('sampleBy() asks the sampler of the first path that fits', () => {
  const sampler = sampleBy(
    [
      { path: '/health', sampler: never },
      { method: 'GET', path: '/static/**', sampler: never },
      { path: '/orders/*/items', sampler: { description: 'half', sample: () => 0.5 } },
      { path: '/a.b(c)', sampler: never },
    ],
    always,
  );
  const rate = (method: string, target: string) => sampler.sample(aStart({ method, target }), 1);
  expect(rate('GET', '/health?deep=1')).toBe(0);
  expect(rate('GET', '/healthy')).toBe(1);
  expect(rate('GET', '/static/js/app.js')).toBe(0);
  expect(rate('POST', '/static/js/app.js')).toBe(1);
  expect(rate('GET', '/orders/7/items')).toBe(0.5);
  expect(rate('GET', '/orders/7/8/items')).toBe(1);
  expect(rate('GET', '/a.b(c)')).toBe(0);
  expect(rate('GET', '/aXb(c)')).toBe(1);
  expect(sampler.description).toContain('* /health: never');
});

test('sampleBy() takes a path full of stars in its stride', () => {
  const sampler = sampleBy([{ path: '/**a**a**a**a**a**a**b', sampler: never }]);
  const start = aStart({ target: `/${'a'.repeat(60)}` });
  expect(processorMs(() => sampler.sample(start, 1))).toBeLessThan(1000);
});
