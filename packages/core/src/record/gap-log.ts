import type { CaptureEvent, ExchangeEvent, ExchangeId, GapEvent, GapReason } from '../model/event.ts';

interface Run {
  readonly reason: GapReason;
  readonly fromAt: number;
  readonly fromSeq: number;
  exchange: ExchangeId | undefined;
  toAt: number;
  exchanges: number;
  events: number;
}

/** Remembers events that are left out of a stream of events, and declares them by gaps in front of the next one. */
export class GapLog {
  readonly #perExchange: boolean;
  #runs: Run[] = [];

  /** @param perExchange - Whether a gap is never about events of several exchanges, which then are not named */
  constructor(perExchange: boolean) {
    this.#perExchange = perExchange;
  }

  /** Leaves an event out. `exchanges` is 1 when its whole exchange is missing and this is the first of it. */
  add(event: ExchangeEvent, reason: GapReason, exchanges: 0 | 1): void {
    const last = this.#runs.at(-1);
    if (
      last !== undefined &&
      last.reason === reason &&
      (last.exchange === event.exchange || !this.#perExchange) &&
      last.fromSeq + last.events === event.seq
    ) {
      last.events++;
      last.exchanges += exchanges;
      last.toAt = event.at;
      if (last.exchange !== event.exchange) last.exchange = undefined;
      return;
    }
    const { seq, at, exchange } = event;
    this.#runs.push({ reason, fromAt: at, toAt: at, fromSeq: seq, exchange, exchanges, events: 1 });
  }

  declareInto(events: CaptureEvent[]): void {
    if (this.#runs.length === 0) return;
    for (const run of this.#runs) events.push(gapEvent(run));
    this.#runs = [];
  }
}

/** A gap made on the way takes no number: it repeats the one before what is missing. */
export function gapEvent(gap: Omit<GapEvent, 'type' | 'seq' | 'at'>): GapEvent {
  return { type: 'gap', seq: gap.fromSeq - 1, at: gap.toAt, ...gap };
}
