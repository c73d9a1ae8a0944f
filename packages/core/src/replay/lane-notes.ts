/** What hooks keep for each lane; where there are none, nothing is kept. */
export class LaneNotes {
  readonly #kept: boolean;
  readonly #notes = new Map<string, Map<string, unknown>>();

  constructor(kept: boolean) {
    this.#kept = kept;
  }

  of(lane: string): Map<string, unknown> {
    if (!this.#kept) return none;
    let notes = this.#notes.get(lane);
    if (notes === undefined) {
      notes = new Map();
      this.#notes.set(lane, notes);
    }
    return notes;
  }
}

const none = new Map<string, unknown>();
