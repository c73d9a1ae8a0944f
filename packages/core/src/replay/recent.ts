import { stepCount, stepMiddleNs, stepOf } from '../model/duration-steps.ts';

const slotNs = 1e8;
const slots = 10;

interface Slot {
  /** Which tenth of a second of the run it holds. */
  index: number;
  ended: number;
  lags: number;
  readonly steps: Uint32Array;
}

/** What happened in the last second of a run, in fixed memory. */
export class RecentSecond {
  readonly #slots: Slot[] = Array.from({ length: slots }, () => ({
    index: -1,
    ended: 0,
    lags: 0,
    steps: new Uint32Array(stepCount),
  }));

  /** Counts an exchange that ended at `endAt`, in nanoseconds since time zero; NaN stands for no lag. */
  add(endAt: number, lagNs: number): void {
    const index = Math.floor(endAt / slotNs);
    const slot = this.#slots[index % slots];
    // One that comes late may belong to a slot that is in use for a later time already.
    if (slot === undefined || index < slot.index) return;
    if (index > slot.index) {
      slot.index = index;
      slot.ended = 0;
      slot.lags = 0;
      slot.steps.fill(0);
    }
    slot.ended++;
    if (Number.isNaN(lagNs)) return;
    const step = stepOf(lagNs);
    slot.lags++;
    slot.steps[step] = (slot.steps[step] ?? 0) + 1;
  }

  /** Exchanges that ended per second, and the 99th percentile of their lag within 9 %, 0 where there was none. */
  at(nowNs: number): { readonly perSecond: number; readonly lagP99Ms: number } {
    const now = Math.floor(nowNs / slotNs);
    const recent = this.#slots.filter(({ index }) => index > now - slots && index <= now);
    const spanNs = Math.min(nowNs, (slots - 1) * slotNs + (nowNs - now * slotNs));
    const ended = recent.reduce((sum, slot) => sum + slot.ended, 0);
    let left = Math.ceil(recent.reduce((sum, slot) => sum + slot.lags, 0) * 0.99);
    const perSecond = spanNs > 0 ? (ended * 1e9) / spanNs : 0;
    if (left === 0) return { perSecond, lagP99Ms: 0 };
    for (let step = 0; step < stepCount; step++) {
      for (const slot of recent) left -= slot.steps[step] ?? 0;
      if (left <= 0) return { perSecond, lagP99Ms: stepMiddleNs(step) / 1e6 };
    }
    return { perSecond, lagP99Ms: 0 };
  }
}
