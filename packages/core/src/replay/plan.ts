import type { Exchange } from '../model/exchange.ts';
import { pinTargets } from './addresses.ts';
import type { BreakerLimits } from './breaker.ts';
import { budgetOf, type ReplayBudget } from './budget.ts';
import { isMutation } from './guard.ts';
import { type ReplayOptions, resolveReplayOptions } from './options.ts';

import { finishedAt } from './order.ts';
import type { Pacing } from './pacing.ts';
import type { PinnedAddresses } from './pinned-addresses.ts';

import { Preparation, reasonToSkip } from './preparation.ts';
import { RecordedOrigins } from './recorded-origins.ts';
import { recordedDurationNs } from './replayed.ts';
import { isUnsendable, type Sender } from './sender.ts';
import { checkStopFile } from './stop-file.ts';
import { threadsFor } from './threads.ts';

/** What a replay would do. */
export interface ReplayPlan {
  readonly target: string;
  /** Where the names of targets lead now. */
  readonly addresses: PinnedAddresses;
  readonly thread: 'worker' | 'inline';
  /** How many threads would send. */
  readonly threads: number;
  readonly pace: string;
  /** Absent when the plan is nothing but the pace. */
  readonly pacing?: Pacing | undefined;
  /** Exchanges read; with `loop`, each as often as it comes. So are all counts here. */
  readonly exchanges: number;
  /** Exchanges that would be sent. */
  readonly toSend: number;
  /** Of those, how many may change state at the target. */
  readonly mutations: number;
  /** Of HTTP by method, and `gRPC` for all calls. The first 50; those beyond are counted as `(other)`. */
  readonly methods: ReadonlyMap<string, number>;
  /** Exchanges that would not be sent, by reason. Hooks are not asked. */
  readonly skipped: ReadonlyMap<string, number>;
  readonly lanes: number;
  /** From the first planned send to the last; 0 with pace `asap`. */
  readonly durationMs: number;
  /** Most sends planned within one second of the schedule; 0 with pace `asap`. */
  readonly peakPerSecond: number;
  /** What a run of this plan may spend. To have it kept to, give it to the guard. */
  readonly budget: ReplayBudget;
  /** When the run would pause. Absent when it would not. */
  readonly breaker?: BreakerLimits | undefined;
  /** The file that would stop it. */
  readonly stopFile?: string | undefined;
}

/**
 * Says what {@link replayExchanges} would do with the same arguments, and sends nothing. Hooks are not run: they may act.
 *
 * @throws {@link GardenhoseError} `invalid-option`, `target-refused`; and whatever `source` throws
 */
export async function planReplay(
  source: AsyncIterable<Exchange> | Iterable<Exchange>,
  sender: Sender,
  options: ReplayOptions = {},
): Promise<ReplayPlan> {
  const resolved = resolveReplayOptions(sender, options);
  const { guard, schedule, laneOf, extent } = resolved;
  if (guard.stopFile !== undefined) checkStopFile(guard.stopFile);
  const addresses = await pinTargets(guard);
  const origins = new RecordedOrigins(guard, addresses);
  const withoutHooks = { ...resolved, hooks: undefined };
  const methods = new Map<string, number>();
  const skipped = new Map<string, number>();
  const lanes = new Set<string>();
  let exchanges = 0;
  let toSend = 0;
  let mutations = 0;
  let longestNs = 0;
  for await (const exchange of source) {
    if (exchange.startAt >= extent.toNs) break;
    if (exchange.startAt < extent.fromNs) continue;
    exchanges++;
    const reason = reasonToSkip(exchange, guard);
    if (reason === undefined) await origins.admit(exchange);
    const made =
      reason === undefined
        ? new Preparation(exchange, exchanges - 1, undefined, sender, withoutHooks).make(new Map())
        : { skip: reason };
    if (isUnsendable(made)) {
      count(skipped, made.skip);
      continue;
    }
    toSend++;
    if (isMutation(exchange, guard.readOnly)) mutations++;
    count(methods, exchange.protocol === 'grpc' ? 'gRPC' : exchange.request.method);
    lanes.add(laneOf?.(exchange) ?? exchange.lane);
    schedule.plan(exchange.startAt, finishedAt(exchange));
    longestNs = Math.max(longestNs, schedule.abandonAfter(recordedDurationNs(exchange)));
  }
  const { loop } = extent;
  const { lastNs, peakPerSecond } = schedule.forecast(loop);
  const timesLoop = (counts: Map<string, number>) =>
    new Map(Array.from(counts, ([name, number]) => [name, number * loop]));
  const pacing = resolved.pacing();
  return {
    target: guard.target,
    addresses,
    thread: resolved.thread,
    threads: threadsFor(resolved.threads, peakPerSecond),
    pace: schedule.description,
    ...(pacing === undefined ? {} : { pacing }),
    exchanges: exchanges * loop,
    toSend: toSend * loop,
    mutations: mutations * loop,
    methods: timesLoop(methods),
    skipped: timesLoop(skipped),
    lanes: lanes.size * loop,
    durationMs: lastNs / 1e6,
    peakPerSecond,
    budget: budgetOf(guard, {
      ...{ exchanges: exchanges * loop, durationMs: lastNs / 1e6, peakPerSecond },
      longestMs: longestNs / 1e6,
    }),
    ...(guard.breaker && { breaker: guard.breaker }),
    ...(guard.stopFile !== undefined && { stopFile: guard.stopFile }),
  };
}

/** A capture may name as many methods as it has exchanges. */
const maxNames = 50;

function count(counts: Map<string, number>, name: string): void {
  const key = counts.has(name) || counts.size < maxNames ? name : '(other)';
  counts.set(key, (counts.get(key) ?? 0) + 1);
}
