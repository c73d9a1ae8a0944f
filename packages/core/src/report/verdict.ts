import type { DifferenceSummary } from './difference-table.ts';
import type { CaptureLosses } from './gap-tally.ts';
import type { LaneOrder } from './lane-order.ts';
import type { ExchangeCounts, Fidelity, Report, RunFacts, Timing } from './report.ts';

/** Skips that someone asked for; the others are losses. */
const wantedSkips = new Set(['hook', 'mutation', 'outbound', 'protocol', 'aborted']);
const maxLostShare = 0.05;

export interface FidelityFacts {
  readonly exchanges: ExchangeCounts;
  /** Whether anything of any answer came. */
  readonly heard: boolean;
  readonly losses: CaptureLosses | undefined;
  readonly timing: Timing;
  readonly order: LaneOrder;
  readonly run: RunFacts | undefined;
  readonly maxLagP99Ms: number;
}

/** Whether the run was what the recording was. */
export function judgeFidelity(facts: FidelityFacts): Fidelity {
  const { exchanges, heard, losses, timing, order, run, maxLagP99Ms } = facts;
  const found: [Fidelity['verdict'], string][] = [];
  const { lag, driftMs } = timing;
  const lost = exchanges.skips.reduce(
    (sum, { reason, count }) => (wantedSkips.has(reason) ? sum : sum + count),
    0,
  );
  const cut = exchanges.skips.find(({ reason }) => reason === 'aborted')?.count ?? 0;
  if (exchanges.sent === 0) found.push(['nothing-sent', 'No exchange was sent']);
  // Also where nothing came when it was recorded: then a target that is dead looks like one that is as recorded.
  else if (!heard) found.push(['nothing-answered', 'Nothing of any answer came from the target']);
  if (run?.stopped !== undefined)
    found.push(['stopped', `The run was stopped (${run.stopped}) before the capture ended`]);
  else if (cut > 0) found.push(['stopped', `${cut} exchanges were not sent because the run was stopped`]);
  if (lost > maxLostShare * exchanges.total) {
    found.push(['incomplete', `${lost} of ${exchanges.total} exchanges could not be sent`]);
  }
  const missing = unwantedLosses(losses);
  if (missing > maxLostShare * (exchanges.total + missing)) {
    found.push([
      'incomplete',
      `The capture lacks ${missing} exchanges beside the ${exchanges.total} in it: they were not recorded`,
    ]);
  }
  const inversions = order.sendInversions + order.answerInversions;
  // Without an order, nothing was promised.
  if (inversions > 0 && run?.order !== 'none') {
    found.push([
      'out-of-order',
      `${inversions} of ${order.pairs} pairs within a lane were not in their recorded order`,
    ]);
  }
  if (lag.p99Ms > maxLagP99Ms) {
    found.push(['fell-behind', `The p99 of lag is ${lag.p99Ms.toFixed(1)} ms (limit ${maxLagP99Ms} ms)`]);
  } else if (driftMs > maxLagP99Ms) {
    found.push(['fell-behind', `The run slipped by ${driftMs.toFixed(1)} ms from its beginning to its end`]);
  }
  return { verdict: found[0]?.[0] ?? 'faithful', reasons: found.map(([, reason]) => reason) };
}

/** Exchanges that a recorder lost, without those that it was told to leave out. */
function unwantedLosses(losses: CaptureLosses | undefined): number {
  return (losses?.gaps ?? []).reduce(
    (sum, { reason, exchanges }) => (reason === 'rate-limit' ? sum : sum + exchanges),
    0,
  );
}

/** What comparing says as a whole. */
export function judgeComparison(
  differences: DifferenceSummary | undefined,
  bodiesNotCompared: number,
): Report['comparison'] {
  if (differences === undefined) return 'off';
  if (differences.changed > 0) return 'changed';
  return bodiesNotCompared * 2 > differences.compared ? 'inconclusive' : 'clean';
}

export interface RunVerdictFacts {
  readonly fidelity: Fidelity;
  readonly comparison: Report['comparison'];
  readonly differences: DifferenceSummary | undefined;
  readonly exchanges: ExchangeCounts;
}

/** A difference is a finding whatever the timing was; without one, a run that proves nothing does not pass. */
export function judgeRun(facts: RunVerdictFacts): Pick<Report, 'verdict' | 'reasons'> {
  const { fidelity, comparison, differences, exchanges } = facts;
  const changes: string[] = [];
  const doubts = [...fidelity.reasons];
  if (differences !== undefined && comparison === 'changed') {
    changes.push(
      `${differences.exchangesChanged} of ${differences.compared} exchanges were answered differently`,
    );
  }
  if (exchanges.failedUnlikeRecorded > 0) {
    changes.push(`${exchanges.failedUnlikeRecorded} exchanges failed that were answered when recorded`);
  }
  if (comparison === 'inconclusive') doubts.push('Most bodies could not be compared');
  const verdict = changes.length > 0 ? 1 : doubts.length > 0 ? 2 : 0;
  return { verdict, reasons: [...changes, ...doubts] };
}
