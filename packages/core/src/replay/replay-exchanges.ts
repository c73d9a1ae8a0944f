import type { Exchange } from '../model/exchange.ts';
import { onlyOptions } from '../model/option-names.ts';
import { type ReplayOptions, replayOptionNames, resolveReplayOptions } from './options.ts';
import type { ReplayProgress } from './progress.ts';
import { Run } from './replay-run.ts';
import type { Sender } from './sender.ts';
import type { ReplayResult } from './transcript.ts';

/** One replay. */
export interface ReplayRun {
  readonly runId: string;
  readonly thread: 'worker' | 'inline';
  /**
   * What became of each exchange, in the order in which they ended, each once. The run begins when this is first read, and
   * stops when reading stops. Results that are not read hold up the reading of the capture, so that memory stays bounded.
   */
  readonly results: AsyncGenerator<ReplayResult, void, undefined>;
  progress(): ReplayProgress;
}

/**
 * Replays exchanges, which must come in order of their starts, to the sender's target. The sender stays the caller's.
 *
 * `results` throws `target-unreachable` when nothing can be connected, having sent nothing; `target-refused` when an exchange
 * turns out to be recorded from the target, and `replay-aborted` when that shows after the first was sent; `worker-failed`; and whatever `source` throws.
 *
 * @throws {@link GardenhoseError} `invalid-option`; `target-refused` when the guard forbids the target
 */
export function replayExchanges(
  source: AsyncIterable<Exchange> | Iterable<Exchange>,
  sender: Sender,
  options: ReplayOptions = {},
): ReplayRun {
  const run = startRun(source, sender, options);
  return {
    runId: run.options.runId,
    thread: run.options.thread,
    results: run.results(),
    progress: () => run.progress(),
  };
}

/**
 * The same for this package's own use, which reads results in batches.
 *
 * @param brief - Whether nobody looks at answers: results then have none, and those of HTTP are not brought from the thread that sends
 * @throws {@link GardenhoseError} as {@link replayExchanges} does
 */
export function startRun(
  source: AsyncIterable<Exchange> | Iterable<Exchange>,
  sender: Sender,
  options: ReplayOptions,
  brief: boolean = false,
): Run {
  onlyOptions('a replay', options, replayOptionNames);
  return new Run(source, sender, resolveReplayOptions(sender, options, brief));
}
