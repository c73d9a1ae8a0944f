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
  /**
   * Pairs of which the later was sent before the answer to the earlier was there, though its order asks for it: in order `lane`
   * any pair of a lane, in `serial` any exchange and one before it, in the others a pair that was not so when it was recorded.
   */
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
  /** The same of pairs that overlapped when they were recorded. */
  #overlaps = 0;
  /** Exchanges of any lane that were sent before one was over that ended before they did. */
  #runOverlaps = 0;
  #latestEnd = Number.NEGATIVE_INFINITY;
  #unchecked = 0;

  add(exchange: OrderedExchange): void {
    if (exchange.sentAt < this.#latestEnd) this.#runOverlaps++;
    this.#latestEnd = Math.max(this.#latestEnd, exchange.endAt);
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

  /** @param order - That of the run: what was promised. Default that of the recording. */
  result(order?: string): LaneOrder {
    const lane = this.#answerInversions + this.#overlaps;
    return {
      lanes: this.#lanes.size,
      pairs: this.#pairs,
      sendInversions: this.#sendInversions,
      answerInversions:
        order === 'lane' ? lane : order === 'serial' ? this.#runOverlaps : this.#answerInversions,
      unchecked: this.#unchecked,
    };
  }

  #check(a: OrderedExchange, b: OrderedExchange): void {
    if (a.recordedStart === b.recordedStart) return;
    const [earlier, later] = a.recordedStart < b.recordedStart ? [a, b] : [b, a];
    this.#pairs++;
    if (earlier.sentAt > later.sentAt) this.#sendInversions++;
    else if (earlier.endAt <= later.sentAt) return;
    else if (earlier.recordedEnd <= later.recordedStart) this.#answerInversions++;
    else this.#overlaps++;
  }
}
