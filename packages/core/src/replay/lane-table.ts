import { Heap, type HeapEntry } from './heap.ts';
import type { LaneSender, RunTimer, Sender } from './sender.ts';

/** A lane that is open, with what is under way on it. */
export interface OpenLane {
  readonly sender: LaneSender;
  /** By when they were over in the recording. */
  readonly underWay: Heap<HeapEntry>;
}

/** The lanes of a run, opened as they are needed. Beyond a limit, the one that was idle longest is closed. */
export class LaneTable {
  readonly #sender: Sender;
  readonly #timer: RunTimer;
  readonly #limit: number;
  readonly #lanes = new Map<string, OpenLane>();

  constructor(sender: Sender, timer: RunTimer, limit: number) {
    this.#sender = sender;
    this.#timer = timer;
    this.#limit = limit;
  }

  get(name: string): OpenLane {
    let lane = this.#lanes.get(name);
    if (lane !== undefined) {
      // The map is kept in order of last use, where that matters.
      if (this.#lanes.size * 2 > this.#limit) {
        this.#lanes.delete(name);
        this.#lanes.set(name, lane);
      }
      return lane;
    }
    lane = { sender: this.#sender.openLane(name, this.#timer), underWay: new Heap() };
    this.#lanes.set(name, lane);
    if (this.#lanes.size > this.#limit) this.#closeIdle(name);
    return lane;
  }

  close(): void {
    for (const lane of this.#lanes.values()) lane.sender.close();
    this.#lanes.clear();
  }

  #closeIdle(except: string): void {
    for (const [name, lane] of this.#lanes) {
      if (lane.underWay.size > 0 || name === except) continue;
      lane.sender.close();
      this.#lanes.delete(name);
      return;
    }
  }
}
