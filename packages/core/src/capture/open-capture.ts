import { type AssembleOptions, Assembler } from '../model/assemble.ts';
import type { CaptureHeader } from '../model/capture-header.ts';
import type { CaptureEvent } from '../model/event.ts';
import type { Exchange } from '../model/exchange.ts';
import { runSource } from '../model/runs.ts';
import { ByteWindow } from './byte-window.ts';
import { type CaptureCondition, ConditionLog } from './condition.ts';
import type { EncryptionKey } from './encryption.ts';
import { cipherFor } from './encryption-note.ts';
import { eventTypes } from './enums.ts';
import { recordTypes } from './format.ts';
import { type Head, readHead } from './head-reader.ts';
import { decodeHeader } from './header-payload.ts';
import { openFile, pieces, type RandomAccess } from './random-access.ts';
import { type ReadCaptureOptions, readEventRuns } from './read-capture.ts';
import { frameHeaderAt, type Layout, readFooter, readLayout, type SeekPoint } from './seek-table.ts';

/** Part of a capture. What is left out does not bound it. */
export interface CaptureRange {
  /** Nanoseconds since the capture's anchor: events from this time on. */
  readonly fromAt?: number | undefined;
  /** Events before this time. */
  readonly toAt?: number | undefined;
  /** Events from this sequence number on. */
  readonly fromSeq?: number | undefined;
  /** Events before this sequence number. */
  readonly toSeq?: number | undefined;
}

/** What a capture holds in all. */
export interface CaptureSummary {
  /** Whether the capture was closed, so that its own summary tells this; otherwise all of it was read. */
  readonly closed: boolean;
  readonly bytes: number;
  readonly events: number;
  /** Exchanges that begin in this capture. */
  readonly exchanges: number;
  /** Events per type. */
  readonly types: Readonly<Partial<Record<CaptureEvent['type'], number>>>;
  /** Undefined when there are no events. */
  readonly firstSeq: number | undefined;
  readonly lastSeq: number | undefined;
  /** Nanoseconds since the anchor. */
  readonly firstAt: number | undefined;
  readonly lastAt: number | undefined;
}

/** A capture in a file, open to be read, as a whole or in part, as often as wanted. */
export interface Capture extends AsyncDisposable {
  readonly header: CaptureHeader;
  /** The events of a range, in order. Reads no more of the file than it must. */
  events(range?: CaptureRange): AsyncIterable<CaptureEvent>;
  /** The exchanges of a range, whole where all their events are in it. */
  exchanges(range?: CaptureRange, options?: AssembleOptions): AsyncIterable<Exchange>;
  summary(): Promise<CaptureSummary>;
  /** What the reading of events has met so far: the newest call of `events` or `exchanges`. */
  condition(): CaptureCondition;
  close(): Promise<void>;
}

/** A capture whose events can be had in runs, within which nothing is waited for: there are several events to an exchange. */
export interface CaptureInRuns extends Capture {
  runs(range?: CaptureRange): AsyncIterable<Iterable<CaptureEvent>>;
  /** What it is encrypted with. */
  readonly encryptionKey: EncryptionKey | undefined;
}

/**
 * Opens a capture for reading. A file that is still being written can be read as far as it has come.
 *
 * @throws GardenhoseError `not-a-capture`, `capture-version`, `capture-feature`, `capture-key`, `io`, and as the mode says
 *   `capture-damaged` and `capture-truncated`; the same while events are read
 *
 * @example
 * await using capture = await openCapture('orders.hose');
 * for await (const exchange of capture.exchanges()) console.log(exchange.request.target);
 */
export function openCapture(
  source: string | RandomAccess,
  options: ReadCaptureOptions = {},
): Promise<Capture> {
  return openInRuns(source, options);
}

export async function openInRuns(
  source: string | RandomAccess,
  options: ReadCaptureOptions = {},
): Promise<CaptureInRuns> {
  const name = options.name ?? (typeof source === 'string' ? source : 'The capture');
  const access = typeof source === 'string' ? await openFile(source) : source;
  try {
    const log = new ConditionLog(options.mode ?? 'tail', name);
    const window = new ByteWindow(pieces(access, 0));
    const head = await readHead(window, log, options.encryptionKey);
    const headEnd = window.offset;
    await window.close();
    return new FileCapture(access, await bestHead(access, head, name, options.encryptionKey), headEnd, log);
  } catch (error) {
    await access.close();
    throw error;
  }
}

/** Where the header is lost, with the copy of it that a closed capture keeps in its footer. */
export async function bestHead(
  access: RandomAccess,
  head: Head,
  name: string,
  key: ReadCaptureOptions['encryptionKey'],
): Promise<Head> {
  if (head.sound) return head;
  const found = await readFooter(access, head.sync);
  if (found === undefined) return head;
  const { headerPayload } = found.footer;
  const header = decodeHeader(headerPayload, name);
  return { ...head, header, cipher: await cipherFor(header, headerPayload, key, name) };
}

class FileCapture implements CaptureInRuns {
  readonly header: CaptureHeader;
  readonly encryptionKey: EncryptionKey | undefined;
  readonly #access: RandomAccess;
  readonly #head: Head;
  readonly #headEnd: number;
  readonly #headLog: ConditionLog;
  #layout: Promise<Layout> | undefined;
  #log: ConditionLog;

  constructor(access: RandomAccess, head: Head, headEnd: number, headLog: ConditionLog) {
    this.#access = access;
    this.header = head.header;
    this.encryptionKey = head.cipher?.key;
    this.#head = head;
    this.#headEnd = headEnd;
    this.#headLog = headLog;
    this.#log = headLog;
  }

  async *events(range: CaptureRange = {}): AsyncGenerator<CaptureEvent, void, undefined> {
    for await (const events of this.runs(range)) {
      for (const event of events) yield event;
    }
  }

  exchanges(range: CaptureRange = {}, options: AssembleOptions = {}): AsyncIterable<Exchange> {
    return runSource(() => this.#exchangeRuns(range, options));
  }

  async *#exchangeRuns(
    range: CaptureRange,
    options: AssembleOptions,
  ): AsyncGenerator<Iterable<Exchange>, void, undefined> {
    const assembler = new Assembler(options);
    for await (const events of this.runs(range)) yield assembler.pushAll(events);
    yield assembler.finish();
  }

  async *runs(range: CaptureRange = {}): AsyncGenerator<Iterable<CaptureEvent>, void, undefined> {
    const { fromAt = 0, toAt = Infinity, fromSeq = 0, toSeq = Infinity } = range;
    const log = this.#headLog.copy();
    this.#log = log;
    let over = false;
    function* within(events: Iterable<CaptureEvent>): Generator<CaptureEvent, void, undefined> {
      for (const event of events) {
        over = event.seq >= toSeq || event.at >= toAt;
        if (over) return;
        if (event.seq >= fromSeq && event.at >= fromAt) yield event;
      }
    }
    for await (const events of await this.#from(fromSeq, fromAt, log)) {
      yield within(events);
      if (over) return;
    }
  }

  async summary(): Promise<CaptureSummary> {
    const bytes = await this.#access.size();
    const footer = (await this.#findLayout())?.footer;
    if (footer === undefined) return this.#count(bytes);
    const types: Partial<Record<CaptureEvent['type'], number>> = {};
    let events = 0;
    for (const type of eventTypes) {
      const count = footer.counts.get(recordTypes[type]) ?? 0;
      if (count > 0) types[type] = count;
      events += count;
    }
    const some = footer.firstSeq !== undefined;
    return {
      closed: true,
      bytes,
      events,
      exchanges: types.start ?? 0,
      types,
      firstSeq: footer.firstSeq,
      lastSeq: some ? footer.lastSeq : undefined,
      firstAt: some ? footer.firstNs : undefined,
      lastAt: some ? footer.lastNs : undefined,
    };
  }

  condition(): CaptureCondition {
    return this.#log.condition();
  }

  close(): Promise<void> {
    return this.#access.close();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  /** Reads all events to count them. */
  async #count(bytes: number): Promise<CaptureSummary> {
    const types: Partial<Record<CaptureEvent['type'], number>> = {};
    let events = 0;
    let first: CaptureEvent | undefined;
    let last: CaptureEvent | undefined;
    for await (const event of this.events()) {
      types[event.type] = (types[event.type] ?? 0) + 1;
      events += 1;
      first ??= event;
      last = event;
    }
    return {
      closed: false,
      bytes,
      events,
      exchanges: types.start ?? 0,
      types,
      firstSeq: first?.seq,
      lastSeq: last?.seq,
      firstAt: first?.at,
      lastAt: last?.at,
    };
  }

  async #from(
    fromSeq: number,
    fromAt: number,
    log: ConditionLog,
  ): Promise<AsyncIterable<Iterable<CaptureEvent>>> {
    const { sync, number, cipher } = this.#head;
    const point = fromSeq > 0 || fromAt > 0 ? await this.#seek(fromSeq, fromAt) : undefined;
    if (point === undefined) {
      const window = new ByteWindow(pieces(this.#access, this.#headEnd), this.#headEnd);
      return readEventRuns(window, log, { sync, number, cipher, fromStart: true });
    }
    const window = new ByteWindow(pieces(this.#access, point.offset), point.offset);
    return readEventRuns(window, log, { sync, number: point.number, cipher, fromStart: false });
  }

  /** Where to begin so that nothing of the range is passed over. The index is believed only where the frame agrees. */
  async #seek(fromSeq: number, fromAt: number): Promise<SeekPoint | undefined> {
    // A bound of zero bounds nothing: every chunk is after it.
    const layout = await this.#findLayout();
    const point = layout?.table.before(fromSeq || Infinity, fromAt || Infinity);
    if (point === undefined) return undefined;
    const header = await frameHeaderAt(this.#access, this.#head.sync, point.offset);
    const agrees =
      header?.number === point.number && header.firstSeq === point.firstSeq && header.baseNs === point.baseNs;
    return agrees ? point : undefined;
  }

  #findLayout(): Promise<Layout> | undefined {
    if (this.#head.sync === undefined) return undefined;
    this.#layout ??= readLayout(this.#access, this.#head.sync, this.#headEnd, this.#head.cipher);
    return this.#layout;
  }
}
