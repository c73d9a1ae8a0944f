import type { StubMiss, StubSummary } from '../stub/summary.ts';
import { escapeText } from './escape-text.ts';
import { textTable } from './text-table.ts';

const maxRows = 15;
const maxMisses = 10;
const verdicts = ['clean', 'missed', 'not exact'] as const;

/** What a stub has done, for people. Texts from the capture and from requests are made safe to show. */
export function renderStubSummary(summary: StubSummary): string {
  const { calls, matched, missed, abandoned, underWay, reused, approximate, recorded } = summary;
  const parts = [`${calls} asked`, `${matched} matched`, `${missed} missed`];
  if (reused > 0) parts.push(`${reused} reused`);
  if (approximate > 0) parts.push(`${approximate} approximate`);
  if (abandoned > 0) parts.push(`${abandoned} abandoned`);
  if (underWay > 0) parts.push(`${underWay} under way`);
  const lines = [
    `Stub: ${verdicts[summary.verdict]}`,
    `  ${parts.join(', ')}; ${recorded.unused} of ${recorded.exchanges} recordings unused`,
    ...counted('recorded, but not served', recorded.unusable),
    ...counted('approximate', summary.approximations),
    ...operations(summary),
    ...misses(summary),
  ];
  for (const note of [...summary.reasons, ...summary.notes]) lines.push(`  ${escapeText(note)}`);
  return `${lines.join('\n')}\n`;
}

function counted(what: string, list: readonly { readonly why: string; readonly count: number }[]): string[] {
  return list.slice(0, maxRows).map(({ why, count }) => `  ${count} ${what}: ${escapeText(why)}`);
}

function operations({ operations: rows }: StubSummary): string[] {
  const shown = [...rows].sort((a, b) => b.missed - a.missed || b.calls - a.calls).slice(0, maxRows);
  const more = rows.length - shown.length;
  return [
    ...textTable(
      ['left', 'right', 'right', 'right', 'right'],
      [
        ['operation', 'asked', 'missed', 'recorded', 'unused'],
        ...shown.map(({ operation, calls, missed, recorded, unused }) => [
          operation,
          ...[calls, missed, recorded, unused].map(String),
        ]),
      ],
    ),
    ...(more > 0 ? [`  and ${more} more operations`] : []),
  ];
}

function misses({ misses: kept, missed }: StubSummary): string[] {
  const shown = kept.slice(0, maxMisses);
  const more = missed - shown.length;
  return [...shown.map(missText), ...(more > 0 ? [`  and ${more} more misses`] : [])];
}

/** The nearest stands in the detail; the others follow. */
function missText({ detail, near }: StubMiss): string {
  const others = near
    .slice(1)
    .map(({ exchange, path }) => `exchange ${exchange} (${path})`)
    .join(', ');
  return `  missed: ${escapeText(others === '' ? detail : `${detail}; then ${others}`)}`;
}
