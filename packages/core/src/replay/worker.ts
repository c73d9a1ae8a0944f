// The entry of the replay worker. Nothing runs here but the engine and the sender's sockets.
import { readlinkSync, writeFileSync } from 'node:fs';
import { parentPort, workerData } from 'node:worker_threads';
import { batchTransfer, packSettled, unpackJobs } from './batch.ts';
import { Engine } from './engine.ts';
import { warmWithinNs } from './engine-host.ts';
import { gatedRoom } from './gate.ts';
import type { Settled } from './job.ts';
import { orderRule } from './order.ts';
import { ownRoom, type Room, sharedRoom } from './room.ts';
import type { Sender, SenderModule } from './sender.ts';
import { napWaiter } from './waiter.ts';
import type { FromWorker, ToWorker, WorkerSetup } from './worker-protocol.ts';

/**
 * Posting answers takes a part of a millisecond, and wakes the thread that gets them, which then competes with this one. So
 * some are posted together, when nothing is due for a while …
 */
const postSlackNs = 0.5e6;
/** … but no more than keep that thread busy for part of a millisecond, and none waits long for others … */
const postTogether = 8;
const postSoonNs = 15e6;
/** … nor for a quiet moment. */
const postAtLeast = 64;
const postWithinNs = 50e6;

const { hrtime } = process;

/** Monotonic nanoseconds since `origin`, which keeps them exact as a number. */
const origin = hrtime();
function nowNs(): number {
  const [seconds, nanos] = hrtime();
  return (seconds - origin[0]) * 1e9 + (nanos - origin[1]);
}

function post(message: FromWorker, transfer: ArrayBuffer[] = []): void {
  parentPort?.postMessage(message, transfer);
}

/** This thread as Linux numbers it. */
function threadNumber(): string | undefined {
  try {
    return readlinkSync('/proc/thread-self').split('/').pop();
  } catch {
    // Not Linux, or no /proc.
    return undefined;
  }
}

/** Linux lets sleeps run 50 us over by default, to save wake-ups. This thread wants them exact. */
function sleepExactly(thread: string): void {
  try {
    writeFileSync(`/proc/${thread}/timerslack_ns`, '1');
  } catch {
    // Not allowed: sleeps are a little longer, and the lag says so.
  }
}

function roomOf({ maxInFlight, underWay, gate }: WorkerSetup): Room {
  const room = underWay === undefined ? ownRoom(maxInFlight) : sharedRoom(maxInFlight, underWay);
  return gate === undefined ? room : gatedRoom(room, gate, () => hrtime()[0]);
}

async function run(setup: WorkerSetup): Promise<void> {
  const thread = threadNumber();
  if (thread !== undefined) sleepExactly(thread);
  const module: SenderModule = await import(setup.source.url);
  const sender: Sender = await module.openSender(setup.source.options);
  post({ type: 'opened', thread });
  let waiting: Settled[] = [];
  let waitingSince = 0;

  const postSettled = () => {
    if (waiting.length === 0) return;
    const batch = packSettled(waiting);
    waiting = [];
    post({ type: 'settled', batch }, batchTransfer(batch));
  };

  const engine = new Engine({
    sender,
    order: orderRule(setup.order),
    nowNs,
    waiter: napWaiter(nowNs),
    room: roomOf(setup),
    maxWarm: setup.maxInFlight,
    maxLanes: setup.maxLanes,
    onSettled(settled) {
      if (waiting.length === 0) {
        waitingSince = engine.timer.nowNs();
        engine.later(waitingSince + postWithinNs, postSettled);
      }
      waiting.push(settled);
      if (waiting.length >= postAtLeast) postSettled();
    },
    onIdle(slackNs) {
      if (waiting.length === 0 || slackNs < postSlackNs) return;
      const enough = waiting.length >= postTogether || engine.timer.nowNs() - waitingSince >= postSoonNs;
      if (enough || (engine.inFlight === 0 && slackNs > postSoonNs)) postSettled();
    },
  });

  const prepare = async () => {
    await sender.rehearse?.(engine.timer);
    post({ type: 'prepared', ...(await engine.warm(warmWithinNs)) });
  };

  parentPort?.on('message', (message: ToWorker) => {
    switch (message.type) {
      case 'jobs':
        for (const job of unpackJobs(message.batch)) engine.add(job);
        break;
      case 'prepare':
        prepare().catch(failed);
        break;
      case 'begin': {
        const [seconds, nanos] = hrtime();
        engine.start((message.zero[0] - seconds) * 1e9 + (message.zero[1] - nanos));
        break;
      }
      case 'stop':
        engine.stop();
        postSettled();
        break;
      case 'abandon':
        engine.abandon(message.error);
        break;
      case 'close':
        engine.close();
        sender
          .close()
          .then(() => {
            postSettled();
            post({ type: 'closed' });
            parentPort?.close();
          })
          .catch(failed);
        break;
    }
  });
}

function failed(error: unknown): void {
  const message = error instanceof Error ? error.message : String(error);
  post({ type: 'failed', message });
}

run(workerData).catch(failed);
