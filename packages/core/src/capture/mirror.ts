import { randomUUID } from 'node:crypto';
import { BroadcastChannel } from 'node:worker_threads';
import { GardenhoseError } from '../errors.ts';
import type { CaptureHeader } from '../model/capture-header.ts';
import { onlyOptions } from '../model/option-names.ts';
import { invalidOption, wholeOption } from '../model/option-values.ts';
import type { Sink, SinkSource } from '../record/sink.ts';
import { MirrorSink } from './mirror-sink.ts';
import { isMirrorSource, type MirrorMessage, type MirrorSource, places } from './mirror-source.ts';
import { type CaptureStream, readCapture } from './read-capture.ts';

/** A recorder's second way out, to be read as it records. */
export interface Mirror {
  /** For the recorder, mostly beside a file: `fanOutSink([fileSink({ path }), mirror.sink])`. Works in its worker as well as inline. */
  readonly sink: SinkSource;
  /** For {@link readMirror}: in this thread, or, handed on as `workerData` or in a message, in another one of this process. */
  readonly source: MirrorSource;
  /** Exchanges that the reader was too slow for, so far: whole ones, and those that were broken off. */
  readonly dropped: number;
  /** Whether its recorder has closed it, so that whoever reads it comes to an end. One whose worker failed may never do so. */
  readonly closed: boolean;
}

/** How much may wait. */
export interface CreateMirrorOptions {
  /**
   * Bytes that may be on their way to the reader, 65,536 or more. From half of it on, new exchanges are dropped; at all of it, those under way are broken
   * off. Default 16,777,216 (16 MiB).
   */
  readonly maxBufferedBytes?: number | undefined;
}

/**
 * Lets what a recorder records be read while it does, masked as in its file, with {@link readMirror}. The recorder never waits for the reader: what that is too
 * slow for is dropped whole, counted, and declared as a gap (`sink-slow`) in what it reads. The recorder's own capture and stats know nothing of it.
 * While nobody reads, it costs a comparison for each batch of events.
 *
 * @throws GardenhoseError `invalid-option`
 *
 * @example
 * const mirror = createMirror();
 * const recorder = createRecorder({
 *   service: 'orders',
 *   sink: fanOutSink([fileSink({ path: 'orders.hose' }), mirror.sink]),
 * });
 * new Worker('./mirror.js', { workerData: mirror.source });
 */
export function createMirror(options: CreateMirrorOptions = {}): Mirror {
  onlyOptions('a mirror', options, { maxBufferedBytes: true });
  const maxBufferedBytes = wholeOption('maxBufferedBytes', options.maxBufferedBytes, 16 * 1024 * 1024);
  if (maxBufferedBytes < 65_536 || maxBufferedBytes > 2 ** 31) {
    throw invalidOption('maxBufferedBytes', `must be 65536 to 2147483648, got ${maxBufferedBytes}`);
  }
  const shared = new SharedArrayBuffer(4 * Object.keys(places).length);
  const source: MirrorSource = { channel: `gardenhose-mirror-${randomUUID()}`, shared, maxBufferedBytes };
  const seen = new Int32Array(shared);
  return {
    sink: {
      open: (header) => new MirrorSink(source, header),
      module: { url: import.meta.url, options: source },
    },
    source,
    get dropped() {
      return Atomics.load(seen, places.dropped);
    },
    get closed() {
      return Atomics.load(seen, places.closed) === 1;
    },
  };
}

/** For the worker, which loads this module by its URL. */
export function openSink(options: unknown, header: CaptureHeader): Sink {
  if (!isMirrorSource(options)) throw invalidOption('sink', 'is no mirror');
  return new MirrorSink(options, header);
}

/**
 * Reads what a recorder records from now on, as it does: exchanges that begin later. Resolves with the recording's header when there is something, so not
 * before the first exchange. Ends when the recorder is closed. One reader at a time.
 *
 * @throws GardenhoseError `invalid-option` for what is no mirror, or is read already; `recorder-closed` when its recorder is closed
 *
 * @example
 * const { events } = await readMirror(workerData);
 * await replay(mirrorExchanges(events), 'http://127.0.0.1:3001');
 */
export function readMirror(source: MirrorSource): Promise<CaptureStream> {
  if (!isMirrorSource(source)) throw invalidOption('source', "must be the 'source' of a mirror");
  return readCapture(new MirrorBytes(source), { name: 'The mirror' });
}

/** The bytes of the capture that a mirror's sink writes. */
class MirrorBytes implements AsyncIterableIterator<Uint8Array, void, undefined> {
  readonly #channel: BroadcastChannel;
  readonly #shared: Int32Array;
  readonly #turn: number;
  readonly #pieces: Uint8Array[] = [];
  /** Given to who reads, who asks for the next when done with it. */
  #given = 0;
  #ended = false;
  #wake = (): void => {};

  constructor({ channel, shared }: MirrorSource) {
    this.#shared = new Int32Array(shared);
    if (Atomics.load(this.#shared, places.closed) === 1) {
      throw new GardenhoseError(
        'recorder-closed',
        'The recorder of this mirror is closed: nothing more comes',
      );
    }
    if (Atomics.compareExchange(this.#shared, places.reading, 0, 1) !== 0) {
      throw invalidOption('source', 'is read already: a mirror has one reader at a time');
    }
    this.#channel = new BroadcastChannel(channel);
    this.#channel.onmessage = (event) => this.#take(event);
    // Only now, when nothing that is sent can be missed.
    this.#turn = Atomics.add(this.#shared, places.turn, 1) + 1;
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  async next(): Promise<IteratorResult<Uint8Array, void>> {
    Atomics.add(this.#shared, places.taken, this.#given);
    this.#given = 0;
    for (;;) {
      const piece = this.#pieces.shift();
      if (piece !== undefined) {
        this.#given = piece.length;
        return { done: false, value: piece };
      }
      if (this.#ended) return { done: true, value: undefined };
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }

  async return(): Promise<IteratorResult<Uint8Array, void>> {
    this.#end();
    this.#pieces.length = 0;
    return { done: true, value: undefined };
  }

  #take(event: unknown): void {
    const message = messageOf(event);
    // What was sent to a reader before this one may still come.
    if (message?.turn !== this.#turn || this.#ended) return;
    if (message.bytes === undefined) this.#end();
    else this.#pieces.push(message.bytes);
    this.#wake();
  }

  #end(): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#channel.close();
    Atomics.store(this.#shared, places.reading, 0);
    this.#wake();
  }
}

function messageOf(event: unknown): MirrorMessage | undefined {
  if (typeof event !== 'object' || event === null || !('data' in event)) return undefined;
  const { data } = event;
  if (typeof data !== 'object' || data === null || !('turn' in data) || typeof data.turn !== 'number') {
    return undefined;
  }
  const bytes = 'bytes' in data && data.bytes instanceof Uint8Array ? data.bytes : undefined;
  return { turn: data.turn, bytes };
}
