import type { Settled } from './job.ts';
import type { ReplayProgress } from './progress.ts';
import { RecentSecond } from './recent.ts';

type Counted = Pick<
  ReplayProgress,
  | 'read'
  | 'answered'
  | 'failed'
  | 'skipped'
  | 'mutationsSent'
  | 'resent'
  | 'hookFailures'
  | 'perSecond'
  | 'lagP99Ms'
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
  readonly #recent = new RecentSecond();
  readonly #skipped = new Map<string, number>();

  skip(reason: string): void {
    this.#skipped.set(reason, (this.#skipped.get(reason) ?? 0) + 1);
  }

  settle({ plannedAt, blockedNs, answer }: Settled, mutation: boolean): void {
    if (answer === undefined) return;
    if (answer.error === undefined) this.#answered++;
    else this.#failed++;
    if (answer.resent === true) this.#resent++;
    const lagNs = (answer.sentAt ?? Number.NaN) - plannedAt - blockedNs;
    this.#recent.add(answer.endAt, lagNs);
    if (answer.sentAt === undefined) return;
    if (mutation) this.#mutationsSent++;
    this.#lagNs = lagNs;
    this.#maxLagNs = Math.max(this.#maxLagNs, this.#lagNs);
  }

  snapshot(nowNs: number): Counted {
    return {
      ...this.#recent.at(nowNs),
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
