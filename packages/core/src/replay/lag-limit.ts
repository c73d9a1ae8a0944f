import type { Gate } from './gate.ts';

const slotNs = 1e8;
const slots = 10;
/** The share of what ended within a second that may be later. */
const lateShare = 0.01;

/** Says when a run has fallen further behind its plan than it may. */
export class LagLimit {
  readonly maxLagMs: number;
  readonly #ended = new Uint32Array(slots);
  readonly #late = new Uint32Array(slots);
  #slot = 0;
  #taken = 0;
  #heldSinceMs: number | undefined;

  constructor(maxLagMs: number) {
    this.maxLagMs = maxLagMs;
  }

  /** An exchange ended; whether more than 1 % of those that did within the last second were sent later than they may be. */
  ended(endAtNs: number, lagNs: number): boolean {
    const slot = Math.floor(endAtNs / slotNs);
    for (let passed = 0; this.#slot < slot && passed < slots; passed++) this.#clear(++this.#slot % slots);
    this.#slot = Math.max(this.#slot, slot);
    // One that is told late belongs to a tenth of a second that may be over.
    const place = (this.#slot - slot < slots ? slot : this.#slot) % slots;
    this.#ended[place] = (this.#ended[place] ?? 0) + 1;
    if (!(lagNs > this.maxLagMs * 1e6)) return false;
    this.#late[place] = (this.#late[place] ?? 0) + 1;
    return sum(this.#late) > lateShare * sum(this.#ended);
  }

  /** To be asked now and then: what is held back has no lag yet that could be told. Whether it was, for too long. */
  held({ taken, holding }: Pick<Gate, 'taken' | 'holding'>, nowMs: number): boolean {
    if (!holding || taken !== this.#taken) {
      this.#taken = taken;
      this.#heldSinceMs = holding ? nowMs : undefined;
      return false;
    }
    this.#heldSinceMs ??= nowMs;
    return nowMs - this.#heldSinceMs > this.maxLagMs;
  }

  #clear(place: number): void {
    this.#ended[place] = 0;
    this.#late[place] = 0;
  }
}

const sum = (counts: Uint32Array): number => counts.reduce((all, one) => all + one, 0);
