import type { Protocol } from '../model/event.ts';
import type { Fifo } from './fifo.ts';
import type { Job } from './job.ts';
import type { LaneTable, OpenLane } from './lane-table.ts';
import type { AnswerError } from './sender.ts';

/** What connecting came to. */
export interface Warmed {
  /** Lanes that are connected. */
  readonly connected: number;
  /** What went wrong with one that is not. */
  readonly problem: AnswerError | undefined;
}

/** How far ahead of its first exchange a lane is connected. */
const warmAheadNs = 250e6;
/** A lane is connected in the hot loop only when nothing is due for this long, unless time gets short. */
const warmSlackNs = 0.5e6;

/** Connects the lanes of planned jobs ahead of their times. */
export class LaneWarmer {
  readonly #planned: Fifo<Job>;
  readonly #lanes: LaneTable;
  /** Of those planned, how many were connected for. */
  #warmed = 0;

  constructor(planned: Fifo<Job>, lanes: LaneTable) {
    this.#planned = planned;
    this.#lanes = lanes;
  }

  /**
   * Connects the lanes of the jobs that are due in the first `withinNs`, before time zero.
   *
   * @param most - lanes, at once
   */
  async warm(withinNs: number, most: number): Promise<Warmed> {
    const lanes = new Map<string, { readonly lane: OpenLane; readonly protocol: Protocol }>();
    for (let i = 0; i < this.#planned.size; i++) {
      const job = this.#planned.at(i);
      if (job === undefined || job.plannedAt > withinNs || lanes.size >= most) break;
      if (!lanes.has(job.lane)) {
        lanes.set(job.lane, { lane: this.#lanes.get(job.lane), protocol: job.protocol });
      }
    }
    const problems = await Promise.all(
      [...lanes.values()].map(({ lane, protocol }) => lane.sender.warm(protocol)),
    );
    const failed = problems.filter((problem) => problem !== undefined);
    return { connected: problems.length - failed.length, problem: failed[0] };
  }

  /** The first of those planned was taken out. */
  taken(): void {
    this.#warmed = Math.max(0, this.#warmed - 1);
  }

  /** When there is something to connect, at `now`. */
  nextAt(now: number): number {
    const job = this.#planned.at(this.#warmed);
    if (job === undefined || Number.isNaN(job.plannedAt)) return Number.POSITIVE_INFINITY;
    const at = job.plannedAt - warmAheadNs;
    // What was put off for want of time is looked at again in the next turn, whatever that is for.
    return at <= now ? Number.POSITIVE_INFINITY : at;
  }

  /**
   * Connects the lanes of the next jobs that have none yet, as long as there is time for it.
   *
   * @param nextPlannedAt - when the next job is due
   */
  warmDue(nowNs: () => number, nextPlannedAt: number): void {
    for (;;) {
      const job = this.#planned.at(this.#warmed);
      const now = nowNs();
      if (job === undefined || !(job.plannedAt - warmAheadNs <= now)) return;
      const urgent = job.plannedAt - now < warmAheadNs / 5;
      if (!urgent && nextPlannedAt - now < warmSlackNs) return;
      this.#warmed++;
      void this.#lanes.get(job.lane).sender.warm(job.protocol);
    }
  }
}
