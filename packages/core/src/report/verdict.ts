import type { DifferenceSummary } from './difference-table.ts';
import type { CaptureLosses } from './gap-tally.ts';
import type { LaneOrder } from './lane-order.ts';
import type { ExchangeCounts, Fidelity, MessageCounts, Report, RunFacts, Timing } from './report.ts';

/** Skips that someone asked for; the others are losses. */
const wantedSkips = new Set(['hook', 'mutation', 'outbound', 'protocol', 'infrastructure', 'aborted']);
const maxLostShare = 0.05;
/** A stall that hits few enough sends does not show in the 99th percentile: these do. */
const minForP999 = 1_000;
const stallFactor = 10;
/** Codes of exchanges that a hook should have let through or dropped, and did neither. */
const hookFailures = new Set(['hook-failed', 'hook-timeout']);

export interface FidelityFacts {
  readonly exchanges: ExchangeCounts;
  /** Whether anything of any answer came. */
  readonly heard: boolean;
  readonly losses: CaptureLosses | undefined;
  readonly timing: Timing;
  readonly order: LaneOrder;
  readonly run: RunFacts | undefined;
  readonly maxLagP99Ms: number;
  readonly maxHeldUpMs: number;
  readonly messages: MessageCounts | undefined;
  /** Messages of clients that were not sent, but of calls that ended in the error that they were recorded with. */
  readonly unsent: number;
  readonly errors: Report['errors'];
}

/** Whether the run was what the recording was. */
export function judgeFidelity(facts: FidelityFacts): Fidelity {
  const found = [...sentAtAll(facts), ...wholeness(facts), ...ordered(facts), ...onTime(facts)];
  return { verdict: found[0]?.[0] ?? 'faithful', reasons: found.map(([, reason]) => reason) };
}

type Finding = readonly [verdict: Fidelity['verdict'], reason: string];

function sentAtAll({ exchanges, heard, run }: FidelityFacts): Finding[] {
  const found: Finding[] = [];
  const cut = exchanges.skips.find(({ reason }) => reason === 'aborted')?.count ?? 0;
  if (exchanges.sent === 0) found.push(['nothing-sent', 'No exchange was sent']);
  // Also where nothing came when it was recorded: then a target that is dead looks like one that is as recorded.
  else if (!heard) found.push(['nothing-answered', 'Nothing of any answer came from the target']);
  if (run?.stopped !== undefined) {
    found.push(['stopped', `The run was stopped (${run.stopped}) before the capture ended`]);
  } else if (cut > 0) {
    found.push(['stopped', `${cut} exchanges were not sent because the run was stopped`]);
  }
  return found;
}

function wholeness({ exchanges, losses, messages, unsent, errors }: FidelityFacts): Finding[] {
  const found: Finding[] = [];
  const lost = exchanges.skips.reduce(
    (sum, { reason, count }) => (wantedSkips.has(reason) ? sum : sum + count),
    0,
  );
  const isLarge = (part: number, whole: number) => part > maxLostShare * whole;
  if (isLarge(lost, exchanges.total)) {
    found.push(['incomplete', `${lost} of ${exchanges.total} exchanges could not be sent`]);
  }
  const failed = errors.reduce((sum, { code, count }) => (hookFailures.has(code) ? sum + count : sum), 0);
  if (isLarge(failed, exchanges.total)) {
    found.push(['incomplete', `Hooks failed for ${failed} of ${exchanges.total} exchanges`]);
  }
  const missing = unwantedLosses(losses);
  if (isLarge(missing, exchanges.total + missing)) {
    found.push([
      'incomplete',
      `The capture lacks ${missing} exchanges beside the ${exchanges.total} in it: they were not recorded`,
    ]);
  }
  if (messages !== undefined && isLarge(unsent, messages.recordedSent)) {
    found.push([
      'incomplete',
      `${unsent} of ${messages.recordedSent} messages of clients were not sent, since their calls ended before`,
    ]);
  }
  return found;
}

/** Without an order, nothing was promised. */
function ordered({ order, messages, run }: FidelityFacts): Finding[] {
  if (run?.order === 'none') return [];
  const found: Finding[] = [];
  const inversions = order.sendInversions + order.answerInversions;
  if (inversions > 0) {
    found.push([
      'out-of-order',
      `${inversions} of ${order.pairs} pairs within a lane were not in their recorded order`,
    ]);
  }
  const unawaited = messages?.unawaited ?? 0;
  if (unawaited > 0) {
    found.push([
      'out-of-order',
      `${unawaited} messages were sent without the messages of the answer that they had come after`,
    ]);
  }
  return found;
}

function onTime({ timing, exchanges, run, maxLagP99Ms, maxHeldUpMs }: FidelityFacts): Finding[] {
  const { lag, messageLag, driftMs, heldUp } = timing;
  const found: Finding[] = [];
  const ms = (value: number) => `${value.toFixed(1)} ms`;
  const speed = speeds(exchanges.sent, timing);
  const maxStallMs = stallFactor * maxLagP99Ms;
  if (lag.p99Ms > maxLagP99Ms) {
    found.push(['fell-behind', `The p99 of lag is ${ms(lag.p99Ms)} (limit ${maxLagP99Ms} ms)${speed}`]);
  } else if (lag.count >= minForP999 && lag.p999Ms > maxStallMs) {
    found.push(['fell-behind', `The p99.9 of lag is ${ms(lag.p999Ms)} (limit ${maxStallMs} ms)${speed}`]);
  } else if (driftMs > maxLagP99Ms) {
    found.push(['fell-behind', `The run slipped by ${ms(driftMs)} from its beginning to its end${speed}`]);
  }
  if (run?.pauses !== undefined) {
    const times = run.pauses === 1 ? 'once' : `${run.pauses} times`;
    found.push(['fell-behind', `The run paused ${times} because half of the answers were errors`]);
  }
  if (messageLag.p99Ms > maxLagP99Ms) {
    found.push([
      'fell-behind',
      `The p99 of the lag of messages is ${ms(messageLag.p99Ms)} (limit ${maxLagP99Ms} ms)`,
    ]);
  }
  if (heldUp > maxLostShare * exchanges.sent) {
    found.push([
      'held-up',
      `${heldUp} of ${exchanges.sent} exchanges were sent more than ${maxHeldUpMs} ms after their time, since the answers that they wait for came late${speed}`,
    ]);
  }
  return found;
}

/** How fast it was sent where it should have been faster by a hundredth: `: 812/s instead of 1000/s`. */
function speeds(sent: number, { plannedMs, actualMs }: Timing): string {
  if (plannedMs <= 0 || actualMs < 1.01 * plannedMs) return '';
  const rate = (overMs: number) => `${Number(((sent * 1_000) / overMs).toPrecision(3))}/s`;
  return `: ${rate(actualMs)} instead of ${rate(plannedMs)}`;
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
  readonly statuses: Report['statuses'];
}

/** A difference is a finding whatever the timing was; without one, a run that proves nothing does not pass. */
export function judgeRun(facts: RunVerdictFacts): Pick<Report, 'verdict' | 'reasons'> {
  const { fidelity, comparison, differences, exchanges, statuses } = facts;
  const changes: string[] = [];
  const doubts = [...fidelity.reasons];
  if (differences !== undefined && comparison === 'changed') {
    changes.push(
      `${differences.exchangesChanged} of ${differences.compared} exchanges were answered differently`,
    );
  }
  // Comparing knows what to ignore; without it, statuses are known all the same.
  const otherStatus = comparison === 'off' ? countOtherStatus(statuses) : 0;
  if (otherStatus > 0) changes.push(`${otherStatus} exchanges were answered with another status`);
  if (exchanges.failedUnlikeRecorded > 0) {
    changes.push(`${exchanges.failedUnlikeRecorded} exchanges failed that were answered when recorded`);
  }
  if (comparison === 'inconclusive') doubts.push('Most bodies could not be compared');
  const verdict = changes.length > 0 ? 1 : doubts.length > 0 ? 2 : 0;
  return { verdict, reasons: [...changes, ...doubts] };
}

/** Those that were answered both times. A call that is given up has the status of whichever side saw that first. */
function countOtherStatus(statuses: Report['statuses']): number {
  let count = 0;
  for (const { recorded, replayed, protocol, count: times } of statuses) {
    const answered = protocol === 'grpc' ? recorded >= 0 && replayed >= 0 : recorded > 0 && replayed > 0;
    const givenUp = protocol === 'grpc' && [recorded, replayed].every((code) => code === 1 || code === 4);
    if (answered && recorded !== replayed && !givenUp) count += times;
  }
  return count;
}
