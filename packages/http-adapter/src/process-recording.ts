import { accessSync, constants, existsSync } from 'node:fs';
import { dirname, extname } from 'node:path';
import { isMainThread, threadId } from 'node:worker_threads';
import {
  createRecorder,
  type ExchangeStart,
  type ExchangeTap,
  fanOutSink,
  fileSink,
  flightSink,
  GardenhoseError,
  isGardenhoseError,
  type Recorder,
  type SinkSource,
  type TapTarget,
  unknownHeadersText,
} from '@gardenhose/core';
import { offerRecording } from '@gardenhose/core/adapter';
import { attach } from './attach.ts';
import { controlRecorder } from './control-recorder.ts';
import type { RegisterOptions } from './register-options.ts';

/** What starts the service, and asks its registry for this and that. */
const packageManager = /[\\/](?:npm|npx|yarn|pnpm|corepack)(?:-cli)?(?:\.c?js)?$/;
/** How long a process that ends waits at most for its recording: a short one may end before its recorder has started. */
const closeWaitMs = 2000;
/** And how much longer for what is kept in memory, which may be much. */
const saveWaitMs = 5000;
/** When headers that no mask rule knows are told, after the first request: most kinds of them have come by then. */
const unknownHeadersMs = 5000;

/**
 * The recording of this process, for `register`. It begins with the first request: a process that serves none, such as
 * a package manager that starts the service, makes no file.
 */
class ProcessRecording implements TapTarget {
  readonly #options: RegisterOptions;
  readonly #report: (message: string) => void;
  #recorder: Recorder | undefined;
  #given = false;
  readonly #schemas: Uint8Array[] = [];
  readonly #taps: (() => void)[] = [];

  constructor(options: RegisterOptions, report: (message: string) => void) {
    this.#options = options;
    this.#report = report;
  }

  begin(start: ExchangeStart, bodyless?: boolean): ExchangeTap | undefined {
    if (this.#recorder === undefined && !this.#given) this.#open(this.#path());
    return this.#recorder?.begin(start, bodyless);
  }

  describe(schema: Uint8Array): void {
    // Services are known before the first request.
    if (this.#recorder === undefined && !this.#given) this.#schemas.push(schema);
    else this.#recorder?.describe(schema);
  }

  tapFailed(error: unknown): void {
    this.#recorder?.tapFailed(error);
  }

  whenKilled(run: () => void): void {
    if (this.#recorder === undefined) this.#taps.push(run);
    else this.#recorder.whenKilled(run);
  }

  /** Writes what is in memory. */
  async flush(): Promise<void> {
    await this.#recorder?.flush();
  }

  /** How long a signal may take to end the process, at most. */
  get endWaitMs(): number {
    return closeWaitMs + (this.#options.flight === undefined ? 0 : saveWaitMs);
  }

  /** Has what is kept in memory saved, where it is. */
  async save(reason: string): Promise<void> {
    if (this.#options.flight !== undefined) await this.#recorder?.trigger(reason, true);
  }

  async close(): Promise<void> {
    await this.#recorder?.close();
  }

  #path(): string | undefined {
    const { output } = this.#options;
    return output === undefined ? undefined : filePath(output);
  }

  #sink(path: string | undefined): SinkSource {
    const { flight, files } = this.#options;
    const sinks = path === undefined ? [] : [fileSink({ path, ...files })];
    if (flight !== undefined) {
      // Of this signal the recording is told by who closes it.
      const signals = (flight.signals ?? []).filter((signal) => signal !== 'SIGTERM');
      sinks.push(flightSink({ ...flight, signals }));
    }
    const [only] = sinks;
    return only !== undefined && sinks.length === 1 ? only : fanOutSink(sinks);
  }

  #open(path: string | undefined): void {
    const {
      service,
      mask,
      hooks,
      lane,
      sampler,
      maxBodyBytes,
      maxBufferedBytes,
      shed,
      log,
      controlFile,
      control,
    } = this.#options;
    try {
      const recorder = createRecorder({
        service,
        sink: this.#sink(path),
        mask,
        hooks: hooks === undefined ? undefined : { module: hooks },
        sampler,
        lane,
        maxBodyBytes,
        maxBufferedBytes,
        exitWaitMs: closeWaitMs,
        shed,
        log,
        controlFile,
      });
      this.#recorder = recorder;
      for (const schema of this.#schemas) recorder.describe(schema);
      for (const detach of this.#taps.splice(0)) recorder.whenKilled(detach);
      if (control !== undefined) {
        controlRecorder(recorder, control).catch((error: unknown) =>
          this.#report(`not controlled over HTTP: ${messageOf(error)}`),
        );
      }
      recorder.ready.catch((error: unknown) => this.#failed(error, path));
      process.once('exit', () => this.#sayLosses(recorder));
      setTimeout(() => {
        for (const line of unknownHeadersText(recorder.stats().unknownHeaders)) this.#report(line);
      }, unknownHeadersMs).unref();
    } catch (error) {
      this.#failed(error, path);
    }
  }

  /** The last chance to tell that the capture is not whole. */
  #sayLosses(recorder: Recorder): void {
    const { dropped, sinkErrors, lastError } = recorder.stats();
    const missing = dropped['buffer-full'] + dropped.failed + dropped['tap-failed'];
    if (recorder === this.#recorder && (sinkErrors > 0 || missing > 0)) {
      this.#report(
        `${missing} exchanges were not recorded, and ${sinkErrors} writes failed; last error: ${lastError ?? 'none'}`,
      );
    }
  }

  #failed(error: unknown, path: string | undefined): void {
    this.#recorder = undefined;
    const { output } = this.#options;
    const mine = output === undefined ? undefined : ownPath(output);
    // Another process took the name between our look and the opening.
    if (path !== mine && isTaken(error)) {
      this.#open(mine);
      return;
    }
    this.#given = true;
    this.#report(`nothing is recorded: ${messageOf(error)}`);
  }
}

/**
 * The file asked for; where it exists, or where this is a thread or one of several processes, one with the process id in its name,
 * and the thread's.
 */
function filePath(output: string): string {
  const isOneOfSeveral =
    !isMainThread || process.env.NODE_UNIQUE_ID !== undefined || process.channel !== undefined;
  return isOneOfSeveral || existsSync(output) ? ownPath(output) : output;
}

function ownPath(output: string): string {
  const extension = extname(output);
  const stem = output.slice(0, output.length - extension.length);
  const thread = isMainThread ? '' : `.thread-${threadId}`;
  return `${stem}.pid-${process.pid}${thread}${extension}`;
}

function isTaken(error: unknown): boolean {
  const cause = isGardenhoseError(error, 'io') ? error.cause : undefined;
  return typeof cause === 'object' && cause !== null && 'code' in cause && cause.code === 'EEXIST';
}

/** Messages of our own hold no recorded value. Of others, only the kind is told. */
export function messageOf(error: unknown): string {
  if (isGardenhoseError(error)) return error.message;
  return error instanceof Error ? error.name : 'an unknown error';
}

/**
 * Records the HTTP servers of this process, or of this thread of it, from the first request to the end, and its requests where that
 * is asked for.
 *
 * @throws GardenhoseError `io` if the folder of the file cannot be written to
 */
export function recordProcess(options: RegisterOptions, report: (message: string) => void): void {
  const folder = options.output === undefined ? undefined : dirname(options.output);
  try {
    if (folder !== undefined) accessSync(folder, constants.W_OK);
  } catch (cause) {
    throw new GardenhoseError('io', `cannot write to the folder ${folder}`, { subject: folder, cause });
  }
  const recording = new ProcessRecording(options, report);
  const { recordShadow, parents } = options;
  const outbound = options.outbound && !packageManager.test(process.argv[1] ?? '');
  attach(recording, { recordShadow, parents, outbound });
  offerRecording({ target: recording, recordShadow, parents, outbound });
  // Signals come to the main thread alone.
  if (isMainThread) for (const signal of ['SIGTERM', 'SIGINT'] as const) closeOn(signal, recording);
}

/**
 * A listener for a signal takes away what Node does without one: to end. So where the application has none, the
 * recording is closed and the signal sent again, with Node's own answer to it. Where it has one, it decides when to end.
 */
function closeOn(signal: 'SIGTERM' | 'SIGINT', recording: ProcessRecording): void {
  let ending = false;
  const onSignal = (): void => {
    if (process.listenerCount(signal) > 1) {
      if (signal === 'SIGTERM') void recording.save(signal);
      void recording.flush();
      return;
    }
    // Sent twice: someone is in a hurry.
    if (ending) end();
    ending = true;
    setTimeout(end, recording.endWaitMs).unref();
    const saved = signal === 'SIGTERM' ? recording.save(signal) : Promise.resolve();
    void saved.then(() => recording.close()).then(end);
  };
  const end = (): void => {
    process.off(signal, onSignal);
    process.kill(process.pid, signal);
  };
  process.on(signal, onSignal);
}
