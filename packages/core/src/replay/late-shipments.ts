import type { Clock } from '../clock.ts';
import type { LivePlan } from '../correlate/live-values.ts';
import type { Job } from './job.ts';
import type { Shipment, Unsendable } from './sender.ts';

/** What a job is to send that came without: made when the answers were there that it needs. */
export interface LateShipment {
  readonly index: number;
  readonly shipment: Shipment | Unsendable;
  /** When the last of those answers was over, on the run's time; minus infinity where it needed none that was not. */
  readonly freedAt: number;
}

interface Late {
  readonly job: Job;
  readonly plan: LivePlan;
  readonly make: () => Shipment | Unsendable;
  /** Answers that are looked out for. */
  readonly watched: Set<number>;
  freedAt: number;
  /** Whether its turn has come. */
  wanted: boolean;
  undoWait: () => void;
}

/**
 * Makes the shipments that need live values, for an engine in another thread: ahead of their turn, as soon as no answer that is
 * still to come may change them. So the thread that sends has nothing to make, and what is sent is ready when it is due.
 */
export class LateShipments {
  readonly #clock: Clock;
  readonly #nowNs: () => number;
  readonly #supply: (late: LateShipment, job: Job) => void;
  readonly #all = new Map<number, Late>();
  /** By the index of the answer that is looked out for. */
  readonly #watching = new Map<number, Late[]>();

  /** @param nowNs - the run's time */
  constructor(clock: Clock, nowNs: () => number, supply: (late: LateShipment, job: Job) => void) {
    this.#clock = clock;
    this.#nowNs = nowNs;
    this.#supply = supply;
  }

  /** Takes in a job without a shipment. */
  add(job: Job, plan: LivePlan, make: () => Shipment | Unsendable): void {
    const late: Late = {
      ...{ job, plan, make, watched: new Set<number>(), freedAt: Number.NEGATIVE_INFINITY },
      ...{ wanted: false, undoWait: () => {} },
    };
    this.#all.set(job.index, late);
    this.#look(late);
  }

  /** An exchange is over, and its answer known. */
  over(index: number, atNs: number): void {
    const watching = this.#watching.get(index);
    if (watching === undefined) return;
    this.#watching.delete(index);
    for (const late of watching) {
      if (late.plan.after.includes(index)) late.freedAt = Math.max(late.freedAt, atNs);
      if (this.#all.has(late.job.index)) this.#look(late);
    }
  }

  /** The turn of a job has come. It waits for the answers that it needs, but not for others that may change it. */
  wanted(index: number): void {
    const late = this.#all.get(index);
    if (late === undefined || late.wanted) return;
    late.wanted = true;
    const { maxWaitNs = Number.POSITIVE_INFINITY } = late.job;
    this.#look(late);
    if (!this.#all.has(index) || !Number.isFinite(maxWaitNs)) return;
    late.undoWait = this.#clock.after(maxWaitNs / 1e6, () => {
      late.freedAt = Math.max(late.freedAt, this.#nowNs());
      this.#give(late);
    });
  }

  /** A job is over, or will never be sent. */
  drop(index: number): void {
    this.#all.get(index)?.undoWait();
    this.#all.delete(index);
  }

  /** Nothing is made any more. */
  end(): void {
    for (const late of this.#all.values()) late.undoWait();
    this.#all.clear();
    this.#watching.clear();
  }

  #look(late: Late): void {
    const pending = late.plan.pending();
    const needed = pending.some((index) => late.plan.after.includes(index));
    if (pending.length === 0 || (late.wanted && !needed)) {
      this.#give(late);
      return;
    }
    let last = Number.NEGATIVE_INFINITY;
    for (const index of pending) {
      last = Math.max(last, index);
      if (late.plan.after.includes(index)) this.#watch(late, index);
    }
    // Of those that may change it one at a time, which most likely is the last to be over: each may be looked out for by all that follow.
    this.#watch(late, last);
  }

  #watch(late: Late, index: number): void {
    if (late.watched.has(index)) return;
    late.watched.add(index);
    const others = this.#watching.get(index);
    if (others === undefined) this.#watching.set(index, [late]);
    else others.push(late);
  }

  #give(late: Late): void {
    const { job, make, freedAt } = late;
    this.drop(job.index);
    this.#supply({ index: job.index, shipment: make(), freedAt }, job);
  }
}
