import type { Edits } from './edits.ts';

const none = -1;

/** Takes members out of objects with their name and one comma. Of each open container, by depth, the member at hand. */
export class JsonRemovals {
  readonly #edits: Edits;
  readonly #start: Int32Array;
  /** How many replacements there were before the member. */
  readonly #edit: Int32Array;
  readonly #comma: Int32Array;
  /** Where a member ends that waits for a comma to be removed with. */
  readonly #waiting: Int32Array;
  readonly #keptOne: Uint8Array;

  constructor(edits: Edits, depths: number) {
    this.#edits = edits;
    this.#start = new Int32Array(depths);
    this.#edit = new Int32Array(depths);
    this.#comma = new Int32Array(depths);
    this.#waiting = new Int32Array(depths);
    this.#keptOne = new Uint8Array(depths);
  }

  open(depth: number): void {
    this.#waiting[depth] = none;
    this.#keptOne[depth] = 0;
  }

  /** The container ends: a member that waited goes without a comma. */
  close(depth: number): void {
    const end = this.#waiting[depth] ?? none;
    if (end !== none) this.#edits.add(this.#start[depth] ?? 0, end, '');
  }

  /** A member begins at `i`, behind the comma at `comma` if it is not the first. */
  member(depth: number, i: number, comma: number): void {
    if (this.#waiting[depth] !== none) {
      // The comma between goes with the member that waited.
      this.#edits.add(this.#start[depth] ?? 0, i, '');
      this.#waiting[depth] = none;
    } else if (comma !== none) this.#keptOne[depth] = 1;
    this.#comma[depth] = comma;
    this.#start[depth] = i;
    this.#edit[depth] = this.#edits.count;
  }

  /** Takes out the member at hand, whose value ends at `to`. */
  remove(depth: number, to: number): void {
    this.#edits.truncate(this.#edit[depth] ?? 0);
    if (this.#keptOne[depth] === 1) this.#edits.add(this.#comma[depth] ?? 0, to, '');
    else this.#waiting[depth] = to;
  }
}
