import { type Clock, systemClock } from '../clock.ts';
import { Assembler } from '../model/assemble.ts';
import type { CaptureEvent, GapEvent } from '../model/event.ts';
import type { Exchange } from '../model/exchange.ts';
import { onlyOptions } from '../model/option-names.ts';
import { invalidOption, wholeOption } from '../model/option-values.ts';
import { Signal } from './signal.ts';

/** How a recording that goes on is mirrored. */
export interface MirrorOptions {
  /**
   * How long after it was recorded an exchange is sent, in milliseconds, 1 to 600,000: at least, and for all of a run the same. What is not over
   * by then is not sent, so this is also the longest exchange that is mirrored. Default 2,000.
   */
  readonly delayMs?: number | undefined;
  /** How late the replay may be in taking an exchange, in milliseconds beyond the delay. Later ones are dropped whole. Default 5,000. */
  readonly maxLagMs?: number | undefined;
  /** Estimated bytes of exchanges that wait to be taken. Those that come beyond it are dropped whole. Default 67,108,864 (64 MiB). */
  readonly maxHeldBytes?: number | undefined;
  /** Told of the gaps of the recording, and of those that the mirror makes (`sink-slow`). Default nobody. */
  readonly onGap?: ((gap: GapEvent) => void) | undefined;
  /** Default the machine's. */
  readonly clock?: Clock | undefined;
}

const optionNames: Readonly<Record<keyof MirrorOptions, true>> = {
  delayMs: true,
  maxLagMs: true,
  maxHeldBytes: true,
  onGap: true,
  clock: true,
};

/** What a mirror did so far. */
export interface MirrorStats {
  /** Exchanges given to the replay, those that were not over among them. */
  readonly exchanges: number;
  /** Of those, the ones that were not over within the delay: they are marked `no-end`, and a replay skips them as partial. */
  readonly unfinished: number;
  /** Exchanges dropped since the replay lagged too far behind. */
  readonly late: number;
  /** Exchanges dropped since too much waited. */
  readonly overflowed: number;
}

/** Exchanges of a recording that goes on, to be replayed. Read once. */
export interface MirroredExchanges extends AsyncIterableIterator<Exchange, void, undefined> {
  stats(): MirrorStats;
}

/**
 * The exchanges of a recording that goes on, for a replay at the recorded pace that keeps a small, constant distance: in order of their
 * starts, and no more than the delay after them. Nothing waits for what takes longer, and nothing waits for the replay: the events are read as they
 * come, and what it cannot take in time is dropped whole, counted, and told of as a gap.
 *
 * @throws {@link GardenhoseError} `invalid-option`
 *
 * @example
 * const { events } = await readCapture(process.stdin);
 * const gaps = new GapTally();
 * const exchanges = mirrorExchanges(events, { onGap: (gap) => gaps.add(gap) });
 * await replay(exchanges, sender, { losses: () => gaps.losses() });
 */
export function mirrorExchanges(
  events: AsyncIterable<CaptureEvent>,
  options: MirrorOptions = {},
): MirroredExchanges {
  onlyOptions('a mirror', options, optionNames);
  const delayMs = wholeOption('delayMs', options.delayMs, 2_000);
  if (delayMs > 600_000) throw invalidOption('delayMs', `must be at most 600000, got ${delayMs}`);
  const maxLagMs = wholeOption('maxLagMs', options.maxLagMs, 5_000);
  const maxHeldBytes = wholeOption('maxHeldBytes', options.maxHeldBytes, 64 * 1024 * 1024);
  const { onGap, clock = systemClock } = options;
  return new Mirror(events, { delayNs: delayMs * 1e6, maxLagNs: maxLagMs * 1e6, maxHeldBytes, onGap, clock });
}

/** How late the first may be. */
const firstLagNs = 1e9;

interface Resolved {
  readonly delayNs: number;
  readonly maxLagNs: number;
  readonly maxHeldBytes: number;
  readonly onGap: MirrorOptions['onGap'];
  readonly clock: Clock;
}

interface Held {
  readonly exchange: Exchange;
  readonly bytes: number;
}

class Mirror implements MirroredExchanges {
  readonly #options: Resolved;
  readonly #events: AsyncIterator<CaptureEvent>;
  readonly #assembler: Assembler;
  readonly #held: Held[] = [];
  #heldBytes = 0;
  /** Rung at whatever may let the reader go on. */
  readonly #news = new Signal();
  /**
   * What this clock said less what the recording's did, when an event came that was fastest on its way: so the two need not agree,
   * and what was piled up when the mirror began does not count as distance.
   */
  #offsetNs = Number.POSITIVE_INFINITY;
  #reading: Promise<void> | undefined;
  #failure: { readonly error: unknown } | undefined;
  #ended = false;
  #stopped = false;
  #undo: (() => void) | undefined;
  #exchanges = 0;
  #unfinished = 0;
  #late = 0;
  #overflowed = 0;

  constructor(events: AsyncIterable<CaptureEvent>, options: Resolved) {
    this.#options = options;
    this.#events = events[Symbol.asyncIterator]();
    this.#assembler = new Assembler({ onGap: options.onGap, maxHeldBytes: options.maxHeldBytes });
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  stats(): MirrorStats {
    const exchanges = this.#exchanges;
    return { exchanges, unfinished: this.#unfinished, late: this.#late, overflowed: this.#overflowed };
  }

  async next(): Promise<IteratorResult<Exchange, void>> {
    this.#reading ??= this.#read();
    for (;;) {
      const first = this.#held[0];
      if (this.#stopped) return { done: true, value: undefined };
      if (first !== undefined && this.#isTime(first.exchange)) {
        this.#held.shift();
        this.#heldBytes -= first.bytes;
        if (this.#isLate(first.exchange)) {
          this.#late++;
          this.#drop(first.exchange);
          continue;
        }
        this.#exchanges++;
        if (first.exchange.partial.includes('no-end')) this.#unfinished++;
        return { done: false, value: first.exchange };
      }
      if (first === undefined) {
        if (this.#failure !== undefined) throw this.#failure.error;
        if (this.#ended) return { done: true, value: undefined };
      }
      await this.#news.next();
    }
  }

  /** Not waited for: a recording that says nothing cannot be told to stop before it says something. */
  async return(): Promise<IteratorResult<Exchange, void>> {
    this.#stopped = true;
    this.#undo?.();
    this.#held.length = 0;
    this.#news.ring();
    void Promise.resolve(this.#events.return?.()).catch(() => undefined);
    return { done: true, value: undefined };
  }

  /** Reads on, whether or not anybody takes what is read. Never rejects. */
  async #read(): Promise<void> {
    try {
      for (;;) {
        const next = await this.#events.next();
        if (next.done === true || this.#stopped) break;
        this.#offsetNs = Math.min(this.#offsetNs, this.#options.clock.nowNs() - next.value.at);
        this.#take(this.#assembler.push(next.value));
        this.#plan();
      }
      this.#take(this.#assembler.finish());
    } catch (error) {
      this.#failure = { error };
    }
    this.#ended = true;
    this.#undo?.();
    this.#news.ring();
  }

  /** Looks again when the oldest that has not ended will have taken too long, or the first is due. */
  #plan(): void {
    // What is looked at then is no newer than what there is now.
    if (this.#undo !== undefined) return;
    const firstAt = this.#exchanges === 0 ? this.#held[0]?.exchange.startAt : undefined;
    const at = Math.min(
      this.#assembler.oldestAt ?? Number.POSITIVE_INFINITY,
      firstAt ?? Number.POSITIVE_INFINITY,
    );
    if (this.#stopped || this.#ended || at === Number.POSITIVE_INFINITY) return;
    const inMs = Math.max(0, (at + this.#options.delayNs - this.#recordedNow) / 1e6);
    this.#undo = this.#options.clock.after(Math.ceil(inMs) + 1, () => {
      this.#undo = undefined;
      this.#take(this.#assembler.giveUp(this.#recordedNow - this.#options.delayNs));
      this.#news.ring();
      this.#plan();
    });
  }

  #take(exchanges: readonly Exchange[]): void {
    for (const exchange of exchanges) {
      const bytes = exchange.request.size + (exchange.response?.size ?? 0) + 2_048;
      if (this.#heldBytes + bytes > this.#options.maxHeldBytes && this.#held.length > 0) {
        this.#overflowed++;
        this.#drop(exchange);
        continue;
      }
      this.#held.push({ exchange, bytes });
      this.#heldBytes += bytes;
    }
    if (exchanges.length > 0) this.#news.ring();
  }

  /** Nanoseconds since the anchor of the recording, now. */
  get #recordedNow(): number {
    return this.#options.clock.nowNs() - this.#offsetNs;
  }

  /** The first sets the distance of all: the replay begins when it has it. */
  #isTime({ startAt }: Exchange): boolean {
    return this.#exchanges > 0 || this.#ended || this.#recordedNow >= startAt + this.#options.delayNs;
  }

  /** What was piled up before the mirror began must not set the distance. */
  #isLate({ startAt }: Exchange): boolean {
    const { delayNs, maxLagNs } = this.#options;
    const mayLagNs = this.#exchanges > 0 ? maxLagNs : Math.min(maxLagNs, firstLagNs);
    return this.#recordedNow > startAt + delayNs + mayLagNs;
  }

  #drop({ seq, startAt, endAt }: Exchange): void {
    this.#options.onGap?.({
      ...{ type: 'gap', reason: 'sink-slow', seq, at: endAt },
      ...{ fromAt: startAt, toAt: endAt, exchanges: 1, events: 0, fromSeq: seq },
    });
  }
}
