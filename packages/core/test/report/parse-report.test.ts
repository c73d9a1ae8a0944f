import fc from 'fast-check';
import { expect, test } from 'vitest';
import { compareExchange } from '../../src/compare/compare.ts';
import { isGardenhoseError } from '../../src/errors.ts';
import { createGuard } from '../../src/replay/guard.ts';
import { safetyOf } from '../../src/replay/safety.ts';
import { renderHtml } from '../../src/report/html/render-html.ts';
import { parseReport } from '../../src/report/parse-report.ts';
import { renderReport } from '../../src/report/render-text.ts';
import { ReportBuilder } from '../../src/report/report-builder.ts';
import { aChunk } from '../../src/testing/factories.ts';
import { aSkip, someResults } from './replay-results.ts';

function rich(): string {
  const builder = new ReportBuilder();
  const results = someResults(5, { replayed: { response: { status: 500, chunks: [aChunk('{"id":8}')] } } });
  for (const result of results) {
    const { recorded, replayed } = result;
    builder.add(result, replayed && compareExchange(recorded, replayed));
  }
  builder.add(aSkip('mutation'));
  const end = { operation: 'GET /', place: 'path[1]' };
  const run = {
    runId: 'r1',
    target: 'http://127.0.0.1:3000',
    thread: 'worker',
    ownProcessor: false,
    pace: 'recorded',
    pacing: { loop: 2, window: { fromMs: 5 }, startAt: '2026-11-22T01:00:00.000Z' },
    order: 'causal',
    safety: safetyOf(createGuard('http://127.0.0.1:3000', { maxRequests: 9 }), undefined),
    mutationsSent: 0,
    resent: 0,
  } as const;
  const gaps = [{ reason: 'rate-limit', count: 1, exchanges: 1, events: 0 }] as const;
  return JSON.stringify(
    builder.build(
      run,
      { state: 'complete', exchanges: 1, events: 0, gaps },
      {
        bindings: [{ from: end, to: end, used: 1, unresolved: 0, blocked: 0 }],
        timeShift: { byMs: 5, times: 2, tokens: 1 },
      },
    ),
  );
}

test('a report that was written is read as it was', () => {
  const text = rich();
  expect(JSON.stringify(parseReport(text, 'run.json'))).toBe(text);
  const empty = JSON.stringify(new ReportBuilder().build());
  expect(JSON.stringify(parseReport(empty, 'run.json'))).toBe(empty);
});

test.each([
  ['{', 'run.json is no report: it is not JSON'],
  ['[]', 'run.json is no report that can be read: $: expected an object, found a list'],
  ['{}', 'run.json is no report that can be read: $.format is missing'],
  [
    rich().replace('report/1', 'report/2'),
    'run.json is no report that can be read: $.format: expected one of gardenhose-report/1, found string',
  ],
  [
    rich().replace('"sent":5', '"sent":"5"'),
    /\$\.exchanges\.sent: expected a number up to 10000000000000000, found string$/,
  ],
  [
    rich().replace('"total":6', '"total":1e999'),
    /\$\.exchanges\.total: expected a number up to 10000000000000000, found number$/,
  ],
  [rich().replace(/"planned":\[1,/, '"planned":['), /\$\.series: expected lists of one length$/],
  [rich().replace('"statuses":[', '"statuses":[null,'), /\$\.statuses\[0\]: expected an object, found null$/],
])('what is no report is refused with its place: %#', (text, message) => {
  expect(() => parseReport(text, 'run.json')).toThrow(message);
});

test('whatever is changed in a report, it is refused or can be shown', () => {
  const text = rich();
  const value = fc.constantFrom(
    'null',
    '-1',
    '1e308',
    '"__proto__"',
    '[]',
    '{}',
    'true',
    '"\\u202e<b>"',
    '[[[]]]',
  );
  const places = [...text.matchAll(/(?<=[:,[])(?:\d[\d.e-]*|"[^"]*"(?!:)|true|false)/g)];
  fc.assert(
    fc.property(fc.nat(places.length - 1), value, (at, other) => {
      const place = places[at];
      if (place === undefined) return;
      const changed = text.slice(0, place.index) + other + text.slice(place.index + place[0].length);
      try {
        const report = parseReport(changed, 'run.json');
        expect(renderHtml(report)).toMatch(/<\/html>\n$/);
        expect(renderReport(report)).toMatch(/^Replay: /);
      } catch (error) {
        expect(isGardenhoseError(error, 'report-invalid'), String(error)).toBe(true);
      }
    }),
    { numRuns: 150 },
  );
});
