import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { compareExchange } from '../../../src/compare/compare.ts';
import type { BindingUse } from '../../../src/correlate/live-values.ts';
import type { ReplayResult } from '../../../src/replay/transcript.ts';
import { renderHtml } from '../../../src/report/html/render-html.ts';
import type { Report, RunFacts } from '../../../src/report/report.ts';
import { ReportBuilder } from '../../../src/report/report-builder.ts';
import { aChunk } from '../../../src/testing/factories.ts';
import { aResult, aSkip, someResults } from '../replay-results.ts';
import { readPage } from './well-formed.ts';

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

function reportOf(
  results: readonly ReplayResult[],
  facts: Partial<RunFacts> = {},
  bindings?: readonly BindingUse[],
): Report {
  const builder = new ReportBuilder();
  for (const result of results) {
    const { recorded, replayed } = result;
    builder.add(result, replayed === undefined ? undefined : compareExchange(recorded, replayed));
  }
  return builder.build({ ...run, ...facts }, undefined, { bindings });
}

const idsOf = (page: string) =>
  readPage(page).flatMap(({ attributes }) => (attributes.has('id') ? [attributes.get('id')] : []));

const evil = `</script></style></title>--><svg onload="alert(1)"><img src=x onerror='x'>\u202e&amp;`;
const error = { code: 'connection-closed', message: evil } as const;
const rich: ReplayResult[] = [
  ...someResults(40),
  ...someResults(3, {
    replayed: { response: { status: 500, chunks: [aChunk(JSON.stringify({ [evil]: evil }))] } },
  }),
  ...someResults(2, { recorded: { operation: `GET /${evil}` } }),
  aResult({ entry: { outcome: 'failed', error, status: undefined, blockedNs: 5e6 } }),
  aSkip('mutation'),
  aSkip(evil),
];
const end = { operation: `GET /${evil}`, place: evil };
const bindings = [{ from: end, to: end, used: 2, unresolved: 1, blocked: 0 }];

test('the page is well-formed, has each part, and names everything once', () => {
  const page = renderHtml(reportOf(rich, {}, bindings));
  const ids = idsOf(page);
  expect(new Set(ids).size).toBe(ids.length);
  for (const id of [
    'verdict',
    'run',
    'schedule',
    'rate',
    'lateness',
    'lag',
    'blocked',
    'latencies',
    'percentiles',
    'latency',
    'in-flight',
    'operations',
    'statuses',
    'differences',
    'bindings',
    'problems',
  ]) {
    expect(
      ids.some((found) => found === id || found === `${id}-t`),
      id,
    ).toBe(true);
  }
  const links = readPage(page).flatMap(({ name, attributes }) =>
    name === 'a' ? [attributes.get('href')] : [],
  );
  for (const link of links) expect(ids).toContain(link?.slice(1));
  expect(page).toContain('<h2 id="verdict-h">Changed</h2>');
  expect(page).toContain('coordinated omission');
});

test('recorded texts stand in the page as text alone', () => {
  const page = renderHtml(
    reportOf(rich, { target: `http://x${evil}`, stopped: evil, runId: evil }, bindings),
  );
  const names = new Set(readPage(page).map(({ name }) => name));
  expect(names.has('script')).toBe(false);
  expect(names.has('img')).toBe(false);
  const attributes = readPage(page).flatMap((element) => [...element.attributes.keys()]);
  expect(attributes.filter((name) => /^(on|style$|srcset$|src$|action$)/.test(name))).toEqual([]);
  expect(page).not.toContain('\u202e');
  expect(page.match(/&lt;svg onload=&quot;alert\(1\)&quot;&gt;/g)?.length).toBeGreaterThan(8);
});

test('the page needs nothing from elsewhere, and its policy allows nothing but its own style', () => {
  const page = renderHtml(reportOf(rich));
  const [, style = ''] = /<style>([^<]*)<\/style>/.exec(page) ?? [];
  const hash = createHash('sha256').update(style).digest('base64');
  expect(page).toContain(
    `content="default-src &#39;none&#39;; style-src &#39;sha256-${hash}&#39;; base-uri &#39;none&#39;; form-action &#39;none&#39;"`,
  );
  expect(style).not.toMatch(/url\(|@import/);
  const elements = readPage(page);
  const urls = elements.flatMap(({ attributes }) =>
    ['href', 'src', 'xlink:href'].map((name) => attributes.get(name)),
  );
  expect(urls.filter((url) => url !== undefined && !url.startsWith('#'))).toEqual([]);
  expect(
    elements.filter(({ name }) => ['link', 'script', 'iframe', 'object', 'form'].includes(name)),
  ).toEqual([]);
});

test('every picture has a title and a description', () => {
  const page = renderHtml(reportOf(rich));
  const pictures = readPage(page).filter(({ attributes }) => attributes.get('role') === 'img');
  expect(pictures).toHaveLength(8);
  const ids = idsOf(page);
  for (const { attributes } of pictures) {
    const names = attributes.get('aria-labelledby')?.split(' ') ?? [];
    expect(names).toHaveLength(2);
    for (const name of names) expect(ids).toContain(name);
  }
  expect(page).not.toMatch(/NaN|Infinity|undefined/);
});

test('a report of nothing, without a plan or of an older release is a page too', () => {
  const nothing = new ReportBuilder().build();
  const unplanned = reportOf(
    someResults(5).map(({ entry, ...rest }) => ({ ...rest, entry: { ...entry, plannedAt: Number.NaN } })),
    { pace: 'asap' },
  );
  const { series: _, sends: __, environment: ___, ...older } = reportOf(someResults(5));
  for (const report of [nothing, unplanned, older, reportOf([aSkip('mutation')]), reportOf(someResults(1))]) {
    const page = renderHtml(report);
    expect(() => readPage(page)).not.toThrow();
    expect(page).not.toMatch(/NaN|Infinity|undefined/);
  }
  expect(renderHtml(nothing)).toContain('No exchange was sent');
  expect(renderHtml(unplanned)).not.toContain('p99 of lag');
});

test('the size of the report and of its page is bounded, however many exchanges there were', () => {
  const long = 'x'.repeat(5_000);
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 1e6 }),
      fc.infiniteStream(fc.integer({ min: 0, max: 1e9 })),
      (spread, drawn) => {
        const builder = new ReportBuilder();
        const [{ recorded, replayed, entry }] = [
          aResult({ entry: { error: { code: 'io', message: long } } }),
        ];
        for (let i = 0; i < 3_000; i++) {
          const plannedAt = i * spread * 1e3;
          const [{ value: late }, { value: took }] = [drawn.next(), drawn.next()];
          const times = {
            plannedAt,
            sentAt: plannedAt + late,
            endAt: plannedAt + late + took,
            blockedNs: late / 2,
          };
          const operation = `GET /${i}/${long}`;
          builder.add({ recorded, replayed, entry: { ...entry, ...times, operation, status: 200 + i } });
        }
        const report = builder.build(run);
        expect(JSON.stringify(report).length).toBeLessThan(400_000);
        expect(renderHtml(report).length).toBeLessThan(500_000);
      },
    ),
    { numRuns: 5 },
  );
});
