import type { Exchange } from './exchange.ts';

/** When a recorded exchange was over for its client: with its answer. Notes that were taken later do not count. */
export function finishedAt(exchange: Exchange): number {
  return exchange.abort?.at ?? exchange.response?.endAt ?? exchange.endAt;
}
