import { type Capture, openCapture } from './capture/open-capture.ts';
import { openCaptures } from './capture/open-captures.ts';
import { readSchemas } from './capture/read-schemas.ts';
import { systemClock } from './clock.ts';
import { type Comparer, createComparer } from './compare/compare.ts';
import type { Comparison } from './compare/difference.ts';
import type { CompareOptions } from './compare/options.ts';
import type { Bindings } from './correlate/binding.ts';
import { learnBindings } from './correlate/learn.ts';
import { LiveValues } from './correlate/live-values.ts';
import { TimeShift, type TimeShiftOptions } from './correlate/time-shift.ts';
import { composeReplayHooks } from './hook/compose.ts';
import type { Outcome, ReplayContext, ReplayHooks } from './hook/hook.ts';
import { splitRules } from './hook/replay-rules.ts';
import type { HookRule } from './hook/rule.ts';
import type { Exchange } from './model/exchange.ts';
import { onlyOptions } from './model/option-names.ts';
import { invalidOption } from './model/option-values.ts';
import { mapRuns, runSource, runsOf } from './model/runs.ts';
import { SchemaRegistry } from './protobuf/schema-registry.ts';
import type { GuardOptions } from './replay/guard.ts';
import { type ReplayOptions, replayOptionNames } from './replay/options.ts';
import { checkStartAt } from './replay/pacing.ts';
import { planReplay } from './replay/plan.ts';
import { startRun } from './replay/replay-exchanges.ts';
import type { Sender } from './replay/sender.ts';
import { isLocalTarget } from './replay/target-kind.ts';
import type { ReplayResult } from './replay/transcript.ts';
import { type CaptureLosses, GapTally } from './report/gap-tally.ts';
import type { Report } from './report/report.ts';
import { ReportBuilder, type ReportOptions } from './report/report-builder.ts';

/** How live values are put in the place of recorded ones. */
export interface CorrelateOptions {
  /** Which values are joined. Default those that {@link learnBindings} finds in the capture, which is read once more for it. */
  readonly bindings?: Bindings | undefined;
  /** Longest wait for an answer that a value comes from, beyond what the order asks for. Default 10,000. */
  readonly maxWaitMs?: number | undefined;
}

/** Options of a whole replay: how to send, what to rewrite before, how to compare and what to report. */
export interface ReplayRunOptions extends ReplayOptions {
  /**
   * Declarative rules, applied to each exchange as it is read, before `hooks`. They leave the engine in its worker. Rules
   * for side `response` rewrite the recorded answer that the live one is compared with. Default none.
   */
  readonly rules?: readonly HookRule[] | undefined;
  /**
   * Schemas of the messages of gRPC calls, each a serialised `google.protobuf.FileDescriptorSet`: for rules, for hooks as
   * `context.schemas`, and for compare, where that is not given its own. The list may grow while exchanges are replayed. Default those in the capture; where exchanges are replayed that come
   * without one, none.
   */
  readonly schemas?: readonly Uint8Array[] | undefined;
  /**
   * Whether values that an answer told when it was recorded, and later requests sent, are sent as the live answer tells them: ids, tokens,
   * cookies, entity tags. True learns them from the capture; exchanges that can be read only once need `bindings`. Credentials
   * that are known so are live, and are sent. Default false.
   */
  readonly correlate?: boolean | CorrelateOptions | undefined;
  /**
   * Whether times in requests are moved by as much as the replay is later than the recording: dates and times of ISO 8601 and of HTTP, and seconds
   * or milliseconds since 1970 in fields that are named like times; with `jwtKey`, those of web tokens too, which are signed anew. Values that
   * `correlate` sends live stay as they are. Default false.
   */
  readonly timeShift?: boolean | TimeShiftOptions | undefined;
  /** Whether live answers are compared with the recorded ones, and how. Default false. */
  readonly compare?: boolean | CompareOptions | undefined;
  /** What the report counts as late, and how much it lists. */
  readonly report?: ReportOptions | undefined;
  /**
   * Asked at the end what the capture of these exchanges lacks, for the report. Default nothing is known of it.
   *
   * @example
   * const gaps = new GapTally();
   * const exchanges = capture.exchanges({}, { onGap: (gap) => gaps.add(gap) });
   * await replay(exchanges, sender, { losses: () => gaps.losses(capture.condition().state) });
   */
  readonly losses?: (() => CaptureLosses) | undefined;
  /** Called with each result and what comparing it found, where it was compared, in the order in which exchanges ended. */
  readonly onResult?: ((result: ReplayResult, comparison: Comparison | undefined) => void) | undefined;
}

const optionNames: Readonly<Record<keyof ReplayRunOptions, true>> = {
  ...replayOptionNames,
  rules: true,
  schemas: true,
  correlate: true,
  timeShift: true,
  compare: true,
  report: true,
  losses: true,
  onResult: true,
};

/**
 * What to replay: the path of a capture, the paths of several that are replayed as one, on one clock, an open capture, or exchanges
 * in order of their starts.
 */
export type ReplaySource =
  | string
  | readonly string[]
  | Capture
  | AsyncIterable<Exchange>
  | Iterable<Exchange>;

/**
 * Replays, compares the answers if asked to, and reports. Memory does not grow with the number of exchanges. The sender stays the
 * caller's to close, as does a capture that is open.
 *
 * @throws {@link GardenhoseError} `invalid-option`; `target-refused` when the guard forbids the target, `target-unreachable`
 *   when nothing can be connected, both having sent nothing; `worker-failed`; what opening and reading a capture throws; and
 *   whatever `source` or `onResult` throws
 * @example
 * const report = await replay('orders.hose', byProtocol({ http, grpc }), { compare: { ignore: ['header:x-build'] } });
 * console.log(renderReport(report));
 */
export async function replay(
  source: ReplaySource,
  sender: Sender,
  options: ReplayRunOptions = {},
): Promise<Report> {
  if (isPaths(source)) {
    await using capture = await (typeof source === 'string' ? openCapture(source) : openCaptures(source));
    return await replayCapture(capture, sender, options);
  }
  return 'header' in source ? replayCapture(source, sender, options) : replayEach(source, sender, options);
}

function isPaths(source: ReplaySource): source is string | readonly string[] {
  const several: unknown = source;
  return typeof source === 'string' || (Array.isArray(several) && typeof several[0] === 'string');
}

async function replayEach(
  source: AsyncIterable<Exchange> | Iterable<Exchange>,
  sender: Sender,
  options: ReplayRunOptions,
): Promise<Report> {
  onlyOptions('a replay', options, optionNames);
  const {
    rules = [],
    schemas,
    correlate = false,
    timeShift = false,
    compare = false,
    report,
    losses,
    onResult,
    ...replayOptions
  } = options;
  const comparer = comparerOf(compare, schemas);
  const builder = new ReportBuilder(report);
  const { hooks, answer } = splitRules(rules);
  const registry = growingRegistry(schemas ?? []);
  const given =
    rules.length === 0 ? replayOptions.hooks : composeReplayHooks([hooks, replayOptions.hooks ?? {}]);
  const answered = (exchange: Exchange) => answer?.(exchange, registry()) ?? exchange;
  const shift = timeShift === false ? undefined : timeShiftOf(timeShift, options);
  const live =
    correlate === false && shift === undefined
      ? replayOptions.live
      : await liveValues(source, sender, correlate, shift, options, registry);
  const changed = answer === undefined ? source : mapRuns(source, answered);
  const runOptions = { ...replayOptions, hooks: given && withSchemas(given, registry), live };
  const run = startRun(changed, sender, runOptions, comparer === undefined && onResult === undefined);
  for await (const results of run.batches()) {
    for (const result of results) {
      const { recorded, replayed, live: names } = result;
      const comparison = replayed === undefined ? undefined : comparer?.(recorded, replayed, names);
      builder.add(result, comparison);
      onResult?.(result, comparison);
    }
  }
  const bindings = correlate === false && replayOptions.live === undefined ? undefined : live?.uses();
  return builder.build(run.progress(), losses?.(), { bindings, timeShift: shift?.counts() });
}

/** The times of a run move from when its capture was recorded to when it begins. */
function timeShiftOf(
  timeShift: true | TimeShiftOptions,
  { startAt, clock = systemClock }: ReplayRunOptions,
): TimeShift {
  return new TimeShift(timeShift === true ? {} : timeShift, checkStartAt(startAt, clock.wallMs()), clock);
}

async function liveValues(
  source: AsyncIterable<Exchange> | Iterable<Exchange>,
  sender: Sender,
  correlate: boolean | CorrelateOptions,
  timeShift: TimeShift | undefined,
  { live, schemas, clock }: ReplayRunOptions,
  registry: () => SchemaRegistry,
): Promise<LiveValues> {
  if (live !== undefined) {
    throw invalidOption('live', 'cannot be given with correlate or timeShift, which make it');
  }
  const options = typeof correlate === 'object' ? correlate : {};
  onlyOptions('correlate', options, correlateNames);
  // An array can be read again.
  const again = Array.isArray(source) ? source : undefined;
  const bindings =
    correlate === false
      ? noBindings
      : (options.bindings ?? (again && (await learnBindings(again, { schemas }))));
  if (bindings === undefined) {
    throw invalidOption('correlate', 'needs bindings where the exchanges can be read only once');
  }
  const { target, targets = [target] } = sender;
  const hosts = targets.flatMap((origin) => (URL.canParse(origin) ? [new URL(origin).hostname] : []));
  const secure = targets.every((origin) => origin.startsWith('https:') || isLocalTarget(origin));
  const { maxWaitMs } = options;
  return new LiveValues(bindings, { schemas: registry, maxWaitMs, hosts, secure, timeShift, clock });
}

const noBindings: Bindings = { format: 'gardenhose-bindings/1', bindings: [] };
const correlateNames: Readonly<Record<keyof CorrelateOptions, true>> = { bindings: true, maxWaitMs: true };

/**
 * Replays a capture, with what it lacks in the report. Where the guard may forbid the target for what the capture holds, all of
 * it is read before anything is sent. The sender and the capture stay the caller's to close.
 *
 * @throws {@link GardenhoseError} as {@link replay} does; and what reading the capture throws
 * @example
 * await using capture = await openCapture('orders.hose');
 * const report = await replayCapture(capture, byProtocol({ http, grpc }), { compare: true });
 */
export async function replayCapture(
  capture: Capture,
  sender: Sender,
  options: ReplayRunOptions = {},
): Promise<Report> {
  const guard = mayBeRefused(sender, options) ? await plannedGuard(capture, sender, options) : options.guard;
  const gaps = new GapTally();
  // Read again, it lacks what it lacked before.
  let readings = 0;
  const exchanges = runSource(() =>
    runsOf(capture.exchanges({}, { onGap: readings++ === 0 ? gaps.add.bind(gaps) : undefined })),
  );
  const losses = options.losses ?? (() => gaps.losses(capture.condition().state));
  const schemas = options.schemas ?? (asksForSchemas(options) ? await readSchemas(capture) : undefined);
  const correlate = await withBindings(capture, options.correlate, schemas);
  const { timeShift = false } = options;
  const recordedAt = capture.header.wallMs;
  return replayEach(exchanges, sender, {
    ...options,
    guard,
    schemas,
    losses,
    correlate,
    timeShift: timeShift === false ? false : { recordedAt, ...(timeShift === true ? {} : timeShift) },
  });
}

/** Plans the run, which may refuse it, and gives its guard with the budget that follows. */
async function plannedGuard(
  capture: Capture,
  sender: Sender,
  { pace, speed, stream, maxIdleMs, loop, window, guard, order, lanes }: ReplayRunOptions,
): Promise<GuardOptions> {
  const options = { pace, speed, stream, maxIdleMs, loop, window, guard, order, lanes };
  const { budget } = await planReplay(capture.exchanges(), sender, options);
  return { ...guard, ...budget };
}

/** What is to be joined, learned from the capture where it was not given. */
async function withBindings(
  capture: Capture,
  correlate: ReplayRunOptions['correlate'] = false,
  schemas: readonly Uint8Array[] | undefined,
): Promise<ReplayRunOptions['correlate']> {
  if (correlate === false || (correlate !== true && correlate.bindings !== undefined)) return correlate;
  const bindings = await learnBindings(capture.exchanges(), { schemas });
  return { ...(correlate === true ? {} : correlate), bindings };
}

/** Whether anything in this run may look into messages: finding the schemas of a capture takes a reading of its own. */
function asksForSchemas({
  compare = false,
  correlate = false,
  timeShift = false,
  rules = [],
  hooks,
}: ReplayRunOptions): boolean {
  return (
    compare !== false || correlate !== false || timeShift !== false || rules.length > 0 || hooks !== undefined
  );
}

/** Gives what a list of schemas tells at any time. */
function growingRegistry(schemas: readonly Uint8Array[]): () => SchemaRegistry {
  const registry = new SchemaRegistry();
  let told = 0;
  return () => {
    for (const data of schemas.slice(told)) {
      told++;
      registry.add(data);
    }
    return registry;
  };
}

/** The hooks, told in their context what is known of messages. */
function withSchemas(hooks: ReplayHooks, registry: () => SchemaRegistry): ReplayHooks {
  return {
    ahead: hooks.ahead,
    ...(hooks.onSend && {
      onSend: (exchange: Exchange, context: ReplayContext) =>
        hooks.onSend?.(exchange, { ...context, schemas: registry() }),
    }),
    ...(hooks.onOutcome && {
      onOutcome: (recorded: Exchange, outcome: Outcome, context: ReplayContext) =>
        hooks.onOutcome?.(recorded, outcome, { ...context, schemas: registry() }),
    }),
  };
}

/** Whether what a capture holds can forbid a target, or limits what may be spent on it. */
function mayBeRefused({ target, targets = [target] }: Sender, { guard }: ReplayRunOptions): boolean {
  if (guard?.allowRecordedOrigin === false) return true;
  return targets.some((origin) => URL.canParse(origin) && !isLocalTarget(origin));
}

function comparerOf(
  compare: boolean | CompareOptions,
  schemas: readonly Uint8Array[] | undefined,
): Comparer | undefined {
  if (compare === false) return undefined;
  return createComparer(compare === true ? { schemas } : { schemas, ...compare });
}
