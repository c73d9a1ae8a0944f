import type { TimeShiftCounts } from '../correlate/time-shift.ts';
import { grpcStatusName } from '../model/grpc-status.ts';
import { describePacing } from '../replay/pacing.ts';
import type { DifferenceGroup, DifferenceSummary } from './difference-table.ts';
import { escapeText } from './escape-text.ts';
import type { CaptureLosses } from './gap-tally.ts';
import type { HistogramSummary } from './histogram.ts';
import type { BindingCounts, Report } from './report.ts';
import { textTable } from './text-table.ts';

const maxRows = 15;
const bars = '▁▂▃▄▅▆▇█';

/** A report for people, for a terminal of 100 columns, without colours. Texts from the capture are made safe to show. */
export function renderReport(report: Report): string {
  const sections = [
    heading(report),
    exchanges(report),
    timing(report),
    order(report),
    statuses(report),
    operations(report),
    report.bindings === undefined ? [] : bindings(report.bindings),
    report.timeShift === undefined ? [] : timeShift(report.timeShift),
    problems(report),
    report.differences === undefined ? [] : differences(report.differences),
    report.reasons.length === 0 ? [] : ['Why', ...report.reasons.map((reason) => `  ${escapeText(reason)}`)],
  ];
  return `${sections
    .filter((lines) => lines.length > 0)
    .map((lines) => lines.join('\n'))
    .join('\n\n')}\n`;
}

const verdicts = ['fine', 'changed', 'inconclusive'] as const;

function heading({ verdict, fidelity, comparison, run }: Report): string[] {
  const lines = [`Replay: ${verdicts[verdict]} (fidelity ${fidelity.verdict}, comparison ${comparison})`];
  if (run !== undefined) {
    lines.push(
      escapeText(
        `  to ${run.target}, pace ${run.pace}${describePacing(run.pacing)}, order ${run.order}, ${run.thread} engine${(run.threads ?? 1) > 1 ? ` in ${run.threads} threads` : ''}, run ${run.runId}`,
      ),
    );
  }
  return lines;
}

function exchanges({ exchanges: counts, messages, losses, run }: Report): string[] {
  const { total, sent, answered, failed, skipped, skips } = counts;
  const lines = [
    `Exchanges: ${total} read, ${sent} sent, ${answered} answered, ${failed} failed, ${skipped} skipped`,
  ];
  if (skips.length > 0) {
    lines.push(
      ...textTable(
        ['right', 'left'],
        skips.map(({ reason, count }) => [String(count), `skipped: ${reason}`]),
      ),
    );
  }
  if (messages !== undefined) {
    const { recordedSent, sent: now, recordedReceived, received, unawaited } = messages;
    lines.push(
      `Messages: ${now} of ${recordedSent} sent, ${received} received, recorded ${recordedReceived}`,
    );
    if (unawaited > 0)
      lines.push(`  ${unawaited} sent without the messages of the answer that they had come after`);
  }
  if (run !== undefined && run.mutationsSent > 0) {
    lines.push(`  ${run.mutationsSent} of those sent may have changed state at the target`);
  }
  if (losses !== undefined) lines.push(...lacks(losses));
  return lines;
}

function lacks({ state, gaps }: CaptureLosses): string[] {
  const lines = gaps.map(({ reason, count, exchanges: whole, events }) => {
    const gone = [whole > 0 ? `${whole} exchanges` : '', events > 0 ? `${events} events` : ''];
    const what = gone.filter((text) => text !== '').join(' and ') || 'nothing';
    return `  the capture lacks ${what}: ${reason} (${count} ${count === 1 ? 'gap' : 'gaps'})`;
  });
  return state === 'truncated' || state === 'damaged' ? [...lines, `  the capture is ${state}`] : lines;
}

function timing({ timing: times, run }: Report): string[] {
  const { plannedMs, actualMs, driftMs } = times;
  const rows = [
    ['lag', times.lag],
    ['message lag', times.messageLag],
    ['blocked', times.blocked],
    ['message blocked', times.messageBlocked],
    ['service time', times.serviceTime],
    ['response time', times.responseTime],
    ['recorded', times.recordedTime],
  ] as const;
  return [
    `Time: ${seconds(actualMs)} of sending, planned ${seconds(plannedMs)}, drift ${ms(driftMs)}${run?.ownProcessor === true ? ', sent from a processor of its own' : ''}`,
    ...textTable(
      ['left', 'right', 'right', 'right', 'right', 'right', 'right', 'left'],
      [
        ['ms', 'count', 'p50', 'p90', 'p99', 'p99.9', 'max', ''],
        ...rows.filter(([, summary]) => summary.count > 0).map(([name, summary]) => timeRow(name, summary)),
      ],
    ),
  ];
}

function timeRow(name: string, summary: HistogramSummary): string[] {
  const { count, p50Ms, p90Ms, p99Ms, p999Ms, maxMs } = summary;
  return [name, String(count), ...[p50Ms, p90Ms, p99Ms, p999Ms, maxMs].map(short), sparkline(summary)];
}

/** The shape of a distribution over powers of two of time: `1µs▁▃█▂ 8ms`. */
function sparkline({ buckets }: HistogramSummary): string {
  const counts = new Map<number, number>();
  for (const { upToMs, count } of buckets) {
    const power = Math.ceil(Math.log2(upToMs * 1_000) - 1e-6);
    counts.set(power, (counts.get(power) ?? 0) + count);
  }
  if (counts.size === 0) return '';
  const [first, last] = [Math.min(...counts.keys()), Math.max(...counts.keys())];
  const most = Math.max(...counts.values());
  let picture = '';
  for (let power = first; power <= last; power++) {
    const count = counts.get(power) ?? 0;
    picture += count === 0 ? ' ' : bars[Math.min(7, Math.floor((count / most) * 8))];
  }
  const end = `${picture} ≤${length(2 ** last / 1_000)}`;
  return first === last ? end : `≤${length(2 ** first / 1_000)} ${end}`;
}

function order({ order: { lanes, pairs, sendInversions, answerInversions, unchecked } }: Report): string[] {
  if (pairs === 0) return [];
  const rest = unchecked === 0 ? '' : `, ${unchecked} exchanges not checked`;
  return [
    `Order: ${sendInversions + answerInversions} inversions in ${pairs} pairs of ${lanes} ${lanes === 1 ? 'lane' : 'lanes'}` +
      ` (${sendInversions} by send, ${answerInversions} before an answer)${rest}`,
  ];
}

function statuses({ statuses: rows }: Report): string[] {
  if (rows.length === 0) return [];
  const name = (status: number, protocol: 'grpc' | undefined) => {
    if (status === (protocol === undefined ? 0 : -1)) return 'none';
    const word = protocol === undefined ? undefined : grpcStatusName(status);
    return word === undefined ? String(status) : `${status} ${word}`;
  };
  return [
    'Status, recorded → replayed',
    ...textTable(
      ['right', 'left'],
      rows
        .slice(0, maxRows)
        .map(({ recorded, replayed, count, protocol }) => [
          String(count),
          `${protocol === undefined ? '' : 'gRPC '}${name(recorded, protocol)}` +
            (recorded === replayed ? '' : ` → ${name(replayed, protocol)}`),
        ]),
    ),
    ...andMore(rows.length),
  ];
}

function operations({ operations: rows }: Report): string[] {
  if (rows.length === 0) return [];
  return [
    'Operations',
    ...textTable(
      ['left', 'right', 'right', 'right', 'right', 'right', 'right'],
      [
        ['', 'sent', 'failed', 'changed', 'recorded p50', 'p50', 'p99'],
        ...rows
          .slice(0, maxRows)
          .map((row) => [
            row.operation,
            ...[row.sent, row.failed, row.changed].map(String),
            ...[row.recordedP50Ms, row.p50Ms, row.p99Ms].map(short),
          ]),
      ],
    ),
    ...andMore(rows.length),
  ];
}

function bindings({ bindings: count, used, unresolved, blocked, rows }: BindingCounts): string[] {
  return [
    `Live values: ${used} sent by ${count} bindings, ${unresolved} unresolved, ${blocked} waited for`,
    ...textTable(
      ['right', 'right', 'left'],
      rows
        .slice(0, maxRows)
        .map(({ from, to, ...row }) => [
          String(row.used),
          row.unresolved === 0 ? '' : `${row.unresolved} unresolved`,
          `${from.operation} ${from.place} → ${to.operation} ${to.place}`,
        ]),
    ),
    ...andMore(rows.length),
  ];
}

function timeShift({ byMs, times, tokens }: TimeShiftCounts): string[] {
  return [`Times: ${times} moved by ${seconds(byMs)}, ${tokens} web tokens signed anew`];
}

function problems({ errors, notes }: Report): string[] {
  const rows = [
    ...errors.map(({ code, count, example }) => [String(count), code, example]),
    ...notes.map(({ name, count }) => [String(count), name, '']),
  ];
  return rows.length === 0 ? [] : ['Problems', ...textTable(['right', 'left', 'left'], rows)];
}

function differences(summary: DifferenceSummary): string[] {
  const {
    compared,
    exchangesChanged,
    changed,
    suspect,
    unverified,
    explained,
    groups,
    ignored,
    notCompared,
    ungrouped,
  } = summary;
  const apart = [
    `${suspect} suspect (times, random ids)`,
    `${unverified} unverified (masked)`,
    ...(explained === 0 ? [] : [`${explained} explained by bindings`]),
    `${sum(ignored)} ignored`,
    `${sum(notCompared)} not compared`,
  ];
  return [
    `Differences: ${changed} in ${exchangesChanged} of ${compared} exchanges; ${apart.join(', ')}`,
    ...groups.slice(0, maxRows).flatMap(group),
    ...andMore(groups.length),
    ...(ungrouped === 0 ? [] : [`  ${ungrouped} more differences are counted but not told`]),
    ...ignored.slice(0, maxRows).map(({ path, count }) => `  ${count} ignored at ${escapeText(path)}`),
    ...notCompared
      .slice(0, maxRows)
      .map(({ reason, count }) => `  ${count} not compared: ${escapeText(reason)}`),
  ];
}

function group({ operation, path, kind, verdict, count, exchanges, example }: DifferenceGroup): string[] {
  const name = verdict === 'changed' ? kind : `${kind}, ${verdict}`;
  const values = [example.recorded, example.replayed].map((value) => value ?? '(none)').join(' → ');
  return [
    `  ${count} × ${escapeText(operation)}  ${escapeText(path)}  (${name})`,
    `      ${escapeText(values)}   exchange ${exchanges.join(', ')}${count > exchanges.length ? ', …' : ''}`,
  ];
}

function andMore(count: number): string[] {
  return count > maxRows ? [`  and ${count - maxRows} more`] : [];
}

function sum(counts: readonly { readonly count: number }[]): number {
  return counts.reduce((total, { count }) => total + count, 0);
}

function short(value: number): string {
  return value >= 100 ? value.toFixed(0) : value >= 1 ? value.toFixed(1) : value.toFixed(3);
}

function ms(value: number): string {
  return `${value < 0 ? '-' : ''}${short(Math.abs(value))} ms`;
}

function seconds(value: number): string {
  return `${(value / 1_000).toFixed(2)} s`;
}

function length(value: number): string {
  if (value < 1) return `${Math.round(value * 1_000)}µs`;
  return value < 1_000 ? `${Math.round(value)}ms` : `${Math.round(value / 1_000)}s`;
}
