import type { Protocol } from '../model/event.ts';
import { LaneTable, type OpenLane } from './lane-table.ts';
import type { OrderRule } from './order.ts';
import {
  type Answer,
  type AnswerError,
  isUnsendable,
  type RunTimer,
  type Sender,
  type Shipment,
  type Unsendable,
} from './sender.ts';
import { Timers } from './timers.ts';
import type { Waiter } from './waiter.ts';

/** An exchange on its way through the engine. Jobs are given in the order of their planned times. */
export interface Job {
  /** Position in the run, counted from 0. */
  readonly index: number;
  readonly exchange: number;
  readonly lane: string;
  readonly protocol: Protocol;
  /** Nanoseconds since time zero; NaN when it is due as soon as the engine has it. */
  readonly plannedAt: number;
  /** When it started and was finished in the recording. */
  readonly startAt: number;
  readonly finishedAt: number;
  /** Nanoseconds from sending to giving up. */
  readonly timeoutNs: number;
  /** What to send, or what makes it at the moment of sending. */
  readonly shipment: Shipment | (() => Shipment | Unsendable);
}

/** What became of a job. */
export interface Settled {
  readonly index: number;
  readonly plannedAt: number;
  readonly blockedNs: number;
  /** Absent when it was not sent: then `skip` says why. */
  readonly answer?: Answer | undefined;
  readonly skip?: string | undefined;
}

export interface EngineOptions {
  readonly sender: Sender;
  readonly order: OrderRule;
  /** Monotonic nanoseconds of any origin. */
  readonly nowNs: () => number;
  readonly waiter: Waiter;
  readonly maxInFlight: number;
  /** Lanes kept connected at once; beyond it the one that was idle longest is closed. */
  readonly maxLanes: number;
  readonly onSettled: (settled: Settled) => void;
  /** Called before each wait, with the nanoseconds until something is due: the moment for work that can wait. */
  readonly onIdle?: ((slackNs: number) => void) | undefined;
}

interface Active {
  readonly job: Job;
  readonly plannedAt: number;
  /** From here on its group holds later exchanges back, in recorded time. */
  readonly holdsFrom: number;
  readonly group: Active[];
  state: 'held' | 'ready' | 'sent';
  blockedNs: number;
  deadline: number;
  /** Its place among those under way; -1 when it is not. */
  place: number;
  lane?: Lane | undefined;
  undoAbandon?: (() => void) | undefined;
}

type Lane = OpenLane<Active>;

/** How far ahead of its first exchange a lane is connected. */
const warmAheadNs = 250e6;
/** A lane is connected in the hot loop only when nothing is due for this long, unless time gets short. */
const warmSlackNs = 0.5e6;
const sweepNs = 50e6;
/** Groups that are kept while nothing of them is here: their lane is likely to come again. */
const maxIdleGroups = 4_096;

/**
 * Sends jobs at their planned times, in their order, and settles each exactly once. It owns the run's clock: everything in
 * it happens in {@link Engine.start}'s time, on one thread, between waits. A slow answer holds back those exchanges that its
 * order says must wait for it, and no others.
 */
export class Engine {
  readonly #options: EngineOptions;
  /** What was taken is let go at once: it would live as long as the array does. */
  readonly #planned: (Job | undefined)[] = [];
  #next = 0;
  #warmed = 0;
  readonly #groups = new Map<string, Active[]>();
  readonly #lanes: LaneTable<Active>;
  readonly #timers = new Timers();
  /** Ready but for the limit on exchanges under way. */
  readonly #ready: Active[] = [];
  /** Sent and not answered, in no order. */
  readonly #underWay: Active[] = [];
  /** Groups in which an answer came, so that others may go. */
  readonly #loosened: Active[][] = [];
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
  }

  /** The run's time, for what must share it. */
  get timer(): RunTimer {
    return this.#timer;
  }

  /** Exchanges that were sent and not yet answered. */
  get inFlight(): number {
    return this.#underWay.length;
  }

  add(job: Job): void {
    if (this.#stopped) {
      this.#options.onSettled({ index: job.index, plannedAt: job.plannedAt, blockedNs: 0, skip: 'aborted' });
      return;
    }
    this.#planned.push(job);
    if (this.#started) this.#arm();
  }

  /**
   * Connects the lanes of the jobs that are due in the first `withinNs`, before time zero. Resolves to what went wrong
   * when no lane could be connected.
   */
  async warm(withinNs: number): Promise<AnswerError | undefined> {
    const lanes = new Map<string, { readonly lane: Lane; readonly protocol: Protocol }>();
    for (let i = this.#next; i < this.#planned.length; i++) {
      const job = this.#planned[i];
      if (job === undefined || job.plannedAt > withinNs || lanes.size >= this.#options.maxInFlight) break;
      if (!lanes.has(job.lane)) {
        lanes.set(job.lane, { lane: this.#lanes.get(job.lane), protocol: job.protocol });
      }
    }
    const problems = await Promise.all(
      [...lanes.values()].map(({ lane, protocol }) => lane.sender.warm(protocol)),
    );
    const failed = problems.filter((problem) => problem !== undefined);
    return failed.length === problems.length ? failed[0] : undefined;
  }

  /** Makes now, or `delayNs` from now, the run's time zero, and begins. */
  start(delayNs = 0): void {
    this.#zero = this.#options.nowNs() + delayNs;
    this.#started = true;
    this.#arm();
    this.#sweep();
  }

  /** Sends nothing more; what was not sent is settled as skipped. What is under way goes on. */
  stop(): void {
    if (this.#stopped) return;
    this.#stopped = true;
    const waiting = [...this.#groups.values()].flat().filter(({ state }) => state !== 'sent');
    const left = this.#planned.slice(this.#next);
    this.#planned.length = 0;
    this.#next = 0;
    this.#ready.length = 0;
    for (const { job, plannedAt, blockedNs } of waiting) {
      this.#options.onSettled({ index: job.index, plannedAt, blockedNs, skip: 'aborted' });
    }
    for (const job of left) {
      if (job === undefined) continue;
      this.#options.onSettled({ index: job.index, plannedAt: job.plannedAt, blockedNs: 0, skip: 'aborted' });
    }
  }

  /** Gives up what is under way. */
  abandon(error: AnswerError): void {
    for (const active of [...this.#underWay]) active.lane?.sender.abandon(active.job.exchange, error);
  }

  /** Closes the lanes. */
  close(): void {
    this.#started = false;
    this.#options.waiter.stop();
    this.#lanes.close();
  }

  #arm(): void {
    if (this.#turning || !this.#started) return;
    const next = Math.min(this.#timers.next, this.#nextPlanned(), this.#nextWarm());
    this.#options.onIdle?.(next - this.#timer.nowNs());
    const awaitedSince = this.#underWay.length > 0 ? this.#lastSentAt + this.#zero : Number.POSITIVE_INFINITY;
    this.#options.waiter.waitUntil(next + this.#zero, this.#turn, awaitedSince);
  }

  #nextPlanned(): number {
    const job = this.#planned[this.#next];
    if (job === undefined) return Number.POSITIVE_INFINITY;
    return Number.isNaN(job.plannedAt) ? 0 : job.plannedAt;
  }

  #nextWarm(): number {
    const job = this.#planned[Math.max(this.#warmed, this.#next)];
    if (job === undefined || Number.isNaN(job.plannedAt)) return Number.POSITIVE_INFINITY;
    const at = job.plannedAt - warmAheadNs;
    // What was put off for want of time is looked at again in the next turn, whatever that is for.
    return at <= this.#timer.nowNs() ? Number.POSITIVE_INFINITY : at;
  }

  readonly #turn = (): void => {
    this.#turning = true;
    const now = this.#timer.nowNs();
    this.#timers.runDue(now);
    while (this.#nextPlanned() <= this.#timer.nowNs()) this.#takeNext();
    this.#warmNext();
    this.#turning = false;
    this.#arm();
  };

  #takeNext(): void {
    const job = this.#planned[this.#next];
    if (job === undefined) return;
    this.#planned[this.#next++] = undefined;
    // Kept as an array with a moving start: shifting would move all that is planned for each that is sent.
    if (this.#next >= 1024 && this.#next * 2 >= this.#planned.length) {
      this.#planned.splice(0, this.#next);
      this.#warmed = Math.max(0, this.#warmed - this.#next);
      this.#next = 0;
    }
    const groupName = this.#options.order.group(job.lane);
    let group = this.#groups.get(groupName);
    if (group === undefined) {
      group = [];
      this.#groups.set(groupName, group);
    }
    const active: Active = {
      job,
      plannedAt: Number.isNaN(job.plannedAt) ? this.#timer.nowNs() : job.plannedAt,
      holdsFrom: this.#options.order.holdsFrom(job.finishedAt),
      group,
      state: 'held',
      blockedNs: 0,
      deadline: Number.POSITIVE_INFINITY,
      place: -1,
      lane: undefined,
      undoAbandon: undefined,
    };
    let held = false;
    for (const earlier of group) {
      if (earlier.holdsFrom <= job.startAt) {
        held = true;
        break;
      }
    }
    group.push(active);
    if (!held) this.#release(active);
  }

  /** Its order lets it go. */
  #release(active: Active): void {
    if (this.#underWay.length >= this.#options.maxInFlight) {
      active.state = 'ready';
      this.#ready.push(active);
    } else {
      this.#send(active);
    }
  }

  #send(active: Active): void {
    const { job } = active;
    active.state = 'sent';
    const shipment = typeof job.shipment === 'function' ? job.shipment() : job.shipment;
    if (isUnsendable(shipment)) {
      this.#settle(active, {
        index: job.index,
        plannedAt: active.plannedAt,
        blockedNs: 0,
        skip: shipment.skip,
      });
      return;
    }
    const lane = this.#lanes.get(job.lane);
    let overlaps = lane.active.length > 0;
    for (const earlier of lane.active) overlaps &&= earlier.job.finishedAt > job.startAt;
    active.lane = lane;
    lane.active.push(active);
    active.place = this.#underWay.push(active) - 1;
    const now = this.#timer.nowNs();
    this.#lastSentAt = now;
    active.deadline = now + job.timeoutNs;
    const answered = lane.sender.send(shipment, overlaps);
    if (shipment.abandonNs !== undefined) {
      active.undoAbandon = this.#timer.at(now + shipment.abandonNs, () => {
        if (active.place >= 0) lane.sender.abandon(job.exchange);
      });
    }
    void answered.then((answer) => this.#answered(active, lane, answer));
  }

  #answered(active: Active, lane: Lane, answer: Answer): void {
    active.undoAbandon?.();
    lane.active.splice(lane.active.indexOf(active), 1);
    this.#noLongerUnderWay(active);
    const { index } = active.job;
    this.#settle(active, { index, plannedAt: active.plannedAt, blockedNs: active.blockedNs, answer });
  }

  /** The last of the list takes its place: no more is moved, whatever their number. */
  #noLongerUnderWay(active: Active): void {
    const last = this.#underWay.pop();
    if (last !== undefined && last !== active) {
      this.#underWay[active.place] = last;
      last.place = active.place;
    }
    active.place = -1;
  }

  #settle(active: Active, settled: Settled): void {
    const { group } = active;
    const place = group.indexOf(active);
    if (place >= 0) group.splice(place, 1);
    if (group.length === 0 && this.#groups.size > maxIdleGroups) {
      this.#groups.delete(this.#options.order.group(active.job.lane));
    }
    this.#options.onSettled(settled);
    if (this.#stopped) return;
    // A loop and not a call in a call: what is released may settle at once, and that a thousand times over.
    this.#loosened.push(group);
    if (this.#releasing) return;
    this.#releasing = true;
    for (let next = this.#loosened.pop(); next !== undefined; next = this.#loosened.pop()) {
      this.#releaseHeld(next);
      while (this.#ready.length > 0 && this.#underWay.length < this.#options.maxInFlight) {
        const ready = this.#ready.shift();
        if (ready !== undefined) this.#send(ready);
      }
    }
    this.#releasing = false;
    this.#arm();
  }

  /** Sends those of a group that waited for an answer that has now come. */
  #releaseHeld(group: readonly Active[]): void {
    let holdsFrom = Number.POSITIVE_INFINITY;
    const free: Active[] = [];
    for (const active of group) {
      if (active.state === 'held') {
        // Starts only rise along a group, so who comes after one that is held is held too.
        if (holdsFrom <= active.job.startAt) break;
        free.push(active);
      }
      holdsFrom = Math.min(holdsFrom, active.holdsFrom);
    }
    for (const active of free) {
      active.blockedNs = Math.max(0, this.#timer.nowNs() - active.plannedAt);
      this.#release(active);
    }
  }

  /** Connects the lane of the next job that has none yet, when there is time for it. */
  #warmNext(): void {
    this.#warmed = Math.max(this.#warmed, this.#next);
    for (;;) {
      const job = this.#planned[this.#warmed];
      const now = this.#timer.nowNs();
      if (job === undefined || !(job.plannedAt - warmAheadNs <= now)) return;
      const urgent = job.plannedAt - now < warmAheadNs / 5;
      if (!urgent && this.#nextPlanned() - now < warmSlackNs) return;
      this.#warmed++;
      void this.#lanes.get(job.lane).sender.warm(job.protocol);
    }
  }

  #sweep(): void {
    this.#timer.at(this.#timer.nowNs() + sweepNs, () => {
      if (!this.#started) return;
      const now = this.#timer.nowNs();
      for (const active of [...this.#underWay]) {
        if (active.deadline > now) continue;
        active.lane?.sender.abandon(active.job.exchange, {
          code: 'response-timeout',
          message: `No whole answer from ${this.#options.sender.target} within ${active.job.timeoutNs / 1e6} ms`,
        });
      }
      this.#sweep();
    });
  }
}
