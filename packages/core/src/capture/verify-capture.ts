import type { CaptureHeader } from '../model/capture-header.ts';
import { ByteWindow } from './byte-window.ts';
import { type CaptureCondition, ConditionLog } from './condition.ts';
import { readHead } from './head-reader.ts';
import { openFile, pieces } from './random-access.ts';
import { type ReadCaptureOptions, readEvents } from './read-capture.ts';

/** What {@link verifyCapture} found. */
export interface VerifyResult extends CaptureCondition {
  readonly header: CaptureHeader;
}

/**
 * Reads a whole capture, checks every checksum, every record, and index and summary against what they describe, and says
 * what is wrong. A damaged capture is a result, not an error.
 *
 * @throws GardenhoseError `not-a-capture`, `capture-version`, `capture-feature`, `capture-key`, `capture-truncated`
 *   when it ends within its header, `io`
 */
export async function verifyCapture(
  source: string | AsyncIterable<Uint8Array>,
  options: Pick<ReadCaptureOptions, 'encryptionKey'> = {},
): Promise<VerifyResult> {
  const { stream, name, close } = await openSource(source);
  const window = new ByteWindow(stream);
  try {
    const log = new ConditionLog('salvage', name);
    const head = await readHead(window, log, options.encryptionKey);
    for await (const _ of readEvents(window, log, { ...head, fromStart: true })) {
      // Read to be checked.
    }
    return { header: head.header, ...log.condition() };
  } finally {
    await window.close();
    await close();
  }
}

/** A file by its name, or the stream as it is. */
export async function openSource(source: string | AsyncIterable<Uint8Array>): Promise<{
  readonly stream: AsyncIterable<Uint8Array>;
  readonly name: string;
  close(): Promise<void>;
}> {
  if (typeof source !== 'string') return { stream: source, name: 'The capture', close: async () => {} };
  const access = await openFile(source);
  return { stream: pieces(access, 0), name: source, close: () => access.close() };
}
