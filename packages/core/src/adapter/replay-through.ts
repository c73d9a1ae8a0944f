import type { Sender } from '../replay/sender.ts';
import type { Report } from '../report/report.ts';
import { type ReplayRunOptions, type ReplaySource, replay } from '../run.ts';

/**
 * Replays to what a target was given as: a sender that was made of it is closed in the end, one that was given stays open.
 *
 * @throws {@link GardenhoseError} as `replay` does
 */
export async function replayThrough(
  source: ReplaySource,
  target: unknown,
  sender: Sender,
  options: ReplayRunOptions,
): Promise<Report> {
  try {
    return await replay(source, sender, options);
  } finally {
    if (sender !== target) await sender.close();
  }
}
