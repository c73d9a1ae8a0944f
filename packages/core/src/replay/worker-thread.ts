import { Worker } from 'node:worker_threads';
import { GardenhoseError } from '../errors.ts';
import { batchTransfer } from './batch.ts';
import type { Job, Settled } from './job.ts';
import type { Warmed } from './lane-warmer.ts';
import type { LateShipment } from './late-shipments.ts';
import { packJobs } from './packed-jobs.ts';
import { unpackSettled } from './packed-settled.ts';
import { type AnswerError, isUnsendable } from './sender.ts';
import type { FromWorker, Moment, ToWorker, WorkerSetup } from './worker-protocol.ts';

/** A large young generation: what a request leaves behind is collected seldom, and not while another is due. */
const youngGenerationMb = 64;
/** A worker that does not close by itself in this time is ended. */
const closeWithinMs = 2_000;

const { setTimeout: startTimer, clearTimeout: stopTimer } = globalThis;

export interface WorkerThreadOptions extends WorkerSetup {
  readonly onSettled: (settled: Settled) => void;
  readonly onWanted: (index: number) => void;
  /** The engine itself failed: nothing more will settle. */
  readonly onFailed: (error: GardenhoseError) => void;
}

/** One engine in a worker thread, which makes its own sender. Nothing is rejected: what fails is told to `onFailed`. */
export class WorkerThread {
  readonly #options: WorkerThreadOptions;
  readonly #worker: Worker;
  #closing = false;
  #failed = false;
  #closed = () => {};
  #onOpened: (thread: string | undefined) => void = () => {};
  #onPrepared: (warmed: Warmed) => void = () => {};
  /** When its sender is open: the thread as the system numbers it, where it can be told. */
  readonly opened: Promise<string | undefined>;

  constructor(options: WorkerThreadOptions) {
    this.#options = options;
    const { source, order, maxInFlight, underWay, gate, maxLanes } = options;
    const setup: WorkerSetup = { source, order, maxInFlight, underWay, gate, maxLanes };
    this.opened = new Promise((resolve) => {
      this.#onOpened = resolve;
    });
    this.#worker = new Worker(new URL('./worker.js', import.meta.url), {
      workerData: setup,
      name: 'gardenhose-replay',
      resourceLimits: { maxYoungGenerationSizeMb: source.youngGenerationMb ?? youngGenerationMb },
    });
    this.#worker.on('message', (message: FromWorker) => this.#receive(message));
    this.#worker.on('error', (cause) => {
      this.#fail(new GardenhoseError('worker-failed', 'The replay worker failed', { cause }));
      this.#closed();
    });
    this.#worker.on('exit', (code) => {
      this.#fail(
        new GardenhoseError(
          'worker-failed',
          `The replay worker ended with code ${code} before the replay did`,
        ),
      );
      this.#closed();
    });
  }

  add(jobs: readonly Job[]): void {
    const batch = packJobs(jobs);
    this.#post({ type: 'jobs', batch }, batchTransfer(batch));
  }

  /** Gives a job its shipment that was added without. */
  supply({ index, shipment, freedAt }: LateShipment, job: Job): void {
    if (isUnsendable(shipment)) this.#post({ type: 'supply', index, freedAt, what: shipment });
    else {
      const batch = packJobs([{ ...job, shipment }]);
      this.#post({ type: 'supply', index, freedAt, what: batch }, batchTransfer(batch));
    }
  }

  /** Connects what is needed first. */
  prepare(): Promise<Warmed> {
    return new Promise((resolve) => {
      this.#onPrepared = resolve;
      this.#post({ type: 'prepare' });
    });
  }

  begin(zero: Moment): void {
    this.#post({ type: 'begin', zero });
  }

  stop(): void {
    this.#post({ type: 'stop' });
  }

  abandon(error: AnswerError): void {
    this.#post({ type: 'abandon', error });
  }

  async close(): Promise<void> {
    const ended = new Promise<void>((resolve) => {
      this.#closed = resolve;
    });
    this.#post({ type: 'close' });
    this.#closing = true;
    const timer = startTimer(() => this.#closed(), closeWithinMs);
    await ended;
    stopTimer(timer);
    await this.#worker.terminate();
  }

  #post(message: ToWorker, transfer?: ArrayBuffer[]): void {
    if (!this.#closing) this.#worker.postMessage(message, transfer);
  }

  #receive(message: FromWorker): void {
    switch (message.type) {
      case 'opened':
        this.#onOpened(message.thread);
        break;
      case 'prepared':
        this.#onPrepared(message);
        break;
      case 'settled':
        for (const settled of unpackSettled(message.batch)) this.#options.onSettled(settled);
        break;
      case 'wanted':
        this.#options.onWanted(message.index);
        break;
      case 'failed':
        this.#fail(new GardenhoseError('worker-failed', `The replay worker failed: ${message.message}`));
        break;
      case 'closed':
        this.#closed();
        break;
    }
  }

  #fail(error: GardenhoseError): void {
    if (this.#closing || this.#failed) return;
    this.#failed = true;
    this.#options.onFailed(error);
  }
}
