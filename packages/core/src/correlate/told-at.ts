import type { Exchange } from '../model/exchange.ts';

/**
 * When a client can have had the whole of a recorded answer at the earliest: its last content had passed. Its end is noted when the
 * server is done with it, and by then the client may have sent the next request on another connection.
 */
export function toldAt({ response, endAt }: Exchange): number {
  if (response === undefined) return endAt;
  const { at, chunks, messages } = response;
  return Math.max(at, chunks.at(-1)?.at ?? at, messages.at(-1)?.at ?? at);
}
