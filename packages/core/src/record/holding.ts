import { isExchangeEvent } from '../hook/hook.ts';
import type { CaptureEvent, ExchangeId, StartEvent } from '../model/event.ts';
import { EndWatch, type HoldingPlan, type OutcomeShares } from './outcome.ts';

/** What an event in memory costs besides what was packed of it, about. */
const overheadBytes = 256;
/** Places at the front of the queue that are free before it is moved up. */
const sparePlaces = 4096;

/** An exchange whose end decides. */
interface Held {
  readonly watch: EndWatch;
  readonly shares: OutcomeShares;
  readonly startAt: number;
  /** The share that is recorded of those that ended like it, 0 when it is not; undefined while that is not known. */
  rate: number | undefined;
}

interface Waiting {
  readonly event: CaptureEvent;
  readonly held: Held | undefined;
  readonly bytes: number;
}

/**
 * Holds events back, raw and in memory alone, until it is known how the exchanges end whose sampling goes by that. They go
 * on in the order in which they came, so what comes behind an exchange that is not decided waits with it. Bounded in bytes and in
 * time: beyond that, the oldest exchange is decided as if it ended in none of the outcomes.
 *
 * Exchanges that are sampled out here leave no trace: those behind them are numbered as if they had never been.
 */
export class HoldingBuffer {
  readonly #plan: HoldingPlan;
  readonly #maxHeldNs: number;
  readonly #open = new Map<ExchangeId, Held>();
  #queue: Waiting[] = [];
  #first = 0;
  #bytes = 0;
  /** Of the last event that went on, before it was numbered anew. */
  #lastSeq = 0;
  sampledOut = 0;
  /** Events of exchanges that were sampled out. */
  eventsOut = 0;
  /** Exchanges whose end was not waited for. */
  undecided = 0;

  constructor(plan: HoldingPlan) {
    this.#plan = plan;
    this.#maxHeldNs = plan.maxHeldMs * 1e6;
  }

  /** Bytes held, about. */
  get bytes(): number {
    return this.#bytes;
  }

  /**
   * Takes the next event, and gives those that can go on.
   *
   * @param shares - With a start whose exchange is to be held
   * @param packedBytes - What the event took in the buffer it came in
   */
  take(event: CaptureEvent, shares: OutcomeShares | undefined, packedBytes: number): readonly CaptureEvent[] {
    const held = this.#heldOf(event, shares);
    const bytes = packedBytes + overheadBytes;
    this.#queue.push({ event, held, bytes });
    this.#bytes += bytes;
    const ready: CaptureEvent[] = [];
    this.#release(ready, event.at);
    return ready;
  }

  /** Waits for nothing any longer: decides what is open, and gives all that is left. */
  releaseAll(): readonly CaptureEvent[] {
    const ready: CaptureEvent[] = [];
    for (let waiting = this.#head(); waiting !== undefined; waiting = this.#head()) {
      if (waiting.held !== undefined && waiting.held.rate === undefined) this.#giveUpOn(waiting.held);
      this.#pop(waiting, ready);
    }
    return ready;
  }

  #heldOf(event: CaptureEvent, shares: OutcomeShares | undefined): Held | undefined {
    if (!isExchangeEvent(event)) return undefined;
    if (event.type === 'start' && shares !== undefined) {
      const held: Held = { watch: new EndWatch(event), shares, startAt: event.at, rate: undefined };
      this.#open.set(event.exchange, held);
      return held;
    }
    const held = this.#open.get(event.exchange);
    if (held === undefined) return undefined;
    held.watch.note(event);
    if (held.rate === undefined) this.#decide(held, event.at);
    if (held.watch.over) this.#open.delete(event.exchange);
    return held;
  }

  #decide(held: Held, now: number): void {
    const { outcomes } = this.#plan;
    const { shares, otherwise } = held.shares;
    for (let i = 0; i < outcomes.length; i++) {
      const outcome = outcomes[i];
      const share = shares[i];
      if (outcome === undefined || share === undefined || Number.isNaN(share)) continue;
      const ends = held.watch.endsIn(outcome, now);
      if (ends === false) continue;
      // A later one counts only when it is known that this one does not.
      if (ends === true) held.rate = share;
      return;
    }
    held.rate = otherwise;
  }

  #release(ready: CaptureEvent[], now: number): void {
    for (let waiting = this.#head(); waiting !== undefined; waiting = this.#head()) {
      const { held } = waiting;
      if (held !== undefined && held.rate === undefined) {
        // That it is slow can be known before it ends.
        this.#decide(held, now);
        if (held.rate === undefined) {
          if (this.#bytes <= this.#plan.maxHeldBytes && now - held.startAt <= this.#maxHeldNs) return;
          this.#giveUpOn(held);
        }
      }
      this.#pop(waiting, ready);
    }
  }

  #giveUpOn(held: Held): void {
    held.rate = held.shares.otherwise;
    this.undecided++;
  }

  #head(): Waiting | undefined {
    return this.#queue[this.#first];
  }

  #pop({ event, held, bytes }: Waiting, ready: CaptureEvent[]): void {
    this.#bytes -= bytes;
    this.#first++;
    if (this.#first === this.#queue.length || this.#first >= sparePlaces) {
      this.#queue = this.#queue.slice(this.#first);
      this.#first = 0;
    }
    const isNumbered = event.seq > this.#lastSeq;
    this.#lastSeq = Math.max(event.seq, this.#lastSeq);
    if (held?.rate === 0) {
      if (event.type === 'start') this.sampledOut++;
      if (isNumbered) this.eventsOut++;
      return;
    }
    ready.push(this.#renumbered(event, held?.rate));
  }

  #renumbered(event: CaptureEvent, rate: number | undefined): CaptureEvent {
    const out = this.eventsOut;
    if (event.type === 'start' && rate !== undefined) return stamped(event, rate, out);
    if (out === 0) return event;
    const seq = event.seq - out;
    return event.type === 'gap' ? { ...event, seq, fromSeq: event.fromSeq - out } : { ...event, seq };
  }
}

function stamped(start: StartEvent, sampleRate: number, out: number): StartEvent {
  return { ...start, seq: start.seq - out, sampleRate };
}
