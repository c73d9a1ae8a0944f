import { getPriority, setPriority } from 'node:os';
import { Worker } from 'node:worker_threads';
import { systemClock } from '../clock.ts';
import { GardenhoseError } from '../errors.ts';
import type { PackedBuffer } from './buffer-pool.ts';
import type { PipelineStats } from './pipeline.ts';
import { noPipelineStats } from './pipeline.ts';
import type { PipelineRunner, RunnerEvents } from './pipeline-runner.ts';
import type { FromWorker, ToWorker, WorkerStart } from './worker-messages.ts';
import { crossed, noProgress, sharedPlaces } from './worker-messages.ts';

/** Runs the pipeline in a worker thread. The thread never keeps the process alive, but while somebody waits for it. */
export class WorkerPipeline implements PipelineRunner {
  readonly #events: RunnerEvents;
  readonly #worker: Worker;
  readonly #shared: Int32Array;
  readonly #waiting = new Map<number, () => void>();
  readonly #opening: Promise<void>;
  #opened: () => void = () => undefined;
  #openFailed: (error: Error) => void = () => undefined;
  /** Buffers that the worker reads, oldest first. */
  readonly #out: { readonly buffer: PackedBuffer; readonly message: number }[] = [];
  #waiters = 0;
  #posted = 0;
  #nextId = 1;
  #over = false;
  #closing = false;
  #stats = noPipelineStats;

  /** @throws GardenhoseError `invalid-option` when something that must cross to the thread cannot be cloned */
  constructor(start: Omit<WorkerStart, 'shared'>, events: RunnerEvents) {
    this.#events = events;
    const shared = new SharedArrayBuffer(4 * Object.keys(sharedPlaces).length);
    this.#shared = new Int32Array(shared);
    this.#opening = new Promise((resolve, reject) => {
      this.#opened = resolve;
      this.#openFailed = reject;
    });
    // Whoever does not ask for `ready` must not die of its rejection.
    this.#opening.catch(() => undefined);
    this.#worker = startWorker({ ...start, shared });
    this.#worker.on('message', (message: FromWorker) => this.#take(message));
    this.#worker.on('error', (error) => this.#fail(workerError(error.message, error)));
    this.#worker.on('messageerror', (error) => this.#fail(workerError(error.message, error)));
    this.#worker.on('exit', (code) => {
      if (this.#closing && this.#waiting.size === 0) this.#end();
      else this.#fail(workerError(`it ended with exit code ${code}`));
    });
    this.#worker.unref();
  }

  ready(): Promise<void> {
    return this.#whileAlive(() => this.#opening);
  }

  post(buffer: PackedBuffer): void {
    this.#send({ type: 'events', memory: buffer.memory, used: buffer.used });
    this.#out.push({ buffer, message: this.#posted });
  }

  reclaim(): void {
    const done = Atomics.load(this.#shared, sharedPlaces.progress);
    if (done === noProgress) return;
    for (let first = this.#out[0]; first !== undefined && first.message <= done; first = this.#out[0]) {
      this.#out.shift();
      this.#events.processed(first.buffer);
    }
  }

  requestFlush(): void {
    this.#send({ type: 'flush', id: 0 });
  }

  flush(): Promise<void> {
    return this.#ask('flush');
  }

  close(): Promise<void> {
    this.#closing = true;
    this.#hurry();
    return this.#ask('close');
  }

  giveUp(error: Error): void {
    // Also out of a loop that never ends.
    void this.#worker.terminate();
    this.#fail(error);
  }

  finishNow(timeoutMs: number): void {
    this.#closing = true;
    this.#hurry();
    this.#send({ type: 'close', id: 0 });
    const deadline = systemClock.nowNs() + timeoutMs * 1e6;
    for (;;) {
      const done = Atomics.load(this.#shared, sharedPlaces.progress);
      const leftMs = (deadline - systemClock.nowNs()) / 1e6;
      if (this.#over || done >= this.#posted || leftMs <= 0) return;
      Atomics.wait(this.#shared, sharedPlaces.progress, done, leftMs);
    }
  }

  stats(): PipelineStats {
    return this.#stats;
  }

  /** From here on somebody waits for the worker: it need not let others go first. */
  #hurry(): void {
    const thread = Atomics.compareExchange(this.#shared, sharedPlaces.yielding, 0, -1);
    if (this.#over || thread <= 0) return;
    try {
      setPriority(thread, getPriority());
    } catch {
      // Linux lets few processes take back what they gave away. To the others the waiting may seem longer.
    }
  }

  #send(message: ToWorker): void {
    if (this.#over) return;
    this.#worker.postMessage(message);
    this.#posted++;
  }

  #ask(type: 'flush' | 'close'): Promise<void> {
    if (this.#over) return Promise.resolve();
    const id = this.#nextId++;
    return this.#whileAlive(
      () =>
        new Promise((resolve) => {
          this.#waiting.set(id, resolve);
          this.#send({ type, id });
        }),
    );
  }

  async #whileAlive(wait: () => Promise<void>): Promise<void> {
    if (this.#waiters++ === 0) this.#worker.ref();
    try {
      await wait();
    } finally {
      if (--this.#waiters === 0) this.#worker.unref();
    }
  }

  #take(message: FromWorker): void {
    if (message.type === 'ready') {
      this.#opened();
    } else if (message.type === 'failed') {
      this.#fail(crossed(message.error));
    } else if (message.type === 'processed') {
      this.#stats = message.stats;
      this.reclaim();
    } else {
      this.#stats = message.stats;
      this.reclaim();
      this.#events.flushed();
      this.#waiting.get(message.id)?.();
      this.#waiting.delete(message.id);
    }
  }

  #fail(error: Error): void {
    if (this.#over) return;
    this.#end();
    this.#openFailed(error);
    this.#events.failed(error);
  }

  /** Nothing more will come from the worker. */
  #end(): void {
    this.#over = true;
    for (const done of this.#waiting.values()) done();
    this.#waiting.clear();
    this.#out.length = 0;
  }
}

function startWorker(start: WorkerStart): Worker {
  // The thread must not load what the application preloads: a preloaded tap would record the recorder. So it gets no
  // command line options of its own, and none from NODE_OPTIONS.
  const { NODE_OPTIONS: _, ...env } = process.env;
  try {
    return new Worker(new URL('./worker.js', import.meta.url), {
      workerData: start,
      name: 'gardenhose-recorder',
      execArgv: [],
      env,
    });
  } catch (error) {
    if (!(error instanceof Error) || error.name !== 'DataCloneError') throw error;
    throw new GardenhoseError(
      'invalid-option',
      "options for the worker must be values that can be cloned; with functions in them, use pipeline: 'inline'",
      { cause: error },
    );
  }
}

function workerError(what: string, cause?: Error): GardenhoseError {
  return new GardenhoseError('worker-failed', `the recorder's worker failed: ${what}`, { cause });
}
