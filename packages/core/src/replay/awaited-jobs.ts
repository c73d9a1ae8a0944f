import type { Job } from './job.ts';

/** A job that waits for others, as far as this is concerned. */
export interface WaitingJob {
  readonly job: Job;
  /** Jobs that it still waits for. */
  awaits: number;
  undoWait?: (() => void) | undefined;
}

/** Jobs whose answers others need, whatever the order: those wait here until all of them are over. */
export class AwaitedJobs<W extends WaitingJob> {
  /** By the index of the job that is awaited; here until it is over. */
  readonly #open = new Map<number, W[]>();
  readonly #waiting = new Set<W>();

  add({ awaited, index }: Job): void {
    if (awaited === true) this.#open.set(index, []);
  }

  /** Takes in a job that must wait; says false of one that need not. */
  take(waiting: W): boolean {
    const { after } = waiting.job;
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
    return all;
  }
}
