// The thread that replays what a recording records, beside the one that serves its port.

import { parentPort, workerData } from 'node:worker_threads';
import {
  GapTally,
  isGardenhoseError,
  mirrorExchanges,
  planReplay,
  readMirror,
  replay,
} from '@gardenhose/core';
import type { FromMirrorThread, MirrorThreadStart } from './mirror-messages.ts';
import { openTarget } from './target.ts';

async function run(
  { source, to, guard, delayMs }: MirrorThreadStart,
  tell: (message: FromMirrorThread) => void,
): Promise<void> {
  const sender = await openTarget({ to }, new Set(['http', 'grpc']));
  try {
    await planReplay([], sender, { guard });
    // What is recorded from now on is mirrored; the first of it comes with the first exchange.
    const reading = readMirror(source);
    tell({ type: 'ready' });
    const { events } = await reading;
    const gaps = new GapTally();
    const exchanges = mirrorExchanges(events, { delayMs, onGap: (gap) => gaps.add(gap) });
    const report = await replay(exchanges, sender, { guard, losses: () => gaps.losses() });
    tell({ type: 'report', report, stats: exchanges.stats() });
  } finally {
    await sender.close();
  }
}

const port = parentPort;
if (port !== null) {
  const tell = (message: FromMirrorThread) => port.postMessage(message);
  run(workerData, tell).catch((error: unknown) => {
    const message = error instanceof Error ? error.message : String(error);
    tell({ type: 'failed', code: isGardenhoseError(error) ? error.code : undefined, message });
  });
}
