// The entry of the replay worker. Nothing runs here but the engine and the sender's sockets.
import { readlinkSync, writeFileSync } from 'node:fs';
import { parentPort, workerData } from 'node:worker_threads';
import { batchTransfer } from './batch.ts';
import { Engine } from './engine.ts';
import { warmWithinNs } from './engine-host.ts';
import { gatedRoom } from './gate.ts';
import { orderRule } from './order.ts';
import { unpackJobs } from './packed-jobs.ts';
import { packSettled } from './packed-settled.ts';
import { ownRoom, type Room, sharedRoom } from './room.ts';
import type { Sender, SenderModule } from './sender.ts';
import { SettledPost } from './settled-post.ts';
import { napWaiter } from './waiter.ts';
import type { FromWorker, Moment, ToWorker, WorkerSetup } from './worker-protocol.ts';

const { hrtime } = process;

/** Monotonic nanoseconds since `origin`, which keeps them exact as a number. */
const origin = hrtime();
const sinceOrigin = ([seconds, nanos]: Moment): number => (seconds - origin[0]) * 1e9 + (nanos - origin[1]);
const nowNs = (): number => sinceOrigin(hrtime());

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
  const engine = new Engine({
    sender,
    order: orderRule(setup.order),
    nowNs,
    waiter: napWaiter(nowNs),
    room: roomOf(setup),
    maxWarm: setup.maxInFlight,
    maxLanes: setup.maxLanes,
    onSettled: (settled) => posting.settled(settled),
    onWanted(index) {
      // What it needs may be among them.
      posting.flush();
      post({ type: 'wanted', index });
    },
    onIdle: (slackNs) => posting.idle(slackNs),
  });
  const posting = new SettledPost(
    engine,
    (settled) => {
      const batch = packSettled(settled);
      post({ type: 'settled', batch }, batchTransfer(batch));
    },
    setup.underWay !== undefined,
  );

  const prepare = async () => {
    await sender.rehearse?.(engine.timer);
    post({ type: 'prepared', ...(await engine.warm(warmWithinNs)) });
  };

  const supply = ({ index, freedAt, what }: ToWorker & { readonly type: 'supply' }) => {
    posting.supplied(index);
    if ('skip' in what) engine.supply({ index, freedAt, shipment: what });
    else {
      for (const { shipment } of unpackJobs(what)) {
        if (typeof shipment === 'object') engine.supply({ index, freedAt, shipment });
      }
    }
  };

  parentPort?.on('message', (message: ToWorker) => {
    switch (message.type) {
      case 'jobs':
        for (const job of unpackJobs(message.batch)) {
          posting.add(job);
          engine.add(job);
        }
        break;
      case 'supply':
        supply(message);
        break;
      case 'prepare':
        prepare().catch(failed);
        break;
      case 'begin':
        engine.start(sinceOrigin(message.zero));
        break;
      case 'stop':
        engine.stop();
        posting.flush();
        break;
      case 'abandon':
        engine.abandon(message.error);
        break;
      case 'close':
        engine.close();
        sender
          .close()
          .then(() => {
            posting.flush();
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
