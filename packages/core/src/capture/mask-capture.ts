import type { Writable } from 'node:stream';
import { createMasker } from '../mask/create-masker.ts';
import type { Policy } from '../mask/policy/policy.ts';
import { policyError } from '../mask/policy/policy-error.ts';
import type { CaptureHeader } from '../model/capture-header.ts';
import type { CaptureEvent } from '../model/event.ts';
import type { CaptureCondition } from './condition.ts';
import { readEvents } from './read-capture.ts';
import { type RewriteOptions, rewriteCapture } from './rewrite-capture.ts';
import { writeOrDeclare } from './write-capture.ts';

export interface MaskCaptureOptions extends RewriteOptions {
  /** What to mask. Default `secure`, under a key that dies with the process. */
  readonly policy?: Policy | undefined;
  /**
   * Schemas of gRPC messages that the capture does not hold, or that say more than those in it: each a serialised
   * `google.protobuf.FileDescriptorSet`. They go before its own, and into the new capture. Default none.
   */
  readonly schemas?: readonly Uint8Array[] | undefined;
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
  let masked = 0;
  let refused = 0;
  let read = 0;
  let given = options.schemas ?? [];
  try {
    const result = await rewriteCapture(
      source,
      output,
      options,
      (before) => ({
        ...before,
        policy: masker.summary,
        policyHistory: [...(before.policyHistory ?? []), before.policy].slice(-longestHistory),
      }),
      async ({ window, log, start }, writer) => {
        for await (const event of readEvents(window, log, start)) {
          // At the place of the first event: what comes after it needs them.
          for (const data of given) {
            for (const kept of masker.mask({
              type: 'schema',
              seq: event.seq,
              at: event.at,
              format: 'protobuf',
              data,
            })) {
              await writer.write(kept);
            }
          }
          given = [];
          // An audit of before comes back within that of now.
          masked -= actsOf(event);
          for (const kept of masker.mask(event)) {
            masked += actsOf(kept);
            if (!(await writeOrDeclare(writer, kept))) refused++;
          }
          options.onEvent?.(++read);
        }
      },
    );
    return { ...result, masked, refused };
  } finally {
    masker.close?.();
  }
}

function actsOf(event: CaptureEvent): number {
  return event.type === 'audit' ? event.entries.reduce((sum, { count }) => sum + count, 0) : 0;
}
