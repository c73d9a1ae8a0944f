import { realpath } from 'node:fs/promises';
import type { Writable } from 'node:stream';
import type { CaptureHeader } from '../model/capture-header.ts';
import type { CaptureEvent } from '../model/event.ts';
import type { EncryptionKey } from './encryption.ts';
import { FileOutput } from './file-output.ts';
import { streamOutput } from './stream-sink.ts';
import { CaptureWriter, isRefusal } from './writer.ts';

/** How a whole capture is written. */
export interface WriteCaptureOptions {
  /** Replaces a file of the output's name. */
  readonly overwrite: boolean;
  readonly encryptionKey: EncryptionKey | undefined;
}

/** What was written. */
export interface WrittenCapture {
  readonly header: CaptureHeader;
  readonly bytesWritten: number;
}

/**
 * Writes a whole capture into a new file, or a stream, which is left open. A new file that could not be finished is removed; one that it was to
 * replace is left as it was.
 *
 * @param fill - Writes what comes between header and end
 */
export async function writeCapture(
  output: string | Writable,
  { overwrite, encryptionKey }: WriteCaptureOptions,
  header: CaptureHeader,
  fill: (writer: CaptureWriter) => Promise<void>,
): Promise<WrittenCapture> {
  const target = typeof output === 'string' ? newFile(output, overwrite) : streamOutput(output);
  const file = target instanceof FileOutput ? target : undefined;
  try {
    const writer = new CaptureWriter(target, header, { encryptionKey });
    await fill(writer);
    await writer.close();
    file?.finish();
    return { header: writer.header, bytesWritten: writer.bytesWritten };
  } catch (error) {
    file?.discard();
    throw error;
  }
}

/** False when the event is too long for a record, which is then declared as missing. */
export async function writeOrDeclare(writer: CaptureWriter, event: CaptureEvent): Promise<boolean> {
  try {
    const pending = writer.write(event);
    if (pending !== undefined) await pending;
    return true;
  } catch (error) {
    if (!isRefusal(error)) throw error;
    await writer.declareRefused(event);
    return false;
  }
}

/** A file that is replaced stays until the new one is whole. */
function newFile(path: string, overwrite: boolean): FileOutput {
  return overwrite ? FileOutput.replacing(path) : new FileOutput(path, false);
}

export async function isSameFile(source: string, output: string): Promise<boolean> {
  const [a, b] = await Promise.all([source, output].map((path) => realpath(path).catch(() => undefined)));
  return a !== undefined && a === b;
}
