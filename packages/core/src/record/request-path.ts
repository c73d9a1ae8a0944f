import type { Clock } from '../clock.ts';
import type { AbortEvent, ExchangeId, ExchangeStart, GapReason } from '../model/event.ts';
import type { PackedBuffer } from './buffer-pool.ts';
import { BufferPool } from './buffer-pool.ts';
import type { ExchangeTap } from './exchange-tap.ts';
import { RawWriter } from './raw-writer.ts';
import { UnderWay } from './under-way.ts';

/** Usual size of a buffer of packed events: small enough to come back soon, large enough to be worth a message. */
const usualBufferBytes = 256 * 1024;

/** What the request path needs to know, resolved. */
export interface RequestPathOptions {
  readonly clock: Clock;
  readonly anchorNs: number;
  readonly maxBufferedBytes: number;
  readonly maxBodyBytes: number;
  readonly onBodyLimit: 'drop' | 'truncate';
  /** Takes a full buffer over. */
  readonly post: (buffer: PackedBuffer) => void;
  /** Gives back the buffers that have been read meanwhile. */
  readonly reclaim: () => void;
  /** Something was packed that no flush is planned for. */
  readonly planFlush: () => void;
  readonly failed: (error: unknown) => void;
}

/** An exchange that began and has not ended. */
type Open = Pick<ExchangeTap, 'id' | 'abort' | 'mark'>;

/** What could not be packed since the last gap was declared. */
interface Loss {
  readonly fromAt: number;
  readonly fromSeq: number;
  exchanges: number;
  events: number;
}

/**
 * Everything a recorder does while the application waits: number, stamp, pack. When there is no room, whole new exchanges
 * are refused and exchanges under way are given up; as soon as there is room again a gap says so and each exchange that
 * was given up is aborted.
 */
export class RequestPath {
  /** False once no exchange may begin any more, and nothing more is packed. */
  open = true;
  flushPlanned = false;
  exchanges = 0;
  refused = 0;
  eventsLost = 0;
  packedBytes = 0;
  readonly options: RequestPathOptions;
  readonly writer: RawWriter;
  readonly underWay: UnderWay<Open> = new UnderWay();
  readonly #pool: BufferPool;
  readonly #givenUp: Open[] = [];
  #loss: Loss | undefined;
  #renewing = false;
  #nextId = 1;
  #lastNs = 0;

  constructor(options: RequestPathOptions) {
    this.options = options;
    this.#pool = new BufferPool(
      Math.min(usualBufferBytes, options.maxBufferedBytes) & ~7,
      options.maxBufferedBytes,
    );
    this.writer = new RawWriter((atLeast) => this.#renew(atLeast));
  }

  /** Events numbered so far, those that were lost among them. */
  get events(): number {
    return this.writer.seq - 1;
  }

  get queueBytes(): number {
    const idle = this.writer.current === undefined ? 0 : this.writer.current.size;
    return this.#pool.heldBytes - idle + (this.writer.current?.used ?? 0);
  }

  /** A clock that fails, or goes back, stands still here: events stay in order and the application is not told. */
  nowNs(): number {
    try {
      const now = this.options.clock.nowNs() - this.options.anchorNs;
      if (now > this.#lastNs) this.#lastNs = now;
    } catch (error) {
      this.options.failed(error);
    }
    return this.#lastNs;
  }

  /** The time of the next event. Where something is lost, buffers that have come back meanwhile are taken before it. */
  stamp(): number {
    if (this.#loss !== undefined) this.options.reclaim();
    return this.nowNs();
  }

  nextId(): ExchangeId {
    return this.#nextId++;
  }

  /** Packs the start of an exchange; false when there is no room for it. */
  begin(
    id: ExchangeId,
    start: ExchangeStart,
    sampleRate: number,
    bodyless = false,
    shares?: readonly number[],
  ): boolean {
    const at = this.stamp();
    if (this.#loss !== undefined || !this.writer.start(at, id, start, sampleRate, bodyless, shares)) {
      this.#lossSince(at).exchanges++;
      this.refused++;
      this.#recoverIfIdle();
      return false;
    }
    if (!this.flushPlanned) this.planFlush();
    this.exchanges++;
    return true;
  }

  /** Whether an event may be packed now. While a loss is not declared, the next event is part of it. */
  get flowing(): boolean {
    return this.#loss === undefined;
  }

  /** An event of this exchange found no room: the exchange goes no further. */
  giveUp(exchange: Open, at: number): void {
    const loss = this.#lossSince(at);
    loss.events++;
    this.eventsLost++;
    this.writer.seq++;
    this.#givenUp.push(exchange);
    this.#recoverIfIdle();
  }

  planFlush(): void {
    this.flushPlanned = true;
    this.options.planFlush();
  }

  /** A buffer has come back. */
  giveBack(buffer: PackedBuffer): void {
    this.#pool.giveBack(buffer);
    if (this.#loss !== undefined && this.open && !this.#renewing) this.#recover();
  }

  /** Hands over what is packed. */
  seal(): void {
    const { current } = this.writer;
    if (current === undefined || current.used === 0) return;
    this.writer.current = undefined;
    this.packedBytes += current.used;
    this.options.post(current);
  }

  /** Packs an event that belongs to no exchange; false when there is no room: it is lost then, and counted. */
  note(pack: (writer: RawWriter, at: number) => boolean): boolean {
    const at = this.stamp();
    if (this.#loss !== undefined || !pack(this.writer, at)) {
      this.#lossSince(at).events++;
      this.eventsLost++;
      this.writer.seq++;
      this.#recoverIfIdle();
      return false;
    }
    if (!this.flushPlanned) this.planFlush();
    return true;
  }

  /** Whether something is lost that no gap has declared yet. */
  get owesGap(): boolean {
    return this.#loss !== undefined || this.#givenUp.length > 0;
  }

  /** Ends every exchange under way. */
  abortAll(by: AbortEvent['by'], code: string): void {
    for (const exchange of this.underWay.all()) exchange.abort(by, code);
  }

  /** Nothing is packed from here on. */
  shut(): void {
    this.open = false;
    this.underWay.clear();
  }

  #lossSince(at: number): Loss {
    this.#loss ??= { fromAt: at, fromSeq: this.writer.seq, exchanges: 0, events: 0 };
    return this.#loss;
  }

  /** Where every buffer is back already, as after a record larger than all of them, no later moment would come. */
  #recoverIfIdle(): void {
    if (this.#pool.heldBytes === 0) this.#recover();
  }

  #recover(): void {
    const loss = this.#loss;
    if (loss === undefined) return;
    const reason: GapReason = 'buffer-full';
    const at = this.nowNs();
    if (!this.writer.gap(at, { reason, ...loss })) return;
    this.#loss = undefined;
    if (!this.flushPlanned) this.planFlush();
    for (let exchange = this.#givenUp.at(-1); exchange !== undefined; exchange = this.#givenUp.at(-1)) {
      if (!this.writer.abort(at, exchange.id, 'recorder', reason)) {
        // What begins here is a new loss, of nothing so far; it is declared, and the rest aborted, at the next chance.
        this.#lossSince(at);
        return;
      }
      this.#givenUp.pop();
    }
  }

  #renew(atLeast: number): PackedBuffer | undefined {
    this.seal();
    const { current } = this.writer;
    // Not used at all, and still too small.
    if (current !== undefined) this.#pool.giveBack(current);
    // Something is being packed already: what comes back now is for that.
    this.#renewing = true;
    this.options.reclaim();
    this.#renewing = false;
    return this.#pool.take(atLeast);
  }
}
