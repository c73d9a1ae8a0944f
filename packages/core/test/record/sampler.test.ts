import { expect, test } from 'vitest';
import { always, never, rateLimited, sampleRatio } from '../../src/record/sampler.ts';
import { aStart } from '../../src/testing/factories.ts';
import { ManualClock } from '../../src/testing/manual-clock.ts';

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

const traced = (trace: string) => aStart({ headers: ['TraceParent', `00-${trace}-00f067aa0ba902b7-01`] });

test('sampleRatio() by trace decides alike for every exchange of a trace, whatever their ids', () => {
  const sampler = sampleRatio(0.3, { by: 'trace' });
  const traces = Array.from({ length: 2000 }, (_, i) =>
    (i * 2_654_435_761 + 1).toString(16).padStart(32, '0'),
  );
  const taken = traces.filter((trace) => sampler.sample(traced(trace), 1) > 0);
  expect(Math.abs(taken.length / traces.length - 0.3)).toBeLessThan(0.04);
  for (const trace of traces) {
    expect(sampler.sample(traced(trace), 77)).toBe(taken.includes(trace) ? 0.3 : 0);
  }
  expect(sampler.description).toBe('ratio 0.3 by trace');
});

test('sampleRatio() by a key goes by the exchange that caused it, or by its id, where the key is missing', () => {
  const byId = sampleRatio(0.5);
  for (const by of ['trace', 'header:x-request-id'] as const) {
    const sampler = sampleRatio(0.5, { by });
    for (const id of ids.slice(0, 100)) {
      const expected = byId.sample(aStart(), id);
      expect(sampler.sample(aStart(), id)).toBe(expected);
      expect(sampler.sample(aStart({ parent: id }), id + 1)).toBe(expected);
      expect(sampler.sample(traced('0'.repeat(32)), id)).toBe(expected);
      expect(sampler.sample(aStart({ headers: ['traceparent', '00-x'] }), id)).toBe(expected);
    }
  }
});

test('sampleRatio() by a header takes its value as the key', () => {
  const sampler = sampleRatio(0.5, { by: 'header:X-Request-Id' });
  const rate = (value: string, id: number) =>
    sampler.sample(aStart({ headers: ['x-request-id', value] }), id);
  const values = Array.from({ length: 400 }, (_, i) => `request ${i}`);
  const taken = values.filter((value) => rate(value, 1) > 0);
  expect(Math.abs(taken.length / values.length - 0.5)).toBeLessThan(0.1);
  expect(values.filter((value) => rate(value, 2) > 0)).toEqual(taken);
  expect(() => sampleRatio(0.5, { by: 'header:' })).toThrow(
    "by must be 'exchange', 'trace' or 'header:NAME'",
  );
});
