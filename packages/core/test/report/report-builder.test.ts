import { expect, test } from 'vitest';
import { compareExchange } from '../../src/compare/compare.ts';
import type { Exchange } from '../../src/model/exchange.ts';
import type { ReplayResult } from '../../src/replay/transcript.ts';
import { renderReport } from '../../src/report/render-text.ts';
import type { RunFacts } from '../../src/report/report.ts';
import { ReportBuilder } from '../../src/report/report-builder.ts';
import { aChunk } from '../../src/testing/factories.ts';
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
function reportOf(results: readonly ReplayResult[], compare = false, facts: RunFacts = run) {
  const builder = new ReportBuilder();
  for (const result of results) {
    const { recorded, replayed } = result;
    builder.add(result, compare && replayed !== undefined ? compareExchange(recorded, replayed) : undefined);
  }
  return builder.build(facts);
}
const body = (json: unknown): Partial<Exchange['response']> => ({ chunks: [aChunk(JSON.stringify(json))] });

test('a run that was as recorded is faithful, clean and fine', () => {
  const report = reportOf(someResults(300), true);
  expect(report).toMatchObject({
    verdict: 0,
    reasons: [],
    comparison: 'clean',
    fidelity: { verdict: 'faithful', reasons: [] },
    exchanges: { total: 300, sent: 300, answered: 300, failed: 0, skipped: 0 },
    statuses: [{ recorded: 200, replayed: 200, count: 300 }],
    operations: [{ operation: 'GET /orders/:id', sent: 300, failed: 0, changed: 0 }],
    differences: { compared: 300, exchangesChanged: 0, changed: 0 },
  });
  expect(report.timing).toMatchObject({ plannedMs: 2_990, actualMs: 2_990, driftMs: 0 });
  expect(report.timing.lag.p99Ms).toBeCloseTo(0.1, 2);
  expect(report.timing.serviceTime.p50Ms).toBeCloseTo(2, 2);
  expect(report.timing.responseTime.p50Ms).toBeCloseTo(2.1, 2);
  expect(report.timing.recordedTime.p50Ms).toBeCloseTo(2, 2);
});

test('a report is plain data', () => {
  const report = reportOf([...someResults(3), aSkip('mutation')], true);
  expect(JSON.parse(JSON.stringify(report))).toEqual(report);
});

test('response time holds the waiting that service time hides', () => {
  const late = someResults(10, { entry: {} }).map(({ entry, ...rest }) => ({
    ...rest,
    entry: { ...entry, blockedNs: 50e6, sentAt: entry.plannedAt + 50.1e6, endAt: entry.plannedAt + 52.1e6 },
  }));
  const { timing, fidelity } = reportOf(late);
  expect(timing.serviceTime.p50Ms).toBeCloseTo(2, 1);
  expect(timing.responseTime.p50Ms).toBeCloseTo(52.1, 0);
  expect(timing.blocked).toMatchObject({ count: 10 });
  expect(timing.lag.maxMs).toBeCloseTo(0.1, 3);
  expect(fidelity.verdict).not.toBe('fell-behind');
});

test('a run that fell behind does not pass', () => {
  const slow = someResults(10).map(({ entry, ...rest }) => ({
    ...rest,
    entry: { ...entry, sentAt: entry.plannedAt + 30e6, endAt: entry.plannedAt + 32e6 },
  }));
  expect(reportOf(slow)).toMatchObject({ verdict: 2, fidelity: { verdict: 'fell-behind' } });
});

test('a run that slips is found by its drift', () => {
  const slipping = someResults(400).map(({ entry, ...rest }, i) => ({
    ...rest,
    entry: { ...entry, sentAt: entry.plannedAt + i * 0.01e6, endAt: entry.plannedAt + 5e6 },
  }));
  expect(reportOf(slipping).timing.driftMs).toBeCloseTo(3, 1);
});

test('order inversions within a lane are counted and do not pass', () => {
  const [first, second] = someResults(2);
  if (first === undefined || second === undefined) throw new Error('two results');
  const swapped = [
    { ...first, entry: { ...first.entry, sentAt: 12e6, endAt: 13e6 } },
    { ...second, entry: { ...second.entry, sentAt: 10e6, endAt: 11e6 } },
  ];
  expect(reportOf(swapped)).toMatchObject({
    verdict: 2,
    fidelity: { verdict: 'out-of-order' },
    order: { lanes: 1, pairs: 1, sendInversions: 1 },
  });
  expect(reportOf(swapped, false, { ...run, order: 'none' }).fidelity.verdict).toBe('faithful');
});

test('differences are grouped by operation, place and kind, with examples', () => {
  const changed = someResults(8, {
    recorded: { response: body({ items: [{ price: 1 }, { price: 1 }] }) },
    replayed: { response: body({ items: [{ price: 1 }, { price: 2 }] }) },
  });
  const report = reportOf([...changed, ...someResults(2)], true);
  expect(report).toMatchObject({
    verdict: 1,
    reasons: ['8 of 10 exchanges were answered differently'],
    comparison: 'changed',
    operations: [{ changed: 8 }],
  });
  expect(report.differences).toMatchObject({
    compared: 10,
    exchangesChanged: 8,
    changed: 8,
    suspect: 0,
    ungrouped: 0,
  });
  expect(report.differences?.groups).toEqual([
    {
      operation: 'GET /orders/:id',
      path: 'body:$.items[*].price',
      kind: 'value',
      verdict: 'changed',
      count: 8,
      exchanges: [1, 2, 3, 4, 5],
      example: { recorded: '1', replayed: '2' },
    },
  ]);
});

test('what only looks different does not fail a run, and is counted', () => {
  const report = reportOf(
    someResults(4, {
      recorded: { response: body({ at: '2026-11-21T12:00:00Z' }) },
      replayed: { response: body({ at: '2026-11-21T12:00:01Z' }) },
    }),
    true,
  );
  expect(report).toMatchObject({ verdict: 0, comparison: 'clean', differences: { changed: 0, suspect: 4 } });
});

test('a comparison that saw no bodies is inconclusive', () => {
  const dropped = { response: { chunks: [], state: 'dropped:size' } } as const;
  const report = reportOf(someResults(3, { recorded: dropped, replayed: {} }), true);
  expect(report).toMatchObject({ verdict: 2, comparison: 'inconclusive' });
  expect(report.differences?.notCompared).toEqual([
    { reason: 'body: recorded dropped:size', count: 3 },
    { reason: 'body: replayed dropped:size', count: 3 },
  ]);
});

test('failures are told by code, and fail a run when the recorded exchange was answered', () => {
  const error = { code: 'connection-closed', message: 'closed by the target' } as const;
  const failed = aResult({ entry: { outcome: 'failed', error, status: undefined } });
  expect(reportOf([failed, failed, ...someResults(2)])).toMatchObject({
    verdict: 1,
    exchanges: { failed: 2, failedUnlikeRecorded: 2, answered: 2 },
    errors: [{ code: 'connection-closed', count: 2, example: 'closed by the target' }],
    statuses: [
      { recorded: 200, replayed: 0, count: 2 },
      { recorded: 200, replayed: 200, count: 2 },
    ],
  });
  const alike = aResult({ recorded: { response: null }, entry: { outcome: 'failed', error } });
  expect(reportOf([alike, ...someResults(1)])).toMatchObject({
    verdict: 0,
    exchanges: { failed: 1, failedUnlikeRecorded: 0 },
  });
});

test('a run of which nothing was answered proves nothing, also where nothing was answered when it was recorded', () => {
  const error = { code: 'response-timeout', message: 'no answer' } as const;
  const silent = { status: undefined, recordedStatus: undefined, firstByteAt: undefined };
  const timedOut = aResult({
    recorded: { response: null },
    entry: { ...silent, outcome: 'failed', error },
  });
  const cancelled = aResult({ recorded: { response: null }, entry: silent });
  expect(reportOf([timedOut, cancelled], true)).toMatchObject({
    verdict: 2,
    reasons: ['Nothing of any answer came from the target'],
    fidelity: { verdict: 'nothing-answered' },
    exchanges: { sent: 2, answered: 1, failed: 1, failedUnlikeRecorded: 0 },
  });
  expect(reportOf([timedOut, cancelled, ...someResults(1)])).toMatchObject({
    verdict: 0,
    fidelity: { verdict: 'faithful' },
  });
});

test('exchanges that failed unlike recorded are a finding, also where nothing was answered', () => {
  const error = { code: 'response-timeout', message: 'no answer' } as const;
  const failed = aResult({
    replayed: { response: null },
    entry: { outcome: 'failed', error, status: undefined, firstByteAt: undefined },
  });
  expect(reportOf([failed])).toMatchObject({
    verdict: 1,
    reasons: [
      '1 exchanges failed that were answered when recorded',
      'Nothing of any answer came from the target',
    ],
    fidelity: { verdict: 'nothing-answered' },
  });
});

test('skips are told by reason; too many losses are no faithful run', () => {
  const skips = [aSkip('mutation'), aSkip('mutation'), aSkip('hook'), aSkip('partial')];
  const report = reportOf([...someResults(40), ...skips]);
  expect(report.exchanges).toMatchObject({ total: 44, sent: 40, skipped: 4 });
  expect(report.exchanges.skips).toEqual([
    { reason: 'mutation', count: 2 },
    { reason: 'hook', count: 1 },
    { reason: 'partial', count: 1 },
  ]);
  expect(report.verdict).toBe(0);
  expect(reportOf([...someResults(3), aSkip('body-not-kept')]).fidelity.verdict).toBe('incomplete');
});

test('a run that sent nothing, or was stopped, is inconclusive', () => {
  expect(reportOf([])).toMatchObject({ verdict: 2, fidelity: { verdict: 'nothing-sent' } });
  expect(reportOf([aSkip('mutation')])).toMatchObject({ verdict: 2, fidelity: { verdict: 'nothing-sent' } });
  expect(reportOf(someResults(3), false, { ...run, stopped: 'signal' })).toMatchObject({
    verdict: 2,
    fidelity: { verdict: 'stopped' },
    run: { stopped: 'signal' },
  });
});

test('an unplanned run (as soon as possible) has no lag to fall behind with', () => {
  const results = someResults(5).map(({ entry, ...rest }) => ({
    ...rest,
    entry: { ...entry, plannedAt: Number.NaN },
  }));
  const { timing, verdict } = reportOf(results);
  const late = someResults(5).map(({ entry, ...rest }) => ({ ...rest, entry: { ...entry, plannedAt: 0 } }));
  expect(reportOf(late, false, { ...run, pace: 'asap' })).toMatchObject({
    verdict: 0,
    timing: { plannedMs: 0, lag: { count: 0 }, responseTime: { count: 0 }, serviceTime: { count: 5 } },
  });
  expect(timing.lag.count).toBe(0);
  expect(timing.responseTime.count).toBe(0);
  expect(timing.serviceTime.count).toBe(5);
  expect(verdict).toBe(0);
});

test('memory is bounded by limits: what comes beyond is counted under one name', () => {
  const builder = new ReportBuilder({ maxOperations: 3, maxGroups: 2 });
  for (let i = 0; i < 10; i++) {
    const result = aResult({
      recorded: { operation: `op ${i}` },
      replayed: { response: { status: 500 } },
    });
    if (result.replayed === undefined) throw new Error('answered');
    builder.add(result, compareExchange(result.recorded, result.replayed));
  }
  const report = builder.build();
  expect(report.operations.map(({ operation, sent }) => [operation, sent])).toEqual([
    ['(other)', 7],
    ['op 0', 1],
    ['op 1', 1],
    ['op 2', 1],
  ]);
  expect(report.differences?.groups).toHaveLength(2);
  expect(report.differences?.ungrouped).toBe(8);
  expect(report.differences?.changed).toBe(10);
});

test('marks of what did not work are counted as notes', () => {
  const results = someResults(2, {
    replayed: {
      marks: [
        { name: 'patch-missed', value: '0' },
        { name: 'tenant', value: 'a' },
      ],
    },
  });
  expect(reportOf(results).notes).toEqual([{ name: 'patch-missed 0', count: 2 }]);
});

test('messages of calls are counted against those recorded, with how late they left', () => {
  const message = { at: 1, seq: 1, kind: 0, size: 1, state: 'kept', data: Uint8Array.of(1) } as const;
  const call = { protocol: 'grpc', request: { messages: [message, message] } } as const;
  const results = someResults(2, {
    recorded: { ...call, response: { messages: [message, message] } },
    replayed: { request: { messages: [message] }, response: { messages: [message, message, message] } },
    entry: { recordedStatus: 0, status: 12, messageLagsNs: [2e6] },
  });
  const report = reportOf(results);
  expect(report.messages).toEqual({
    recordedSent: 4,
    sent: 2,
    recordedReceived: 4,
    received: 6,
    unawaited: 0,
  });
  expect(report.timing.messageLag).toMatchObject({ count: 2, maxMs: 2 });
  const text = renderReport(report);
  expect(text).toContain('Messages: 2 of 4 sent, 6 received, recorded 4\n');
  expect(text).toMatch(/message lag +2 +2\.0/);
  expect(text).toContain('2  gRPC 0 OK → 12 UNIMPLEMENTED\n');
  expect(reportOf(someResults(2)).messages).toBeUndefined();
});

test('options that make no sense are refused', () => {
  expect(() => new ReportBuilder({ maxLagP99Ms: -1 })).toThrow(
    /^maxLagP99Ms: expected a number of at least 0/,
  );
  expect(() => new ReportBuilder({ maxOperations: 0 })).toThrow(/^maxOperations/);
});
