import { availableParallelism } from 'node:os';
import type { Comparison } from '../compare/difference.ts';
import type { BindingEnd } from '../correlate/binding.ts';
import type { BindingUse } from '../correlate/live-values.ts';
import type { TimeShiftCounts } from '../correlate/time-shift.ts';
import { type ErrorCode, GardenhoseError } from '../errors.ts';
import { onlyOptions } from '../model/option-names.ts';
import { finishedAt } from '../replay/order.ts';
import type { ReplayResult } from '../replay/transcript.ts';
import { clipText } from './clip-text.ts';
import { DifferenceTable } from './difference-table.ts';
import { Drift } from './drift.ts';
import type { CaptureLosses } from './gap-tally.ts';
import { Histogram, noDurations, toMs } from './histogram.ts';
import { LaneOrderCheck } from './lane-order.ts';
import { OperationTable } from './operation-table.ts';
import type { BindingCounts, Environment, ExchangeCounts, Report, RunFacts, Timing } from './report.ts';
import { SendSample } from './send-sample.ts';
import { Tally } from './tally.ts';
import { TimeSeries } from './time-series.ts';
import { judgeComparison, judgeFidelity, judgeRun } from './verdict.ts';

/** How a report is made. */
export interface ReportOptions {
  /**
   * A run whose 99th percentile of lag is higher than this fell behind, and so did one of 1,000 sends or more whose 99.9th is ten
   * times as high. Default 20.
   */
  readonly maxLagP99Ms?: number | undefined;
  /**
   * A run of which more than 5 % of the exchanges waited longer than this for answers, past their planned time, was held up. Default
   * 1,000.
   */
  readonly maxHeldUpMs?: number | undefined;
  /** Operations with a row of their own. Default 100. */
  readonly maxOperations?: number | undefined;
  /** Groups of differences. Default 500. */
  readonly maxGroups?: number | undefined;
}

const optionNames: Readonly<Record<keyof ReportOptions, true>> = {
  maxLagP99Ms: true,
  maxHeldUpMs: true,
  maxOperations: true,
  maxGroups: true,
};

/** Marks that tell of something that did not work. */
const noteNames = new Set(['patch-missed', 'edit-missed', 'hook-failed', 'live-failed']);

/** Folds the results of a replay into a report, one by one: memory does not grow with their number. */
export class ReportBuilder {
  readonly #maxLagP99Ms: number;
  readonly #maxHeldUpMs: number;
  readonly #operations: OperationTable;
  readonly #differences: DifferenceTable;
  readonly #lag = new Histogram();
  readonly #messageLag = new Histogram();
  readonly #blocked = new Histogram();
  readonly #messageBlocked = new Histogram();
  readonly #service = new Histogram();
  readonly #response = new Histogram();
  readonly #recorded = new Histogram();
  readonly #drift = new Drift();
  readonly #series = new TimeSeries();
  readonly #sends = new SendSample();
  readonly #order = new LaneOrderCheck();
  readonly #statuses = new Tally(500);
  readonly #skips = new Tally();
  readonly #notes = new Tally();
  readonly #errors = new Map<ErrorCode, { count: number; readonly example: string }>();
  readonly #planned = new Span();
  readonly #sent = new Span();
  readonly #messages = { recordedSent: 0, sent: 0, recordedReceived: 0, received: 0, unawaited: 0 };
  #heard = false;
  #heldUp = 0;
  #unsent = 0;
  readonly #counts = { total: 0, sent: 0, answered: 0, failed: 0, failedUnlikeRecorded: 0 };

  /** @throws GardenhoseError `invalid-option` */
  constructor(options: ReportOptions = {}) {
    onlyOptions('report', options, optionNames);
    this.#maxLagP99Ms = atLeast(options.maxLagP99Ms ?? 20, 0, 'maxLagP99Ms');
    this.#maxHeldUpMs = atLeast(options.maxHeldUpMs ?? 1_000, 0, 'maxHeldUpMs');
    this.#operations = new OperationTable(atLeast(options.maxOperations ?? 100, 1, 'maxOperations'));
    this.#differences = new DifferenceTable(atLeast(options.maxGroups ?? 500, 1, 'maxGroups'));
  }

  /** Adds one result, with what comparing it found, where it was compared. */
  add(result: ReplayResult, comparison?: Comparison): void {
    const { entry, recorded, replayed } = result;
    this.#counts.total++;
    if (comparison !== undefined) this.#differences.add(comparison);
    for (const { name, value } of replayed?.marks ?? []) {
      if (noteNames.has(name)) this.#notes.add(`${name} ${value.slice(0, 40)}`);
    }
    this.#countError(entry.error);
    if (entry.outcome === 'skipped') {
      this.#skips.add(entry.skip ?? 'unknown');
      return;
    }
    const failed = entry.outcome === 'failed';
    this.#counts[failed ? 'failed' : 'answered']++;
    this.#heard ||= entry.firstByteAt !== undefined || replayed?.response !== undefined;
    if (failed && recorded.response !== undefined) this.#counts.failedUnlikeRecorded++;
    // 0 is a status of gRPC.
    const [none, protocol] = entry.protocol === 'grpc' ? [-1, ' grpc'] : [0, ''];
    this.#statuses.add(`${entry.recordedStatus ?? none} ${entry.status ?? none}${protocol}`);
    this.#countMessages(result);
    const recordedNs = finishedAt(recorded) - recorded.startAt;
    this.#recorded.record(recordedNs);
    this.#operations.add(clipText(entry.operation), {
      failed,
      changed: comparison !== undefined && hasChanged(comparison),
      recordedNs,
      serviceNs: this.#time(result, failed),
    });
  }

  /** The report of everything that was added. May be asked for again. */
  build(run?: RunFacts, losses?: CaptureLosses, live: LiveCounts = {}): Report {
    const planned = run?.pace !== 'asap';
    const exchanges: ExchangeCounts = {
      ...this.#counts,
      skipped: this.#skips.total,
      skips: this.#skips.entries().map(([reason, count]) => ({ reason, count })),
    };
    const timing = this.#timing(planned);
    const order = this.#order.result(run?.order);
    const messages = Object.values(this.#messages).some((count) => count > 0) ? this.#messages : undefined;
    const errors = Array.from(this.#errors, ([code, { count, example }]) => ({ code, count, example }));
    const fidelity = judgeFidelity({
      exchanges,
      heard: this.#heard,
      losses,
      timing,
      order,
      run,
      maxLagP99Ms: this.#maxLagP99Ms,
      maxHeldUpMs: this.#maxHeldUpMs,
      messages,
      unsent: this.#unsent,
      errors,
    });
    const compared = this.#differences.compared > 0;
    const differences = compared ? this.#differences.summary() : undefined;
    const comparison = judgeComparison(differences, this.#differences.bodiesNotCompared);
    const statuses: Report['statuses'] = this.#statuses.entries().map(([key, count]) => {
      const [recorded, replayed, protocol] = key.split(' ');
      const row = { recorded: Number(recorded), replayed: Number(replayed), count };
      return protocol === 'grpc' ? { ...row, protocol } : row;
    });
    return {
      format: 'gardenhose-report/1',
      ...judgeRun({ fidelity, comparison, differences, exchanges, statuses }),
      run: run === undefined ? undefined : runFacts(run),
      exchanges,
      ...(messages === undefined ? {} : { messages: { ...messages } }),
      // Of a capture that was not read to its end, nothing says that it lacks one.
      losses:
        (run?.stopped !== undefined || run?.pacing?.window !== undefined) && losses?.state === 'open'
          ? { ...losses, state: undefined }
          : losses,
      fidelity,
      comparison,
      timing,
      series: this.#series.series(),
      sends: planned ? this.#sends.times() : undefined,
      order,
      statuses,
      errors,
      operations: this.#operations.rows(),
      ...(live.bindings === undefined ? {} : { bindings: bindingCounts(live.bindings) }),
      ...(live.timeShift === undefined ? {} : { timeShift: live.timeShift }),
      notes: this.#notes.entries().map(([name, count]) => ({ name, count })),
      differences,
      environment: environment(),
    };
  }

  #countMessages({ entry, recorded, replayed }: ReplayResult): void {
    const unsent = recorded.request.messages.length - (replayed?.request.messages.length ?? 0);
    // A call that ends in the error it was recorded with may end before or after its last message.
    const endedAlike =
      entry.protocol === 'grpc' && entry.status === entry.recordedStatus && entry.status !== 0;
    if (!endedAlike) this.#unsent += Math.max(0, unsent);
    this.#messages.recordedSent += recorded.request.messages.length;
    this.#messages.recordedReceived += recorded.response?.messages.length ?? 0;
    this.#messages.sent += replayed?.request.messages.length ?? 0;
    this.#messages.received += replayed?.response?.messages.length ?? 0;
    this.#messages.unawaited += entry.messagesUnawaited ?? 0;
    for (const lag of entry.messageLagsNs ?? []) this.#messageLag.record(lag);
    for (const blocked of entry.messagesBlockedNs ?? []) this.#messageBlocked.record(blocked);
  }

  /** Records the times of an exchange that was sent; gives back its service time, if it was answered. */
  #time({ entry, recorded }: ReplayResult, failed: boolean): number | undefined {
    const { exchange, operation, plannedAt, sentAt, endAt, blockedNs, lane, iteration } = entry;
    if (sentAt === undefined) return undefined;
    this.#counts.sent++;
    this.#sent.add(sentAt);
    if (blockedNs > 0) this.#blocked.record(blockedNs);
    if (blockedNs > this.#maxHeldUpMs * 1e6) this.#heldUp++;
    if (Number.isFinite(plannedAt)) {
      this.#planned.add(plannedAt);
      const lag = sentAt - plannedAt - blockedNs;
      this.#lag.record(lag);
      this.#drift.add(lag);
      this.#sends.add({ exchange, operation: clipText(operation), plannedAt, sentAt, blockedNs });
    }
    if (endAt === undefined) return undefined;
    this.#series.add({ plannedAt, sentAt, endAt, blockedNs, failed });
    this.#order.add({
      lane: iteration === undefined ? lane : `${iteration}: ${lane}`,
      recordedStart: recorded.startAt,
      recordedEnd: finishedAt(recorded),
      sentAt,
      endAt,
    });
    if (failed) return undefined;
    this.#service.record(endAt - sentAt);
    this.#response.record(endAt - plannedAt);
    return endAt - sentAt;
  }

  #countError(error: ReplayResult['entry']['error']): void {
    if (error === undefined) return;
    const known = this.#errors.get(error.code);
    if (known !== undefined) known.count++;
    else this.#errors.set(error.code, { count: 1, example: clipText(error.message) });
  }

  /** Without a plan, what is measured against it says nothing. */
  #timing(planned: boolean): Timing {
    return {
      plannedMs: planned ? toMs(this.#planned.length) : 0,
      actualMs: toMs(this.#sent.length),
      driftMs: planned ? toMs(this.#drift.value()) : 0,
      lag: planned ? this.#lag.summary() : noDurations,
      messageLag: planned ? this.#messageLag.summary() : noDurations,
      blocked: this.#blocked.summary(),
      heldUp: this.#heldUp,
      messageBlocked: this.#messageBlocked.summary(),
      serviceTime: this.#service.summary(),
      responseTime: planned ? this.#response.summary() : noDurations,
      recordedTime: this.#recorded.summary(),
    };
  }
}

/** What was sent in the place of recorded values. */
export interface LiveCounts {
  readonly bindings?: readonly BindingUse[] | undefined;
  readonly timeShift?: TimeShiftCounts | undefined;
}

/** The bindings that values were sent by, or should have been; the most used first. */
function bindingCounts(uses: readonly BindingUse[]): BindingCounts {
  const sum = (count: (use: BindingUse) => number) => uses.reduce((total, use) => total + count(use), 0);
  return {
    bindings: uses.length,
    used: sum(({ used }) => used),
    unresolved: sum(({ unresolved }) => unresolved),
    blocked: sum(({ blocked }) => blocked),
    rows: uses
      .filter(({ used, unresolved }) => used + unresolved > 0)
      .sort((a, b) => b.used + b.unresolved - (a.used + a.unresolved))
      .slice(0, maxBindingRows)
      .map((use) => ({ ...use, from: clipEnd(use.from), to: clipEnd(use.to) })),
  };
}

function clipEnd({ operation, place }: BindingEnd): BindingEnd {
  return { operation: clipText(operation), place: clipText(place) };
}

const maxBindingRows = 500;

/** From the least to the greatest of some times. */
class Span {
  #from = Number.POSITIVE_INFINITY;
  #to = Number.NEGATIVE_INFINITY;

  get length(): number {
    return Math.max(0, this.#to - this.#from);
  }

  add(at: number): void {
    this.#from = Math.min(this.#from, at);
    this.#to = Math.max(this.#to, at);
  }
}

function hasChanged({ differences, more }: Comparison): boolean {
  return more.changed > 0 || differences.some(({ verdict }) => verdict === 'changed');
}

function runFacts({
  runId,
  target,
  thread,
  threads,
  ownProcessor,
  pace,
  pacing,
  order,
  safety,
  mutationsSent,
  resent,
  stopped,
  pauses,
}: RunFacts): RunFacts {
  const paced = pacing === undefined ? {} : { pacing };
  const sent = { thread, ...(threads === undefined ? {} : { threads }), ownProcessor };
  const paused = pauses === undefined ? {} : { pauses };
  const safe = safety === undefined ? {} : { safety };
  return {
    runId,
    target,
    ...sent,
    pace,
    ...paced,
    order,
    ...safe,
    mutationsSent,
    resent,
    stopped,
    ...paused,
  };
}

function environment(): Environment {
  return {
    madeAt: new Date().toISOString(),
    node: process.versions.node,
    platform: process.platform,
    architecture: process.arch,
    processors: availableParallelism(),
  };
}

function atLeast(value: number, least: number, option: string): number {
  if (Number.isFinite(value) && value >= least) return value;
  throw new GardenhoseError(
    'invalid-option',
    `${option}: expected a number of at least ${least}, found ${value}`,
    {
      subject: option,
    },
  );
}
