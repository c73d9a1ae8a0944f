import type { LivePlan } from '../correlate/live-values.ts';
import type { Exchange } from '../model/exchange.ts';
import type { Job } from './job.ts';
import { LaneNotes } from './lane-notes.ts';
import type { RunOptions } from './options.ts';
import { finishedAt } from './order.ts';
import { notMade, Preparation, reasonToSkip, requestError } from './preparation.ts';
import type { StopReason } from './progress.ts';
import { recordedDurationNs } from './replayed.ts';
import type { RunGuard } from './run-guard.ts';
import { isUnsendable, type Sender, type Shipment, type Unsendable } from './sender.ts';
import type { TranscriptEntry } from './transcript.ts';

/** An exchange that is planned, until it is over. */
export interface Open {
  readonly recorded: Exchange;
  readonly iteration: number | undefined;
  readonly preparation: Preparation;
  /** What hooks keep for its lane. */
  readonly lane: Map<string, unknown>;
  /** Bytes that it holds, about. */
  readonly cost: number;
  readonly plannedAt: number;
  /** Whether nobody looks at its answer beyond the status. */
  readonly brief: boolean;
}

/** What the plan of an exchange comes to: a job for the engine, or why it is left out. */
export type Planned =
  | {
      readonly job: Job;
      readonly open: Open;
      /** Where the job has no shipment yet: what tells when it can have one, and makes it. */
      readonly late?: { readonly plan: LivePlan; readonly make: () => Shipment | Unsendable } | undefined;
    }
  | {
      readonly job?: undefined;
      readonly iteration: number | undefined;
      readonly skip: string;
      readonly times?: Pick<TranscriptEntry, 'plannedAt' | 'blockedNs' | 'error'> | undefined;
    };

const notPlanned = { plannedAt: Number.NaN, blockedNs: 0 };

/** Makes the jobs of a run, in the order in which exchanges are read: what is sent, when, and after what. */
export class Planner {
  readonly #options: RunOptions;
  readonly #sender: Sender;
  readonly #guard: RunGuard;
  readonly #notes: LaneNotes;
  #index = 0;
  #iteration = 1;
  #spent: StopReason | undefined;

  constructor(options: RunOptions, sender: Sender, guard: RunGuard) {
    this.#options = options;
    this.#sender = sender;
    this.#guard = guard;
    this.#notes = new LaneNotes(options.hooks !== undefined);
  }

  /** Which budget is spent: what was planned before goes on. */
  get spent(): StopReason | undefined {
    return this.#spent;
  }

  /** @param time - Which time the source is read, from 1 */
  plan(recorded: Exchange, time: number): Planned {
    const index = this.#index++;
    const { guard, laneOf, live } = this.#options;
    const iteration = this.#nextIteration(time);
    const skip = reasonToSkip(recorded, guard);
    if (skip !== undefined) return { iteration, skip };
    const recordedLane = laneOf?.(recorded) ?? recorded.lane;
    const lane = iteration === undefined ? recordedLane : `${iteration}: ${recordedLane}`;
    const notes = this.#notes.of(lane);
    let plan: LivePlan | undefined;
    try {
      plan = live?.plan(index, recorded);
    } catch (error) {
      return { iteration, ...notMade, times: { ...notPlanned, error: requestError(error) } };
    }
    const preparation = new Preparation(recorded, index, iteration, this.#sender, this.#options, plan);
    const make = () => preparation.make(notes);
    const shipment = this.#whenSent(plan) ? make : (plan?.pending().length ?? 0) > 0 ? undefined : make();
    if (typeof shipment === 'object' && isUnsendable(shipment)) {
      live?.told(index, undefined);
      return { iteration, skip: shipment.skip, times: { ...notPlanned, error: preparation.error } };
    }
    this.#spent = this.#guard.spend(recorded.request.size);
    if (this.#spent !== undefined) {
      live?.told(index, undefined);
      return { iteration, skip: 'aborted' };
    }
    const endAt = finishedAt(recorded);
    const cost = recorded.request.size + (recorded.response?.size ?? 0) + 2_048;
    const { schedule } = this.#options;
    const brief = this.#options.brief && saysAllByStatus(recorded);
    const plannedAt = schedule.plan(recorded.startAt, endAt);
    return {
      open: { recorded, iteration, preparation, lane: notes, cost, plannedAt, brief },
      late: shipment === undefined && plan !== undefined ? { plan, make } : undefined,
      job: {
        index,
        exchange: recorded.id,
        lane,
        protocol: recorded.protocol,
        plannedAt,
        startAt: recorded.startAt,
        finishedAt: endAt,
        timeoutNs: guard.timeoutMs * 1e6 + schedule.abandonAfter(recordedDurationNs(recorded)),
        shipment,
        brief,
        awaited: plan?.tells,
        after: plan?.after,
        maxWaitNs: live?.maxWaitNs,
      },
    };
  }

  /** Whether it is made at the moment of sending, in the engine's thread, which is this one. */
  #whenSent(plan: LivePlan | undefined): boolean {
    const { hooks, thread } = this.#options;
    if (thread === 'worker') return false;
    return plan?.make !== undefined || !(hooks === undefined || hooks.ahead === true);
  }

  /** Which time the exchange that was read comes; undefined where each comes once. */
  #nextIteration(time: number): number | undefined {
    const { extent, schedule } = this.#options;
    if (extent.loop === 1) return undefined;
    for (; this.#iteration < time; this.#iteration++) schedule.again();
    return time;
  }
}

/** Of an exchange with messages, reports count those that were answered. */
function saysAllByStatus({ protocol, request, response }: Exchange): boolean {
  return protocol === 'http' && request.messages.length === 0 && (response?.messages.length ?? 0) === 0;
}
