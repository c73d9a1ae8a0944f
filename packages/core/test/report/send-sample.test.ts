import { expect, test } from 'vitest';
import { SendSample } from '../../src/report/send-sample.ts';

const ms = 1e6;

function sampled(count: number, lagMs: (i: number) => number) {
  const sample = new SendSample();
  for (let i = 0; i < count; i++) {
    const plannedAt = i * ms;
    const sentAt = plannedAt + lagMs(i) * ms;
    sample.add({ exchange: i + 1, operation: 'GET /', plannedAt, sentAt, blockedNs: 0 });
  }
  return sample.times();
}

test('all sends of a short run are kept, with their times', () => {
  expect(sampled(3, () => 0.5)).toEqual({
    sampled: { plannedMs: [0, 1, 2], sentMs: [0.5, 1.5, 2.5], blockedMs: [0, 0, 0] },
    worst: [1, 2, 3].map((exchange) => ({
      exchange,
      operation: 'GET /',
      plannedMs: exchange - 1,
      sentMs: exchange - 0.5,
      blockedMs: 0,
      lagMs: 0.5,
    })),
  });
  expect(sampled(0, () => 0)).toBeUndefined();
});

test('of a long run every so many-th send is kept, and the worst of all', () => {
  const times = sampled(100_000, (i) => (i === 77_777 ? 90 : i === 5 ? 80 : 0.1 + (i % 10) / 100));
  const planned = times?.sampled.plannedMs ?? [];
  expect(planned.length).toBeGreaterThanOrEqual(400);
  expect(planned.length).toBeLessThan(800);
  expect(new Set(planned.slice(1).map((at, i) => at - (planned[i] ?? 0)))).toEqual(new Set([128]));
  expect(times?.worst).toHaveLength(20);
  expect(times?.worst.slice(0, 2)).toMatchObject([
    { exchange: 77_778, lagMs: 90 },
    { exchange: 6, lagMs: 80 },
  ]);
});
