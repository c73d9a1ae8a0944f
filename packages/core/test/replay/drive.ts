import type { Exchange } from '../../src/model/exchange.ts';
import type { ReplayOptions } from '../../src/replay/options.ts';
import { type ReplayRun, replayExchanges } from '../../src/replay/replay-exchanges.ts';
import type { Sender } from '../../src/replay/sender.ts';
import type { ReplayResult } from '../../src/replay/transcript.ts';
import { ManualClock } from '../../src/testing/index.ts';

/** Lets everything happen that waits for no time. */
export async function settle(): Promise<void> {
  for (let i = 0; i < 3; i++) await new Promise((resolve) => setImmediate(resolve));
}

export interface Driven {
  readonly run: ReplayRun;
  readonly clock: ManualClock;
  readonly results: ReplayResult[];
  /** The result of an exchange. */
  of(exchange: number): ReplayResult;
}

/** Runs a replay on a clock that is moved by hand, a millisecond at a time, to its end. */
export async function drive(
  source: AsyncIterable<Exchange> | Iterable<Exchange>,
  sender: Sender,
  options: ReplayOptions = {},
  each: (ms: number, run: ReplayRun) => void = () => {},
): Promise<Driven> {
  const clock = new ManualClock();
  const run = replayExchanges(source, sender, { ...options, clock });
  const results: ReplayResult[] = [];
  let over = false;
  const reading = (async () => {
    try {
      for await (const result of run.results) results.push(result);
    } finally {
      over = true;
    }
  })();
  // Kept from counting as unhandled while the clock is moved on; it is awaited below.
  reading.catch(() => {});
  for (let ms = 0; !over; ms++) {
    if (ms > 100_000) throw new Error('the replay did not end');
    await settle();
    // What is due now happens now, and not in the course of the next millisecond.
    clock.advanceMs(0);
    await settle();
    each(ms, run);
    if (!over) clock.advanceMs(1);
  }
  await reading;
  const of = (exchange: number) => {
    const result = results.find(({ entry }) => entry.exchange === exchange);
    if (result === undefined) throw new Error(`exchange ${exchange} has no result`);
    return result;
  };
  return { run, clock, results, of };
}
