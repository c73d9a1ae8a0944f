import type { PipelineRunner } from './pipeline-runner.ts';
import { onProcess } from './process-triggers.ts';
import type { RequestPath } from './request-path.ts';
import { type ProcessTriggers, reasonText } from './save-trigger.ts';

/** How long a process that ends is held up for what is to be saved, in milliseconds. */
const saveWaitMs = 5000;

/** Has the last of a recording saved, by a sink that keeps it. */
export class RecorderSaves {
  readonly #path: RequestPath;
  readonly #runner: () => PipelineRunner;
  /** The save under way. */
  #pending: Promise<string | undefined> | undefined;
  #isUrgent = false;

  constructor(path: RequestPath, runner: () => PipelineRunner) {
    this.#path = path;
    this.#runner = runner;
  }

  /** How long the end of the process is worth waiting for. */
  exitWaitMs(usual: number): number {
    return this.#isUrgent ? Math.max(usual, saveWaitMs) : usual;
  }

  /** Puts the trigger into the recording, and saves all up to it. One at a time: another meanwhile is answered with the first. */
  trigger(given: unknown, urgent = false): Promise<string | undefined> {
    if (!this.#path.open) return Promise.resolve(undefined);
    if (this.#pending !== undefined && !urgent) return this.#pending;
    const reason = reasonText(given);
    if (urgent) this.#isUrgent = true;
    let at = this.#path.nowNs();
    this.#path.note((writer, stamp) => {
      at = stamp;
      return writer.control(stamp, 'trigger', reason);
    });
    this.#path.seal();
    const saved = this.#runner()
      .trigger({ reason, at, urgent })
      .finally(() => {
        if (this.#pending === saved) this.#pending = undefined;
        if (urgent) this.#isUrgent = false;
      });
    this.#pending = saved;
    return saved;
  }

  /** Gives back the undo. */
  watchProcess(triggers: ProcessTriggers | undefined): () => void {
    if (triggers === undefined) return () => undefined;
    return onProcess(triggers, (reason) => this.trigger(reason, true));
  }
}
