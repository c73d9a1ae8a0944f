import type { PackedBuffer } from './buffer-pool.ts';
import type { PipelinePlan } from './open-pipeline.ts';
import { openPipeline } from './open-pipeline.ts';
import type { Pipeline } from './pipeline.ts';
import type { PipelineRunner, RunnerEvents } from './pipeline-runner.ts';
import type { PipelineStats } from './pipeline-stats.ts';
import { noPipelineStats } from './pipeline-stats.ts';
import type { SaveTrigger } from './save-trigger.ts';

/** Runs the pipeline on the thread of the application, between its own work: for tests, small tools, and places without workers. */
export class InlinePipeline implements PipelineRunner {
  readonly #events: RunnerEvents;
  readonly #opening: Promise<void>;
  /** Does one thing after the other. */
  #work: Promise<void>;
  #givenUp = false;
  #stopWaiting: () => void = () => undefined;
  readonly #stopped: Promise<void>;
  #pipeline: Pipeline | undefined;

  constructor(plan: PipelinePlan, events: RunnerEvents) {
    this.#events = events;
    this.#stopped = new Promise((resolve) => {
      this.#stopWaiting = resolve;
    });
    this.#opening = openPipeline(plan).then((pipeline) => {
      this.#pipeline = pipeline;
    });
    this.#work = this.#opening.catch((error: Error) => events.failed(error));
  }

  ready(): Promise<void> {
    return this.#opening;
  }

  post(buffer: PackedBuffer): void {
    this.#then(async () => {
      await this.#pipeline?.process(buffer.memory, buffer.used);
      this.#events.processed(buffer);
    });
  }

  requestFlush(): void {
    void this.flush();
  }

  async flush(patience: Promise<void> = this.#stopped): Promise<boolean> {
    let flushed = false;
    this.#then(async () => {
      flushed = (await this.#pipeline?.flush()) === true;
      if (flushed) this.#events.flushed();
    });
    await Promise.race([this.#work, this.#stopped, patience]);
    return flushed;
  }

  async trigger(trigger: SaveTrigger): Promise<string | undefined> {
    let file: string | undefined;
    this.#then(async () => {
      file = await this.#pipeline?.trigger(trigger);
    });
    await Promise.race([this.#work, this.#stopped]);
    return file;
  }

  async close(): Promise<void> {
    this.#then(async () => {
      await this.#pipeline?.close();
      this.#events.flushed();
    });
    await Promise.race([this.#work, this.#stopped]);
  }

  giveUp(error: Error): void {
    if (this.#givenUp) return;
    this.#givenUp = true;
    this.#events.failed(error);
    this.#stopWaiting();
  }

  /** A sink that works asynchronously gets no turn any more once the process ends on this thread. */
  finishNow(): void {
    void this.close();
  }

  stats(): PipelineStats {
    return this.#pipeline?.stats() ?? noPipelineStats;
  }

  #then(step: () => Promise<void>): void {
    this.#work = this.#work
      .then(() => (this.#givenUp ? undefined : step()))
      .catch((error: Error) => this.#events.failed(error));
  }
}
