import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { compareExchange } from '../packages/core/src/compare/compare.ts';
import { parsePathPattern } from '../packages/core/src/compare/compare-path.ts';
import { presenceOnly } from '../packages/core/src/compare/compared-headers.ts';
import { checkRules } from '../packages/core/src/hook/check-rules.ts';
import { ReportBuilder } from '../packages/core/src/report/report-builder.ts';
import { aResult, aSkip, someResults } from '../packages/core/test/report/replay-results.ts';

const page = (name: string) => readFileSync(new URL(`../docs/${name}`, import.meta.url), 'utf8');

test('the rules shown in docs/guides/hooks.md are valid, and show every kind', () => {
  const text = page('guides/hooks.md');
  const shown = [...text.matchAll(/```json\n([\s\S]*?)```/g)].flatMap(([, json]) => JSON.parse(json ?? ''));
  expect(checkRules(shown)).toHaveLength(shown.length);
  const kinds = [...(text.split('| in `where`')[0] ?? '').matchAll(/^\| `([a-z-]+)` \| `/gm)].map(
    (row) => row[1],
  );
  expect(new Set(shown.map((rule) => rule.do))).toEqual(new Set(kinds));
});

test('docs/guides/comparing.md names the headers of which only the presence is compared', () => {
  const list = page('guides/comparing.md').split('presence-only -->')[1] ?? '';
  expect([...list.matchAll(/`([^`]+)`/g)].map((match) => match[1])).toEqual([...presenceOnly].sort());
});

test('the entries of the ignore list shown in docs/guides/comparing.md can be read', () => {
  const shown = [...page('guides/comparing.md').matchAll(/^\| (`[^|]*`) \| /gm)]
    .flatMap((row) => [...(row[1] ?? '').matchAll(/`([^`]+)`/g)].map((cell) => cell[1] ?? ''))
    .filter((text) => /^(?:status|outcome|header:|trailer:|body:)/.test(text));
  expect(shown.length).toBeGreaterThan(8);
  for (const text of shown) expect(() => parsePathPattern(text, 'ignore')).not.toThrow();
});

test('docs/reference/report.md names every field of a report', () => {
  const text = page('reference/report.md');
  const builder = new ReportBuilder();
  const marks = [{ name: 'patch-missed', value: '0' }];
  const error = { code: 'connection-closed', message: 'closed' } as const;
  for (const result of someResults(2, { replayed: { marks, response: { status: 500 } } })) {
    const { recorded, replayed } = result;
    builder.add(result, replayed && compareExchange(recorded, replayed, { ignore: ['outcome'] }));
  }
  const gone = aResult({ recorded: { response: { state: 'truncated' } } });
  builder.add(gone, gone.replayed && compareExchange(gone.recorded, gone.replayed));
  builder.add(aResult({ entry: { outcome: 'failed', error } }));
  builder.add(aSkip('mutation'));
  const run = {
    runId: 'r',
    target: 't',
    thread: 'inline',
    ownProcessor: false,
    pace: 'asap',
    order: 'none',
    mutationsSent: 0,
    resent: 0,
  } as const;
  const missing = fieldsOf(builder.build({ ...run, stopped: 'signal' })).filter(
    (name) => !text.includes(`\`${name}\``),
  );
  expect(missing).toEqual([]);
});

function fieldsOf(value: unknown): string[] {
  if (Array.isArray(value)) return value.flatMap(fieldsOf);
  if (value === null || typeof value !== 'object') return [];
  return Object.entries(value).flatMap(([name, member]) => [name, ...fieldsOf(member)]);
}
