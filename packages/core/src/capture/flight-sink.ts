import { randomBytes } from 'node:crypto';
import { isGardenhoseError } from '../errors.ts';
import type { CaptureHeader } from '../model/capture-header.ts';
import type { CaptureEvent } from '../model/event.ts';
import { onlyOptions } from '../model/option-names.ts';
import type { ProcessTriggers, SaveStats, SaveTrigger } from '../record/save-trigger.ts';
import type { Sink, SinkLoss, SinkSource } from '../record/sink.ts';
import type { Compression } from './codec.ts';
import type { EncryptionKey } from './encryption.ts';
import { type CaptureKey, checkCaptureKey, readCaptureKey } from './encryption-key.ts';
import { FlightRing } from './flight-ring.ts';
import { ExchangeTriggers, type FlightTrigger } from './flight-triggers.ts';
import { SavedFiles } from './saved-files.ts';
import { CaptureWriter, isRefusal } from './writer.ts';
import { invalidOption, resolveWriterOptions, wholeNumber } from './writer-options.ts';

export interface FlightSinkOptions {
  /** Where captures are saved. Made with mode 0700 if it is not there. */
  readonly directory: string;
  /** How far back a saved capture reaches, in milliseconds: 1000 or more. Default 600,000 (10 minutes). */
  readonly windowMs?: number | undefined;
  /** Bytes of packed events in memory, as a capture would hold them: 1,048,576 or more. Default 67,108,864 (64 MiB). */
  readonly maxBytes?: number | undefined;
  /** Exchanges at whose end the recording is saved: those that fail, are slow, or have a header. Default none. */
  readonly on?: readonly FlightTrigger[] | undefined;
  /** Save when an error that nothing has caught ends the process. Default true. */
  readonly onException?: boolean | undefined;
  /** Save at these signals. Default `SIGTERM`. */
  readonly signals?: readonly NodeJS.Signals[] | undefined;
  /** Shortest time from one save to the next, in milliseconds; triggers between are counted. Default 60,000. */
  readonly minIntervalMs?: number | undefined;
  /** Bytes of all that flight recorders have saved in the directory: the oldest files are removed first. Default 1,073,741,824 (1 GiB). */
  readonly maxSavedBytes?: number | undefined;
  /** Default `brotli`. */
  readonly compression?: Compression | undefined;
  /** Size of a chunk before compression, in bytes: 256 to 1048576. Default 262144. */
  readonly chunkBytes?: number | undefined;
  /** Encrypts the saved captures (AES-256-GCM). Default: they are not encrypted. */
  readonly encryptionKey?: CaptureKey | undefined;
}

const optionNames: Readonly<Record<keyof FlightSinkOptions, true>> = {
  directory: true,
  windowMs: true,
  maxBytes: true,
  on: true,
  onException: true,
  signals: true,
  minIntervalMs: true,
  maxSavedBytes: true,
  compression: true,
  chunkBytes: true,
  encryptionKey: true,
};

/**
 * A sink that keeps the last minutes of a recording in memory, masked and packed, and saves them as a capture when something
 * happens: an exchange of `on` ends, an error ends the process, a signal comes, or `recorder.trigger()` is called. Then it goes on.
 *
 * @throws GardenhoseError `invalid-option`; `io` when it is opened and the directory cannot be made
 *
 * @example
 * const sink = flightSink({ directory: '/var/lib/orders/flight', on: [{ error: true }, { slowerThanMs: 2000 }] });
 * const recorder = createRecorder({ service: 'orders', sink });
 */
export function flightSink(options: FlightSinkOptions): SinkSource {
  const resolved = resolve(options);
  const { onException, signals } = resolved;
  return {
    open: (header) => open(resolved, header),
    module:
      typeof options.encryptionKey === 'function'
        ? undefined
        : { url: import.meta.url, options: { ...options } },
    savesAt: { exceptions: onException, signals },
  };
}

/** How a worker opens what {@link flightSink} describes. */
export function openSink(options: unknown, header: CaptureHeader): Promise<Sink> {
  if (!isOptions(options)) throw invalidOption('directory', 'missing', 'the name of a directory');
  return open(resolve(options), header);
}

function isOptions(value: unknown): value is FlightSinkOptions {
  return typeof value === 'object' && value !== null && 'directory' in value;
}

async function open(options: Resolved, header: CaptureHeader): Promise<Sink> {
  const { encryptionKey: key, directory, maxSavedBytes } = options;
  const files = new SavedFiles(directory, maxSavedBytes);
  files.prepare();
  return new FlightSink(options, header, files, key && (await readCaptureKey(key)));
}

interface Resolved extends FlightSinkOptions {
  readonly windowMs: number;
  readonly maxBytes: number;
  readonly on: readonly FlightTrigger[];
  readonly onException: ProcessTriggers['exceptions'];
  readonly signals: ProcessTriggers['signals'];
  readonly minIntervalMs: number;
  readonly maxSavedBytes: number;
}

function resolve(options: FlightSinkOptions): Resolved {
  onlyOptions('flightSink', options, optionNames);
  const { directory, windowMs = 600_000, maxBytes = 64 * 1024 * 1024, on = [], onException = true } = options;
  const { signals = ['SIGTERM'], minIntervalMs = 60_000, maxSavedBytes = 1024 * 1024 * 1024 } = options;
  if (typeof directory !== 'string' || directory === '')
    throw invalidOption('directory', String(directory), 'the name of a directory');
  wholeNumber('windowMs', windowMs, 1000, Number.MAX_SAFE_INTEGER);
  wholeNumber('maxBytes', maxBytes, 1024 * 1024, Number.MAX_SAFE_INTEGER);
  wholeNumber('minIntervalMs', minIntervalMs, 0, Number.MAX_SAFE_INTEGER);
  wholeNumber('maxSavedBytes', maxSavedBytes, 1, Number.MAX_SAFE_INTEGER);
  if (maxSavedBytes < maxBytes)
    throw invalidOption('maxSavedBytes', String(maxSavedBytes), `at least maxBytes, which is ${maxBytes}`);
  if (typeof onException !== 'boolean')
    throw invalidOption('onException', String(onException), 'true or false');
  if (!Array.isArray(signals) || !signals.every((name) => /^SIG[A-Z0-9]{2,10}$/.test(String(name))))
    throw invalidOption('signals', String(signals), 'a list of names such as SIGTERM');
  new ExchangeTriggers(on);
  if (options.encryptionKey !== undefined) checkCaptureKey(options.encryptionKey);
  resolveWriterOptions({ compression: options.compression, chunkBytes: options.chunkBytes });
  return { ...options, windowMs, maxBytes, on, onException, signals, minIntervalMs, maxSavedBytes };
}

/** Keeps events in a ring, and saves it. */
class FlightSink implements Sink {
  readonly #options: Resolved;
  readonly #header: CaptureHeader;
  readonly #files: SavedFiles;
  readonly #key: EncryptionKey | undefined;
  readonly #ring: FlightRing;
  readonly #triggers: ExchangeTriggers;
  #lastTriedAt: number | undefined;
  #saved = 0;
  #suppressed = 0;
  #failed = 0;
  #lastFile: string | undefined;

  constructor(options: Resolved, header: CaptureHeader, files: SavedFiles, key: EncryptionKey | undefined) {
    const { maxBytes, windowMs, chunkBytes = 256 * 1024, compression = 'brotli' } = options;
    this.#options = options;
    this.#header = header;
    this.#files = files;
    this.#key = key;
    this.#ring = new FlightRing({ maxBytes, windowMs, chunkBytes, compression });
    this.#triggers = new ExchangeTriggers(options.on);
  }

  async write(events: readonly CaptureEvent[]): Promise<void> {
    let failure: unknown;
    for (const event of events) {
      try {
        this.#ring.add(event);
        const reason = this.#triggers.note(event);
        if (reason !== undefined) await this.trigger({ reason, at: event.at, urgent: false });
      } catch (error) {
        failure ??= error;
        if (!isRefusal(error) && !isGardenhoseError(error, 'io')) throw error;
      }
    }
    if (failure !== undefined) throw failure;
  }

  /** What is kept in memory is never durable. */
  async flush(): Promise<void> {}

  async close(): Promise<void> {}

  lost(): SinkLoss {
    return this.#ring.lost;
  }

  saves(): SaveStats {
    return {
      files: this.#saved,
      suppressed: this.#suppressed,
      failed: this.#failed,
      lastFile: this.#lastFile,
    };
  }

  async trigger({ reason, at, urgent }: SaveTrigger): Promise<string | undefined> {
    const sinceNs = at - (this.#lastTriedAt ?? Number.NEGATIVE_INFINITY);
    if (!urgent && sinceNs < this.#options.minIntervalMs * 1e6) {
      this.#suppressed++;
      return undefined;
    }
    this.#lastTriedAt = at;
    const wallMs = this.#header.wallMs + at / 1e6;
    // Saved captures of one recording overlap, so they are no parts of it.
    const header = { ...this.#header, id: randomBytes(16).toString('hex'), trigger: { reason, at, wallMs } };
    const path = this.#files.pathOf(header.service, wallMs, header.id);
    try {
      await this.#files.make(path, this.#ring.bytes, async (output) => {
        const { compression } = this.#options;
        const writer = new CaptureWriter(output, header, { compression, encryptionKey: this.#key });
        await this.#ring.save(writer, at);
        await writer.close();
      });
    } catch (error) {
      this.#failed++;
      throw error;
    }
    this.#files.makeRoom(0, path);
    this.#saved++;
    this.#lastFile = path;
    return path;
  }
}
