import { expect, test } from 'vitest';
import { compareExchange } from '../../src/compare/compare.ts';
import { escapeText } from '../../src/report/escape-text.ts';
import { renderReport } from '../../src/report/render-text.ts';
import { ReportBuilder } from '../../src/report/report-builder.ts';
import { aChunk } from '../../src/testing/factories.ts';
import { aSkip, someResults } from './replay-results.ts';

const run = {
  runId: 'r1',
  target: 'http://127.0.0.1:3000',
  thread: 'worker',
  ownProcessor: false,
  pace: 'recorded',
  order: 'causal',
  mutationsSent: 2,
  resent: 0,
} as const;

test('renderReport() tells what happened in aligned tables', () => {
  const builder = new ReportBuilder();
  const changed = someResults(3, { replayed: { response: { status: 500, chunks: [aChunk('{"id":8}')] } } });
  for (const result of [
    ...changed,
    ...someResults(5, { recorded: { operation: 'GET /health' } }),
    aSkip('mutation'),
  ]) {
    const { recorded, replayed } = result;
    builder.add(result, replayed === undefined ? undefined : compareExchange(recorded, replayed));
  }
  expect(renderReport(builder.build(run))).toMatchInlineSnapshot(`
    "Replay: changed (fidelity faithful, comparison changed)
      to http://127.0.0.1:3000, pace recorded, order causal, worker engine, run r1

    Exchanges: 9 read, 8 sent, 8 answered, 0 failed, 1 skipped
      1  skipped: mutation
      2 of those sent may have changed state at the target

    Time: 0.04 s of sending, planned 0.04 s, drift 0.000 ms
      ms             count    p50    p90    p99  p99.9    max
      lag                8  0.100  0.100  0.100  0.100  0.100  █ ≤128µs
      service time       8    2.0    2.0    2.0    2.0    2.0  █ ≤2ms
      response time      8    2.1    2.1    2.1    2.1    2.1  █ ≤4ms
      recorded           8    2.0    2.0    2.0    2.0    2.0  █ ≤2ms

    Order: 0 inversions in 25 pairs of 1 lane (0 by send, 0 before an answer)

    Status, recorded → replayed
      5  200
      3  200 → 500

    Operations
                       sent  failed  changed  recorded p50  p50  p99
      GET /health         5       0        0           2.0  2.0  2.0
      GET /orders/:id     3       0        3           2.0  2.0  2.0

    Differences: 6 in 3 of 8 exchanges; 0 suspect (times, random ids), 0 unverified (masked), 0 ignored, 0 not compared
      3 × GET /orders/:id  status  (value)
          200 → 500   exchange 1, 2, 3
      3 × GET /orders/:id  body:$.id  (value)
          7 → 8   exchange 1, 2, 3

    Why
      3 of 8 exchanges were answered differently
    "
  `);
});

test('renderReport() shows a report of nothing', () => {
  expect(renderReport(new ReportBuilder().build())).toMatchInlineSnapshot(`
    "Replay: inconclusive (fidelity nothing-sent, comparison off)

    Exchanges: 0 read, 0 sent, 0 answered, 0 failed, 0 skipped

    Time: 0.00 s of sending, planned 0.00 s, drift 0.000 ms
      ms  count  p50  p90  p99  p99.9  max

    Why
      No exchange was sent
    "
  `);
});

test('renderReport() lets no recorded text reach the terminal as a command', () => {
  const builder = new ReportBuilder();
  const evil = 'GET /\u001b[2J\u009b31m\u202e\r\n';
  const marks = [{ name: 'patch-missed', value: '\u001b]0;x\u0007' }];
  const results = someResults(2, {
    recorded: { operation: evil, response: { chunks: [aChunk('{"a\\u001b":"\u001b[31m"}')] } },
    replayed: { marks, response: { chunks: [aChunk('{"a\\u001b":"\u202e"}')] } },
  });
  for (const result of results) {
    builder.add(
      result,
      result.replayed === undefined ? undefined : compareExchange(result.recorded, result.replayed),
    );
  }
  builder.add(aSkip('x\u001b[1m'));
  const text = renderReport(builder.build({ ...run, target: 'http://x\u001b' }));
  expect(text.replaceAll('\n', '')).not.toMatch(/[\p{Cc}\u202e]/u);
  expect(text).toContain('GET /\\u{1b}[2J\\u{9b}31m\\u{202e}\\u{d}\\u{a}');
});

test('escapeText() leaves ordinary text of any language as it is', () => {
  expect(escapeText('Größe 日本語 emoji 🌱 | ~')).toBe('Größe 日本語 emoji 🌱 | ~');
});
