import type { CaptureEvent, ExchangeEvent, ExchangeId, GapEvent } from '../model/event.ts';

/** Why a pipeline loses events. */
export const lossReasons = ['hook', 'mask', 'sink-failed'] as const;
export type LossReason = (typeof lossReasons)[number];

interface OpenGap {
  readonly reason: LossReason;
  readonly fromAt: number;
  readonly fromSeq: number;
  readonly exchange: ExchangeId | undefined;
  toAt: number;
  exchanges: number;
  events: number;
}

/** Keeps account of what a pipeline loses, so that every missing number is declared by a gap before the next event. */
export class PipelineLosses {
  readonly #eventsLost: Record<LossReason, number> = { hook: 0, mask: 0, 'sink-failed': 0 };
  readonly #exchangesLost: Record<LossReason, number> = { hook: 0, mask: 0, 'sink-failed': 0 };
  /** Losses among the events on their way to the sink, not declared yet. */
  #open: OpenGap[] = [];
  #starting: ExchangeId | undefined;
  /** What the sink refused, in one piece, since it last worked. */
  #refused: OpenGap | undefined;
  /** Exchanges of which the sink has the start and refused something later. */
  readonly #owedAborts = new Set<ExchangeId>();
  /** The last number that the sink knows of: written or declared. */
  #settledSeq = 0;

  /** An exchange goes no further. `start` is its start where that is lost too. */
  exchange(reason: LossReason, start: ExchangeEvent | undefined): void {
    this.#exchangesLost[reason]++;
    this.#starting = start?.exchange;
  }

  /** This event will not be written. */
  event(event: ExchangeEvent, reason: LossReason): void {
    this.#eventsLost[reason]++;
    const exchanges = this.#starting === event.exchange ? 1 : 0;
    this.#starting = undefined;
    const last = this.#open.at(-1);
    if (
      last !== undefined &&
      last.reason === reason &&
      last.exchange === event.exchange &&
      last.fromSeq + last.events === event.seq
    ) {
      last.events++;
      last.exchanges += exchanges;
      last.toAt = event.at;
      return;
    }
    this.#open.push({
      reason,
      fromAt: event.at,
      toAt: event.at,
      fromSeq: event.seq,
      exchange: event.exchange,
      exchanges,
      events: 1,
    });
  }

  /** Puts the gaps that are due in front of the next event. */
  declareInto(batch: CaptureEvent[]): void {
    if (this.#open.length === 0) return;
    for (const gap of this.#open) batch.push(gapEvent(gap));
    this.#open = [];
  }

  /** What the sink must be told first, now that it may work again. */
  owedToSink(): readonly CaptureEvent[] {
    const refused = this.#refused;
    if (refused === undefined) return [];
    const seq = refused.fromSeq + refused.events - 1;
    const aborts = [...this.#owedAborts].map(
      (exchange): CaptureEvent => ({
        type: 'abort',
        seq,
        at: refused.toAt,
        exchange,
        by: 'recorder',
        code: 'sink-failed',
      }),
    );
    return [gapEvent(refused), ...aborts];
  }

  /** The sink took these events and what it was owed. */
  sinkTook(events: readonly CaptureEvent[]): void {
    this.#refused = undefined;
    this.#owedAborts.clear();
    this.#settledSeq = lastNumber(events, this.#settledSeq);
  }

  /** The sink failed on these events. Gives the exchanges that now are not whole any more. */
  sinkRefused(events: readonly CaptureEvent[]): ReadonlySet<ExchangeId> {
    const last = events.at(-1);
    const touched = new Set<ExchangeId>();
    if (last === undefined) return touched;
    const started = new Set<ExchangeId>();
    this.#refused ??= {
      reason: 'sink-failed',
      fromAt: events[0]?.at ?? 0,
      toAt: 0,
      fromSeq: this.#settledSeq + 1,
      exchange: undefined,
      exchanges: 0,
      events: 0,
    };
    const refused = this.#refused;
    let seen = refused.fromSeq + refused.events - 1;
    for (const event of events) {
      if (event.seq > seen) {
        seen = event.seq;
        this.#eventsLost['sink-failed']++;
      }
      if (event.type === 'gap') refused.exchanges += event.exchanges;
      if (event.type === 'gap' || event.type === 'control' || event.type === 'clock') continue;
      touched.add(event.exchange);
      if (event.type === 'start') started.add(event.exchange);
    }
    for (const exchange of touched) {
      if (!started.has(exchange)) this.#owedAborts.add(exchange);
    }
    refused.exchanges += started.size;
    this.#exchangesLost['sink-failed'] += touched.size;
    const lastSeq = lastNumber(events, refused.fromSeq + refused.events - 1);
    refused.events = lastSeq - refused.fromSeq + 1;
    refused.toAt = last.at;
    return touched;
  }

  counts(): {
    readonly eventsLost: Readonly<Record<LossReason, number>>;
    readonly exchangesLost: Readonly<Record<LossReason, number>>;
  } {
    return { eventsLost: { ...this.#eventsLost }, exchangesLost: { ...this.#exchangesLost } };
  }
}

/** A gap that a pipeline makes takes no number: it repeats the one before what is missing. */
function gapEvent(gap: OpenGap): GapEvent {
  return { type: 'gap', seq: gap.fromSeq - 1, at: gap.toAt, ...gap };
}

/** The highest number that these events carry or declare missing. */
function lastNumber(events: readonly CaptureEvent[], before: number): number {
  let last = before;
  for (const event of events) {
    last = Math.max(last, event.seq);
    if (event.type === 'gap' && event.events > 0) last = Math.max(last, event.fromSeq + event.events - 1);
  }
  return last;
}
