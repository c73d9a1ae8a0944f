/** An exchange that may be under way. */
export interface Traveller {
  /** Its place among those under way; -1 when it is not. */
  underWay: number;
  /** When it is given up. */
  deadline: number;
}

/** What was sent and is not answered, in no order. */
export class UnderWay<T extends Traveller> {
  readonly #all: T[] = [];

  get size(): number {
    return this.#all.length;
  }

  add(traveller: T): void {
    traveller.underWay = this.#all.push(traveller) - 1;
  }

  /** The last of the list takes its place: no more is moved, whatever their number. */
  delete(traveller: T): void {
    const last = this.#all.pop();
    if (last !== undefined && last !== traveller) {
      this.#all[traveller.underWay] = last;
      last.underWay = traveller.underWay;
    }
    traveller.underWay = -1;
  }

  /** Those whose deadline has come; all when `now` is infinite. A list of its own: who is given up leaves this one. */
  overdue(now: number): T[] {
    return this.#all.filter(({ deadline }) => deadline <= now);
  }
}
