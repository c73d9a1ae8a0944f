import type { Job } from './job.ts';
import type { LateShipment } from './late-shipments.ts';

/** A job that waits for others, as far as this is concerned. */
export interface WaitingJob {
  readonly job: Job;
  /** Jobs that it still waits for. */
  awaits: number;
  /** What it is to send, where it came without. */
  late?: LateShipment | undefined;
  undoWait?: (() => void) | undefined;
}

/** Jobs that wait, whatever the order: for the answers of others, until all of them are over; or for what they are to send. */
export class AwaitedJobs<W extends WaitingJob> {
  /** By the index of the job that is awaited; here until it is over. */
  readonly #open = new Map<number, W[]>();
  readonly #waiting = new Set<W>();
  /** Jobs that came without a shipment and whose turn has come, by their index; and shipments whose turn has not. */
  readonly #bare = new Map<number, W>();
  readonly #early = new Map<number, LateShipment>();

  add({ awaited, index }: Job): void {
    if (awaited === true) this.#open.set(index, []);
  }

  /** Takes in a job that must wait; says false of one that need not. */
  take(waiting: W): boolean {
    const { after, index, shipment } = waiting.job;
    if (shipment === undefined) return this.#takeBare(waiting, index);
    if (after === undefined) return false;
    for (const index of after) {
      const others = this.#open.get(index);
      if (others === undefined) continue;
      others.push(waiting);
      waiting.awaits++;
    }
    if (waiting.awaits > 0) this.#waiting.add(waiting);
    return waiting.awaits > 0;
  }

  /** What a job is to send has come; gives the job, if it waits for that. */
  supply(late: LateShipment): W | undefined {
    const waiting = this.#bare.get(late.index);
    if (waiting === undefined) {
      this.#early.set(late.index, late);
      return undefined;
    }
    waiting.late = late;
    this.#bare.delete(late.index);
    this.leave(waiting);
    return waiting;
  }

  /** A job is over: those that waited for nothing else. */
  over(index: number): W[] {
    const others = this.#open.get(index);
    if (others === undefined) return [];
    this.#open.delete(index);
    return others.filter((waiting) => --waiting.awaits === 0 && this.leave(waiting));
  }

  /** It waits no longer; false when it did not. */
  leave(waiting: W): boolean {
    waiting.undoWait?.();
    return this.#waiting.delete(waiting);
  }

  /** Takes out all that wait. */
  drain(): W[] {
    const all = [...this.#waiting];
    for (const waiting of all) this.leave(waiting);
    this.#bare.clear();
    this.#early.clear();
    return all;
  }

  #takeBare(waiting: W, index: number): boolean {
    waiting.late = this.#early.get(index);
    if (this.#early.delete(index)) return false;
    this.#bare.set(index, waiting);
    this.#waiting.add(waiting);
    return true;
  }
}
