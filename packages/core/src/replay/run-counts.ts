import type { Settled } from './job.ts';
import type { ReplayProgress } from './progress.ts';

type Counted = Pick<
  ReplayProgress,
  | 'read'
  | 'answered'
  | 'failed'
  | 'skipped'
  | 'mutationsSent'
  | 'resent'
  | 'hookFailures'
  | 'lagMs'
  | 'maxLagMs'
>;

/** What a run has come to so far, in numbers. */
export class RunCounts {
  read = 0;
  hookFailures = 0;
  #answered = 0;
  #failed = 0;
  #mutationsSent = 0;
  #resent = 0;
  #lagNs = 0;
  #maxLagNs = 0;
  readonly #skipped = new Map<string, number>();

  skip(reason: string): void {
    this.#skipped.set(reason, (this.#skipped.get(reason) ?? 0) + 1);
  }

  settle({ plannedAt, blockedNs, answer }: Settled, mutation: boolean): void {
    if (answer === undefined) return;
    if (answer.error === undefined) this.#answered++;
    else this.#failed++;
    if (answer.resent === true) this.#resent++;
    if (answer.sentAt === undefined) return;
    if (mutation) this.#mutationsSent++;
    this.#lagNs = answer.sentAt - plannedAt - blockedNs;
    this.#maxLagNs = Math.max(this.#maxLagNs, this.#lagNs);
  }

  snapshot(): Counted {
    return {
      read: this.read,
      answered: this.#answered,
      failed: this.#failed,
      skipped: new Map(this.#skipped),
      mutationsSent: this.#mutationsSent,
      resent: this.#resent,
      hookFailures: this.hookFailures,
      lagMs: this.#lagNs / 1e6,
      maxLagMs: this.#maxLagNs / 1e6,
    };
  }
}
