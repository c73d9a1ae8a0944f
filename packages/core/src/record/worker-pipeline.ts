import { getPriority, setPriority } from 'node:os';
import { Worker } from 'node:worker_threads';
import { systemClock } from '../clock.ts';
import { GardenhoseError } from '../errors.ts';
import type { PackedBuffer } from './buffer-pool.ts';
import type { PipelineRunner, RunnerEvents } from './pipeline-runner.ts';
import type { PipelineStats } from './pipeline-stats.ts';
import { noPipelineStats, sharedStatsBytes, withShared } from './pipeline-stats.ts';
import type { SaveTrigger } from './save-trigger.ts';
import type { FromWorker, ToWorker, WorkerStart } from './worker-messages.ts';
import { crossed, sharedPlaces } from './worker-messages.ts';

/** Runs the pipeline in a worker thread. The thread never keeps the process alive, but while somebody waits for it. */
export class WorkerPipeline implements PipelineRunner {
  readonly #events: RunnerEvents;
  readonly #worker: Worker;
  readonly #shared: Int32Array;
  readonly #sharedStats: Float64Array;
  readonly #waiting = new Map<number, (done: boolean) => void>();
  readonly #saving = new Map<number, (file: string | undefined) => void>();
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
  constructor(start: Omit<WorkerStart, 'shared' | 'sharedStats'>, events: RunnerEvents) {
    this.#events = events;
    const shared = new SharedArrayBuffer(4 * Object.keys(sharedPlaces).length);
    const sharedStats = new SharedArrayBuffer(sharedStatsBytes);
    this.#shared = new Int32Array(shared);
    this.#sharedStats = new Float64Array(sharedStats);
    this.#opening = new Promise((resolve, reject) => {
      this.#opened = resolve;
      this.#openFailed = reject;
    });
    // Whoever does not ask for `ready` must not die of its rejection.
    this.#opening.catch(() => undefined);
    this.#worker = startWorker({ ...start, shared, sharedStats });
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
    for (let first = this.#out[0]; first !== undefined && first.message <= done; first = this.#out[0]) {
      this.#out.shift();
      this.#events.processed(first.buffer);
    }
  }

  requestFlush(): void {
    this.#send({ type: 'flush', id: 0 });
  }

  flush(patience?: Promise<void>): Promise<boolean> {
    return this.#ask('flush', patience);
  }

  trigger(trigger: SaveTrigger): Promise<string | undefined> {
    if (this.#over) return Promise.resolve(undefined);
    const id = this.#nextId++;
    const saved = new Promise<string | undefined>((resolve) => {
      this.#saving.set(id, resolve);
      this.#send({ type: 'trigger', id, trigger });
    });
    return this.#whileAlive(() => saved);
  }

  async close(): Promise<void> {
    this.#closing = true;
    this.#hurry();
    await this.#ask('close');
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
      const changes = Atomics.load(this.#shared, sharedPlaces.changes);
      const done = Atomics.load(this.#shared, sharedPlaces.progress) >= this.#posted;
      const over = this.#over || Atomics.load(this.#shared, sharedPlaces.over) > 0;
      const leftMs = (deadline - systemClock.nowNs()) / 1e6;
      if (done || over || leftMs <= 0) return;
      Atomics.wait(this.#shared, sharedPlaces.changes, changes, leftMs);
    }
  }

  stats(): PipelineStats {
    return withShared(this.#sharedStats, this.#stats);
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

  #ask(type: 'flush' | 'close', patience?: Promise<void>): Promise<boolean> {
    if (this.#over) return Promise.resolve(false);
    const id = this.#nextId++;
    const answer = new Promise<boolean>((resolve) => {
      this.#waiting.set(id, resolve);
      this.#send({ type, id });
    });
    return this.#whileAlive(() =>
      patience === undefined ? answer : Promise.race([answer, patience.then(() => false)]),
    );
  }

  async #whileAlive<T>(wait: () => Promise<T>): Promise<T> {
    if (this.#waiters++ === 0) this.#worker.ref();
    try {
      return await wait();
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
    } else if (message.type === 'saved') {
      this.#stats = message.stats;
      this.reclaim();
      this.#saving.get(message.id)?.(message.file);
      this.#saving.delete(message.id);
    } else {
      this.#stats = message.stats;
      this.reclaim();
      if (message.done) this.#events.flushed();
      this.#waiting.get(message.id)?.(message.done);
      this.#waiting.delete(message.id);
    }
  }

  #fail(error: Error): void {
    if (this.#over) return;
    // Not all that was processed has been told.
    this.reclaim();
    this.#end();
    this.#openFailed(error);
    this.#events.failed(error);
  }

  /** Nothing more will come from the worker. */
  #end(): void {
    this.#over = true;
    for (const answer of this.#waiting.values()) answer(false);
    this.#waiting.clear();
    for (const answer of this.#saving.values()) answer(undefined);
    this.#saving.clear();
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
