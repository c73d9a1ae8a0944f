// The thread in which a recorder's events are masked, go through the hooks and reach the sink.

import { readlinkSync } from 'node:fs';
import { constants, getPriority, setPriority } from 'node:os';
import { basename } from 'node:path';
import { parentPort, workerData } from 'node:worker_threads';
import { systemClock } from '../clock.ts';
import { createMasker } from '../mask/create-masker.ts';
import { openPipeline, openSinkModule } from './open-pipeline.ts';
import type { Pipeline } from './pipeline.ts';
import { shareStats } from './pipeline-stats.ts';
import type { FromWorker, ToWorker, WorkerStart } from './worker-messages.ts';
import { crossing, sharedPlaces } from './worker-messages.ts';

/** A message wakes the service. That something was processed it is told no more often than this, in milliseconds. */
const tellEveryMs = 20;

function run(start: WorkerStart, port: NonNullable<typeof parentPort>): void {
  const shared = new Int32Array(start.shared);
  const sharedStats = new Float64Array(start.sharedStats);
  yieldToOthers(shared);
  const tell = (message: FromWorker) => port.postMessage(message);

  const change = (place: typeof sharedPlaces.progress | typeof sharedPlaces.over): void => {
    Atomics.add(shared, place, 1);
    Atomics.add(shared, sharedPlaces.changes, 1);
    Atomics.notify(shared, sharedPlaces.changes);
  };

  let telling: NodeJS.Timeout | undefined;
  const tellLater = (pipeline: Pipeline): void => {
    telling ??= setTimeout(() => {
      telling = undefined;
      tell({ type: 'processed', stats: pipeline.stats() });
    }, tellEveryMs);
  };

  async function take(pipeline: Pipeline, message: ToWorker): Promise<void> {
    if (message.type === 'events') {
      await pipeline.process(message.memory, message.used);
      tellLater(pipeline);
    } else if (message.type === 'flush') {
      const done = await pipeline.flush();
      tell({ type: 'flushed', id: message.id, done, stats: pipeline.stats() });
    } else if (message.type === 'trigger') {
      const file = await pipeline.trigger(message.trigger);
      tell({ type: 'saved', id: message.id, file, stats: pipeline.stats() });
    } else {
      await pipeline.close();
      clearTimeout(telling);
      tell({ type: 'flushed', id: message.id, done: true, stats: pipeline.stats() });
      port.close();
    }
    shareStats(sharedStats, pipeline.stats());
    change(sharedPlaces.progress);
  }

  const opening = openPipeline({
    masker: () => createMasker(start.mask),
    hooks: start.hooks,
    hookTimeoutMs: start.hookTimeoutMs,
    openSink: (header) => openSinkModule(start.sink, header),
    clock: systemClock,
    lanes: start.lanes,
    holding: start.holding,
    header: start.header,
  });
  // One message after the other; a failure ends the worker, and the recorder hears of it.
  let work: Promise<void> = opening.then(() => tell({ type: 'ready' }));
  const fail = (error: unknown): void => {
    tell({ type: 'failed', error: crossing(error) });
    port.close();
    // Nobody need wait for what will not be done.
    change(sharedPlaces.over);
  };
  port.on('message', (message: ToWorker) => {
    work = work.then(async () => take(await opening, message));
    work.catch(fail);
  });
  work.catch(fail);
}

/**
 * Lets everything else go first where processors are short: recording can wait, and has a buffer for it. Only Linux takes
 * the priority of a thread by itself; elsewhere this would be that of the whole process.
 */
function yieldToOthers(shared: Int32Array): void {
  if (process.platform !== 'linux') return;
  try {
    const { PRIORITY_BELOW_NORMAL: low } = constants.priority;
    if (getPriority() >= low) return;
    const thread = Number(basename(readlinkSync('/proc/thread-self')));
    if (Atomics.compareExchange(shared, sharedPlaces.yielding, 0, thread) === 0) setPriority(low);
  } catch {
    // A sandbox may forbid it. The recorder works as well without.
  }
}

if (parentPort !== null) run(workerData, parentPort);
