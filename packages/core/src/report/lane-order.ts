/** One exchange as the order check sees it. Recorded times count from the capture's anchor, actual ones from the run's. */
export interface OrderedExchange {
  readonly lane: string;
  readonly recordedStart: number;
  readonly recordedEnd: number;
  readonly sentAt: number;
  readonly endAt: number;
}

/** What the order check found. */
export interface LaneOrder {
  readonly lanes: number;
  /** Pairs of exchanges of one lane that were looked at. */
  readonly pairs: number;
  /** Pairs that were sent in the other order than recorded. */
  readonly sendInversions: number;
  /** Pairs of which the later was sent before the answer to the earlier was there, unlike when they were recorded. */
  readonly answerInversions: number;
  /** Exchanges of lanes beyond the limit, which were not checked. */
  readonly unchecked: number;
}

const maxLanes = 20_000;
const window = 32;

/**
 * Counts order inversions within lanes from what really happened: each exchange is compared with the 32 of its lane that
 * ended before it. Memory is bounded by the number of lanes, of which the first 20,000 are checked.
 */
export class LaneOrderCheck {
  readonly #lanes = new Map<string, OrderedExchange[]>();
  #pairs = 0;
  #sendInversions = 0;
  #answerInversions = 0;
  #unchecked = 0;

  add(exchange: OrderedExchange): void {
    let recent = this.#lanes.get(exchange.lane);
    if (recent === undefined) {
      if (this.#lanes.size >= maxLanes) {
        this.#unchecked++;
        return;
      }
      recent = [];
      this.#lanes.set(exchange.lane, recent);
    }
    for (const other of recent) this.#check(exchange, other);
    recent.push(exchange);
    if (recent.length > window) recent.shift();
  }

  result(): LaneOrder {
    return {
      lanes: this.#lanes.size,
      pairs: this.#pairs,
      sendInversions: this.#sendInversions,
      answerInversions: this.#answerInversions,
      unchecked: this.#unchecked,
    };
  }

  #check(a: OrderedExchange, b: OrderedExchange): void {
    if (a.recordedStart === b.recordedStart) return;
    const [earlier, later] = a.recordedStart < b.recordedStart ? [a, b] : [b, a];
    this.#pairs++;
    if (earlier.sentAt > later.sentAt) this.#sendInversions++;
    else if (earlier.recordedEnd <= later.recordedStart && earlier.endAt > later.sentAt)
      this.#answerInversions++;
  }
}
