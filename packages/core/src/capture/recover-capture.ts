import type { Writable } from 'node:stream';
import type { ConditionLog } from './condition.ts';
import { chunkEvents, readChunks, type SoundChunk } from './event-reader.ts';
import { type RewriteOptions, type RewriteResult, rewriteCapture } from './rewrite-capture.ts';
import type { CaptureWriter } from './writer.ts';

/** What {@link recoverCapture} found and saved. `lossless` tells whether anything was lost. */
export type RecoverResult = RewriteResult;

/**
 * Writes all that is sound in a capture into a new, closed one; with `encrypt` also under another key, or under none. Sound chunks are copied as they are, with records of
 * unknown types; where something is missing, a gap event says so. The new capture keeps the id and the order of the old.
 *
 * @throws GardenhoseError as `verifyCapture`, also `capture-key` for the new key; `io` when the new file exists or cannot be written: then it is removed
 * @param output - Name of the new file, or a stream, which is left open
 *
 * @example
 * await recoverCapture('orders.hose', 'archive.hose', { encrypt: { file: 'archive.key' } });
 */
export function recoverCapture(
  source: string | AsyncIterable<Uint8Array>,
  output: string | Writable,
  options: RewriteOptions = {},
): Promise<RecoverResult> {
  return rewriteCapture(
    source,
    output,
    options,
    (header) => header,
    async ({ window, log, start }, writer) => {
      for await (const item of readChunks(window, log, start)) {
        if (item.kind === 'gap') await writer.write(item.gap);
        else await copyChunk(item, writer, log);
      }
    },
  );
}

/** As it stands when each of its records can be read, else event by event. */
async function copyChunk(chunk: SoundChunk, writer: CaptureWriter, log: ConditionLog): Promise<void> {
  const faultsBefore = log.faultCount;
  const events = [...chunkEvents(chunk, log)];
  if (log.faultCount === faultsBefore) {
    await writer.copyChunk(chunk);
  } else {
    for (const event of events) await writer.write(event);
  }
}
