import { realpath } from 'node:fs/promises';
import type { Writable } from 'node:stream';
import type { CaptureHeader } from '../model/capture-header.ts';
import { ByteWindow } from './byte-window.ts';
import { type CaptureCondition, ConditionLog } from './condition.ts';
import { chunkEvents, readChunks, type SoundChunk } from './event-reader.ts';
import { FileOutput } from './file-output.ts';
import { type Head, readHead } from './head-reader.ts';
import { headerInFooter } from './open-capture.ts';
import { openFile } from './random-access.ts';
import { streamOutput } from './stream-sink.ts';
import { openSource } from './verify-capture.ts';
import { CaptureWriter } from './writer.ts';
import { invalidOption } from './writer-options.ts';

export interface RecoverOptions {
  /** Replaces a file of the output's name. Default false. */
  readonly overwrite?: boolean | undefined;
}

/** What {@link recoverCapture} found and saved. `lossless` tells whether anything was lost. */
export interface RecoverResult extends CaptureCondition {
  readonly header: CaptureHeader;
  /** Size of the new capture. */
  readonly bytesWritten: number;
}

/**
 * Writes all that is sound in a capture into a new, closed one. Sound chunks are copied as they are, with records of
 * unknown types; where something is missing, a gap event says so. The new capture keeps the id and the order of the old.
 *
 * @throws GardenhoseError as `verifyCapture`; `io` when the new file exists or cannot be written: then it is removed
 * @param output - Name of the new file, or a stream, which is left open
 */
export async function recoverCapture(
  source: string | AsyncIterable<Uint8Array>,
  output: string | Writable,
  options: RecoverOptions = {},
): Promise<RecoverResult> {
  if (typeof source === 'string' && typeof output === 'string' && (await isSameFile(source, output))) {
    throw invalidOption('output', 'the capture itself', 'the name of a new file');
  }
  const { stream, name, close } = await openSource(source);
  try {
    const log = new ConditionLog('salvage', name);
    const window = new ByteWindow(stream);
    const head = await readHead(window, log);
    const header = await bestHeader(source, head, name);
    const target =
      typeof output === 'string' ? new FileOutput(output, options.overwrite ?? false) : streamOutput(output);
    const file = target instanceof FileOutput ? target : undefined;
    try {
      const writer = new CaptureWriter(target, header);
      for await (const item of readChunks(window, log, { ...head, fromStart: true })) {
        if (item.kind === 'gap') await writer.write(item.gap);
        else await copyChunk(item, writer, log);
      }
      await writer.close();
      file?.sync();
      file?.close();
      return { header, bytesWritten: writer.bytesWritten, ...log.condition() };
    } catch (error) {
      file?.discard();
      throw error;
    }
  } finally {
    await close();
  }
}

/** As it stands when each of its records can be read, else event by event. */
async function copyChunk(chunk: SoundChunk, writer: CaptureWriter, log: ConditionLog): Promise<void> {
  const faultsBefore = log.faultCount;
  const events = [...chunkEvents(chunk, log)];
  if (log.faultCount === faultsBefore) {
    await writer.copyChunk(chunk.frame.header, chunk.frame.stored, chunk.counts);
  } else {
    for (const event of events) await writer.write(event);
  }
}

/** Where the header is lost, its copy at the end. */
export async function bestHeader(
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

export async function isSameFile(source: string, output: string): Promise<boolean> {
  const [a, b] = await Promise.all([source, output].map((path) => realpath(path).catch(() => undefined)));
  return a !== undefined && a === b;
}
