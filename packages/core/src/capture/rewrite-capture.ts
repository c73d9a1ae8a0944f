import { realpath } from 'node:fs/promises';
import type { Writable } from 'node:stream';
import type { CaptureHeader } from '../model/capture-header.ts';
import { ByteWindow } from './byte-window.ts';
import { type CaptureCondition, ConditionLog } from './condition.ts';
import type { ReadStart } from './event-reader.ts';
import { FileOutput } from './file-output.ts';
import { type Head, readHead } from './head-reader.ts';
import { headerInFooter } from './open-capture.ts';
import { openFile } from './random-access.ts';
import { streamOutput } from './stream-sink.ts';
import { openSource } from './verify-capture.ts';
import { CaptureWriter } from './writer.ts';
import { invalidOption } from './writer-options.ts';

/** A capture that is read to be written anew. */
export interface OldCapture {
  readonly window: ByteWindow;
  readonly log: ConditionLog;
  readonly start: ReadStart;
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
  overwrite: boolean,
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
    const head = await readHead(window, log);
    const header = headerOf(await bestHeader(source, head, name));
    const target = typeof output === 'string' ? newFile(output, overwrite) : streamOutput(output);
    const file = target instanceof FileOutput ? target : undefined;
    try {
      const writer = new CaptureWriter(target, header);
      await copy({ window, log, start: { ...head, fromStart: true } }, writer);
      await writer.close();
      file?.finish();
      return { header, bytesWritten: writer.bytesWritten, ...log.condition() };
    } catch (error) {
      file?.discard();
      throw error;
    }
  } finally {
    await window.close();
    await close();
  }
}

/** A file that is replaced stays until the new one is whole. */
function newFile(path: string, overwrite: boolean): FileOutput {
  return overwrite ? FileOutput.replacing(path) : new FileOutput(path, false);
}

/** Where the header is lost, its copy at the end. */
async function bestHeader(
  source: string | AsyncIterable<Uint8Array>,
  head: Head,
  name: string,
): Promise<CaptureHeader> {
  if (head.sound || typeof source !== 'string') return head.header;
  const access = await openFile(source);
  try {
    return (await headerInFooter(access, head, name)) ?? head.header;
  } finally {
    await access.close();
  }
}

async function isSameFile(source: string, output: string): Promise<boolean> {
  const [a, b] = await Promise.all([source, output].map((path) => realpath(path).catch(() => undefined)));
  return a !== undefined && a === b;
}
