import { expect, test } from 'vitest';
import { Breaker, isNewError } from '../../src/replay/breaker.ts';
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
  const breaker = new Breaker();
  const turns = Array.from({ length: 200 }, (_, i) => breaker.over(i % 20 < 9 ? bad : good));
  expect(turns.every((turn) => turn === undefined)).toBe(true);
  const half = new Breaker();
  const said = Array.from({ length: 20 }, (_, i) => half.over(i % 2 === 0 ? bad : good));
  expect(said.slice(0, 19).every((turn) => turn === undefined)).toBe(true);
  expect(said[19]).toBe('pause');
});

test('three pauses, then it is enough; what was not sent counts for nothing', () => {
  const breaker = new Breaker();
  const said: unknown[] = [];
  for (let i = 0; i < 80; i++) {
    breaker.over(entry({ outcome: 'skipped' }));
    const turn = breaker.over(bad);
    if (turn !== undefined) said.push(turn);
  }
  expect(said).toEqual(['pause', 'pause', 'pause', 'stop']);
  expect(breaker.pauses).toBe(3);
});
