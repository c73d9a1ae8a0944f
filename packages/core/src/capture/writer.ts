import { randomBytes } from 'node:crypto';
import { crc32 } from 'node:zlib';
import { GardenhoseError, isGardenhoseError } from '../errors.ts';
import type { CaptureHeader } from '../model/capture-header.ts';
import type { CaptureEvent, GapEvent } from '../model/event.ts';
import { ChunkBuilder, type SealedChunk } from './chunk-builder.ts';
import { compress } from './codec.ts';
import { codecs, frameTypes, limits, magic, recordTypes } from './format.ts';
import { buildFrame, type FrameContent, type FrameHeader } from './frame.ts';
import { encodeHeader } from './header-payload.ts';
import { encodeFooter, encodeIndexEntry, encodeTrailer, Totals } from './summary-payload.ts';
import {
  type CaptureWriterOptions,
  type ResolvedWriterOptions,
  resolveWriterOptions,
} from './writer-options.ts';

/** Takes the bytes of a capture, in order: a file, a pipe, a socket, memory. */
export interface ByteOutput {
  /** Takes all of `bytes`, or fails. The writer waits for a returned promise before its next call. */
  write(bytes: Uint8Array): void | Promise<void>;
  /**
   * After a failed write: makes the output end at `offset` again, if it can, so that no torn frame stays behind. Returns
   * where it ends now. An output without this cannot go on after a failed write.
   */
  restore?(offset: number): number;
}

/** What failed writes took with them, to be declared in the next chunk that gets through. */
interface Loss {
  readonly fromSeq: number;
  readonly fromAt: number;
  readonly toSeq: number;
  readonly toAt: number;
  /** Exchanges that began in it. */
  readonly exchanges: number;
}

/**
 * Writes a capture: events in, bytes out. Everything that was flushed is readable, also when the writer is never closed.
 * Closing adds an index and a summary; the output itself stays open.
 *
 * When the output fails, the call that noticed throws `io`, and the events of the chunk that did not get through are
 * lost. Later calls go on if the output can, and the next chunk begins with a gap event that says what is missing.
 *
 * @example
 * const writer = new CaptureWriter({ write: (bytes) => fs.writeFileSync(fd, bytes) }, header);
 * for (const event of events) await writer.write(event);
 * await writer.close();
 */
export class CaptureWriter {
  readonly #output: ByteOutput;
  readonly #options: ResolvedWriterOptions;
  readonly #sync: Uint8Array;
  readonly #headerPayload: Uint8Array;
  readonly #chunk: ChunkBuilder;
  readonly #totals = new Totals();
  #indexEntries: Uint8Array[] = [];
  #indexOffsets: number[] | undefined = [];
  #frames = 0;
  #offset = 0;
  #closed = false;
  #broken: GardenhoseError | undefined;
  #loss: Loss | undefined;
  /** A loss whose gap stands in the open chunk: with that chunk, it would have to be declared again. */
  #declared: Loss | undefined;
  #lastSeq = 0;
  #lastAt = 0;
  #lostExchanges = 0;
  #lostEvents = 0;

  /**
   * Nothing is written before the first chunk, a flush or the close.
   *
   * @throws GardenhoseError `invalid-option`; `event-invalid` or `capture-limit` for a header that the format cannot hold
   */
  constructor(output: ByteOutput, header: CaptureHeader, options: CaptureWriterOptions = {}) {
    this.#output = output;
    this.#options = resolveWriterOptions(options);
    this.#sync = this.#options.syncMark ?? randomBytes(8);
    this.#headerPayload = encodeHeader(header, this.#sync);
    this.#chunk = new ChunkBuilder(this.#options.chunkBytes, this.#options.chunkSpanMs);
  }

  /** What failed writes took with them, in all. */
  get lost(): { readonly exchanges: number; readonly events: number } {
    return { exchanges: this.#lostExchanges, events: this.#lostEvents };
  }

  /** Bytes that the output has taken. */
  get bytesWritten(): number {
    return this.#offset;
  }

  /**
   * Takes the next event. `seq` and `at` never fall from one event to the next. Wait for a returned promise before the
   * next call.
   *
   * @throws GardenhoseError `event-invalid` or `capture-limit` for an event that the format cannot hold, which is then
   *   not taken; `io` when the output failed, with the loss of earlier events, while this one is taken; `recorder-closed`
   *   after the close
   */
  write(event: CaptureEvent): void | Promise<void> {
    if (this.#broken !== undefined) {
      if (event.type === 'start') this.#lostExchanges += 1;
      this.#lostEvents += 1;
    }
    this.#checkUsable();
    if (!(event.seq >= this.#lastSeq && event.at >= this.#lastAt)) {
      throw new GardenhoseError(
        'event-invalid',
        `A ${event.type} event has a lower seq or at than the event before it: events are written in order`,
      );
    }
    this.#declareLoss();
    if (this.#add(event)) return undefined;
    // Whether or not the full chunk gets through, there is room for the event in the next one.
    const take = (): void => {
      this.#declareLoss();
      this.#add(event);
    };
    let pending: void | Promise<void>;
    try {
      pending = this.#writeChunk();
    } catch (error) {
      take();
      throw error;
    }
    if (pending !== undefined) return pending.finally(take);
    return take();
  }

  /** Writes a gap in place of an event that `write` refused as one that the format cannot hold. */
  declareRefused(event: CaptureEvent): void | Promise<void> {
    const exchange = 'exchange' in event && Number.isSafeInteger(event.exchange) ? event.exchange : undefined;
    const numbered = event.seq > this.#lastSeq;
    return this.write({
      type: 'gap',
      reason: 'sink-failed',
      seq: this.#lastSeq,
      at: this.#lastAt,
      fromAt: this.#lastAt,
      toAt: this.#lastAt,
      exchanges: 0,
      events: numbered ? 1 : 0,
      fromSeq: numbered ? event.seq : this.#lastSeq,
      exchange,
    });
  }

  /**
   * Writes the open chunk.
   *
   * @throws GardenhoseError `io` when the output failed
   */
  async flush(): Promise<void> {
    await this.#flush();
  }

  /**
   * Writes the open chunk, the index, the summary and the trailer. Calls after the first do nothing.
   *
   * @throws GardenhoseError `io` when the output failed
   */
  async close(): Promise<void> {
    if (this.#closed) return;
    await after(this.#flush(), () => {
      this.#closed = true;
      return after(this.#writeIndex(), () => {
        const footer = encodeFooter(this.#headerPayload, this.#indexOffsets, this.#totals);
        const frame = this.#frame(plain(frameTypes.footer, footer, 1));
        return this.#emit(frame, encodeTrailer(this.#offset, frame.length));
      });
    });
  }

  #flush(): void | Promise<void> {
    this.#checkUsable();
    this.#declareLoss();
    if (this.#chunk.empty && this.#offset === 0) return this.#emit();
    return this.#writeChunk();
  }

  /** Takes over a chunk of another capture as it stands, with its payload and also records of unknown types. */
  async copyChunk(
    header: FrameHeader,
    stored: Uint8Array,
    counts: ReadonlyMap<number, number>,
  ): Promise<void> {
    await this.flush();
    this.#lastSeq = header.firstSeq + header.seqSpan;
    this.#lastAt = header.baseNs + header.spanNs;
    await this.#writeFrame({ ...header, type: frameTypes.chunk, stored }, counts);
  }

  #add(event: CaptureEvent): boolean {
    const added = this.#chunk.add(event);
    if (added) {
      this.#lastSeq = event.seq;
      this.#lastAt = event.at;
    }
    return added;
  }

  #writeChunk(): void | Promise<void> {
    const chunk = this.#chunk.seal();
    if (chunk === undefined) return undefined;
    const crcRaw = crc32(chunk.raw);
    const compressed = this.#options.compression === 'brotli' ? compress(chunk.raw) : undefined;
    return this.#writeFrame(
      {
        ...chunk,
        type: frameTypes.chunk,
        codec: compressed === undefined ? codecs.none : codecs.brotli,
        stored: compressed ?? chunk.raw,
        rawBytes: chunk.raw.length,
        crcRaw,
      },
      chunk.counts,
    );
  }

  #writeFrame(
    chunk: FrameContent & Omit<SealedChunk, 'raw' | 'counts'>,
    counts: SealedChunk['counts'],
  ): void | Promise<void> {
    const number = this.#nextNumber();
    const frame = this.#frame(chunk);
    const written = (): void | Promise<void> => {
      const offset = this.#offset - frame.length;
      this.#declared = undefined;
      this.#totals.add(chunk, counts);
      this.#indexEntries.push(
        encodeIndexEntry({ ...chunk, offset, number, storedBytes: chunk.stored.length }),
      );
      return this.#indexEntries.length >= limits.indexEntries ? this.#writeIndex() : undefined;
    };
    const failed = (error: unknown): never => {
      const before = this.#declared;
      const exchanges = counts.get(recordTypes.start) ?? 0;
      const loss: Loss = {
        fromSeq:
          before?.fromSeq ??
          Math.max(chunk.firstSeq, (this.#totals.firstSeq === undefined ? -1 : this.#totals.lastSeq) + 1),
        fromAt: before?.fromAt ?? chunk.baseNs,
        toSeq: chunk.firstSeq + chunk.seqSpan,
        toAt: chunk.baseNs + chunk.spanNs,
        exchanges: exchanges + (before?.exchanges ?? 0),
      };
      this.#loss = loss;
      this.#declared = undefined;
      this.#lostExchanges += exchanges;
      this.#lostEvents += loss.toSeq - (before?.toSeq ?? loss.fromSeq - 1);
      throw error;
    };
    let pending: void | Promise<void>;
    try {
      pending = this.#emit(frame);
    } catch (error) {
      return failed(error);
    }
    return pending === undefined ? written() : pending.then(written, failed);
  }

  /** Written every so many chunks, so that a writer's memory does not grow with its file. */
  #writeIndex(): void | Promise<void> {
    const offsets = this.#indexOffsets;
    const entries = this.#indexEntries.slice(0, limits.indexEntries);
    if (entries.length === 0 || offsets === undefined) {
      this.#indexEntries = [];
      return undefined;
    }
    const frame = this.#frame(plain(frameTypes.index, Buffer.concat(entries), entries.length));
    const written = (): void => {
      offsets.push(this.#offset - frame.length);
      this.#indexEntries = this.#indexEntries.slice(entries.length);
      if (offsets.length === limits.indexFrames) this.#indexOffsets = undefined;
    };
    const pending = this.#emit(frame);
    return after(pending, written);
  }

  /** Before the first frame stands the head, which takes number 0. */
  #nextNumber(): number {
    return this.#offset === 0 ? 1 : this.#frames;
  }

  #frame(content: FrameContent): Uint8Array {
    return buildFrame(this.#sync, this.#nextNumber(), content);
  }

  /** Gives a frame to the output, behind the head if it is the first, with the trailer if it is the last. */
  #emit(frame?: Uint8Array, trailer?: Uint8Array): void | Promise<void> {
    const parts = [this.#offset === 0 ? this.#head() : undefined, frame, trailer].filter(
      (part) => part !== undefined,
    );
    const bytes = parts.length === 1 && parts[0] !== undefined ? parts[0] : Buffer.concat(parts);
    const next = this.#nextNumber() + (frame === undefined ? 0 : 1);
    let pending: void | Promise<void>;
    try {
      pending = this.#output.write(bytes);
    } catch (error) {
      return this.#failed(error);
    }
    const taken = (): void => {
      this.#offset += bytes.length;
      this.#frames = next;
    };
    return pending === undefined ? taken() : pending.then(taken, (error) => this.#failed(error));
  }

  #head(): Uint8Array {
    return Buffer.concat([
      magic,
      buildFrame(this.#sync, 0, plain(frameTypes.header, this.#headerPayload, 1)),
    ]);
  }

  #failed(cause: unknown): never {
    const why = cause instanceof Error ? cause.message : String(cause);
    const error = new GardenhoseError('io', `The capture could not be written: ${why}`, { cause });
    const end = this.#output.restore?.(this.#offset);
    // Without its head a capture is no capture, and where an unknown part of a frame has gone, nothing can follow it.
    if (end === undefined || (this.#offset === 0 && end !== 0)) this.#broken = error;
    else if (end !== this.#offset) {
      // A torn frame stays. Readers find the next one by its sync mark; the torn one's number is not used again.
      this.#offset = end;
      this.#frames += 1;
    }
    throw error;
  }

  #declareLoss(): void {
    const loss = this.#loss;
    if (loss === undefined) return;
    this.#loss = undefined;
    this.#declared = loss;
    const gap: GapEvent = {
      type: 'gap',
      reason: 'sink-failed',
      seq: Math.max(0, loss.fromSeq - 1),
      at: loss.toAt,
      fromAt: loss.fromAt,
      toAt: loss.toAt,
      exchanges: loss.exchanges,
      events: Math.max(0, loss.toSeq - loss.fromSeq + 1),
      fromSeq: loss.fromSeq,
    };
    this.#chunk.add(gap);
  }

  #checkUsable(): void {
    if (this.#closed)
      throw new GardenhoseError('recorder-closed', 'The capture is closed: nothing can be added to it');
    if (this.#broken !== undefined) throw this.#broken;
  }
}

/** Whether an event was refused because of what it holds. */
export function isRefusal(error: unknown): boolean {
  return isGardenhoseError(error, 'event-invalid') || isGardenhoseError(error, 'capture-limit');
}

/** Goes on at once where nothing must be waited for: in the last moments of a process nothing can be. */
function after(pending: void | Promise<void>, next: () => void | Promise<void>): void | Promise<void> {
  return pending === undefined ? next() : pending.then(next);
}

function plain(type: number, payload: Uint8Array, count: number): FrameContent {
  return {
    type,
    codec: codecs.none,
    stored: payload,
    rawBytes: payload.length,
    crcRaw: crc32(payload),
    count,
  };
}
