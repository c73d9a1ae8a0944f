import type { CaptureState } from '../capture/condition.ts';
import type { GapEvent, GapReason } from '../model/event.ts';

/** What of the recorded traffic a capture does not hold, as its gaps say. */
export interface CaptureLosses {
  /** How the capture was found to be, as far as it was read; absent when nobody said. */
  readonly state?: CaptureState | undefined;
  /** Whole exchanges that were not recorded. */
  readonly exchanges: number;
  /** Events of recorded exchanges that are missing. */
  readonly events: number;
  readonly gaps: readonly {
    readonly reason: GapReason;
    readonly count: number;
    readonly exchanges: number;
    readonly events: number;
  }[];
}

/** Adds up the gaps of a capture while it is read. */
export class GapTally {
  readonly #gaps = new Map<GapReason, { count: number; exchanges: number; events: number }>();

  add({ reason, exchanges, events }: GapEvent): void {
    const sum = this.#gaps.get(reason) ?? { count: 0, exchanges: 0, events: 0 };
    sum.count++;
    sum.exchanges += exchanges;
    sum.events += events;
    this.#gaps.set(reason, sum);
  }

  losses(state?: CaptureState): CaptureLosses {
    const gaps = Array.from(this.#gaps, ([reason, sum]) => ({ reason, ...sum }));
    return {
      state,
      exchanges: gaps.reduce((sum, { exchanges }) => sum + exchanges, 0),
      events: gaps.reduce((sum, { events }) => sum + events, 0),
      gaps,
    };
  }
}
