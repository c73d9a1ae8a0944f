import type { Clock } from '../clock.ts';
import { systemClock } from '../clock.ts';
import type { LiveValues } from '../correlate/live-values.ts';
import type { ReplayHooks } from '../hook/hook.ts';
import type { Exchange } from '../model/exchange.ts';
import { invalidOption } from '../model/option-values.ts';
import { createGuard, type Guard, type GuardOptions } from './guard.ts';
import { type MarkOptions, resolveMarks, type WireMarks } from './mark-options.ts';
import { type OrderRule, orderRule, type ReplayOrder } from './order.ts';
import { type OwnProcessorOption, ownProcessorProblem } from './own-processor.ts';
import { checkStartAt, type Pacing, pacingOf } from './pacing.ts';
import type { ReplayProgress } from './progress.ts';
import { rampedUp, rampUpOf } from './ramp-up.ts';
import { checkExtent, createSchedule, type Extent, type PaceOptions, type Schedule } from './schedule.ts';
import type { Sender } from './sender.ts';
import { checkThreads, type ThreadLimit, type ThreadsOption } from './threads.ts';

/** How a capture is replayed. */
export interface ReplayOptions extends PaceOptions {
  /**
   * When time zero is to be, on the wall clock: a date, or milliseconds since 1970; at most a week ahead. All is made ready some
   * seconds before. Default as soon as all is ready.
   */
  readonly startAt?: Date | number | undefined;
  /** Default `causal`. */
  readonly order?: ReplayOrder | undefined;
  /** Code at the points of a replay. Runs in the calling thread, so the engine stays there too. Default none. */
  readonly hooks?: ReplayHooks | undefined;
  /** Marks on the wire that tell replayed traffic. Default true; false sends heads as they were recorded. */
  readonly mark?: boolean | MarkOptions | undefined;
  /**
   * Puts live values in the place of recorded ones; exchanges wait for the answers that those come from. Default none: all values are
   * sent as they were recorded, and no credentials.
   */
  readonly live?: LiveValues | undefined;
  /** What may be sent, and where to. Default: loopback targets only. */
  readonly guard?: GuardOptions | undefined;
  /** Stops the run: nothing more is sent, what is under way has `drainMs` to end, and the result is partial. */
  readonly signal?: AbortSignal | undefined;
  /** Time for answers to come in after a stop. Default 5,000. */
  readonly drainMs?: number | undefined;
  /** Called about five times a second while the run goes on, and once at its end. */
  readonly onProgress?: ((progress: ReplayProgress) => void) | undefined;
  /**
   * Which exchanges keep their order: those of one recorded lane, which is a connection (default), or those that this
   * function gives one name, such as a session. Lanes of the latter kind are not pipelined.
   */
  readonly lanes?: 'recorded' | ((exchange: Exchange) => string) | undefined;
  /** Lanes kept connected at once. Default 1,024. */
  readonly maxLanes?: number | undefined;
  /**
   * Where the engine and its sockets run. `auto`, the default: in a worker thread, whose timing nothing disturbs, or inline
   * when there are hooks (but those that may run ahead) or the sender cannot leave its thread. Progress says which it was.
   */
  readonly thread?: 'auto' | 'worker' | 'inline' | undefined;
  /**
   * How many worker threads send, each with sockets of its own; a lane stays with one of them, and all keep to one clock. `auto`, the
   * default: one for each 10,000 sends in the busiest second of the first two that are planned, or of the rate that is asked for, but no more than there
   * are processors less two; so one on a machine with up to three, with pace `asap`, with order `serial`, and inline. Progress and the report say how many it was.
   */
  readonly threads?: ThreadsOption | undefined;
  /**
   * Whether the thread that sends gets one of this machine's processors to itself for the run, and all other threads of this
   * process the others: sends then wait for no thread of this process. That changes the processor affinity of the whole
   * process, which it gets back at the end. It needs Linux, two processors that this process may use, `taskset` (util-linux), and
   * the engine in a worker. True asks for it and throws `invalid-option` where it cannot be had; `auto` takes it where it can be
   * had and there is a schedule to keep to, so not with pace `asap`, and one thread sends. The report says whether it was so. Default false.
   */
  readonly ownProcessor?: OwnProcessorOption | undefined;
  /** Time for the inline engine. Default the machine's clock. */
  readonly clock?: Clock | undefined;
}

/** The names of {@link ReplayOptions}. */
export const replayOptionNames: Readonly<Record<keyof ReplayOptions, true>> = {
  pace: true,
  speed: true,
  stream: true,
  maxIdleMs: true,
  loop: true,
  window: true,
  startAt: true,
  order: true,
  hooks: true,
  mark: true,
  live: true,
  guard: true,
  signal: true,
  drainMs: true,
  onProgress: true,
  lanes: true,
  maxLanes: true,
  thread: true,
  threads: true,
  ownProcessor: true,
  clock: true,
};

/** Options of one run, checked and complete. */
export interface RunOptions {
  readonly schedule: Schedule;
  readonly extent: Extent;
  /** Milliseconds since 1970. */
  readonly startAtMs: number | undefined;
  /** What the run says of both. */
  readonly pacing: (iteration?: number) => Pacing | undefined;
  readonly order: OrderRule;
  readonly orderName: ReplayOrder;
  readonly hooks: ReplayHooks | undefined;
  readonly runId: string;
  readonly marks: WireMarks | undefined;
  readonly live: LiveValues | undefined;
  readonly guard: Guard;
  /** How long the run takes to come to its full rate; 0 when it begins with it. */
  readonly rampUpMs: number;
  readonly signal: AbortSignal | undefined;
  readonly drainMs: number;
  readonly onProgress: ((progress: ReplayProgress) => void) | undefined;
  readonly laneOf: ((exchange: Exchange) => string) | undefined;
  readonly maxLanes: number;
  readonly thread: 'worker' | 'inline';
  readonly threads: ThreadLimit;
  readonly ownProcessor: OwnProcessorOption;
  readonly clock: Clock;
  /** Whether nobody looks at what HTTP answered beyond its status: then it is not brought from the thread that sends. */
  readonly brief: boolean;
}

/**
 * @param brief - Whether the caller looks at no answers; hooks and live values do
 * @throws {@link GardenhoseError} `invalid-option`, `target-refused`
 */
export function resolveReplayOptions(
  sender: Sender,
  options: ReplayOptions,
  brief: boolean = false,
): RunOptions {
  const { lanes = 'recorded', drainMs = 5_000, maxLanes = 1_024 } = options;
  if (typeof lanes !== 'function' && lanes !== 'recorded') {
    throw invalidOption('lanes', `must be 'recorded' or a function, got '${String(lanes)}'`);
  }
  if (!(Number.isFinite(drainMs) && drainMs >= 0)) {
    throw invalidOption('drainMs', `must be a number of at least 0, got ${String(drainMs)}`);
  }
  if (!(Number.isSafeInteger(maxLanes) && maxLanes > 0)) {
    throw invalidOption('maxLanes', `must be a whole number over 0, got ${String(maxLanes)}`);
  }
  const orderName = options.order ?? 'causal';
  const thread = chooseThread(sender, options);
  const threads = checkThreads(options.threads, thread, orderName);
  const clock = options.clock ?? systemClock;
  const guard = createGuard(sender.targets ?? sender.target, options.guard);
  const rampUpMs = rampUpOf(guard, options);
  const schedule = rampedUp(createSchedule(options), rampUpMs);
  if (options.pace === 'asap' && Number.isFinite(guard.maxLagMs)) {
    throw invalidOption('guard.maxLagMs', "has no meaning with pace 'asap', which has no plan to be behind");
  }
  const extent = checkExtent(options);
  const startAtMs = checkStartAt(options.startAt, clock.wallMs());
  return {
    schedule,
    extent,
    startAtMs,
    pacing: (iteration) => pacingOf(options, extent, startAtMs, rampUpMs, schedule, iteration),
    order: orderRule(orderName),
    orderName,
    hooks: options.hooks,
    ...resolveMarks(options.mark),
    live: options.live,
    guard,
    rampUpMs,
    signal: options.signal,
    drainMs,
    onProgress: options.onProgress,
    laneOf: typeof lanes === 'function' ? lanes : undefined,
    maxLanes,
    thread,
    threads,
    ownProcessor: checkOwnProcessor(thread, threads, options),
    clock,
    brief: brief && options.hooks === undefined && options.live === undefined,
  };
}

function chooseThread(sender: Sender, options: ReplayOptions): 'worker' | 'inline' {
  const { thread = 'auto' } = options;
  const bound =
    options.hooks !== undefined && options.hooks.ahead !== true
      ? 'hooks run in this thread'
      : sender.source === undefined
        ? 'the sender cannot leave this thread'
        : options.clock !== undefined
          ? 'the given clock is of this thread'
          : undefined;
  if (thread === 'auto') return bound === undefined ? 'worker' : 'inline';
  if (thread === 'inline') return 'inline';
  if (thread !== 'worker')
    throw invalidOption('thread', `must be 'auto', 'worker' or 'inline', got '${String(thread)}'`);
  if (bound !== undefined) throw invalidOption('thread', `cannot be 'worker': ${bound}`);
  return 'worker';
}

function checkOwnProcessor(
  thread: 'worker' | 'inline',
  threads: ThreadLimit,
  { ownProcessor = false, pace }: ReplayOptions,
): OwnProcessorOption {
  if (ownProcessor === 'auto') return pace === 'asap' ? false : 'auto';
  if (typeof ownProcessor !== 'boolean') {
    throw invalidOption('ownProcessor', `must be true, false or 'auto', got '${String(ownProcessor)}'`);
  }
  if (!ownProcessor) return false;
  if (thread === 'inline')
    throw invalidOption('ownProcessor', 'needs the engine in a worker, and it runs inline');
  if (threads.fixed && threads.most > 1) {
    throw invalidOption('ownProcessor', `needs one thread that sends, and threads is ${threads.most}`);
  }
  const problem = ownProcessorProblem();
  if (problem !== undefined) throw problem;
  return true;
}
