import type { Job, Settled } from './job.ts';

/**
 * Posting answers takes a part of a millisecond, and wakes the thread that gets them, which then competes with this one. So
 * some are posted together, when nothing is due for a while …
 */
const postSlackNs = 0.5e6;
/** … but no more than keep that thread busy for part of a millisecond, and none waits long for others … */
const postTogether = 8;
const postSoonNs = 15e6;
/** … nor for a quiet moment. */
const postAtLeast = 64;
const postWithinNs = 50e6;
/** An answer that a request is made of is posted so long before that is due: it must be made, and come here. */
const makingNs = 8e6;
/** Unless something is due right now. */
const makingSlackNs = 0.1e6;

/** The engine, as far as posting asks. */
export interface PostingEngine {
  readonly inFlight: number;
  nowNs(): number;
  /** Calls `run` once, at `atNs` or some milliseconds later. */
  later(atNs: number, run: () => void): void;
}

/** Posts what has settled, some together, at moments at which it delays nothing that is due. */
export class SettledPost {
  readonly #engine: PostingEngine;
  readonly #post: (settled: readonly Settled[]) => void;
  readonly #eager: boolean;
  #waiting: Settled[] = [];
  #waitingSince = 0;
  /** Jobs whose answers others are made of; and whether one of those waits to be posted. */
  readonly #awaited = new Set<number>();
  #awaitedWaits = false;
  /** When jobs are due that are still to be made, in that order. */
  readonly #bare = new Map<number, number>();

  /** @param eager - Whether others may need the answers of which this thread does not know */
  constructor(engine: PostingEngine, post: (settled: readonly Settled[]) => void, eager: boolean) {
    this.#engine = engine;
    this.#post = post;
    this.#eager = eager;
  }

  /** A job came to this thread. */
  add({ index, awaited, shipment, plannedAt }: Job): void {
    if (awaited === true) this.#awaited.add(index);
    if (shipment === undefined) this.#bare.set(index, plannedAt);
    if (this.#awaitedWaits) this.#remind();
  }

  /** What a job is to send has come. */
  supplied(index: number): void {
    this.#bare.delete(index);
  }

  settled(settled: Settled): void {
    if (this.#waiting.length === 0) {
      this.#waitingSince = this.#engine.nowNs();
      this.#engine.later(this.#waitingSince + postWithinNs, this.flush);
    }
    this.#waiting.push(settled);
    this.#bare.delete(settled.index);
    if (this.#awaited.delete(settled.index) && !this.#awaitedWaits) {
      this.#awaitedWaits = true;
      this.#remind();
    }
    if (this.#waiting.length >= postAtLeast) this.flush();
  }

  /** Nothing is due for so long. */
  idle(slackNs: number): void {
    if (this.#waiting.length === 0) return;
    if (this.#awaitedWaits && slackNs >= makingSlackNs && this.#neededSoon()) this.flush();
    if (this.#waiting.length === 0 || slackNs < postSlackNs) return;
    const enough =
      this.#waiting.length >= postTogether || this.#engine.nowNs() - this.#waitingSince >= postSoonNs;
    if (enough || (this.#engine.inFlight === 0 && slackNs > postSoonNs)) this.flush();
  }

  /** Posts all that waits. */
  readonly flush = (): void => {
    if (this.#waiting.length === 0) return;
    const settled = this.#waiting;
    this.#waiting = [];
    this.#awaitedWaits = false;
    this.#post(settled);
  };

  #remind(): void {
    const atNs = this.#neededAt() - makingNs;
    const isLater = atNs > this.#engine.nowNs() && atNs < this.#waitingSince + postWithinNs;
    if (isLater) this.#engine.later(atNs, this.flush);
  }

  #neededSoon(): boolean {
    return this.#eager || !(this.#neededAt() - makingNs > this.#engine.nowNs());
  }

  /** When the next job is due that is still to be made; NaN for at once, infinite for never. */
  #neededAt(): number {
    const next = this.#bare.values().next();
    return next.done === true ? Number.POSITIVE_INFINITY : next.value;
  }
}
