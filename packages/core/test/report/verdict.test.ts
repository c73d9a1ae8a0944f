import { expect, test } from 'vitest';
import type { ReplayResult } from '../../src/replay/transcript.ts';
import { adviceOf } from '../../src/report/advice.ts';
import type { Report, RunFacts } from '../../src/report/report.ts';
import { ReportBuilder, type ReportOptions } from '../../src/report/report-builder.ts';
import { aResult, aSkip, someResults } from './replay-results.ts';

const run: RunFacts = {
  runId: 'r1',
  target: 'http://127.0.0.1:3000',
  thread: 'worker',
  ownProcessor: false,
  pace: 'recorded',
  order: 'causal',
  mutationsSent: 0,
  resent: 0,
};

function reportOf(results: readonly ReplayResult[], facts: RunFacts = run, options?: ReportOptions): Report {
  const builder = new ReportBuilder(options);
  for (const result of results) builder.add(result);
  return builder.build(facts);
}

/** `count` results, those in `late` sent so much later, blocked for the given share of it. */
function lateResults(count: number, late: (i: number) => boolean, lateMs: number, blockedShare = 0) {
  return someResults(count).map(({ entry, ...rest }, i) => {
    const lateNs = late(i) ? lateMs * 1e6 : 0;
    const sentAt = entry.plannedAt + lateNs + 0.1e6;
    return {
      ...rest,
      entry: { ...entry, lane: `${i}`, sentAt, endAt: sentAt + 2e6, blockedNs: lateNs * blockedShare },
    };
  });
}

test('a run that was late says how fast it was sent, and how fast it should have been', () => {
  const growing = someResults(1_000).map(({ entry, ...rest }, i) => {
    const sentAt = entry.plannedAt + i * 1e6;
    return { ...rest, entry: { ...entry, sentAt, endAt: sentAt + 2e6 } };
  });
  expect(reportOf(growing)).toMatchObject({
    verdict: 2,
    fidelity: {
      verdict: 'fell-behind',
      reasons: [expect.stringMatching(/^The p99 of lag is 9\d\d\.\d ms \(limit 20 ms\): 91/)],
    },
  });
});

test('a stall that is too short for the p99 does not pass where there are enough sends to tell', () => {
  const stalled = (count: number) => reportOf(lateResults(count, (i) => i % 400 === 5, 300)).fidelity;
  expect(stalled(2_000)).toMatchObject({
    verdict: 'fell-behind',
    reasons: [expect.stringMatching(/^The p99\.9 of lag is 300\.\d ms \(limit 200 ms\)/)],
  });
  expect(stalled(900).verdict).toBe('faithful');
});

test('a run whose requests waited too long for answers was held up by its target', () => {
  const held = (share: number, options?: ReportOptions) =>
    reportOf(
      lateResults(200, (i) => i < 200 * share, 1_500, 1),
      run,
      options,
    );
  expect(held(0.1)).toMatchObject({
    verdict: 2,
    timing: { heldUp: 20 },
    fidelity: {
      verdict: 'held-up',
      reasons: [expect.stringMatching(/^20 of 200 exchanges were sent more than 1000 ms after their time/)],
    },
  });
  expect(held(0.05)).toMatchObject({ verdict: 0, timing: { heldUp: 10 } });
  expect(held(0.1, { maxHeldUpMs: 2_000 })).toMatchObject({ verdict: 0, timing: { heldUp: 0 } });
  expect(() => new ReportBuilder({ maxHeldUpMs: Number.NaN })).toThrow(/^maxHeldUpMs/);
});

test('messages that were late, too early or not sent at all do not pass', () => {
  const message = { at: 0, seq: 0, kind: 0, size: 1, state: 'kept', data: new Uint8Array(1) } as const;
  const call = { protocol: 'grpc', request: { messages: [message, message] } } as const;
  const calls = (entry: Partial<ReplayResult['entry']>, sent = 2) =>
    reportOf(
      someResults(20, {
        recorded: call,
        replayed: { request: { messages: call.request.messages.slice(0, sent) } },
        entry: { recordedStatus: 0, status: 0, ...entry },
      }),
    ).fidelity;
  expect(calls({}).verdict).toBe('faithful');
  expect(calls({ messageLagsNs: [1e6, 30e6] })).toMatchObject({
    verdict: 'fell-behind',
    reasons: ['The p99 of the lag of messages is 30.0 ms (limit 20 ms)'],
  });
  expect(calls({ messagesUnawaited: 1 })).toMatchObject({
    verdict: 'out-of-order',
    reasons: [expect.stringMatching(/^20 messages were sent without the messages of the answer/)],
  });
  expect(calls({ recordedStatus: 12, status: 12 }, 1).verdict).toBe('faithful');
  expect(calls({}, 1)).toMatchObject({
    verdict: 'incomplete',
    reasons: ['20 of 40 messages of clients were not sent, since their calls ended before'],
  });
});

test('hooks that failed are not hooks that dropped', () => {
  const error = { code: 'hook-failed', message: 'onSend threw' } as const;
  const times = { sentAt: undefined, firstByteAt: undefined, endAt: undefined, plannedAt: Number.NaN };
  const failing = aResult({ entry: { ...times, outcome: 'skipped', skip: 'hook', error } });
  expect(reportOf([...someResults(9), aSkip('hook')]).verdict).toBe(0);
  expect(reportOf([...someResults(9), failing]).fidelity).toEqual({
    verdict: 'incomplete',
    reasons: ['Hooks failed for 1 of 10 exchanges'],
  });
});

test('what is left out by default, as health checks are, is no loss', () => {
  const skips = Array.from({ length: 10 }, () => aSkip('infrastructure'));
  expect(reportOf([...someResults(10), ...skips])).toMatchObject({ verdict: 0, exchanges: { skipped: 10 } });
});

test('every verdict that is not fine comes with what can be done', () => {
  const fine = reportOf(someResults(3));
  expect(adviceOf(fine)).toEqual([]);
  for (const verdict of [
    'nothing-sent',
    'nothing-answered',
    'stopped',
    'incomplete',
    'out-of-order',
    'fell-behind',
    'held-up',
  ] as const) {
    expect(adviceOf({ ...fine, fidelity: { verdict, reasons: ['x'] } })).toHaveLength(1);
  }
});

test('another status is a change, also where nothing was compared', () => {
  const withStatus = (recordedStatus: number, status: number, protocol: 'http' | 'grpc' = 'http') =>
    someResults(20).map(({ entry, ...rest }) => ({
      ...rest,
      entry: { ...entry, recordedStatus, status, protocol },
    }));
  expect(reportOf(withStatus(200, 401))).toMatchObject({
    verdict: 1,
    reasons: ['20 exchanges were answered with another status'],
  });
  expect(reportOf(withStatus(404, 404)).verdict).toBe(0);
  expect(reportOf(withStatus(0, 5, 'grpc')).verdict).toBe(1);
  // Which side saw first that a call is over, is chance.
  expect(reportOf(withStatus(4, 1, 'grpc')).verdict).toBe(0);
});
