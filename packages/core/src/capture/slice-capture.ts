import { randomBytes } from 'node:crypto';
import type { Writable } from 'node:stream';
import { GardenhoseError } from '../errors.ts';
import type { CaptureEvent, ExchangeId, ResumeEvent, StartEvent } from '../model/event.ts';
import type { Exchange } from '../model/exchange.ts';
import { onlyOptions } from '../model/option-names.ts';
import { flagOption, invalidOption } from '../model/option-values.ts';
import { type CaptureRange, openCapture } from './open-capture.ts';
import { readEvents } from './read-capture.ts';
import { type RewriteOptions, type RewriteResult, rewriteCapture } from './rewrite-capture.ts';

/** Which exchanges a slice keeps: those that all of this holds of. */
export interface SliceOptions extends RewriteOptions {
  /** Those that began in this part of the capture; each is kept to its end. Default all. */
  readonly range?: CaptureRange | undefined;
  /** Those with these ids. Default all. */
  readonly ids?: ReadonlySet<ExchangeId> | undefined;
  /** Those that this says true of. The capture is read once more for it, so it must be a file. Default all. */
  readonly where?: ((exchange: Exchange) => boolean) | undefined;
  /**
   * Whether those are kept, too, that were under way when the range begins: from there on, with the head of their request, and marked as
   * partial (`no-start`). Needs a range with a beginning. Default false.
   */
  readonly underWay?: boolean | undefined;
  /** Told of the events read so far, after each. Default nobody. */
  readonly onEvent?: ((events: number) => void) | undefined;
}

const optionNames: Readonly<Record<keyof SliceOptions, true>> = {
  overwrite: true,
  encryptionKey: true,
  encrypt: true,
  range: true,
  ids: true,
  where: true,
  underWay: true,
  onEvent: true,
};

/** What {@link sliceCapture} kept. */
export interface SliceResult extends RewriteResult {
  /** Exchanges in the slice. */
  readonly exchanges: number;
  /** Of those, the ones that were under way when its range begins. */
  readonly partial: number;
  /** Exchanges of the capture, as far as it was read. */
  readonly of: number;
}

/** Ids that a condition may choose: a set of them takes 100 MiB. */
const maxChosen = 4_194_304;
/** Exchanges under way that are remembered. */
const maxUnderWay = 65_536;

/**
 * Writes a part of a capture into a new one: the exchanges of a time, of a sequence, those with some ids, or those that a function chooses. They keep their ids,
 * lanes, numbers and times, so what was found in the one can be looked up in the other; the schemas come with them. Gaps, controls and clocks of
 * the range are kept where nothing but a range was asked for; what they tell of others is not kept. The new capture has an id of its own, and the tag
 * `slice-of` with that of the old one. Damage is treated as `recoverCapture` does.
 *
 * @throws GardenhoseError as `recoverCapture`; `invalid-option`, also for a range that ends before it begins; `capture-limit` when `where` chooses more
 *   than 4,194,304 exchanges
 * @param output - Name of the new file, or a stream, which is left open
 *
 * @example
 * // The second minute, and of it what failed.
 * await sliceCapture('orders.hose', 'failed.hose', {
 *   range: { fromAt: 60e9, toAt: 120e9 },
 *   where: ({ response }) => response === undefined || response.status >= 500,
 * });
 */
export async function sliceCapture(
  source: string | AsyncIterable<Uint8Array>,
  output: string | Writable,
  options: SliceOptions,
): Promise<SliceResult> {
  onlyOptions('a slice', options, optionNames);
  const { range = {}, ids, where, onEvent, overwrite, encryptionKey, encrypt } = options;
  const bounds = checkRange(range);
  const underWay = flagOption('underWay', options.underWay, false);
  if (underWay && bounds.fromAt === 0 && bounds.fromSeq === 0) {
    throw invalidOption('underWay', 'needs a range with a beginning: before it, nothing is under way');
  }
  if (options.range === undefined && ids === undefined && where === undefined) {
    throw invalidOption('range', 'must be given, or ids, or where: without one of them nothing is cut');
  }
  const chosen = where === undefined ? undefined : await choose(source, where, encryptionKey);
  const slice = new Slice(bounds, [ids, chosen], underWay);
  const result = await rewriteCapture(
    source,
    output,
    { overwrite, encryptionKey, encrypt },
    (before) => ({
      ...before,
      id: randomBytes(16).toString('hex'),
      tags: { ...before.tags, 'slice-of': before.id },
    }),
    async ({ window, log, start }, writer) => {
      let events = 0;
      for await (const event of readEvents(window, log, start)) {
        for (const kept of slice.take(event)) await writer.write(kept);
        onEvent?.(++events);
        if (slice.over) break;
      }
    },
  );
  return { ...result, exchanges: slice.exchanges, partial: slice.partial, of: slice.of };
}

async function choose(
  source: string | AsyncIterable<Uint8Array>,
  where: (exchange: Exchange) => boolean,
  encryptionKey: RewriteOptions['encryptionKey'],
): Promise<ReadonlySet<ExchangeId>> {
  if (typeof source !== 'string') {
    throw invalidOption('where', 'needs a capture in a file: what it says is known when an exchange is over');
  }
  await using capture = await openCapture(source, { mode: 'salvage', encryptionKey });
  const chosen = new Set<ExchangeId>();
  for await (const exchange of capture.exchanges({}, { order: 'end' })) {
    if (where(exchange)) chosen.add(exchange.id);
    if (chosen.size > maxChosen) {
      throw new GardenhoseError(
        'capture-limit',
        `where chooses more than ${maxChosen} exchanges of ${source}`,
        {
          subject: source,
        },
      );
    }
  }
  return chosen;
}

type Bounds = Required<{ readonly [key in keyof CaptureRange]: number }>;

const rangeNames: Readonly<Record<keyof CaptureRange, true>> = {
  fromAt: true,
  toAt: true,
  fromSeq: true,
  toSeq: true,
};

function checkRange(range: CaptureRange): Bounds {
  onlyOptions('range', range, rangeNames);
  const { fromAt = 0, toAt, fromSeq = 0, toSeq } = range;
  const bounds = { fromAt, toAt: toAt ?? Infinity, fromSeq, toSeq: toSeq ?? Infinity };
  for (const [name, value] of Object.entries(bounds)) {
    if (!(typeof value === 'number' && value >= 0)) {
      throw invalidOption(`range.${name}`, `must be a number of at least 0, got ${String(value)}`);
    }
  }
  if (!(bounds.fromAt < bounds.toAt && bounds.fromSeq < bounds.toSeq)) {
    throw invalidOption('range', 'must end after it begins');
  }
  return bounds;
}

/** Decides event by event. */
class Slice {
  exchanges = 0;
  partial = 0;
  of = 0;
  /** Nothing that is read from here on is kept. */
  over = false;
  readonly #bounds: Bounds;
  readonly #sets: readonly (ReadonlySet<ExchangeId> | undefined)[];
  readonly #underWay: boolean;
  /** Kept and not over: how many sides have still to end. */
  readonly #open = new Map<ExchangeId, number>();
  /** Began before the range and not over. */
  readonly #before = new Map<ExchangeId, { readonly start: StartEvent | ResumeEvent; left: number }>();
  #begun = false;
  #lastSeq = 0;

  constructor(bounds: Bounds, sets: readonly (ReadonlySet<ExchangeId> | undefined)[], underWay: boolean) {
    this.#bounds = bounds;
    this.#sets = sets;
    this.#underWay = underWay;
  }

  *take(event: CaptureEvent): Generator<CaptureEvent, void, undefined> {
    const { fromAt, fromSeq, toAt, toSeq } = this.#bounds;
    const within = event.at >= fromAt && event.seq >= fromSeq && event.at < toAt && event.seq < toSeq;
    const past = event.at >= toAt || event.seq >= toSeq;
    if (!this.#begun && (within || past)) {
      this.#begun = true;
      for (const resumed of this.#resumed(event)) yield resumed;
    }
    if (event.type === 'schema') yield event;
    else if (event.type === 'start' || event.type === 'resume') yield* this.#start(event, within);
    else if ('exchange' in event && event.exchange !== undefined) {
      if (this.#open.has(event.exchange)) yield event;
      this.#note(event);
    } else if (within && this.#sets.every((set) => set === undefined)) yield event;
    this.#lastSeq = event.seq;
    if (past && this.#open.size === 0) this.over = true;
  }

  get #fromTheStart(): boolean {
    return this.#bounds.fromAt === 0 && this.#bounds.fromSeq === 0;
  }

  *#start(event: StartEvent | ResumeEvent, within: boolean): Generator<CaptureEvent, void, undefined> {
    // A resume tells of what began before this capture did.
    if (event.type === 'start') this.of++;
    if (!this.#sets.every((set) => set?.has(event.exchange) ?? true)) return;
    if (within && (event.type === 'start' || this.#underWay || this.#fromTheStart)) {
      this.#open.set(event.exchange, 2);
      this.exchanges++;
      if (event.type === 'resume') this.partial++;
      yield event;
    } else if (!this.#begun && this.#underWay && this.#before.size < maxUnderWay) {
      this.#before.set(event.exchange, { start: event, left: 2 });
    }
  }

  *#resumed({ at }: CaptureEvent): Generator<ResumeEvent, void, undefined> {
    for (const [exchange, { start, left }] of this.#before) {
      this.#open.set(exchange, left);
      this.exchanges++;
      this.partial++;
      const [startSeq, startAt] =
        start.type === 'resume' ? [start.startSeq, start.startAt] : [start.seq, start.at];
      yield { ...start, type: 'resume', seq: this.#lastSeq, at, startSeq, startAt };
    }
    this.#before.clear();
  }

  /** Follows what ends. */
  #note(event: CaptureEvent): void {
    if ((event.type !== 'end' && event.type !== 'abort') || event.exchange === undefined) return;
    const { exchange } = event;
    const earlier = this.#before.get(exchange);
    if (earlier !== undefined) {
      earlier.left -= event.type === 'abort' ? 2 : 1;
      if (earlier.left <= 0) this.#before.delete(exchange);
    }
    const left = this.#open.get(exchange);
    if (left === undefined) return;
    if (event.type === 'abort' || left <= 1) this.#open.delete(exchange);
    else this.#open.set(exchange, left - 1);
  }
}
