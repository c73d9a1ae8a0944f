import {
  type Exchange,
  type ReplayOptions,
  type ReplayResult,
  replayExchanges,
  type Sender,
} from '@gardenhose/core';

/** Replays on this thread and gives all results. */
export async function replayAll(
  exchanges: AsyncIterable<Exchange> | Iterable<Exchange>,
  sender: Sender,
  options: ReplayOptions = {},
): Promise<ReplayResult[]> {
  const run = replayExchanges(exchanges, sender, { thread: 'inline', mark: false, ...options });
  const results: ReplayResult[] = [];
  for await (const result of run.results) results.push(result);
  return results;
}

/** The body that came back. */
export function answerBody(result: ReplayResult | undefined): string {
  return Buffer.concat(result?.replayed?.response?.chunks.map(({ data }) => data) ?? []).toString('latin1');
}
