import type { Writable } from 'node:stream';
import type { CaptureHeader } from '../model/capture-header.ts';
import { ByteWindow } from './byte-window.ts';
import { type CaptureCondition, ConditionLog } from './condition.ts';
import { type CaptureKey, readCaptureKey } from './encryption-key.ts';
import type { ReadStart } from './event-reader.ts';
import { type Head, readHead } from './head-reader.ts';
import { bestHead } from './open-capture.ts';
import { openFile } from './random-access.ts';
import type { ReadCaptureOptions } from './read-capture.ts';
import { openSource } from './verify-capture.ts';
import { isSameFile, writeCapture } from './write-capture.ts';
import type { CaptureWriter } from './writer.ts';
import { invalidOption } from './writer-options.ts';

/** A capture that is read to be written anew. */
export interface OldCapture {
  readonly window: ByteWindow;
  readonly log: ConditionLog;
  readonly start: ReadStart;
}

/** What every rewriting is told. */
export interface RewriteOptions {
  /** Replaces a file of the output's name. Default false. */
  readonly overwrite?: boolean | undefined;
  /** As `readCapture` takes it. */
  readonly encryptionKey?: ReadCaptureOptions['encryptionKey'];
  /** The key that the new capture is encrypted with; false: with none. Default: that of the old one, if it was encrypted. */
  readonly encrypt?: CaptureKey | false | undefined;
}

/** What every rewriting tells: of the old capture its condition, of the new one the rest. */
export interface RewriteResult extends CaptureCondition {
  readonly header: CaptureHeader;
  /** Size of the new capture. */
  readonly bytesWritten: number;
}

/**
 * Reads one capture, as far as it is sound, and writes another. A new file that could not be finished is removed; one that it was
 * to replace is left as it was.
 *
 * @param headerOf - The header of the new capture, from that of the old one
 * @param copy - Writes what comes between header and end
 */
export async function rewriteCapture(
  source: string | AsyncIterable<Uint8Array>,
  output: string | Writable,
  { overwrite = false, encryptionKey, encrypt }: RewriteOptions,
  headerOf: (before: CaptureHeader) => CaptureHeader,
  copy: (from: OldCapture, writer: CaptureWriter) => Promise<void>,
): Promise<RewriteResult> {
  if (typeof source === 'string' && typeof output === 'string' && (await isSameFile(source, output))) {
    throw invalidOption('output', 'the capture itself', 'the name of a new file');
  }
  const { stream, name, close } = await openSource(source);
  const window = new ByteWindow(stream);
  try {
    const log = new ConditionLog('salvage', name);
    const head = await headOf(source, await readHead(window, log, encryptionKey), name, encryptionKey);
    const header = headerOf(head.header);
    const newKey = encrypt === undefined ? head.cipher?.key : encrypt && (await readCaptureKey(encrypt));
    const written = await writeCapture(
      output,
      { overwrite, encryptionKey: newKey || undefined },
      header,
      (writer) => copy({ window, log, start: { ...head, fromStart: true } }, writer),
    );
    return { ...written, ...log.condition() };
  } finally {
    await window.close();
    await close();
  }
}

/** Where the header is lost, its copy at the end. */
async function headOf(
  source: string | AsyncIterable<Uint8Array>,
  head: Head,
  name: string,
  key: RewriteOptions['encryptionKey'],
): Promise<Head> {
  if (head.sound || typeof source !== 'string') return head;
  const access = await openFile(source);
  try {
    return await bestHead(access, head, name, key);
  } finally {
    await access.close();
  }
}
