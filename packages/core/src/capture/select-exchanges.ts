import type { Writable } from 'node:stream';
import type { CaptureEvent, ExchangeId } from '../model/event.ts';
import { readEvents } from './read-capture.ts';
import { type RewriteOptions, type RewriteResult, rewriteCapture } from './rewrite-capture.ts';

/**
 * Writes these exchanges of a capture into a new one, with its schemas: same ids, order and times, so that what was found in the
 * one can be looked up in the other. Gaps and controls of the old capture, which tell of other exchanges, are left out.
 *
 * @throws GardenhoseError as `recoverCapture`
 * @param output - Name of the new file, or a stream, which is left open
 * @example
 * await selectExchanges('orders.hose', 'two.hose', new Set([17, 42]));
 */
export function selectExchanges(
  source: string | AsyncIterable<Uint8Array>,
  output: string | Writable,
  ids: ReadonlySet<ExchangeId>,
  options: RewriteOptions = {},
): Promise<RewriteResult> {
  return rewriteCapture(
    source,
    output,
    options,
    (header) => header,
    async ({ window, log, start }, writer) => {
      for await (const event of readEvents(window, log, start)) {
        if (belongs(event, ids)) await writer.write(event);
      }
    },
  );
}

function belongs(event: CaptureEvent, ids: ReadonlySet<ExchangeId>): boolean {
  return 'exchange' in event && event.exchange !== undefined
    ? ids.has(event.exchange)
    : event.type === 'schema' || event.type === 'clock';
}
