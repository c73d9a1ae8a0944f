import type { Writable } from 'node:stream';
import { GardenhoseError } from '../errors.ts';
import type { CaptureHeader } from '../model/capture-header.ts';
import type { CaptureEvent } from '../model/event.ts';
import type { Sink, SinkLoss, SinkSource } from '../record/sink.ts';
import { type CaptureKey, checkCaptureKey, readCaptureKey } from './encryption-key.ts';
import type { ByteOutput } from './frame-writer.ts';
import { CaptureWriter, isRefusal } from './writer.ts';
import { type CaptureWriterOptions, resolveWriterOptions } from './writer-options.ts';

/** As a writer takes them, with a key that is read when the sink is opened. */
export interface StreamSinkOptions extends Omit<CaptureWriterOptions, 'encryptionKey'> {
  /** Encrypts the capture (AES-256-GCM). Default: it is not encrypted. */
  readonly encryptionKey?: CaptureKey | undefined;
}

/**
 * A sink that writes one capture into a stream: standard output, a socket. Closing it writes the end of the capture and
 * leaves the stream open. For the inline pipeline: a stream cannot be handed to a worker. A stream that failed stays
 * failed.
 *
 * @throws GardenhoseError `invalid-option`; `capture-key` when the sink is opened
 */
export function streamSink(stream: Writable, options: StreamSinkOptions = {}): SinkSource {
  const { encryptionKey: key, ...rest } = options;
  if (key !== undefined) checkCaptureKey(key);
  resolveWriterOptions(rest);
  return {
    async open(header) {
      const encryptionKey = key && (await readCaptureKey(key));
      const sink = new StreamSink(stream, header, { ...rest, encryptionKey });
      await sink.flush();
      return sink;
    },
  };
}

class StreamSink implements Sink {
  readonly #writer: CaptureWriter;
  #refused = 0;

  constructor(stream: Writable, header: CaptureHeader, options: CaptureWriterOptions) {
    this.#writer = new CaptureWriter(streamOutput(stream), header, options);
  }

  async write(events: readonly CaptureEvent[]): Promise<void> {
    let failure: unknown;
    for (const event of events) {
      try {
        const pending = this.#writer.write(event);
        if (pending !== undefined) await pending;
      } catch (error) {
        failure ??= error;
        if (isRefusal(error)) {
          this.#refused++;
          await this.#writer.declareRefused(event);
        }
      }
    }
    if (failure !== undefined) throw failure;
  }

  flush(): Promise<void> {
    return this.#writer.flush();
  }

  lost(): SinkLoss {
    const { exchanges, events } = this.#writer.lost;
    return { exchanges, events: events + this.#refused };
  }

  close(): Promise<void> {
    return this.#writer.close();
  }
}

/** Waits for each write, so that no more than one chunk is under way and a failure is noticed where it happens. */
export function streamOutput(stream: Writable): ByteOutput {
  // The callback of `write` reports a failure; without a listener the `error` event would end the process as well.
  stream.on('error', () => {});
  return {
    write(bytes) {
      if (stream.destroyed || stream.writableEnded) {
        throw (
          stream.errored ?? new GardenhoseError('io', 'The stream that takes the capture has been closed')
        );
      }
      return new Promise((resolve, reject) => {
        stream.write(bytes, (error) => (error ? reject(error) : resolve()));
      });
    },
  };
}
