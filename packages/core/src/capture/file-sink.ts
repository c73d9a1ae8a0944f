import { isGardenhoseError } from '../errors.ts';
import type { CaptureHeader } from '../model/capture-header.ts';
import type { CaptureEvent } from '../model/event.ts';
import type { Sink, SinkLoss, SinkSource } from '../record/sink.ts';
import type { Compression } from './codec.ts';
import type { EncryptionKey } from './encryption.ts';
import { type CaptureKey, checkCaptureKey, readCaptureKey } from './encryption-key.ts';
import { FileOutput, isCode } from './file-output.ts';
import { OpenExchanges } from './open-exchanges.ts';
import { partPath } from './part-path.ts';
import { checkRetain, type RetainOptions, retain } from './retention.ts';
import { SeenSchemas } from './seen-schemas.ts';
import { CaptureWriter, isRefusal } from './writer.ts';
import { invalidOption, resolveWriterOptions, wholeNumber } from './writer-options.ts';

export interface FileSinkOptions {
  /** The file to make, `….hose` by custom. Made with mode 0600. */
  readonly path: string;
  /** Replaces a file of this name. Default false: that is an `io` error. */
  readonly overwrite?: boolean | undefined;
  /**
   * A file that has reached this size, in bytes, is closed and the next begun: 4096 or more. Schemas, which every file repeats,
   * come on top. Default: no limit.
   */
  readonly maxFileBytes?: number | undefined;
  /** So is a file that spans this much recorded time, in milliseconds: 1000 or more. Default: no limit. */
  readonly maxFileAgeMs?: number | undefined;
  /**
   * When the disk is told to keep what it has (fdatasync): at each `flush`, at `close` of each file, or `never`. Without it, what was
   * flushed survives the end of the process, but not of the machine. Default `close`.
   */
  readonly sync?: 'flush' | 'close' | 'never' | undefined;
  /** Default `brotli`. */
  readonly compression?: Compression | undefined;
  /** Size of a chunk before compression, in bytes: 256 to 1048576. Default 262144. */
  readonly chunkBytes?: number | undefined;
  /** How much is kept of this and earlier recordings of this name. Default: everything. */
  readonly retain?: RetainOptions | undefined;
  /** Encrypts the files (AES-256-GCM). Default: they are not encrypted. */
  readonly encryptionKey?: CaptureKey | undefined;
}

/**
 * A sink that writes capture files. Rotated files are named `orders.hose`, `orders.1.hose`, `orders.2.hose`: each is a
 * whole capture, which begins by saying how the exchanges that are still under way had started.
 *
 * After a failed write (`io`) the sink can be used on: it declares what was lost, with a gap event, when it can write again.
 *
 * @throws GardenhoseError `invalid-option`; `capture-key` when the sink is opened
 */
export function fileSink(options: FileSinkOptions): SinkSource {
  const resolved = resolve(options);
  return {
    open: (header) => openFile(resolved, header),
    // A function cannot cross to a thread: with one, only the inline pipeline can open this sink.
    module:
      typeof options.encryptionKey === 'function'
        ? undefined
        : { url: import.meta.url, options: { ...options } },
  };
}

/** How a worker opens what {@link fileSink} describes. */
export function openSink(options: unknown, header: CaptureHeader): Promise<Sink> {
  if (!isOptions(options)) throw invalidOption('path', 'missing', 'the name of a file');
  return openFile(resolve(options), header);
}

async function openFile(options: Checked, header: CaptureHeader): Promise<Sink> {
  makeRoom(options, header, undefined);
  const key = options.encryptionKey;
  const opened = { ...options, encryptionKey: key && (await readCaptureKey(key)) };
  return new FileSink(opened, header, await openPart(opened, header, options.path));
}

function isOptions(value: unknown): value is FileSinkOptions {
  return typeof value === 'object' && value !== null && 'path' in value;
}

interface Checked extends FileSinkOptions {
  readonly overwrite: boolean;
  readonly maxFileBytes: number;
  readonly maxFileAgeMs: number;
  readonly sync: 'flush' | 'close' | 'never';
}

/** With the key read. */
interface Resolved extends Omit<Checked, 'encryptionKey'> {
  readonly encryptionKey: EncryptionKey | undefined;
}

function resolve(options: FileSinkOptions): Checked {
  const { path, overwrite = false, maxFileBytes, maxFileAgeMs, sync = 'close' } = options;
  if (typeof path !== 'string' || path === '')
    throw invalidOption('path', String(path), 'the name of a file');
  if (typeof overwrite !== 'boolean') throw invalidOption('overwrite', String(overwrite), 'true or false');
  if (maxFileBytes !== undefined) wholeNumber('maxFileBytes', maxFileBytes, 4096, Number.MAX_SAFE_INTEGER);
  if (maxFileAgeMs !== undefined) wholeNumber('maxFileAgeMs', maxFileAgeMs, 1000, Number.MAX_SAFE_INTEGER);
  if (!['flush', 'close', 'never'].includes(sync)) {
    throw invalidOption('sync', String(sync), '"flush", "close" or "never"');
  }
  if (options.retain !== undefined) checkRetain(options.retain, maxFileBytes);
  if (options.encryptionKey !== undefined) checkCaptureKey(options.encryptionKey);
  resolveWriterOptions({ ...options, encryptionKey: undefined });
  return {
    ...options,
    overwrite,
    maxFileBytes: maxFileBytes ?? Number.POSITIVE_INFINITY,
    maxFileAgeMs: maxFileAgeMs ?? Number.POSITIVE_INFINITY,
    sync,
  };
}

/** Names that are tried for the next file when files of an earlier recording stand in the way. */
const nameTries = 1000;

class FileSink implements Sink {
  readonly #options: Resolved;
  readonly #header: CaptureHeader;
  readonly #rotates: boolean;
  readonly #exchanges = new OpenExchanges();
  readonly #schemas = new SeenSchemas();
  #file: PartFile;
  #lastSeq = 0;
  #lastAt = 0;
  /** When the first event of this file was seen. */
  #beganAt: number | undefined;
  // Where rotation is due; moved on when the next file could not be made.
  #dueBytes: number;
  #dueNs: number;
  #closed = false;
  /** In the files before this one, and what the format could not hold. */
  readonly #lostBefore = { exchanges: 0, events: 0 };

  constructor(options: Resolved, header: CaptureHeader, file: PartFile) {
    this.#options = options;
    this.#header = header;
    this.#rotates = Number.isFinite(options.maxFileBytes) || Number.isFinite(options.maxFileAgeMs);
    this.#dueBytes = options.maxFileBytes;
    this.#dueNs = options.maxFileAgeMs * 1e6;
    this.#file = file;
  }

  async write(events: readonly CaptureEvent[]): Promise<void> {
    let failure: unknown;
    for (const event of events) {
      if (this.#rotates) {
        try {
          if (this.#isDue(event.at)) await this.#rotate();
          this.#exchanges.note(event);
          this.#schemas.note(event);
        } catch (error) {
          failure ??= error;
        }
        this.#beganAt ??= event.at;
      }
      try {
        const pending = this.#file.writer.write(event);
        if (pending !== undefined) await pending;
      } catch (error) {
        failure ??= error;
        if (isRefusal(error)) {
          this.#lostBefore.events++;
          if (event.type === 'start') this.#lostBefore.exchanges++;
          await this.#file.writer.declareRefused(event);
        }
      }
      if (this.#rotates) {
        this.#lastSeq = event.seq;
        this.#lastAt = event.at;
      }
    }
    if (failure !== undefined) throw failure;
  }

  async flush(): Promise<void> {
    await this.#file.writer.flush();
    this.#file.output.checkLinked();
    if (this.#options.sync === 'flush') this.#file.output.sync();
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    await closePart(this.#file, this.#options.sync);
  }

  lost(): SinkLoss {
    const { exchanges, events } = this.#file.writer.lost;
    return { exchanges: this.#lostBefore.exchanges + exchanges, events: this.#lostBefore.events + events };
  }

  #isDue(at: number): boolean {
    if (this.#beganAt === undefined) return false;
    return this.#file.writer.bytesWritten >= this.#dueBytes || at - this.#beganAt >= this.#dueNs;
  }

  /** Begins the next file. When that fails, the recording goes on in this one, and it is tried again later. */
  async #rotate(): Promise<void> {
    const before = this.#file;
    let failure: unknown;
    this.#dueBytes += this.#options.maxFileBytes;
    this.#dueNs += this.#options.maxFileAgeMs * 1e6;
    try {
      makeRoom(this.#options, this.#header, before.output.path);
    } catch (error) {
      failure = error; // Told, but no reason not to go on.
    }
    this.#file = await openNext(this.#options, this.#header, before.part + 1);
    // What every file repeats does not count, or schemas larger than a file may be would make a file of each event.
    this.#dueBytes = this.#options.maxFileBytes + this.#schemas.bytes;
    this.#dueNs = this.#options.maxFileAgeMs * 1e6;
    this.#beganAt = undefined;
    for (const event of this.#schemas.repeated(this.#lastSeq, this.#lastAt))
      await this.#file.writer.write(event);
    for (const event of this.#exchanges.resumed(this.#lastSeq, this.#lastAt))
      await this.#file.writer.write(event);
    try {
      await closePart(before, this.#options.sync);
    } finally {
      const { exchanges, events } = before.writer.lost;
      this.#lostBefore.exchanges += exchanges;
      this.#lostBefore.events += events;
    }
    if (failure !== undefined) throw failure;
  }
}

function makeRoom(
  { path, retain: limits, maxFileBytes }: Pick<Checked, 'path' | 'retain' | 'maxFileBytes'>,
  header: CaptureHeader,
  current: string | undefined,
): void {
  if (limits === undefined) return;
  retain(path, limits, header, current, Number.isFinite(maxFileBytes) ? maxFileBytes : 0, Date.now());
}

interface PartFile {
  readonly output: FileOutput;
  readonly writer: CaptureWriter;
  readonly part: number;
}

/** Makes the file and writes its head, so that it is a capture from its first moment. */
async function openPart(options: Resolved, header: CaptureHeader, path: string): Promise<PartFile> {
  const output = new FileOutput(path, options.overwrite);
  try {
    const writer = new CaptureWriter(output, header, options);
    await writer.flush();
    return { output, writer, part: header.part };
  } catch (error) {
    output.discard();
    throw error;
  }
}

/** Passes over names that are taken. */
async function openNext(options: Resolved, header: CaptureHeader, first: number): Promise<PartFile> {
  for (let part = first; ; part++) {
    const path = partPath(options.path, part - header.part);
    try {
      return await openPart(options, { ...header, part }, path);
    } catch (error) {
      const taken = isGardenhoseError(error, 'io') && isCode(error.cause, 'EEXIST');
      if (!taken || part - first >= nameTries) throw error;
    }
  }
}

async function closePart({ writer, output }: PartFile, sync: Resolved['sync']): Promise<void> {
  try {
    await writer.close();
    if (sync !== 'never') output.sync();
  } finally {
    output.close();
  }
}
