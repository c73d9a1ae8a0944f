import { GardenhoseError } from '../errors.ts';
import type { CaptureEvent, ExchangeEvent, ExchangeId, GapEvent, GapReason } from './event.ts';
import type { Exchange, PartialReason } from './exchange.ts';
import { ExchangeBuilder } from './exchange-builder.ts';
import { TransientMap } from './transient-map.ts';

/** Limits and order of {@link Assembler} and {@link assemble}. */
export interface AssembleOptions {
  /**
   * Order in which exchanges come out. `start`: as they began, which is what a replay needs; a finished exchange waits for
   * those that began before it. `end`: as soon as each has ended. Default `start`.
   */
  readonly order?: 'start' | 'end';
  /** Exchanges held at once, unfinished or waiting for their turn. Default 65,536. */
  readonly maxOpenExchanges?: number;
  /** Estimated bytes held at once, overhead counted. Default 268,435,456 (256 MiB). */
  readonly maxHeldBytes?: number;
  /** Bytes kept of one body, or of all messages of one side. The rest is left out and its state says `truncated`. Default 16,777,216 (16 MiB). */
  readonly maxBodyBytes?: number;
  /** Told of each gap, when it is come to: exchanges do not say what is missing between them. Default nobody. */
  readonly onGap?: ((gap: GapEvent) => void) | undefined;
}

const none: readonly Exchange[] = [];

type Limits = Required<Omit<AssembleOptions, 'onGap'>>;

/** What an assembler has seen. */
export interface AssembleStats {
  /** Exchanges given out. */
  readonly exchanges: number;
  /** How many of them are not whole, by reason. */
  readonly partial: Readonly<Record<PartialReason, number>>;
  /** Events left out: they contradict earlier ones, or their exchange was already over or given up. */
  readonly ignoredEvents: number;
  /** Whole exchanges that gaps declare as not recorded. */
  readonly missingExchanges: number;
  /** Events that gaps declare as missing. */
  readonly missingEvents: number;
}

/** Losses for which a recorder aborts each exchange that they cut. Any other may have cut all that were under way. */
const closesWhatItCuts: ReadonlySet<GapReason> = new Set(['buffer-full', 'hook', 'mask']);

/**
 * Turns the events of one capture into exchanges, in bounded memory. When a limit is reached, the oldest unfinished
 * exchange is given out as it stands, marked `evicted`, and its later events are counted and left out.
 *
 * @example
 * const assembler = new Assembler();
 * for (const event of events) for (const exchange of assembler.push(event)) print(exchange);
 * for (const exchange of assembler.finish()) print(exchange);
 */
export class Assembler {
  readonly #limits: Limits;
  readonly #onGap: AssembleOptions['onGap'];
  readonly #open = new TransientMap<ExchangeId, ExchangeBuilder>();
  readonly #closed: RecentIds;
  readonly #partial: Record<PartialReason, number> = {
    'no-start': 0,
    'no-end': 0,
    'events-lost': 0,
    evicted: 0,
  };
  // All exchanges held, in order of start: a list and not the map, whose removed entries would be walked again and again.
  #oldest: ExchangeBuilder | undefined;
  #newest: ExchangeBuilder | undefined;
  #held = 0;
  #heldBytes = 0;
  #losses = 0;
  #exchanges = 0;
  #ignoredEvents = 0;
  #missingExchanges = 0;
  #missingEvents = 0;

  /** @throws {@link GardenhoseError} `invalid-option` */
  constructor(options: AssembleOptions = {}) {
    this.#limits = resolve(options);
    this.#onGap = options.onGap;
    this.#closed = new RecentIds(this.#limits.maxOpenExchanges);
  }

  /** Takes the next event; gives back the exchanges that are now due, in order. */
  push(event: CaptureEvent): readonly Exchange[] {
    if (event.type === 'gap') {
      this.#gap(event);
      return [];
    }
    if (event.type === 'clock' || event.type === 'control' || event.type === 'schema') return [];
    let builder = this.#open.get(event.exchange);
    if (builder !== undefined) {
      this.#take(builder, event);
    } else if (this.#closed.has(event.exchange)) {
      this.#ignoredEvents++;
      return [];
    } else {
      builder = new ExchangeBuilder(event, this.#limits.maxBodyBytes);
      this.#append(builder);
      if (event.type !== 'start' && event.type !== 'resume') this.#take(builder, event);
    }
    return this.#due(builder);
  }

  /**
   * Gives back, in order, what began before this time and still waits: what has not ended as it stands, marked `no-end`. Its later events
   * are counted and left out. For readers that cannot wait for it.
   */
  giveUp(before: number): readonly Exchange[] {
    const given: Exchange[] = [];
    while (this.#oldest !== undefined && (this.#oldest.done || this.#oldest.startAt < before)) {
      if (!this.#oldest.done) this.#oldest.lacks('no-end');
      given.push(this.#emit(this.#oldest));
    }
    return given;
  }

  /** When the oldest that has not come out began; undefined when none waits. */
  get oldestAt(): number | undefined {
    return this.#oldest?.startAt;
  }

  /** Takes events, as they are asked for, and gives the exchanges that they complete. */
  *pushAll(events: Iterable<CaptureEvent>): Generator<Exchange, void, undefined> {
    for (const event of events) yield* this.push(event);
  }

  /** The input has ended: gives back what is left, in order of start. */
  finish(): readonly Exchange[] {
    const left: Exchange[] = [];
    while (this.#oldest !== undefined) {
      if (!this.#oldest.done) this.#oldest.lacks('no-end');
      left.push(this.#emit(this.#oldest));
    }
    return left;
  }

  stats(): AssembleStats {
    return {
      exchanges: this.#exchanges,
      partial: { ...this.#partial },
      ignoredEvents: this.#ignoredEvents,
      missingExchanges: this.#missingExchanges,
      missingEvents: this.#missingEvents,
    };
  }

  #take(builder: ExchangeBuilder, event: ExchangeEvent): void {
    const before = builder.cost;
    if (!builder.take(event)) this.#ignoredEvents++;
    this.#heldBytes += builder.cost - before;
    if (builder.done) this.#close(builder);
  }

  #gap(gap: GapEvent): void {
    this.#onGap?.(gap);
    this.#missingExchanges += gap.exchanges;
    this.#missingEvents += gap.events;
    if (gap.exchange !== undefined) this.#open.get(gap.exchange)?.lacks('events-lost');
    else if (gap.events > 0 && !closesWhatItCuts.has(gap.reason)) this.#losses++;
  }

  #append(builder: ExchangeBuilder): void {
    this.#open.set(builder.id, builder);
    builder.lossesBefore = this.#losses;
    builder.older = this.#newest;
    if (this.#newest !== undefined) this.#newest.newer = builder;
    else this.#oldest = builder;
    this.#newest = builder;
    this.#held++;
    this.#heldBytes += builder.cost;
  }

  /** No more events are taken for it; it may still wait for its turn. */
  #close(builder: ExchangeBuilder): void {
    this.#open.take(builder.id);
    this.#closed.add(builder.id);
    // Losses that no exchange is named for may concern any that was open.
    if (builder.lossesBefore !== this.#losses) builder.lacks('events-lost');
  }

  #due(touched: ExchangeBuilder): readonly Exchange[] {
    // Most events complete nothing.
    const first = this.#limits.order === 'end' ? touched : this.#oldest;
    if (first?.done !== true && !this.#isFull()) return none;
    const due: Exchange[] = [];
    if (this.#limits.order === 'end') {
      if (touched.done) due.push(this.#emit(touched));
    } else {
      this.#emitDone(due);
    }
    while (this.#isFull()) {
      const oldest = this.#oldest;
      if (oldest === undefined) break;
      oldest.lacks('evicted');
      due.push(this.#emit(oldest));
      this.#emitDone(due);
    }
    return due;
  }

  #isFull(): boolean {
    return this.#held > this.#limits.maxOpenExchanges || this.#heldBytes > this.#limits.maxHeldBytes;
  }

  /** Those at the front of the list that have ended. */
  #emitDone(due: Exchange[]): void {
    while (this.#oldest?.done) due.push(this.#emit(this.#oldest));
  }

  #emit(builder: ExchangeBuilder): Exchange {
    if (!builder.done) this.#close(builder);
    if (builder.older !== undefined) builder.older.newer = builder.newer;
    else this.#oldest = builder.newer;
    if (builder.newer !== undefined) builder.newer.older = builder.older;
    else this.#newest = builder.older;
    // Else one that is dead but not collected yet would keep all that came after it, through one collection after the other.
    builder.older = undefined;
    builder.newer = undefined;
    this.#held--;
    this.#heldBytes -= builder.cost;
    const exchange = builder.build();
    this.#exchanges++;
    for (const reason of exchange.partial) this.#partial[reason]++;
    return exchange;
  }
}

/**
 * The exchanges of a capture's events, in order of start unless told otherwise. Bounded memory: see {@link Assembler}.
 *
 * @throws {@link GardenhoseError} `invalid-option`; and whatever `events` throws
 */
export async function* assemble(
  events: AsyncIterable<CaptureEvent> | Iterable<CaptureEvent>,
  options: AssembleOptions = {},
): AsyncGenerator<Exchange> {
  const assembler = new Assembler(options);
  for await (const event of events) {
    for (const exchange of assembler.push(event)) yield exchange;
  }
  for (const exchange of assembler.finish()) yield exchange;
}

/** Remembers at least the last `capacity` ids it was given, and at most twice as many. */
class RecentIds {
  readonly #capacity: number;
  #highest = Number.NEGATIVE_INFINITY;
  #young = new Set<ExchangeId>();
  #old = new Set<ExchangeId>();

  constructor(capacity: number) {
    this.#capacity = capacity;
  }

  add(id: ExchangeId): void {
    if (this.#young.size >= this.#capacity) {
      this.#old = this.#young;
      this.#young = new Set();
    }
    this.#highest = Math.max(this.#highest, id);
    this.#young.add(id);
  }

  has(id: ExchangeId): boolean {
    // Ids rise: that an exchange is new is mostly told without a look at the sets.
    return id <= this.#highest && (this.#young.has(id) || this.#old.has(id));
  }
}

function resolve(options: AssembleOptions): Limits {
  const resolved = {
    order: options.order ?? 'start',
    maxOpenExchanges: options.maxOpenExchanges ?? 65_536,
    maxHeldBytes: options.maxHeldBytes ?? 256 * 1024 * 1024,
    maxBodyBytes: options.maxBodyBytes ?? 16 * 1024 * 1024,
  };
  for (const name of ['maxOpenExchanges', 'maxHeldBytes', 'maxBodyBytes'] as const) {
    if (!Number.isSafeInteger(resolved[name]) || resolved[name] < 1) {
      throw new GardenhoseError(
        'invalid-option',
        `${name} must be a whole number over 0, got ${resolved[name]}`,
        {
          subject: name,
        },
      );
    }
  }
  if (resolved.order !== 'start' && resolved.order !== 'end') {
    throw new GardenhoseError(
      'invalid-option',
      `order must be 'start' or 'end', got '${String(resolved.order)}'`,
      {
        subject: 'order',
      },
    );
  }
  return resolved;
}
