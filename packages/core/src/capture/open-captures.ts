import { GardenhoseError } from '../errors.ts';
import { type AssembleOptions, Assembler } from '../model/assemble.ts';
import type { CaptureHeader } from '../model/capture-header.ts';
import type { CaptureEvent } from '../model/event.ts';
import type { Exchange } from '../model/exchange.ts';
import { invalidOption } from '../model/option-values.ts';
import { type CaptureCondition, worstOf } from './condition.ts';
import { eventTypes } from './enums.ts';
import { mostMerged } from './header-payload.ts';
import { mergeRuns } from './merge-events.ts';
import { type ClockCorrection, mergedHeader, uncorrected } from './merge-header.ts';
import { type Capture, type CaptureRange, type CaptureSummary, openInRuns } from './open-capture.ts';
import type { ReadCaptureOptions } from './read-capture.ts';
import { type NamedCapture, type Recording, recordingRuns, recordingsOf } from './recordings.ts';

/** Files that are read at once. */
const mostFiles = 256;

/** Several captures, read as one. */
export interface MergedCapture extends Capture {
  /** What they are, in the order in which they were named: where each stands in `header.mergedFrom`, and how it was found to be. */
  readonly sources: readonly MergedCaptureSource[];
}

export interface MergedCaptureSource {
  readonly name: string;
  readonly header: CaptureHeader;
  /** Which of the recordings it is of, from 0: its place in `header.mergedFrom`. The parts of a rotated one have the same. */
  readonly recording: number;
  condition(): CaptureCondition;
}

/**
 * Opens several captures as one: of instances of a service, of a service and its collaborators, or the parts of a rotated recording.
 * Their events come in order of time, by the wall clocks that they began at; each keeps its own order. Exchange ids and lanes
 * of different recordings are kept apart. Nothing is sorted in memory: of each recording there is one chunk.
 *
 * @throws GardenhoseError as {@link openCapture} does; `invalid-option` for no file, more than 256, more than 64 recordings, or one
 *   recording twice; `capture-limit` when they lie more than 104 days apart
 *
 * @example
 * await using capture = await openCaptures(['pod-1.hose', 'pod-2.hose']);
 * for await (const exchange of capture.exchanges()) console.log(exchange.lane, exchange.request.target);
 */
export async function openCaptures(
  paths: readonly string[],
  options: Pick<ReadCaptureOptions, 'mode' | 'encryptionKey'> = {},
): Promise<MergedCapture> {
  const captures = await openAll(paths, options);
  try {
    return new SeveralCaptures(captures, recordingsOf(captures));
  } catch (error) {
    await closeAll(captures);
    throw error;
  }
}

/** Opens all or none. */
export async function openAll(
  paths: readonly string[],
  options: Pick<ReadCaptureOptions, 'mode' | 'encryptionKey'>,
): Promise<NamedCapture[]> {
  if (paths.length === 0 || paths.length > mostFiles) {
    throw invalidOption('captures', `must be 1 to ${mostFiles} files, got ${paths.length}`);
  }
  const captures: NamedCapture[] = [];
  try {
    for (const name of paths) captures.push({ name, capture: await openInRuns(name, options) });
    return captures;
  } catch (error) {
    await closeAll(captures);
    throw error;
  }
}

export async function closeAll(captures: readonly NamedCapture[]): Promise<void> {
  await Promise.all(captures.map(({ capture }) => capture.close()));
}

export class SeveralCaptures implements MergedCapture {
  readonly header: CaptureHeader;
  readonly sources: readonly MergedCaptureSource[];
  readonly #captures: readonly NamedCapture[];
  readonly #recordings: readonly Recording[];
  readonly #offsetsNs: readonly number[];
  readonly #corrections: readonly ClockCorrection[];

  /**
   * @param corrections - Of the recordings, in their order. Default none: their wall clocks are believed
   * @param firstAts - When the first event of each is, after its anchor. Default 0, as if at its anchor
   */
  constructor(
    captures: readonly NamedCapture[],
    recordings: readonly Recording[],
    corrections: readonly ClockCorrection[] = recordings.map(() => uncorrected),
    firstAts: readonly number[] = [],
  ) {
    if (recordings.length > mostMerged) {
      throw invalidOption(
        'captures',
        `must be of at most ${mostMerged} recordings, got ${recordings.length}; merge some of them first`,
      );
    }
    this.#captures = captures;
    this.#recordings = recordings;
    this.#corrections = corrections;
    const { anchorMs, offsetsNs } = anchorOf(recordings, corrections, firstAts);
    this.#offsetsNs = offsetsNs;
    this.header = mergedHeader(
      recordings.map(({ header }) => header),
      corrections,
      anchorMs,
    );
    this.sources = captures.map(({ name, capture }) => ({
      name,
      header: capture.header,
      recording: recordings.findIndex(({ header }) => header.id === capture.header.id),
      condition: () => capture.condition(),
    }));
  }

  async *events(range: CaptureRange = {}): AsyncGenerator<CaptureEvent, void, undefined> {
    for await (const events of this.runs(range)) {
      for (const event of events) yield event;
    }
  }

  async *exchanges(
    range: CaptureRange = {},
    options: AssembleOptions = {},
  ): AsyncGenerator<Exchange, void, undefined> {
    const assembler = new Assembler(options);
    for await (const events of this.runs(range)) {
      for (const event of events) {
        for (const exchange of assembler.push(event)) yield exchange;
      }
    }
    for (const exchange of assembler.finish()) yield exchange;
  }

  /** What comes before a range is read as well: numbers are given anew while reading. */
  async *runs(range: CaptureRange = {}): AsyncGenerator<Iterable<CaptureEvent>, void, undefined> {
    const { fromAt = 0, toAt = Infinity, fromSeq = 0, toSeq = Infinity } = range;
    let over = false;
    function* within(events: Iterable<CaptureEvent>): Generator<CaptureEvent, void, undefined> {
      for (const event of events) {
        over = event.seq >= toSeq || event.at >= toAt;
        if (over) return;
        if (event.seq >= fromSeq && event.at >= fromAt) yield event;
      }
    }
    for await (const events of mergeRuns(this.#inputs())) {
      yield within(events);
      if (over) return;
    }
  }

  async summary(): Promise<CaptureSummary> {
    const all = await Promise.all(
      this.#captures.map(async ({ capture }) => ({ capture, summary: await capture.summary() })),
    );
    const types: Partial<Record<CaptureEvent['type'], number>> = {};
    const sum = (of: (summary: CaptureSummary) => number) =>
      all.reduce((total, { summary }) => total + of(summary), 0);
    for (const type of eventTypes) {
      const count = sum((summary) => summary.types[type] ?? 0);
      if (count > 0) types[type] = count;
    }
    const times = all.flatMap(({ capture, summary: { firstAt, lastAt } }) => {
      const place = this.#recordings.findIndex(({ header }) => header.id === capture.header.id);
      return firstAt === undefined || lastAt === undefined
        ? []
        : [{ first: this.#timeOf(place, firstAt), last: this.#timeOf(place, lastAt) }];
    });
    const some = times.length > 0;
    return {
      closed: all.every(({ summary }) => summary.closed),
      bytes: sum(({ bytes }) => bytes),
      events: sum(({ events }) => events),
      exchanges: sum(({ exchanges }) => exchanges),
      types,
      firstSeq: some ? 1 : undefined,
      lastSeq: some
        ? sum(({ firstSeq = 1, lastSeq = firstSeq - 1 }) => Math.max(0, lastSeq - firstSeq + 1))
        : undefined,
      firstAt: some ? Math.min(...times.map(({ first }) => first)) : undefined,
      lastAt: some ? Math.max(...times.map(({ last }) => last)) : undefined,
    };
  }

  condition(): CaptureCondition {
    return worstOf(this.#captures.map(({ capture }) => capture.condition()));
  }

  close(): Promise<void> {
    return closeAll(this.#captures);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  #inputs() {
    return this.#recordings.map((recording, place) => ({
      runs: recordingRuns(recording),
      timeOf: (at: number) => this.#timeOf(place, at),
      wallShiftMs: (this.#corrections[place] ?? uncorrected).skewNs / 1e6,
    }));
  }

  #timeOf(place: number, at: number): number {
    const { driftPpm } = this.#corrections[place] ?? uncorrected;
    return Math.max(0, Math.round(at + (this.#offsetsNs[place] ?? 0) + (driftPpm * at) / 1e6));
  }
}

/**
 * From when all count: the earliest anchor, by the corrected clocks; of a recording whose clock was put right, its first event, or a clock that was hours off
 * would put hours before all. And how far after that the anchors are.
 */
export function anchorOf(
  recordings: readonly Recording[],
  corrections: readonly ClockCorrection[] = recordings.map(() => uncorrected),
  firstAts: readonly number[] = [],
): { readonly anchorMs: number; readonly offsetsNs: readonly number[] } {
  const base = recordings[0]?.header.wallMs ?? 0;
  // Counted from one of them: milliseconds since 1970 leave too few digits for nanoseconds.
  const fromBase = recordings.map(
    ({ header }, place) => (header.wallMs - base) * 1e6 + (corrections[place] ?? uncorrected).skewNs,
  );
  const first = Math.min(
    ...fromBase.map((offset, place) =>
      corrections[place]?.skewErrorNs === undefined ? offset : offset + (firstAts[place] ?? 0),
    ),
  );
  const offsetsNs = fromBase.map((offset) => offset - first);
  const far = offsetsNs.findIndex((offset) => !(offset < Number.MAX_SAFE_INTEGER));
  if (far >= 0) {
    throw new GardenhoseError(
      'capture-limit',
      `${recordings[far]?.parts[0]?.name ?? 'A capture'} was recorded more than 104 days after the first of the captures: times of one capture can be no further apart`,
      { subject: recordings[far]?.parts[0]?.name ?? '' },
    );
  }
  return { anchorMs: base + first / 1e6, offsetsNs };
}
