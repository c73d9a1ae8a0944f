import type { Clock } from '../clock.ts';
import type { Job } from './job.ts';

const maxJobs = 64;
const maxCost = 1024 * 1024;
/** A source that gives them slowly does not hold a batch open. */
const withinMs = 5;

/** Jobs on their way to the engine: together, since each way between threads costs. */
export class JobBatch {
  readonly #clock: Clock;
  readonly #give: (jobs: readonly Job[]) => void;
  #jobs: Job[] = [];
  #cost = 0;
  #undo = () => {};

  constructor(clock: Clock, give: (jobs: readonly Job[]) => void) {
    this.#clock = clock;
    this.#give = give;
  }

  get size(): number {
    return this.#jobs.length;
  }

  get full(): boolean {
    return this.#jobs.length >= maxJobs || this.#cost >= maxCost;
  }

  add(job: Job, cost: number): void {
    if (this.#jobs.length === 0) this.#undo = this.#clock.after(withinMs, () => this.flush());
    this.#jobs.push(job);
    this.#cost += cost;
  }

  flush(): void {
    this.#undo();
    if (this.#jobs.length === 0) return;
    const jobs = this.#jobs;
    this.#jobs = [];
    this.#cost = 0;
    this.#give(jobs);
  }

  /** Nothing is given any more by itself. */
  end(): void {
    this.#undo();
  }
}
