import { grpcStatusName } from '../../../model/grpc-status.ts';
import type { Report } from '../../report.ts';
import { count, duration, percent } from '../figures.ts';
import { html, type Markup } from '../markup.ts';
import { andMore, table } from '../table.ts';

const mostOperations = 100;
const mostGroups = 200;
const mostRows = 100;

/** What each operation did. */
export function operationsSection({ operations }: Report): Markup {
  if (operations.length === 0) return html``;
  const shown = operations.slice(0, mostOperations);
  const most = Math.max(...shown.map(({ sent }) => sent));
  return html`<section id="operations"><h2>Operations</h2>
${table({
  caption: 'By operation; service time, and what it was when recorded',
  columns: [
    { name: 'operation', kind: 'code' },
    { name: 'sent', kind: 'number' },
    ...['failed', 'changed', 'recorded p50', 'p50', 'p99', 'p50 against recorded'].map((name) => ({
      name,
      kind: 'number' as const,
    })),
  ],
  rows: shown.map(({ operation, sent, failed, changed, recordedP50Ms, p50Ms, p99Ms }) => [
    operation,
    html`${count(sent)}${bar(sent, most)}`,
    alarm(failed),
    alarm(changed),
    ...[recordedP50Ms, p50Ms, p99Ms].map(duration),
    recordedP50Ms > 0 && p50Ms > 0 ? `× ${(p50Ms / recordedP50Ms).toFixed(2)}` : '',
  ]),
})}${andMore(operations.length, shown.length, 'operations')}</section>
`;
}

/** Statuses as recorded and as they came now. */
export function statusSection({ statuses }: Report): Markup {
  if (statuses.length === 0) return html``;
  const all = statuses.reduce((sum, row) => sum + row.count, 0);
  const changed = statuses.filter(({ recorded, replayed }) => recorded !== replayed);
  const changes = changed.reduce((sum, row) => sum + row.count, 0);
  const shown = [...changed, ...statuses.filter(({ recorded, replayed }) => recorded === replayed)].slice(
    0,
    mostRows,
  );
  return html`<section id="statuses"><h2>Status</h2>
<p>${changes === 0 ? 'Every status was as recorded.' : `${count(changes)} of ${count(all)} (${percent(changes, all)}) were not as recorded; they stand first.`}</p>
${table({
  caption: 'Status as recorded and as replayed',
  columns: [
    { name: 'recorded', kind: 'text' },
    { name: 'replayed', kind: 'text' },
    { name: 'exchanges', kind: 'number' },
  ],
  rows: shown.map(({ recorded, replayed, count: some, protocol }) => [
    statusText(recorded, protocol),
    statusText(replayed, protocol),
    html`${count(some)}${bar(some, all)}`,
  ]),
  tones: shown.map(({ recorded, replayed }) => (recorded === replayed ? undefined : 'bad')),
})}${andMore(statuses.length, shown.length, 'pairs')}</section>
`;
}

function statusText(status: number, protocol: 'grpc' | undefined): string {
  if (protocol === undefined) return status === 0 ? 'no answer' : String(status);
  if (status === -1) return 'gRPC, no status';
  const name = grpcStatusName(status);
  return `gRPC ${status}${name === undefined ? '' : ` ${name}`}`;
}

/** How answers differed from those recorded. */
export function differencesSection({ differences }: Report): Markup {
  if (differences === undefined) return html``;
  const {
    compared,
    exchangesChanged,
    changed,
    suspect,
    unverified,
    explained,
    groups,
    ungrouped,
    ignored,
    notCompared,
  } = differences;
  const shown = groups.slice(0, mostGroups);
  return html`<section id="differences"><h2>Differences</h2>
<p>${count(changed)} in ${count(exchangesChanged)} of ${count(compared)} exchanges that were compared. Apart from these,
${count(suspect)} look like differences that mean nothing (times, random ids), and ${count(unverified)} are of masked values that could not be compared.${
    explained > 0 &&
    html` ${count(explained)} values are others than recorded as the bindings say: fresh ids and tokens.`
  }</p>
${
  shown.length > 0 &&
  table({
    caption: 'Differences by operation and place',
    columns: [
      { name: 'times', kind: 'number' },
      { name: 'operation', kind: 'code' },
      { name: 'where', kind: 'code' },
      { name: 'what', kind: 'text' },
      { name: 'for example', kind: 'code' },
      { name: 'exchanges', kind: 'text' },
    ],
    rows: shown.map(({ count: some, operation, path, kind, verdict, example, exchanges }) => [
      count(some),
      operation,
      path,
      verdict === 'changed' ? kind : `${kind}, ${verdict}`,
      html`<span class="removed">${example.recorded ?? '(none)'}</span> → <span class="added">${example.replayed ?? '(none)'}</span>`,
      `${exchanges.join(', ')}${some > exchanges.length ? ', …' : ''}`,
    ]),
  })
}${andMore(groups.length, shown.length, 'groups')}
${ungrouped > 0 && html`<p class="note">${count(ungrouped)} more differences are counted, but belong to no group.</p>`}
${counts(
  'Ignored, as asked',
  'path',
  ignored.map(({ path, count: some }) => [path, some]),
)}
${counts(
  'Not compared',
  'why',
  notCompared.map(({ reason, count: some }) => [reason, some]),
)}
</section>
`;
}

/** Values of live answers that took the place of recorded ones. */
export function bindingsSection({ bindings }: Report): Markup {
  if (bindings === undefined) return html``;
  const { bindings: applied, used, unresolved, blocked, rows } = bindings;
  const shown = rows.slice(0, mostRows);
  return html`<section id="bindings"><h2>Bindings</h2>
<p>A value that a recorded answer gave and a later request used is sent as the live answer gave it. ${count(applied)} bindings:
${count(used)} values sent live, ${count(unresolved)} without a live one; ${count(blocked)} times an exchange waited for the answer.</p>
${
  shown.length > 0 &&
  table({
    caption: 'Bindings',
    columns: [
      { name: 'from', kind: 'code' },
      { name: 'to', kind: 'code' },
      ...['sent live', 'without a live value', 'waited'].map((name) => ({ name, kind: 'number' as const })),
    ],
    rows: shown.map(({ from, to, ...row }) => [
      `${from.operation} ${from.place}`,
      `${to.operation} ${to.place}`,
      count(row.used),
      alarm(row.unresolved),
      count(row.blocked),
    ]),
  })
}${andMore(rows.length, shown.length, 'bindings')}</section>
`;
}

const skipWords: ReadonlyMap<string, string> = new Map([
  ['mutation', 'may change state at the target, and that was not allowed'],
  ['hook', 'a hook dropped it, or failed'],
  ['outbound', 'a call that the recorded service made, not one that it got'],
  ['partial', 'parts of it are missing in the capture'],
  ['protocol', 'no sender for its protocol'],
  ['body-not-kept', 'its body is not in the capture'],
  ['request-invalid', 'the request cannot be sent as it was recorded, or could not be made'],
  ['infrastructure', 'a gRPC health check, reflection or channelz: left out unless asked for'],
  ['aborted', 'the run was stopped before it was sent'],
]);

/** What was not sent, what is missing in the capture, and what went wrong. */
export function problemsSection({ exchanges, losses, errors, notes, messages }: Report): Markup {
  const lost = (losses?.gaps ?? []).map(({ reason, count: gaps, exchanges: whole, events }) => [
    reason,
    ...[gaps, whole, events].map(count),
  ]);
  const broken = losses?.state === 'truncated' || losses?.state === 'damaged' ? losses.state : undefined;
  const parts = [
    exchanges.skips.length > 0 &&
      table({
        caption: 'Not sent',
        columns: [
          { name: 'reason', kind: 'code' },
          { name: 'exchanges', kind: 'number' },
          { name: '', kind: 'text' },
        ],
        rows: exchanges.skips.map(({ reason, count: some }) => [
          reason,
          count(some),
          skipWords.get(reason) ?? '',
        ]),
      }),
    lost.length > 0 &&
      table({
        caption: 'What the capture lacks of the recorded traffic',
        columns: [
          { name: 'reason', kind: 'code' },
          ...['gaps', 'exchanges', 'events'].map((name) => ({ name, kind: 'number' as const })),
        ],
        rows: lost,
      }),
    broken !== undefined && html`<p>The capture is ${broken}.</p>`,
    (messages?.unawaited ?? 0) > 0 &&
      html`<p>${count(messages?.unawaited ?? 0)} messages were sent without the messages of the answer that they had come after.</p>`,
    errors.length > 0 &&
      table({
        caption: 'Errors',
        columns: [
          { name: 'code', kind: 'code' },
          { name: 'exchanges', kind: 'number' },
          { name: 'for example', kind: 'text' },
        ],
        rows: errors.map(({ code, count: some, example }) => [code, count(some), example]),
        tones: errors.map(() => 'bad'),
      }),
    counts(
      'What hooks and rules could not do',
      'mark',
      notes.map(({ name, count: some }) => [name, some]),
    ),
  ];
  return html`<section id="problems"><h2>Skips, gaps and errors</h2>
${parts.every((part) => part === false || part === undefined) ? html`<p>None: every exchange of the capture was sent, and none failed.</p>` : parts}
</section>
`;
}

function counts(
  caption: string,
  what: string,
  rows: readonly (readonly [name: string, count: number])[],
): Markup | undefined {
  if (rows.length === 0) return undefined;
  return table({
    caption,
    columns: [
      { name: what, kind: 'code' },
      { name: 'times', kind: 'number' },
    ],
    rows: rows.slice(0, mostRows).map(([name, some]) => [name, count(some)]),
  });
}

/** A number that should be 0. */
function alarm(value: number): Markup {
  return value > 0 ? html`<span class="alarm">${count(value)}</span>` : html`0`;
}

/** A share as a bar beside its number, which says it all. */
function bar(part: number, whole: number): Markup {
  const width = whole > 0 ? Math.max(1, Math.round((90 * part) / whole)) : 0;
  return html`<svg class="bar" viewBox="0 0 90 8" aria-hidden="true"><rect class="rest" width="90" height="8" rx="2"/><rect width="${width}" height="8" rx="2"/></svg>`;
}
