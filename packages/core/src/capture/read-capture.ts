import type { CaptureHeader } from '../model/capture-header.ts';
import type { CaptureEvent } from '../model/event.ts';
import { ByteWindow } from './byte-window.ts';
import { type CaptureCondition, ConditionLog, type ReadMode } from './condition.ts';
import type { CaptureKey } from './encryption-key.ts';
import { chunkEvents, type ReadStart, readChunks } from './event-reader.ts';
import { readHead } from './head-reader.ts';

export interface ReadCaptureOptions {
  /** What to do about faults. Default `tail`. */
  readonly mode?: ReadMode | undefined;
  /** What messages call the source. Default `The capture`. */
  readonly name?: string | undefined;
  /**
   * The key of an encrypted capture, or several to choose from. Default: what the environment variable
   * `GARDENHOSE_ENCRYPTION_KEY_FILE` or `GARDENHOSE_ENCRYPTION_KEY` says.
   */
  readonly encryptionKey?: CaptureKey | readonly CaptureKey[] | undefined;
}

/** A capture that is read once, from its first byte to its last. */
export interface CaptureStream {
  readonly header: CaptureHeader;
  /** The events, read as they are asked for. To be iterated once. */
  readonly events: AsyncIterable<CaptureEvent>;
  /** How the capture was found to be so far. */
  condition(): CaptureCondition;
}

/**
 * Reads a capture from a stream of bytes, with bounded memory. Resolves when the header has been read. The source is told
 * to stop, which closes a file's stream, when it is refused, and when reading the events ends or stops.
 *
 * @throws GardenhoseError `not-a-capture`, `capture-version`, `capture-feature`, `capture-key`, and as the mode says
 *   `capture-damaged` and `capture-truncated`; the same while events are read, where nothing before the fault is lost
 *
 * @example
 * const { header, events } = await readCapture(process.stdin);
 * for await (const event of events) console.log(event.seq, event.type);
 */
export async function readCapture(
  source: AsyncIterable<Uint8Array>,
  options: ReadCaptureOptions = {},
): Promise<CaptureStream> {
  const log = new ConditionLog(options.mode ?? 'tail', options.name ?? 'The capture');
  const window = new ByteWindow(source);
  try {
    const head = await readHead(window, log, options.encryptionKey);
    return {
      header: head.header,
      events: readEvents(window, log, { ...head, fromStart: true }),
      condition: () => log.condition(),
    };
  } catch (error) {
    await window.close();
    throw error;
  }
}

export async function* readEvents(
  window: ByteWindow,
  log: ConditionLog,
  start: ReadStart,
): AsyncGenerator<CaptureEvent, void, undefined> {
  for await (const events of readEventRuns(window, log, start)) {
    for (const event of events) yield event;
  }
}

/** The events in runs, one per chunk: within a run they are read as they are asked for, without a wait for each. */
export async function* readEventRuns(
  window: ByteWindow,
  log: ConditionLog,
  start: ReadStart,
): AsyncGenerator<Iterable<CaptureEvent>, void, undefined> {
  try {
    for await (const item of readChunks(window, log, start)) {
      yield item.kind === 'gap' ? [item.gap] : chunkEvents(item, log);
    }
  } finally {
    await window.close();
  }
}
