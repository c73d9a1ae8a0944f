import type { After } from './clock-notes.ts';
import type { OutQueue } from './out-queue.ts';
import type { NewsTeller } from './recorder-news.ts';
import type { RequestPath } from './request-path.ts';
import { memoryShare, Shedder, type ShedLimits } from './shedding.ts';

/** What there is to look at. */
export interface ShedPort {
  readonly path: RequestPath;
  readonly out: OutQueue;
  readonly maxBufferedBytes: number;
  /** Takes back what has been processed. */
  reclaim(): void;
  readonly after: After;
  readonly news: NewsTeller;
}

/** Sheds load of a recording from now on; `undo` ends it. */
export function startShedding(
  limits: ShedLimits,
  { path, out, maxBufferedBytes, reclaim, after, news }: ShedPort,
): { readonly shedder: Shedder; readonly undo: () => void } {
  const measure = (loopDelayMs: number) => {
    reclaim();
    return {
      bufferShare: path.queueBytes / maxBufferedBytes,
      memoryShare: memoryShare(),
      loopDelayMs,
      workerLagMs: out.lagNs(path.nowNs()) / 1e6,
    };
  };
  const shedder = new Shedder(limits, measure, (share, reason) => {
    const value = `${share} ${reason}`;
    const noted = path.note((writer, at) => writer.control(at, 'shed', value));
    if (noted) news.control('shed', value);
    return noted;
  });
  return { shedder, undo: shedder.start(after, () => path.nowNs()) };
}
