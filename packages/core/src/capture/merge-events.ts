import { GardenhoseError } from '../errors.ts';
import type { CaptureEvent, ExchangeId, GapEvent } from '../model/event.ts';

/** One recording among those that are merged. */
export interface MergeInput {
  /** Its events, in order, in runs within which nothing is waited for. */
  readonly runs: AsyncIterable<Iterable<CaptureEvent>>;
  /** Its times on the clock of all, in nanoseconds. Never falls where its argument rises. */
  readonly timeOf: (at: number) => number;
  /** What is added to what its wall clock said, in milliseconds. */
  readonly wallShiftMs: number;
}

/**
 * The id that an exchange of one of several recordings has among all of them. Ids stay apart, and each can be taken back to
 * where it came from without a table of them: `recording = (id - 1) mod count`, `old = floor((id - 1) / count) + 1`.
 *
 * @param recording - Counts from 0
 */
export function mergedId(id: ExchangeId, recording: number, count: number): ExchangeId {
  return (id - 1) * count + recording + 1;
}

/** The lane of an exchange of one of several recordings: `2:17` is lane 17 of the second. Of one alone it stays as it is. */
export function mergedLane(lane: string, recording: number, count: number): string {
  return count === 1 ? lane : `${recording + 1}:${lane}`;
}

/**
 * The events of several recordings as those of one, in order of time; where times are equal, in order of the recordings. Each recording's
 * own order is kept. Ids, parents and lanes are kept apart, numbers are given anew. Holds one run of each recording at a time.
 *
 * @throws GardenhoseError `capture-limit` when numbers or ids together would pass 2^53; and whatever reading throws
 */
export async function* mergeRuns(
  inputs: readonly MergeInput[],
): AsyncGenerator<Iterable<CaptureEvent>, void, undefined> {
  const order = new MergedOrder();
  const cursors = inputs.map((input, place) => new Cursor(input, place, inputs.length, order));
  try {
    let open = cursors;
    for (;;) {
      for (const cursor of open) await cursor.fill();
      open = open.filter(({ over }) => !over);
      if (open.length === 0) return;
      yield untilOneIsEmpty(open);
    }
  } finally {
    for (const cursor of cursors) await cursor.close();
  }
}

/** All that can be put in order before one of them must be read on. */
function* untilOneIsEmpty(cursors: readonly Cursor[]): Generator<CaptureEvent, void, undefined> {
  for (;;) {
    let first: Cursor | undefined;
    let second: Cursor | undefined;
    for (const cursor of cursors) {
      if (cursor.head === undefined) return;
      if (first === undefined || cursor.at < first.at) {
        second = first;
        first = cursor;
      } else if (second === undefined || cursor.at < second.at) {
        second = cursor;
      }
    }
    if (first === undefined) return;
    // Recordings seldom take turns with every event.
    do {
      if (first.head !== undefined) yield first.take(first.head);
    } while (first.head !== undefined && (second === undefined || first.isBefore(second)));
  }
}

/** Reads one recording, and says what its events are among those of all. */
class Cursor {
  head: CaptureEvent | undefined;
  /** Of the head, on the clock of all. */
  at = 0;
  over = false;
  readonly #place: number;
  readonly #count: number;
  readonly #timeOf: MergeInput['timeOf'];
  readonly #wallShiftMs: number;
  readonly #order: MergedOrder;
  readonly #runs: AsyncIterator<Iterable<CaptureEvent>>;
  #run: Iterator<CaptureEvent> | undefined;
  /** The highest number of its own so far. */
  #seq: number | undefined;

  constructor({ runs, timeOf, wallShiftMs }: MergeInput, place: number, count: number, order: MergedOrder) {
    this.#runs = runs[Symbol.asyncIterator]();
    this.#timeOf = timeOf;
    this.#wallShiftMs = wallShiftMs;
    this.#place = place;
    this.#count = count;
    this.#order = order;
  }

  isBefore(other: Cursor): boolean {
    return this.at < other.at || (this.at === other.at && this.#place < other.#place);
  }

  /** Reads on until there is an event, or no more. */
  async fill(): Promise<void> {
    while (this.head === undefined && !this.over) {
      const run = await this.#runs.next();
      if (run.done === true) {
        this.over = true;
        return;
      }
      this.#run = run.value[Symbol.iterator]();
      this.#next();
    }
  }

  async close(): Promise<void> {
    if (!this.over) await this.#runs.return?.();
  }

  /** The head as it is among the events of all. The next one takes its place. */
  take(head: CaptureEvent): CaptureEvent {
    const merged = this.#merged(head);
    this.#next();
    return merged;
  }

  #next(): void {
    const next = this.#run?.next();
    this.head = next === undefined || next.done === true ? undefined : next.value;
    if (this.head !== undefined) this.at = this.#timeOf(this.head.at);
  }

  #merged(event: CaptureEvent): CaptureEvent {
    const before = this.#seq ?? event.seq - 1;
    const seq = this.#order.pass(Math.max(0, event.seq - before));
    this.#seq = Math.max(before, event.seq);
    const at = this.#order.at(this.at);
    switch (event.type) {
      case 'gap':
        return this.#gap(event, seq, at);
      case 'clock':
        return { ...event, seq, at, wallMs: event.wallMs + this.#wallShiftMs };
      case 'control':
      case 'schema':
        return { ...event, seq, at };
      case 'start':
      case 'resume': {
        const exchange = this.#id(event.exchange);
        const lane = mergedLane(event.lane, this.#place, this.#count);
        const parent = event.parent === undefined ? undefined : this.#id(event.parent);
        return event.type === 'start'
          ? { ...event, seq, at, exchange, lane, parent }
          : {
              ...event,
              seq,
              at,
              exchange,
              lane,
              parent,
              startSeq: seq,
              startAt: this.#timeOf(event.startAt),
            };
      }
      default:
        return { ...event, seq, at, exchange: this.#id(event.exchange) };
    }
  }

  /** What is missing keeps its numbers, so that nobody else gets them. */
  #gap(gap: GapEvent, seq: number, at: number): GapEvent {
    const last = this.#seq ?? 0;
    const ahead = gap.fromSeq > last ? gap.fromSeq - last : 0;
    const fromSeq = seq + ahead;
    if (ahead > 0) {
      this.#order.pass(ahead - 1 + gap.events);
      this.#seq = gap.fromSeq + gap.events - 1;
    }
    const exchange = gap.exchange === undefined ? undefined : this.#id(gap.exchange);
    const fromAt = this.#timeOf(gap.fromAt);
    return { ...gap, seq, at, fromSeq, fromAt, toAt: Math.max(fromAt, this.#timeOf(gap.toAt)), exchange };
  }

  #id(id: ExchangeId): ExchangeId {
    const merged = mergedId(id, this.#place, this.#count);
    if (merged > 0 && Number.isSafeInteger(merged)) return merged;
    throw new GardenhoseError(
      'capture-limit',
      `Recording ${this.#place + 1} of those to be merged has an exchange with the id ${id}, expected 1 to 2^53 / ${this.#count}`,
    );
  }
}

/** Where the events of all have come to. */
class MergedOrder {
  #seq = 0;
  #at = 0;

  /** Goes on by so many numbers. */
  pass(numbers: number): number {
    this.#seq += numbers;
    if (Number.isSafeInteger(this.#seq)) return this.#seq;
    throw new GardenhoseError(
      'capture-limit',
      'The captures cannot be merged: their sequence numbers together would pass 2^53',
    );
  }

  /** Time does not go back, whatever a recording says. */
  at(at: number): number {
    this.#at = Math.max(this.#at, at);
    return this.#at;
  }
}
