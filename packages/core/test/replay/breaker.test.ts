import { expect, test } from 'vitest';
import { Breaker, breakerLimits, isNewError } from '../../src/replay/breaker.ts';
import type { TranscriptEntry } from '../../src/replay/transcript.ts';

const entry = (facts: Partial<TranscriptEntry>): TranscriptEntry => ({
  exchange: 1,
  lane: 'a',
  protocol: 'http',
  operation: 'GET /',
  plannedAt: 0,
  blockedNs: 0,
  outcome: 'answered',
  recordedStatus: 200,
  status: 200,
  ...facts,
});
const usual = { of: 20, errors: 0.5, pauseMs: 5_000, maxPauses: 3 };
const good = entry({});
const bad = entry({ status: 503 });

test('errors are those that were none when they were recorded', () => {
  expect(isNewError(bad)).toBe(true);
  expect(isNewError(entry({ outcome: 'failed', status: undefined }))).toBe(true);
  expect(isNewError(entry({ status: 404 }))).toBe(false);
  expect(isNewError(entry({ status: 503, recordedStatus: 500 }))).toBe(false);
  expect(isNewError(entry({ outcome: 'failed', recordedStatus: undefined }))).toBe(false);
  expect(isNewError(entry({ outcome: 'skipped', status: undefined }))).toBe(false);
  const call = (status: number) => isNewError(entry({ protocol: 'grpc', recordedStatus: 0, status }));
  expect([0, 5, 14, 13, 503].map(call)).toEqual([false, false, true, true, false]);
});

test('half of twenty are too many, and nine are not', () => {
  const breaker = new Breaker(usual);
  const turns = Array.from({ length: 200 }, (_, i) => breaker.over(i % 20 < 9 ? bad : good));
  expect(turns.every((turn) => turn === undefined)).toBe(true);
  const half = new Breaker(usual);
  const said = Array.from({ length: 20 }, (_, i) => half.over(i % 2 === 0 ? bad : good));
  expect(said.slice(0, 19).every((turn) => turn === undefined)).toBe(true);
  expect(said[19]).toBe('pause');
});

test('three pauses, then it is enough; what was not sent counts for nothing', () => {
  const breaker = new Breaker(usual);
  const said: unknown[] = [];
  for (let i = 0; i < 80; i++) {
    breaker.over(entry({ outcome: 'skipped' }));
    const turn = breaker.over(bad);
    if (turn !== undefined) said.push(turn);
  }
  expect(said).toEqual(['pause', 'pause', 'pause', 'stop']);
  expect(breaker.pauses).toBe(3);
});

test('its numbers can be others, and are checked', () => {
  expect(breakerLimits(undefined, true)).toEqual(usual);
  expect(breakerLimits(false, true)).toBeUndefined();
  expect(breakerLimits(undefined, false)).toBeUndefined();
  expect(breakerLimits({ of: 4 }, false)).toEqual({ ...usual, of: 4 });
  const breaker = new Breaker({ of: 4, errors: 0.75, pauseMs: 1, maxPauses: 0 });
  expect([bad, good, bad, good, bad, bad].map((one) => breaker.over(one))).toEqual([
    ...[undefined, undefined, undefined, undefined, undefined],
    'stop',
  ]);
  for (const wrong of [{ of: 0 }, { of: 1e9 }, { errors: 0 }, { errors: 1.1 }, { errors: Number.NaN }]) {
    expect(() => breakerLimits(wrong, true)).toThrow(/guard\.breaker\.(of|errors)/);
  }
  const unknown = { of: 4, most: 1 };
  for (const wrong of [{ pauseMs: 0 }, { maxPauses: -1 }, { maxPauses: 0.5 }, unknown]) {
    expect(() => breakerLimits(wrong, true)).toThrow(/guard\.breaker/);
  }
});
