import { AwaitedJobs, type WaitingJob } from './awaited-jobs.ts';
import { Fifo } from './fifo.ts';
import type { HeapEntry } from './heap.ts';
import { type GroupMember, HeldGroup } from './held-group.ts';
import type { Job, Settled } from './job.ts';
import { LaneTable, type OpenLane } from './lane-table.ts';
import { LaneWarmer, type Warmed } from './lane-warmer.ts';
import type { LateShipment } from './late-shipments.ts';
import type { OrderRule } from './order.ts';
import type { Room } from './room.ts';
import { RoomLine } from './room-line.ts';
import { type Answer, type AnswerError, isUnsendable, type RunTimer, type Sender } from './sender.ts';
import { Timers } from './timers.ts';
import { type Traveller, UnderWay } from './under-way.ts';
import type { Waiter } from './waiter.ts';

export interface EngineOptions {
  readonly sender: Sender;
  readonly order: OrderRule;
  /** Monotonic nanoseconds of any origin. */
  readonly nowNs: () => number;
  readonly waiter: Waiter;
  /** For exchanges under way. */
  readonly room: Room;
  /** Lanes connected at once before time zero. */
  readonly maxWarm: number;
  /** Lanes kept connected at once; beyond it the one that was idle longest is closed. */
  readonly maxLanes: number;
  readonly onSettled: (settled: Settled) => void;
  /** The turn of a job has come that came without a shipment: it waits for {@link Engine.supply}. */
  readonly onWanted?: ((index: number) => void) | undefined;
  /** Called before each wait, with the nanoseconds until something is due: the moment for work that can wait. */
  readonly onIdle?: ((slackNs: number) => void) | undefined;
}

interface Active extends GroupMember, WaitingJob, Traveller {
  readonly job: Job;
  readonly plannedAt: number;
  /** When its turn came: what is between is no wait for an answer, but lag. */
  readonly takenAt: number;
  readonly group: HeldGroup<Active>;
  blockedNs: number;
  /** When it could have been sent but for answers that it needs. */
  heldAt?: number | undefined;
  lane?: Lane | undefined;
  onLane?: OnLane | undefined;
  undoAbandon?: (() => void) | undefined;
}

/** An exchange that is under way on its lane, by when it was over in the recording. */
type OnLane = HeapEntry;

type Lane = OpenLane;

const sweepNs = 50e6;
const choreSlackNs = 3e6;
/** Groups that are kept while nothing of them is here: their lane is likely to come again. */
const maxIdleGroups = 4_096;

/**
 * Sends jobs at their planned times, in their order, and settles each exactly once. It owns the run's clock: everything in
 * it happens in {@link Engine.start}'s time, on one thread, between waits. A slow answer holds back those exchanges that its
 * order says must wait for it, and no others.
 */
export class Engine {
  readonly #options: EngineOptions;
  readonly #planned = new Fifo<Job>();
  readonly #groups = new Map<string, HeldGroup<Active>>();
  readonly #awaited = new AwaitedJobs<Active>();
  readonly #lanes: LaneTable;
  readonly #warmer: LaneWarmer;
  readonly #timers = new Timers();
  /** What may come some milliseconds late. */
  readonly #chores = new Timers();
  /** All answers that they need have come. */
  readonly #freed = new Fifo<Active>();
  /** Ready but for the limit on exchanges under way. */
  readonly #ready: RoomLine<Active>;
  readonly #underWay = new UnderWay<Active>();
  /** Groups in which an answer came, so that others may go. */
  readonly #loosened: HeldGroup<Active>[] = [];
  #releasing = false;
  #lastSentAt = 0;
  #zero = 0;
  #started = false;
  #stopped = false;
  #turning = false;
  readonly #timer: RunTimer;

  constructor(options: EngineOptions) {
    this.#options = options;
    this.#zero = options.nowNs();
    this.#timer = {
      nowNs: () => options.nowNs() - this.#zero,
      at: (atNs, run) => {
        const cancel = this.#timers.set(atNs, run);
        this.#arm();
        return cancel;
      },
    };
    this.#lanes = new LaneTable(options.sender, this.#timer, options.maxLanes);
    this.#ready = new RoomLine(options.room, this.#timer, (active) => this.#send(active));
    this.#warmer = new LaneWarmer(this.#planned, this.#lanes);
  }

  /** The run's time, for what must share it. */
  get timer(): RunTimer {
    return this.#timer;
  }

  /** Calls `run` once, at `atNs` or some milliseconds later: what is not due to the moment shall not cost the waiting for it. */
  later(atNs: number, run: () => void): void {
    this.#chores.set(atNs, run);
    this.#arm();
  }

  /** The run's time. */
  nowNs(): number {
    return this.#timer.nowNs();
  }

  /** Exchanges that were sent and not yet answered. */
  get inFlight(): number {
    return this.#underWay.size;
  }

  add(job: Job): void {
    if (this.#stopped) {
      this.#options.onSettled({ index: job.index, plannedAt: job.plannedAt, blockedNs: 0, skip: 'aborted' });
      return;
    }
    this.#awaited.add(job);
    this.#planned.push(job);
    if (this.#started) this.#arm();
  }

  /** Gives a job its shipment that came without. */
  supply(late: LateShipment): void {
    if (this.#stopped) return;
    const waiting = this.#awaited.supply(late);
    if (waiting === undefined) return;
    this.#waited(waiting);
    this.#arm();
  }

  /** Connects the lanes of the jobs that are due in the first `withinNs`, before time zero. */
  warm(withinNs: number): Promise<Warmed> {
    return this.#warmer.warm(withinNs, this.#options.maxWarm);
  }

  /**
   * Begins, with time zero at this moment of the clock that the engine was given. A moment and not a delay: between two looks at the clock
   * this thread may have to wait for a processor, and engines that share a run would have clocks that differ by that.
   */
  start(zeroNs: number): void {
    this.#zero = zeroNs;
    this.#started = true;
    this.#arm();
    this.#sweep();
  }

  /** Sends nothing more; what was not sent is settled as skipped. What is under way goes on. */
  stop(): void {
    if (this.#stopped) return;
    this.#stopped = true;
    // In the order of their starts, as far as that goes: those that were let go come first in each group.
    const held = [...this.#groups.values()].flatMap((group) => group.drain());
    for (const { job, plannedAt, blockedNs } of [
      ...this.#ready.drain(),
      ...this.#freed.drain(),
      ...this.#awaited.drain(),
      ...held,
    ]) {
      this.#options.onSettled({ index: job.index, plannedAt, blockedNs, skip: 'aborted' });
    }
    for (const job of this.#planned.drain()) {
      this.#options.onSettled({ index: job.index, plannedAt: job.plannedAt, blockedNs: 0, skip: 'aborted' });
    }
  }

  /** Gives up what is under way. */
  abandon(error: AnswerError): void {
    for (const active of this.#underWay.overdue(Number.POSITIVE_INFINITY)) {
      active.lane?.sender.abandon(active.job.exchange, error);
    }
  }

  /** Closes the lanes. */
  close(): void {
    this.#started = false;
    this.#options.waiter.stop();
    this.#lanes.close();
  }

  #arm(): void {
    if (this.#turning || !this.#started) return;
    const now = this.#timer.nowNs();
    const next = Math.min(this.#timers.next, this.#nextPlanned(), this.#warmer.nextAt(now));
    this.#options.onIdle?.(next - this.#timer.nowNs());
    const awaitedSince = this.#underWay.size > 0 ? this.#lastSentAt + this.#zero : Number.POSITIVE_INFINITY;
    // A chore that comes shortly before something is due waits for it: a timer that runs for it may end after that.
    const chore = this.#chores.next;
    const coarse = chore + choreSlackNs < next;
    this.#options.waiter.waitUntil((coarse ? chore : next) + this.#zero, this.#turn, awaitedSince, coarse);
  }

  #nextPlanned(): number {
    const job = this.#planned.at(0);
    if (job === undefined) return Number.POSITIVE_INFINITY;
    return Number.isNaN(job.plannedAt) ? 0 : job.plannedAt;
  }

  readonly #turn = (): void => {
    this.#turning = true;
    const now = this.#timer.nowNs();
    this.#timers.runDue(now);
    this.#chores.runDue(now);
    while (this.#nextPlanned() <= this.#timer.nowNs()) this.#takeNext();
    this.#warmer.warmDue(this.#timer.nowNs, this.#nextPlanned());
    this.#turning = false;
    this.#arm();
  };

  #takeNext(): void {
    const job = this.#planned.shift();
    if (job === undefined) return;
    this.#warmer.taken();
    const { order } = this.#options;
    const groupName = order.group(job.lane);
    let group = this.#groups.get(groupName);
    if (group === undefined) {
      group = new HeldGroup();
      this.#groups.set(groupName, group);
    }
    const takenAt = this.#timer.nowNs();
    const active: Active = {
      job,
      plannedAt: Number.isNaN(job.plannedAt) ? takenAt : job.plannedAt,
      takenAt,
      key: order.holdsFrom(job.finishedAt),
      startAt: job.startAt,
      place: -1,
      group,
      blockedNs: 0,
      awaits: 0,
      heldAt: undefined,
      late: undefined,
      deadline: Number.POSITIVE_INFINITY,
      underWay: -1,
      lane: undefined,
      onLane: undefined,
      undoAbandon: undefined,
      undoWait: undefined,
    };
    if (group.enter(active)) this.#release(active);
  }

  /** Its order lets it go. */
  #release(active: Active): void {
    if (this.#awaited.take(active)) {
      const { maxWaitNs = Number.POSITIVE_INFINITY, shipment, index } = active.job;
      active.heldAt = this.#timer.nowNs();
      if (shipment === undefined) this.#options.onWanted?.(index);
      else
        active.undoWait = this.#timer.at(active.heldAt + maxWaitNs, () => {
          if (this.#awaited.leave(active)) this.#waited(active);
        });
    } else this.#ready.enter(active);
  }

  /** It waited for answers that it needs, as long as it could. */
  #waited(active: Active): void {
    const now = this.#timer.nowNs();
    // What it took to make it once the answers were there is lag.
    active.blockedNs += Math.max(0, (active.late?.freedAt ?? now) - (active.heldAt ?? now));
    this.#ready.enter(active);
  }

  #send(active: Active): void {
    const { job } = active;
    const given = active.late?.shipment ?? job.shipment;
    const shipment = typeof given === 'function' ? given() : given;
    if (shipment === undefined || isUnsendable(shipment)) {
      this.#options.room.give();
      this.#settle(active, {
        index: job.index,
        plannedAt: active.plannedAt,
        blockedNs: 0,
        skip: shipment?.skip ?? 'aborted',
      });
      return;
    }
    const lane = this.#lanes.get(job.lane);
    const overlaps = lane.underWay.size > 0 && lane.underWay.least > job.startAt;
    active.lane = lane;
    active.onLane = { key: job.finishedAt, place: -1 };
    lane.underWay.push(active.onLane);
    this.#underWay.add(active);
    const now = this.#timer.nowNs();
    this.#lastSentAt = now;
    active.deadline = now + job.timeoutNs;
    const answered = lane.sender.send(shipment, overlaps);
    if (shipment.abandonNs !== undefined) {
      active.undoAbandon = this.#timer.at(now + shipment.abandonNs, () => {
        if (active.underWay >= 0) lane.sender.abandon(job.exchange);
      });
    }
    void answered.then((answer) => this.#answered(active, lane, answer));
  }

  #answered(active: Active, lane: Lane, answer: Answer): void {
    active.undoAbandon?.();
    if (active.onLane !== undefined) lane.underWay.delete(active.onLane);
    this.#underWay.delete(active);
    this.#options.room.give();
    const { index, brief } = active.job;
    const { plannedAt, blockedNs, heldAt } = active;
    this.#settle(active, { index, plannedAt, blockedNs, heldAt, brief, answer });
  }

  #settle(active: Active, settled: Settled): void {
    const { group } = active;
    group.leave(active);
    if (group.idle && this.#groups.size > maxIdleGroups) {
      this.#groups.delete(this.#options.order.group(active.job.lane));
    }
    this.#options.onSettled(settled);
    if (this.#stopped) return;
    // A loop and not a call in a call: what is released may settle at once, and that a thousand times over.
    this.#loosened.push(group);
    for (const freed of this.#awaited.over(active.job.index)) this.#freed.push(freed);
    if (this.#releasing) return;
    this.#releasing = true;
    for (let next = this.#loosened.pop(); next !== undefined; next = this.#loosened.pop()) {
      this.#releaseHeld(next);
      for (let freed = this.#freed.shift(); freed !== undefined; freed = this.#freed.shift())
        this.#waited(freed);
      this.#ready.advance();
    }
    this.#releasing = false;
    this.#arm();
  }

  /** Sends those of a group that waited for an answer that has now come. */
  #releaseHeld(group: HeldGroup<Active>): void {
    for (let active = group.next(); active !== undefined; active = group.next()) {
      active.blockedNs = this.#timer.nowNs() - active.takenAt;
      this.#release(active);
    }
  }

  #sweep(): void {
    this.later(this.#timer.nowNs() + sweepNs, () => {
      if (!this.#started) return;
      for (const active of this.#underWay.overdue(this.#timer.nowNs())) {
        active.lane?.sender.abandon(active.job.exchange, {
          code: 'response-timeout',
          message: `No whole answer from ${this.#options.sender.target} within ${active.job.timeoutNs / 1e6} ms`,
        });
      }
      this.#sweep();
    });
  }
}
