import { randomBytes } from 'node:crypto';
import { crc32 } from 'node:zlib';
import { GardenhoseError, isGardenhoseError } from '../errors.ts';
import type { CaptureHeader } from '../model/capture-header.ts';
import type { BodyEvent, CaptureEvent, GapEvent } from '../model/event.ts';
import { ChunkBuilder, type SealedChunk } from './chunk-builder.ts';
import type { Compression } from './codec.ts';
import { ChunkCipher } from './encryption.ts';
import { newNote, withNote } from './encryption-note.ts';
import type { SoundChunk } from './event-reader.ts';
import { frameTypes, limits, recordTypes } from './format.ts';
import type { FrameContent, FrameHeader } from './frame.ts';
import { after, type ByteOutput, type FramePlace, FrameWriter, plainContent } from './frame-writer.ts';
import { encodeHeader } from './header-payload.ts';
import { type PackedChunk, packChunk } from './packed-chunk.ts';
import { encodeFooter, encodeIndexEntry, Totals } from './summary-payload.ts';
import { type CaptureWriterOptions, resolveWriterOptions } from './writer-options.ts';

/** Chunks that one body record covers at most, well within the values that a record can hold. */
const bodyChunks = 131_072;

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
  /** As it is written. */
  readonly header: CaptureHeader;
  readonly #compression: Compression;
  readonly #frames: FrameWriter;
  readonly #headerPayload: Uint8Array;
  readonly #cipher: ChunkCipher | undefined;
  readonly #chunk: ChunkBuilder;
  readonly #totals = new Totals();
  #indexEntries: Uint8Array[] = [];
  #indexOffsets: number[] | undefined = [];
  #closed = false;
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
    const { compression, chunkBytes, chunkSpanMs, syncMark, encryptionKey } = resolveWriterOptions(options);
    const sync = syncMark ?? randomBytes(8);
    this.#compression = compression;
    const note = encryptionKey && newNote(encryptionKey);
    this.header = withNote(header, note);
    this.#headerPayload = encodeHeader(this.header, sync);
    this.#cipher = encryptionKey && note && new ChunkCipher(encryptionKey, note.salt, this.#headerPayload);
    const cipher = this.#cipher;
    const encrypt = cipher && ((frame: FrameHeader, packed: Uint8Array) => cipher.encrypt(frame, packed));
    this.#frames = new FrameWriter(output, sync, this.#headerPayload, encrypt);
    this.#chunk = new ChunkBuilder(chunkBytes, chunkSpanMs);
  }

  /** What failed writes took with them, in all. */
  get lost(): { readonly exchanges: number; readonly events: number } {
    return { exchanges: this.#lostExchanges, events: this.#lostEvents };
  }

  /** Bytes that the output has taken. */
  get bytesWritten(): number {
    return this.#frames.offset;
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
    if (event.type === 'body' && event.ends.length > bodyChunks) return this.#writeParts(event);
    return this.#write(event);
  }

  /** A record can say of so many chunks only where their content ends. All parts are tried; the first failure is told. */
  async #writeParts(event: BodyEvent): Promise<void> {
    let failure: unknown;
    for (const part of bodyParts(event)) {
      try {
        await this.#write(part);
      } catch (error) {
        failure ??= error;
      }
    }
    if (failure !== undefined) throw failure;
  }

  #write(event: CaptureEvent): void | Promise<void> {
    if (this.#frames.broken !== undefined) {
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
    return this.write(refusedGap(event, this.#lastSeq, this.#lastAt));
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
        const footer = encodeFooter(
          this.#headerPayload,
          this.#indexOffsets,
          this.#totals,
          this.#cipher?.seal(this.#totals),
        );
        return this.#frames.write(plainContent(frameTypes.footer, footer, 1), true);
      });
    });
  }

  #flush(): void | Promise<void> {
    this.#checkUsable();
    this.#declareLoss();
    return this.#chunk.empty ? this.#frames.begin() : this.#writeChunk();
  }

  /** Takes over a chunk of another capture, with its codec and also records of unknown types. */
  async copyChunk({ frame: { header }, packed, raw, counts }: SoundChunk): Promise<void> {
    await this.flush();
    this.#lastSeq = header.firstSeq + header.seqSpan;
    this.#lastAt = header.baseNs + header.spanNs;
    const crcRaw = crc32(raw);
    await this.#writeFrame({ ...header, type: frameTypes.chunk, stored: packed, crcRaw }, counts);
  }

  /** Takes over a chunk that was packed before, and comes behind all that was written. */
  async writePacked(chunk: PackedChunk): Promise<void> {
    await this.flush();
    this.#lastSeq = chunk.firstSeq + chunk.seqSpan;
    this.#lastAt = chunk.baseNs + chunk.spanNs;
    await this.#writeFrame(chunk, chunk.counts);
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
    const packed = packChunk(chunk, this.#compression);
    return this.#writeFrame(packed, packed.counts);
  }

  #writeFrame(
    chunk: FrameContent & Omit<SealedChunk, 'raw' | 'counts'>,
    counts: SealedChunk['counts'],
  ): void | Promise<void> {
    const written = ({ offset, number, storedBytes }: FramePlace): void | Promise<void> => {
      this.#declared = undefined;
      this.#totals.add(chunk, counts);
      this.#indexEntries.push(encodeIndexEntry({ ...chunk, offset, number, storedBytes }));
      return this.#indexEntries.length === limits.indexEntries ? this.#writeIndex() : undefined;
    };
    let pending: FramePlace | Promise<FramePlace>;
    try {
      pending = this.#frames.write(chunk);
    } catch (error) {
      this.#lose(chunk, counts);
      throw error;
    }
    if (!(pending instanceof Promise)) return written(pending);
    return pending.then(written, (error) => {
      this.#lose(chunk, counts);
      throw error;
    });
  }

  /** Written every so many chunks, so that a writer's memory does not grow with its file. */
  #writeIndex(): void | Promise<void> {
    const offsets = this.#indexOffsets;
    const entries = this.#indexEntries;
    this.#indexEntries = [];
    if (entries.length === 0 || offsets === undefined) return undefined;
    // Whatever goes wrong, an index with a hole is worse than none: readers then go by the frame headers.
    this.#indexOffsets = undefined;
    if (offsets.length === limits.indexFrames) return undefined;
    const content = plainContent(frameTypes.index, Buffer.concat(entries), entries.length);
    return after(this.#frames.write(content), ({ offset }) => {
      this.#indexOffsets = [...offsets, offset];
    });
  }

  #lose(chunk: Omit<SealedChunk, 'raw' | 'counts'>, counts: SealedChunk['counts']): void {
    const before = this.#declared;
    const lastWritten = this.#totals.firstSeq === undefined ? -1 : this.#totals.lastSeq;
    const exchanges = counts.get(recordTypes.start) ?? 0;
    const loss: Loss = {
      fromSeq: before?.fromSeq ?? Math.max(chunk.firstSeq, lastWritten + 1),
      fromAt: before?.fromAt ?? chunk.baseNs,
      toSeq: chunk.firstSeq + chunk.seqSpan,
      toAt: chunk.baseNs + chunk.spanNs,
      exchanges: exchanges + (before?.exchanges ?? 0),
    };
    this.#loss = loss;
    this.#declared = undefined;
    this.#lostExchanges += exchanges;
    this.#lostEvents += Math.max(0, loss.toSeq - (before?.toSeq ?? loss.fromSeq - 1));
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
    if (this.#frames.broken !== undefined) throw this.#frames.broken;
  }
}

/** A record can say of so many chunks only where their content ends. */
export function* bodyParts(event: BodyEvent): Generator<BodyEvent, void, undefined> {
  if (event.ends.length <= bodyChunks) {
    yield event;
    return;
  }
  let start = 0;
  for (let i = 0; i < event.ends.length; i += bodyChunks) {
    const ends = event.ends.slice(i, i + bodyChunks);
    const end = ends.at(-1) ?? start;
    const from = start;
    yield { ...event, data: event.data.subarray(from, end), ends: ends.map((each) => each - from) };
    start = end;
  }
}

/** Stands in place of an event that the format cannot hold, behind what was written last. */
export function refusedGap(event: CaptureEvent, lastSeq: number, lastAt: number): GapEvent {
  const exchange = 'exchange' in event && Number.isSafeInteger(event.exchange) ? event.exchange : undefined;
  const numbered = event.seq > lastSeq;
  return {
    type: 'gap',
    reason: 'sink-failed',
    seq: lastSeq,
    at: lastAt,
    fromAt: lastAt,
    toAt: lastAt,
    exchanges: event.type === 'start' ? 1 : 0,
    events: numbered ? 1 : 0,
    fromSeq: numbered ? event.seq : lastSeq,
    exchange,
  };
}

/** Whether an event was refused because of what it holds. */
export function isRefusal(error: unknown): boolean {
  return isGardenhoseError(error, 'event-invalid') || isGardenhoseError(error, 'capture-limit');
}
