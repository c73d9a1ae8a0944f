import { isExchangeEvent } from '../hook/hook.ts';
import type { CaptureEvent, ExchangeEvent, ExchangeId } from '../model/event.ts';
import { GapLog, gapEvent } from './gap-log.ts';
import { noSaves, type SaveStats, type SaveTrigger } from './save-trigger.ts';
import type { Sink, SinkLoss } from './sink.ts';

/** Consecutive events that the sink refused, and when. */
interface Refused {
  readonly fromSeq: number;
  readonly fromAt: number;
  toSeq: number;
  toAt: number;
  exchanges: number;
}

/** A sink that declares by itself what it loses. */
export type SelfDeclaring = Sink & { lost(): SinkLoss };

/** The given sink, if it declares by itself what it loses, or a wrapper that does it for it. */
export function declaringSink(sink: Sink): SelfDeclaring {
  return declares(sink) ? sink : new DeclaringSink(sink);
}

function declares(sink: Sink): sink is SelfDeclaring {
  return sink.lost !== undefined;
}

/**
 * Keeps account of writes that failed. As soon as one gets through again, a gap says what is missing, each exchange of
 * which the sink has the beginning and not the rest is aborted, and nothing more of those exchanges is written.
 */
class DeclaringSink implements Sink {
  readonly #sink: Sink;
  readonly #gaps = new GapLog(true);
  /** Exchanges under way of which something was refused, and whether a side of them has ended. */
  readonly #broken = new Map<ExchangeId, { ended: boolean }>();
  readonly #owedAborts = new Set<ExchangeId>();
  #refused: Refused | undefined;
  /** The last number that the sink knows of: written or declared. */
  #settledSeq = 0;
  #lostExchanges = 0;
  #lostEvents = 0;

  constructor(sink: Sink) {
    this.#sink = sink;
  }

  async write(events: readonly CaptureEvent[]): Promise<void> {
    const kept = this.#broken.size === 0 ? events : this.#withoutBroken(events);
    const whole = this.#refused === undefined ? kept : [...this.#owed(this.#refused), ...kept];
    try {
      await this.#sink.write(whole);
    } catch (error) {
      this.#refuse(kept);
      throw error;
    }
    this.#refused = undefined;
    this.#owedAborts.clear();
    this.#settledSeq = lastNumber(events, this.#settledSeq);
  }

  flush(): Promise<void> {
    return this.#sink.flush();
  }

  async close(): Promise<void> {
    // Where even this fails, what is missing stays undeclared; the error is told, and the file was closed as it is.
    try {
      if (this.#refused !== undefined) await this.#sink.write(this.#owed(this.#refused));
    } finally {
      await this.#sink.close();
    }
  }

  trigger(trigger: SaveTrigger): string | undefined | Promise<string | undefined> {
    return this.#sink.trigger?.(trigger);
  }

  saves(): SaveStats {
    return this.#sink.saves?.() ?? noSaves;
  }

  lost(): SinkLoss {
    return { exchanges: this.#lostExchanges, events: this.#lostEvents };
  }

  #owed(refused: Refused): CaptureEvent[] {
    const { fromSeq, toSeq, fromAt, toAt, exchanges } = refused;
    const events = toSeq - fromSeq + 1;
    const aborts = [...this.#owedAborts].map(
      (exchange): CaptureEvent => ({
        type: 'abort',
        seq: toSeq,
        at: toAt,
        exchange,
        by: 'recorder',
        code: 'sink-failed',
      }),
    );
    return [gapEvent({ reason: 'sink-failed', fromAt, toAt, exchanges, events, fromSeq }), ...aborts];
  }

  #refuse(events: readonly CaptureEvent[]): void {
    const last = events.at(-1);
    if (last === undefined) return;
    this.#refused ??= {
      fromSeq: this.#settledSeq + 1,
      fromAt: events[0]?.at ?? last.at,
      toSeq: this.#settledSeq,
      toAt: last.at,
      exchanges: 0,
    };
    const refused = this.#refused;
    const started = new Set<ExchangeId>();
    for (const event of events) {
      if (event.seq > refused.toSeq) this.#lostEvents++;
      refused.toSeq = lastNumber([event], refused.toSeq);
      if (event.type === 'gap') refused.exchanges += event.exchanges;
      if (!isExchangeEvent(event)) continue;
      if (event.type === 'start') started.add(event.exchange);
      else if (!started.has(event.exchange)) this.#owedAborts.add(event.exchange);
      if (!this.#broken.has(event.exchange)) {
        this.#broken.set(event.exchange, { ended: false });
        this.#lostExchanges++;
      }
      this.#forgetIfOver(event);
    }
    refused.exchanges += started.size;
    refused.toAt = last.at;
  }

  #withoutBroken(events: readonly CaptureEvent[]): CaptureEvent[] {
    const kept: CaptureEvent[] = [];
    let before = this.#refused?.toSeq ?? this.#settledSeq;
    for (const event of events) {
      if (isExchangeEvent(event) && this.#broken.has(event.exchange)) {
        // What was made on the way has no number of its own, so nothing is missing without it.
        if (event.seq > before) {
          this.#gaps.add(event, 'sink-failed', 0);
          this.#lostEvents++;
        }
        this.#forgetIfOver(event);
      } else {
        this.#gaps.declareInto(kept);
        kept.push(event);
      }
      before = lastNumber([event], before);
    }
    this.#gaps.declareInto(kept);
    return kept;
  }

  #forgetIfOver(event: ExchangeEvent): void {
    const broken = this.#broken.get(event.exchange);
    if (broken === undefined) return;
    if (event.type === 'abort' || (event.type === 'end' && broken.ended)) this.#broken.delete(event.exchange);
    else if (event.type === 'end') broken.ended = true;
  }
}

/** The highest number that these events carry or declare missing. */
function lastNumber(events: readonly CaptureEvent[], before: number): number {
  let last = before;
  for (const event of events) {
    if (event.seq > last) last = event.seq;
    if (event.type === 'gap' && event.events > 0) last = Math.max(last, event.fromSeq + event.events - 1);
  }
  return last;
}
