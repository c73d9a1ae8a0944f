import type { Writable } from 'node:stream';
import { createMasker } from '../mask/create-masker.ts';
import type { Policy } from '../mask/policy.ts';
import { policyError } from '../mask/policy-error.ts';
import type { CaptureHeader } from '../model/capture-header.ts';
import type { CaptureEvent } from '../model/event.ts';
import { ByteWindow } from './byte-window.ts';
import { type CaptureCondition, ConditionLog } from './condition.ts';
import { FileOutput } from './file-output.ts';
import { readHead } from './head-reader.ts';
import { readEvents } from './read-capture.ts';
import { bestHeader, isSameFile } from './recover-capture.ts';
import { streamOutput } from './stream-sink.ts';
import { openSource } from './verify-capture.ts';
import { CaptureWriter, isRefusal } from './writer.ts';
import { invalidOption } from './writer-options.ts';

export interface MaskCaptureOptions {
  /** What to mask. Default `secure`, under a key that dies with the process. */
  readonly policy?: Policy | undefined;
  /** Replaces a file of the output's name. Default false. */
  readonly overwrite?: boolean | undefined;
  /** Told of the events read so far, after each. Default nobody. */
  readonly onEvent?: ((events: number) => void) | undefined;
}

/** What {@link maskCapture} found and wrote. */
export interface MaskCaptureResult extends CaptureCondition {
  /** Of the new capture; `policyHistory` tells what it was under before. */
  readonly header: CaptureHeader;
  /** Values that were masked now, bodies and messages that were dropped among them. */
  readonly masked: number;
  /** Events that do not fit into a record any more, and are declared as missing. */
  readonly refused: number;
  /** Size of the new capture. */
  readonly bytesWritten: number;
}

/** Earlier policies that a capture remembers. */
const longestHistory = 32;

/**
 * Masks a capture again, by another policy, into a new one. Order, times, gaps and marks stay; tokens stay as they are, and what each
 * exchange's audit said before is added to. What is damaged is treated as `recoverCapture` does; records of unknown
 * types, which cannot be masked, are left out.
 *
 * @throws GardenhoseError as `recoverCapture`; `mask-policy`, also for a policy that masks nothing; `mask-key`
 * @param output - Name of the new file, or a stream, which is left open
 *
 * @example
 * await maskCapture('orders.hose', 'shared.hose', { policy: { version: 1, key: { env: 'GARDENHOSE_MASK_KEY' } } });
 */
export async function maskCapture(
  source: string | AsyncIterable<Uint8Array>,
  output: string | Writable,
  options: MaskCaptureOptions = {},
): Promise<MaskCaptureResult> {
  const masker = createMasker(options.policy);
  if (masker.summary.mode === 'none') throw policyError('extends', "'none' masks nothing");
  if (typeof source === 'string' && typeof output === 'string' && (await isSameFile(source, output)))
    throw invalidOption('output', 'the capture itself', 'the name of a new file');
  const { stream, name, close } = await openSource(source);
  try {
    const log = new ConditionLog('salvage', name);
    const window = new ByteWindow(stream);
    const head = await readHead(window, log);
    const before = await bestHeader(source, head, name);
    const header: CaptureHeader = {
      ...before,
      policy: masker.summary,
      policyHistory: [...(before.policyHistory ?? []), before.policy].slice(-longestHistory),
    };
    const target =
      typeof output === 'string' ? new FileOutput(output, options.overwrite ?? false) : streamOutput(output);
    const file = target instanceof FileOutput ? target : undefined;
    try {
      const writer = new CaptureWriter(target, header);
      let masked = 0;
      let refused = 0;
      let read = 0;
      for await (const event of readEvents(window, log, { ...head, fromStart: true })) {
        // An audit of before comes back within that of now.
        masked -= actsOf(event);
        for (const kept of masker.mask(event)) {
          masked += actsOf(kept);
          if (!(await written(writer, kept))) refused++;
        }
        options.onEvent?.(++read);
      }
      await writer.close();
      file?.sync();
      file?.close();
      return { header, masked, refused, bytesWritten: writer.bytesWritten, ...log.condition() };
    } catch (error) {
      file?.discard();
      throw error;
    }
  } finally {
    masker.close?.();
    await close();
  }
}

function actsOf(event: CaptureEvent): number {
  return event.type === 'audit' ? event.entries.reduce((sum, { count }) => sum + count, 0) : 0;
}

/** False when the event, masked, is too long for a record. */
async function written(writer: CaptureWriter, event: CaptureEvent): Promise<boolean> {
  try {
    await writer.write(event);
    return true;
  } catch (error) {
    if (!isRefusal(error)) throw error;
    await writer.declareRefused(event);
    return false;
  }
}
