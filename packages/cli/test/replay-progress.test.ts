import type { ReplayProgress } from '@gardenhose/core';
import { expect, test } from 'vitest';
import { replayProgressLine } from '../src/replay-progress.ts';

const progress = (over: Partial<ReplayProgress> = {}): ReplayProgress => ({
  runId: 'r1',
  target: 'http://127.0.0.1:3000',
  thread: 'worker',
  threads: 1,
  ownProcessor: false,
  pace: 'recorded',
  order: 'causal',
  safety: {
    marks: ['headers'],
    mutations: true,
    credentials: false,
    recordedOrigin: false,
    breaker: true,
    maxInFlight: 1_000,
    timeoutMs: 30_000,
  },
  elapsedMs: 54_000,
  read: 900,
  answered: 700,
  failed: 3,
  skipped: new Map([['mutation', 97]]),
  mutationsSent: 0,
  resent: 0,
  hookFailures: 0,
  open: 100,
  underWay: 12,
  perSecond: 1_204.3,
  lagP99Ms: 0.4,
  lagMs: 0.1,
  maxLagMs: 3,
  ...over,
});
const extent = { exchanges: 1_600, durationMs: 100_000 };

test('on a terminal there is a bar, with rate, lag, what is under way, failures and the time left', () => {
  expect(replayProgressLine(progress(), extent, 100)).toBe(
    '█████████████░░░░░░░░░░░  54 %  1204/s  lag p99 0.40 ms  12 under way  3 failed  0:46 left',
  );
});

test('the line fits into the columns: the bar gives way', () => {
  const line = replayProgressLine(progress(), extent, 79);
  expect(line.length).toBeLessThanOrEqual(79);
  expect(line).toMatch(/^█+[▉-▏]?░+ +54 % /);
  expect(replayProgressLine(progress(), extent, 60)).toMatch(/^ 54 % {2}1204\/s/);
});

test('without a terminal it is a plain line', () => {
  expect(replayProgressLine(progress(), extent)).toBe(
    'replay: 54 %, 1204/s, lag p99 0.40 ms, 12 under way, 3 failed, 0:46 left',
  );
});

test('without a plan the exchanges say how far it is, and without their number only how many are done', () => {
  const asap = progress({ pace: 'asap', elapsedMs: 3_723_000 });
  expect(replayProgressLine(asap, { exchanges: 1_600, durationMs: 0 })).toBe(
    'replay: 50 %, 1204/s, 12 under way, 3 failed, 1:02:03 left',
  );
  expect(replayProgressLine(asap, undefined, 100)).toBe('703 done  1204/s  12 under way  3 failed  1:02:03');
  const first = progress({ pace: 'asap', elapsedMs: 900, answered: 0, failed: 0, skipped: new Map() });
  expect(replayProgressLine(first, { exchanges: 9, durationMs: 0 })).toMatch(/^replay: 0 %, .*, 0:01$/);
});

test('a run that is past its plan says so, and counts by exchanges', () => {
  expect(replayProgressLine(progress({ elapsedMs: 130_000, perSecond: 2 }), extent)).toBe(
    'replay: 50 %, 2.0/s, lag p99 0.40 ms, 12 under way, 3 failed, past the plan',
  );
  expect(replayProgressLine(progress({ elapsedMs: 1 }), { exchanges: 0, durationMs: 0 })).toMatch(
    /^replay: 100 %/,
  );
});
