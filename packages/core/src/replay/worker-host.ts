import { Worker } from 'node:worker_threads';
import { GardenhoseError, isGardenhoseError } from '../errors.ts';
import { batchTransfer, packJobs, unpackSettled } from './batch.ts';
import type { EngineHost, HostOptions } from './engine-host.ts';
import type { ReplayOrder } from './order.ts';
import { type OwnProcessor, type OwnProcessorOption, takeProcessor } from './own-processor.ts';
import type { Sender } from './sender.ts';
import type { FromWorker, ToWorker, WorkerSetup } from './worker-protocol.ts';

/** A large young generation: what a request leaves behind is collected seldom, and not while another is due. */
const youngGenerationMb = 64;
/** A worker that does not close by itself in this time is ended. */
const closeWithinMs = 2_000;

const { hrtime } = process;
const { setTimeout: startTimer, clearTimeout: stopTimer } = globalThis;

export interface WorkerHostOptions extends HostOptions {
  readonly ownProcessor: OwnProcessorOption;
}

/** Runs the engine in a worker thread, which makes its own sender. */
export function workerHost(sender: Sender, order: ReplayOrder, options: WorkerHostOptions): EngineHost {
  let worker: Worker | undefined;
  let zero: readonly [number, number] | undefined;
  let failure: GardenhoseError | undefined;
  let closing = false;
  let opened = false;
  let processor: OwnProcessor | undefined;
  let hadProcessor = false;
  let started:
    | { atMs: number | undefined; resolve(): void; reject(error: GardenhoseError): void }
    | undefined;
  let closed = () => {};

  const giveBack = () => {
    processor?.release();
    processor = undefined;
  };

  const fail = (error: GardenhoseError) => {
    if (closing || failure !== undefined) return;
    failure = error;
    giveBack();
    started?.reject(error);
    options.onFailed(error);
  };

  // Before anything is due: it holds up both threads for some milliseconds.
  const open = (thread: string | undefined) => {
    if (closing || failure !== undefined) return;
    if (options.ownProcessor !== false) {
      const taken = takeProcessor(thread);
      if (!isGardenhoseError(taken)) processor = taken;
      // `auto` asks for it where it can be had; the report says that it was not.
      else if (options.ownProcessor === true) {
        fail(taken);
        return;
      }
    }
    hadProcessor = processor !== undefined;
    opened = true;
    if (started !== undefined) post({ type: 'start', atMs: started.atMs });
  };

  const receive = (message: FromWorker) => {
    switch (message.type) {
      case 'opened':
        open(message.thread);
        break;
      case 'settled':
        for (const settled of unpackSettled(message.batch)) options.onSettled(settled);
        break;
      case 'started':
        zero = message.zero;
        started?.resolve();
        break;
      case 'refused':
        giveBack();
        started?.reject(new GardenhoseError(message.code, message.message, { subject: sender.target }));
        break;
      case 'failed':
        fail(new GardenhoseError('worker-failed', `The replay worker failed: ${message.message}`));
        break;
      case 'closed':
        closed();
        break;
    }
  };

  // Made with the first job: a run that sends nothing needs no thread.
  const make = (): Worker => {
    if (sender.source === undefined) throw new TypeError('the sender has no module');
    const setup: WorkerSetup = {
      source: sender.source,
      order,
      maxInFlight: options.maxInFlight,
      maxLanes: options.maxLanes,
    };
    const made = new Worker(new URL('./worker.js', import.meta.url), {
      workerData: setup,
      name: 'gardenhose-replay',
      resourceLimits: { maxYoungGenerationSizeMb: sender.source.youngGenerationMb ?? youngGenerationMb },
    });
    made.on('message', receive);
    made.on('error', (cause) => {
      fail(new GardenhoseError('worker-failed', 'The replay worker failed', { cause }));
      closed();
    });
    made.on('exit', (code) => {
      fail(
        new GardenhoseError(
          'worker-failed',
          `The replay worker ended with code ${code} before the replay did`,
        ),
      );
      closed();
    });
    return made;
  };

  const post = (message: ToWorker, transfer?: ArrayBuffer[]) => {
    worker ??= make();
    worker.postMessage(message, transfer);
  };

  return {
    thread: 'worker',
    get ownProcessor() {
      return hadProcessor;
    },
    add(jobs) {
      const batch = packJobs(jobs);
      post({ type: 'jobs', batch }, batchTransfer(batch));
    },
    start(atMs) {
      return new Promise((resolve, reject) => {
        started = { atMs, resolve, reject };
        if (failure !== undefined) reject(failure);
        else if (opened) post({ type: 'start', atMs });
        else worker ??= make();
      });
    },
    nowNs() {
      if (zero === undefined) return Number.NEGATIVE_INFINITY;
      const [seconds, nanos] = hrtime();
      return (seconds - zero[0]) * 1e9 + (nanos - zero[1]);
    },
    stop() {
      if (worker !== undefined && !closing) post({ type: 'stop' });
    },
    abandon(error) {
      if (worker !== undefined && !closing) post({ type: 'abandon', error });
    },
    async close() {
      if (worker === undefined || closing) return;
      // Nothing is sent any more.
      giveBack();
      const ended = new Promise<void>((resolve) => {
        closed = resolve;
      });
      post({ type: 'close' });
      closing = true;
      started?.reject(new GardenhoseError('replay-aborted', 'The replay was ended before it began'));
      const timer = startTimer(() => closed(), closeWithinMs);
      await ended;
      stopTimer(timer);
      await worker.terminate();
    },
  };
}
