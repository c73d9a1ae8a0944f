import { randomBytes } from 'node:crypto';
import { hostname } from 'node:os';
import { GardenhoseError } from '../errors.ts';
import type { CaptureHeader } from '../model/capture-header.ts';
import type { ExchangeId, ExchangeStart } from '../model/event.ts';
import { SchemaSet, schemaLimits } from '../model/schema-set.ts';
import { writerName } from '../model/writer-name.ts';
import { outlineSchema } from '../protobuf/schema-outline.ts';
import { atExit } from './at-exit.ts';
import type { PackedBuffer } from './buffer-pool.ts';
import { ClockNotes } from './clock-notes.ts';
import type { ExchangeTap, TapTarget } from './exchange-tap.ts';
import { flushPatience, notClosedWithin } from './patience.ts';
import type { PipelineRunner, RunnerEvents } from './pipeline-runner.ts';
import { RecordedExchange } from './recorded-exchange.ts';
import type { RecorderOptions, ResolvedRecorderOptions } from './recorder-options.ts';
import { resolveRecorderOptions } from './recorder-options.ts';
import type { DropReason, RecorderState, RecorderStats } from './recorder-stats.ts';
import { RequestPath } from './request-path.ts';
import { withSession } from './session-lane.ts';
import { startRunner } from './start-runner.ts';

/**
 * Records what taps show it. The application is never affected: whatever fails here is counted in {@link Recorder.stats}.
 *
 * @example
 * const recorder = createRecorder({ service: 'orders', sink: fileSink({ path: 'orders.hose' }) });
 * const detach = attach(recorder);
 * // … later
 * detach();
 * console.log(await recorder.close());
 *
 * @throws {@link GardenhoseError} `invalid-option`, `mask-policy`, `mask-key`
 */
export function createRecorder(options: RecorderOptions): Recorder {
  return new Recorder(resolveRecorderOptions(options));
}

/** See {@link createRecorder}. */
export class Recorder implements TapTarget, AsyncDisposable {
  /** Identifies the capture, as its header says. */
  readonly captureId: string;
  readonly #options: ResolvedRecorderOptions;
  readonly #anchorNs: number;
  readonly #wallMs: number;
  readonly #path: RequestPath;
  readonly #runner: PipelineRunner;
  readonly #clockNotes: ClockNotes;
  readonly #undo: (() => void)[] = [];
  readonly #schemas = new SchemaSet();
  /** Those that found no room. */
  readonly #owedSchemas: Uint8Array[] = [];
  readonly #dropped: Record<DropReason, number> = {
    'buffer-full': 0,
    paused: 0,
    failed: 0,
    closed: 0,
    'tap-failed': 0,
  };
  /** For each buffer that is out, the last number in it. */
  readonly #out: number[] = [];
  #processedSeq = 0;
  #lostByFailure = 0;
  #state: RecorderState = 'opening';
  #paused = false;
  #readyAsked = false;
  #offered = 0;
  #sampledOut = 0;
  #tapFailures = 0;
  #lastFlushAt: number | undefined;
  #lastError: string | undefined;
  #closing: Promise<RecorderStats> | undefined;

  constructor(options: ResolvedRecorderOptions) {
    this.#options = options;
    this.captureId = randomBytes(16).toString('hex');
    const { clock } = options;
    this.#anchorNs = clock.nowNs();
    this.#wallMs = clock.wallMs();
    this.#path = new RequestPath({
      clock,
      anchorNs: this.#anchorNs,
      maxBufferedBytes: options.maxBufferedBytes,
      maxBodyBytes: options.maxBodyBytes,
      onBodyLimit: options.onBodyLimit,
      post: (buffer) => this.#post(buffer),
      reclaim: () => this.#runner.reclaim?.(),
      planFlush: () => this.#planFlush(),
      failed: (error) => this.tapFailed(error),
    });
    this.#runner = this.#startRunner();
    this.#runner.ready().then(
      () => {
        if (this.#state === 'opening') this.#state = this.#paused ? 'paused' : 'recording';
      },
      (error: Error) => this.#warnUnheard(error), // `failed` was told as well
    );
    this.#undo.push(atExit(() => this.#finishNow()));
    this.#clockNotes = new ClockNotes(clock, this.#wallMs, this.#path, (delayMs, run) =>
      this.#after(delayMs, run),
    );
    this.#clockNotes.start();
    this.#undo.push(() => this.#clockNotes.stop());
  }

  /**
   * Resolves when the sink is open; rejects with a `GardenhoseError` when it cannot be opened. Nothing need wait for it:
   * where nothing does, the failure is a warning of the process.
   */
  get ready(): Promise<void> {
    this.#readyAsked = true;
    return this.#runner.ready();
  }

  begin(start: ExchangeStart, bodyless = false): ExchangeTap | undefined {
    this.#offered++;
    try {
      if (this.#paused || !this.#path.open) return this.#refuse();
      const id = this.#path.nextId();
      const sampleRate = this.#options.sampler.sample(start, id);
      if (!(sampleRate > 0)) {
        this.#sampledOut++;
        return undefined;
      }
      const { ask } = this.#options.lane;
      const placed = ask === undefined ? start : withSession(start, ask, (error) => this.tapFailed(error));
      return this.#path.begin(id, placed, Math.min(1, sampleRate), bodyless)
        ? new RecordedExchange(this.#path, id, bodyless)
        : undefined;
    } catch (error) {
      this.tapFailed(error);
      this.#dropped['tap-failed']++;
      return undefined;
    }
  }

  tapFailed(error: unknown): void {
    this.#tapFailures++;
    // Of other errors only the name: they may quote what they were given.
    if (error instanceof GardenhoseError) this.#lastError = `a tap failed: ${error.message}`;
    else this.#lastError = error instanceof Error ? `a tap failed: ${error.name}` : 'a tap failed';
  }

  describe(schema: Uint8Array): void {
    if (!this.#path.open || this.#closing !== undefined) return;
    try {
      const verdict = this.#schemas.add(schema);
      if (verdict === 'known') return;
      if (verdict === 'new') {
        // Recorded all the same: what can be read of it counts.
        this.#describe(schema);
        if (schema.length > 0 && outlineSchema(schema) !== undefined) return;
        this.#tapFailures++;
        this.#lastError = `a schema of ${schema.length} bytes is no FileDescriptorSet, so messages that need it are dropped`;
        return;
      }
      this.#tapFailures++;
      this.#lastError = `a schema of ${schema.length} bytes is ${verdict === 'too-large' ? 'too large' : 'one too many'}: at most ${schemaLimits.bytes} bytes each, ${schemaLimits.totalBytes} together and ${schemaLimits.count} schemas are recorded`;
    } catch (error) {
      this.tapFailed(error);
    }
  }

  /** Puts a note on an exchange under way; does nothing when it is over or is not recorded. */
  mark(exchange: ExchangeId, name: string, value: string): void {
    this.#path.underWay.get(exchange)?.mark(name, value);
  }

  /** From the next exchange on nothing is recorded; exchanges under way are recorded to their end. */
  pause(): void {
    this.#control(true, 'pause');
  }

  /** Records again, from the next exchange on. */
  resume(): void {
    this.#control(false, 'resume');
  }

  /**
   * Hands everything so far to the sink and has it flushed. Never rejects: failures are counted, and `lastError` says what failed.
   *
   * @returns whether it was: false when the sink could not, or not within `flushWaitMs`, or the recorder has failed
   */
  async flush(): Promise<boolean> {
    if (this.#closing !== undefined) return (await this.#closing).state === 'closed';
    const patience = flushPatience(
      (delayMs, run) => this.#after(delayMs, run),
      this.#options.flushWaitMs,
      (why) => {
        this.#lastError = why;
      },
    );
    this.#path.seal();
    const flushed = await this.#runner.flush(patience.over);
    patience.undo();
    return flushed;
  }

  /**
   * Stops recording, aborts what is under way (`recorder-closed`), writes everything and closes the sink. Never rejects:
   * `sinkErrors` and `lastError` say what failed. Closing twice is closing once.
   */
  close(): Promise<RecorderStats> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  stats(): RecorderStats {
    this.#runner.reclaim?.();
    const pipeline = this.#runner.stats();
    return {
      state: this.#state,
      offered: this.#offered,
      recorded: this.#path.exchanges,
      sampledOut: this.#sampledOut,
      dropped: { ...this.#dropped, 'buffer-full': this.#path.refused },
      underWay: this.#path.underWay.size,
      events: this.#path.events,
      eventsLost: {
        ...pipeline.eventsLost,
        'buffer-full': this.#path.eventsLost,
        failed: this.#lostByFailure,
      },
      exchangesLost: pipeline.exchangesLost,
      hookDrops: pipeline.hookDrops,
      bytes: this.#path.packedBytes + (this.#path.writer.current?.used ?? 0),
      queueBytes: this.#state === 'failed' ? 0 : this.#path.queueBytes,
      tapFailures: this.#tapFailures,
      masked: pipeline.masked,
      unknownHeaders: pipeline.unknownHeaders,
      unread: pipeline.unread,
      sinkErrors: pipeline.sinkErrors,
      lastFlushAt: this.#lastFlushAt,
      lastError: this.#lastError ?? pipeline.lastError,
    };
  }

  #startRunner(): PipelineRunner {
    const header: Omit<CaptureHeader, 'policy'> = {
      id: this.captureId,
      writer: writerName,
      service: this.#options.service,
      host: hostname(),
      pid: process.pid,
      wallMs: this.#wallMs,
      sampling: this.#options.sampler.description,
      part: 0,
      tags: this.#options.tags,
    };
    const events: RunnerEvents = {
      processed: (buffer) => {
        this.#processedSeq = this.#out.shift() ?? this.#processedSeq;
        this.#path.giveBack(buffer);
      },
      flushed: () => {
        this.#lastFlushAt = this.#path.nowNs();
      },
      failed: (error) => this.#failed(error),
    };
    return startRunner(this.#options, header, events);
  }

  #describe(schema: Uint8Array): void {
    if (!this.#path.note((writer, at) => writer.schema(at, schema))) {
      this.#owedSchemas.push(Uint8Array.from(schema));
    }
  }

  /** Messages are not recorded without their schema, so one that found no room comes as soon as there is some. */
  #describeOwed(): void {
    while (this.#path.flowing) {
      const schema = this.#owedSchemas.shift();
      if (schema === undefined) return;
      this.#describe(schema);
    }
  }

  #refuse(): undefined {
    if (this.#state === 'failed') this.#dropped.failed++;
    else if (this.#closing !== undefined || this.#state === 'closed') this.#dropped.closed++;
    else this.#dropped.paused++;
  }

  #post(buffer: PackedBuffer): void {
    this.#out.push(this.#path.events);
    this.#runner.post(buffer);
  }

  #planFlush(): void {
    this.#after(this.#options.flushIntervalMs, () => {
      this.#path.flushPlanned = false;
      if (!this.#path.open) return;
      if (this.#owedSchemas.length > 0) this.#describeOwed();
      this.#path.seal();
      this.#runner.requestFlush();
      this.#clockNotes.noteStep();
    });
  }

  /** Runs something later on the application's thread, which must not hear of a clock that fails. */
  #after(delayMs: number, run: () => void): () => void {
    const guarded = (): void => {
      try {
        run();
      } catch (error) {
        this.tapFailed(error);
      }
    };
    try {
      return this.#options.clock.after(delayMs, guarded);
    } catch (error) {
      this.tapFailed(error);
      return () => undefined;
    }
  }

  #control(paused: boolean, name: string): void {
    if (!this.#path.open || this.#closing !== undefined || this.#paused === paused) return;
    this.#paused = paused;
    if (this.#state !== 'opening') this.#state = paused ? 'paused' : 'recording';
    this.#path.note((writer, at) => writer.control(at, name, ''));
  }

  async #close(): Promise<RecorderStats> {
    if (this.#state === 'failed') return this.stats();
    this.#paused = true;
    const { closeWaitMs } = this.#options;
    const undo = this.#after(closeWaitMs, () => this.#runner.giveUp(notClosedWithin(closeWaitMs)));
    this.#path.abortAll('recorder', 'recorder-closed');
    this.#path.seal();
    // Where there was no room, buffers come back now, and what was lost is declared in them.
    while (this.#path.owesGap && this.#path.open) {
      await this.#runner.flush();
      this.#path.seal();
    }
    this.#shut();
    await this.#runner.close();
    undo();
    this.#state = this.#whenClosed();
    return this.stats();
  }

  /** A recorder that failed says so to the end. */
  #whenClosed(): RecorderState {
    return this.#state === 'failed' ? 'failed' : 'closed';
  }

  #finishNow(): void {
    if (!this.#path.open) return;
    this.#path.abortAll('recorder', 'process-exit');
    this.#path.seal();
    this.#shut();
    this.#runner.finishNow(this.#options.exitWaitMs);
  }

  /** A service that is recorded by two lines looks at no stats; it shall not find an empty capture in the end. */
  #warnUnheard({ message }: Error): void {
    if (this.#readyAsked) return;
    process.emitWarning(`nothing is recorded: ${message}`, { type: 'GardenhoseWarning' });
  }

  #failed(error: Error): void {
    // What could not be opened is told by `ready`; what stops later has nobody waiting for it.
    if (this.#state === 'recording' || this.#state === 'paused') {
      process.emitWarning(`nothing more is recorded: ${error.message}`, { type: 'GardenhoseWarning' });
    }
    this.#lastError = error.message;
    this.#lostByFailure = this.#path.events - this.#processedSeq;
    this.#state = 'failed';
    this.#shut();
  }

  #shut(): void {
    this.#path.shut();
    for (const undo of this.#undo.splice(0)) undo();
  }
}
