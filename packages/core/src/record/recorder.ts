import { randomBytes } from 'node:crypto';
import { hostname } from 'node:os';
import { GardenhoseError } from '../errors.ts';
import type { CaptureHeader } from '../model/capture-header.ts';
import type { ExchangeId, ExchangeStart } from '../model/event.ts';
import { writerName } from '../model/writer-name.ts';
import { atExit } from './at-exit.ts';
import type { PackedBuffer } from './buffer-pool.ts';
import { type After, ClockNotes } from './clock-notes.ts';
import { RecorderControl } from './control.ts';
import { watchControlFile } from './control-file.ts';
import { DescribedSchemas } from './described-schemas.ts';
import type { ExchangeTap, TapTarget } from './exchange-tap.ts';
import { guardedAfter } from './guarded-after.ts';
import { OutQueue } from './out-queue.ts';
import { settledShare } from './outcome.ts';
import { flushPatience, notClosedWithin } from './patience.ts';
import type { PipelineRunner, RunnerEvents } from './pipeline-runner.ts';
import { RecordedExchange } from './recorded-exchange.ts';
import { NewsTeller } from './recorder-news.ts';
import type { RecorderOptions, ResolvedRecorderOptions } from './recorder-options.ts';
import { resolveRecorderOptions } from './recorder-options.ts';
import { RecorderSaves } from './recorder-saves.ts';
import type { DropReason, RecorderStats } from './recorder-stats.ts';
import { RequestPath } from './request-path.ts';
import { withSession } from './session-lane.ts';
import type { Shedder } from './shedding.ts';
import { startRunner } from './start-runner.ts';
import { startShedding } from './start-shedding.ts';

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
  /** Changes the recording while it runs. */
  readonly control: RecorderControl;
  readonly #options: ResolvedRecorderOptions;
  readonly #anchorNs: number;
  readonly #wallMs: number;
  readonly #path: RequestPath;
  readonly #runner: PipelineRunner;
  readonly #saves: RecorderSaves;
  readonly #clockNotes: ClockNotes;
  readonly #undo: (() => void)[] = [];
  readonly #schemas: DescribedSchemas;
  readonly #dropped: Record<DropReason, number> = {
    'buffer-full': 0,
    paused: 0,
    failed: 0,
    closed: 0,
    'tap-failed': 0,
    shed: 0,
  };
  readonly #out = new OutQueue();
  readonly #after: After;
  #shedder: Shedder | undefined;
  #lostByFailure = 0;
  readonly #news: NewsTeller;
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
    this.#after = guardedAfter(clock, (error) => this.tapFailed(error));
    this.#news = new NewsTeller(
      { service: options.service, capture: this.captureId },
      clock,
      options.log,
      (error) => this.tapFailed(error),
    );
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
    this.#schemas = new DescribedSchemas(this.#path, (why) => {
      this.#tapFailures++;
      this.#lastError = why;
    });
    this.control = new RecorderControl(options.sampler, {
      open: () => this.#path.open && this.#closing === undefined,
      note: (name, value) => {
        this.#path.note((writer, at) => writer.control(at, name, value));
        this.#news.control(name, value);
      },
      paused: (paused) => {
        if (this.#news.state !== 'opening') this.#news.become(paused ? 'paused' : 'recording');
      },
      kill: () => {
        this.#closing ??= this.#close('recorder-killed');
        return this.#closing;
      },
      failed: (error) => this.tapFailed(error),
    });
    this.#saves = new RecorderSaves(this.#path, () => this.#runner);
    this.#runner = this.#startRunner();
    this.#runner.ready().then(
      () => {
        if (this.#news.state === 'opening') this.#news.become(this.control.paused ? 'paused' : 'recording');
      },
      (error: Error) => this.#warnUnheard(error), // `failed` was told as well
    );
    this.#undo.push(atExit(() => this.#finishNow()));
    this.#clockNotes = new ClockNotes(clock, this.#wallMs, this.#path, this.#after);
    this.#clockNotes.start();
    this.#undo.push(() => this.#clockNotes.stop());
    this.#undo.push(this.#saves.watchProcess(options.sink.savesAt));
    const { controlFile, shed, maxBufferedBytes } = options;
    if (controlFile !== undefined) {
      const told = (problem: string): void => {
        this.#lastError = problem;
      };
      this.#undo.push(watchControlFile(controlFile, this.control, this.#after, told));
    }
    if (shed !== undefined) {
      const reclaim = () => this.#runner.reclaim?.();
      const port = {
        path: this.#path,
        out: this.#out,
        maxBufferedBytes,
        reclaim,
        after: this.#after,
        news: this.#news,
      };
      const { shedder, undo } = startShedding(shed, port);
      this.#shedder = shedder;
      this.#undo.push(undo);
    }
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
      if (this.control.paused || this.#closing !== undefined || !this.#path.open) return this.#refuse();
      const { share = 1 } = this.#shedder ?? {};
      if (share < 1 && this.#shedder?.takes() === false) {
        this.#dropped.shed++;
        return undefined;
      }
      const id = this.#path.nextId();
      const { sampler } = this.control;
      const byOutcome = sampler.byOutcome?.decide(start, id);
      const settled = byOutcome === undefined ? sampler.sample(start, id) : settledShare(byOutcome);
      const sampleRate = settled ?? byOutcome?.otherwise ?? 0;
      if (settled !== undefined && !(settled > 0)) {
        this.#sampledOut++;
        return undefined;
      }
      const shares = settled === undefined ? byOutcome?.shares.map((one) => one * share) : undefined;
      const { ask } = this.#options.lane;
      const placed = ask === undefined ? start : withSession(start, ask, (error) => this.tapFailed(error));
      return this.#path.begin(id, placed, Math.min(1, sampleRate) * share, bodyless, shares)
        ? new RecordedExchange(this.#path, id, bodyless)
        : undefined;
    } catch (error) {
      this.tapFailed(error);
      this.#dropped['tap-failed']++;
      return undefined;
    }
  }

  whenKilled(run: () => void): void {
    this.control.whenKilled(run);
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
      this.#schemas.add(schema);
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
    this.control.set({ paused: true });
  }

  /** Records again, from the next exchange on. */
  resume(): void {
    this.control.set({ paused: false });
  }

  /**
   * Hands everything so far to the sink and has it flushed. Never rejects: failures are counted, and `lastError` says what failed.
   *
   * @returns whether it was: false when the sink could not, or not within `flushWaitMs`, or the recorder has failed
   */
  async flush(): Promise<boolean> {
    if (this.#closing !== undefined) return (await this.#closing).state === 'closed';
    const patience = flushPatience(this.#after, this.#options.flushWaitMs, (why) => {
      this.#lastError = why;
    });
    this.#path.seal();
    const flushed = await this.#runner.flush(patience.over);
    patience.undo();
    return flushed;
  }

  /**
   * Has a sink that keeps the last of the recording ({@link flightSink}) save it, with all up to this moment. Never rejects.
   *
   * @param reason - Why, for the header of the saved capture: at most 256 characters, without recorded values
   * @param urgent - Whether to save also shortly after the last time. Default false
   * @returns the file; undefined when nothing was saved: there is no such sink, it has saved a moment ago, or it could not
   */
  trigger(reason: string, urgent = false): Promise<string | undefined> {
    return this.#closing === undefined ? this.#saves.trigger(reason, urgent) : Promise.resolve(undefined);
  }

  /**
   * Stops recording, aborts what is under way (`recorder-closed`), writes everything and closes the sink. Never rejects:
   * `sinkErrors` and `lastError` say what failed. Closing twice is closing once.
   */
  close(): Promise<RecorderStats> {
    this.#closing ??= this.#close('recorder-closed');
    return this.#closing;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  stats(): RecorderStats {
    this.#runner.reclaim?.();
    const pipeline = this.#runner.stats();
    return {
      state: this.#news.state,
      offered: this.#offered,
      recorded: this.#path.exchanges - pipeline.sampledOut,
      sampledOut: this.#sampledOut + pipeline.sampledOut,
      undecided: pipeline.undecided,
      dropped: { ...this.#dropped, 'buffer-full': this.#path.refused },
      underWay: this.#path.underWay.size,
      events: this.#path.events - pipeline.eventsSampledOut,
      eventsLost: {
        ...pipeline.eventsLost,
        'buffer-full': this.#path.eventsLost,
        failed: this.#lostByFailure,
      },
      exchangesLost: pipeline.exchangesLost,
      hookDrops: pipeline.hookDrops,
      bytes: this.#path.packedBytes + (this.#path.writer.current?.used ?? 0),
      queueBytes: this.#news.state === 'failed' ? 0 : this.#path.queueBytes,
      workerLagMs: this.#path.open ? this.#out.lagNs(this.#path.nowNs()) / 1e6 : 0,
      shedding: this.#shedder?.share ?? 1,
      tapFailures: this.#tapFailures,
      masked: pipeline.masked,
      unknownHeaders: pipeline.unknownHeaders,
      unread: pipeline.unread,
      saves: pipeline.saves,
      sinkErrors: pipeline.sinkErrors,
      lastFlushAt: this.#lastFlushAt,
      flushAgeMs:
        this.#lastFlushAt === undefined ? undefined : (this.#path.nowNs() - this.#lastFlushAt) / 1e6,
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
        this.#out.shift();
        this.#path.giveBack(buffer);
      },
      flushed: () => {
        this.#lastFlushAt = this.#path.nowNs();
      },
      failed: (error) => this.#failed(error),
    };
    return startRunner(this.#options, header, events);
  }

  #refuse(): undefined {
    if (this.#news.state === 'failed') this.#dropped.failed++;
    else if (this.#closing !== undefined || this.#news.state === 'closed') this.#dropped.closed++;
    else this.#dropped.paused++;
  }

  #post(buffer: PackedBuffer): void {
    this.#out.push(this.#path.events, this.#path.nowNs());
    this.#runner.post(buffer);
  }

  #planFlush(): void {
    this.#after(this.#options.flushIntervalMs, () => {
      this.#path.flushPlanned = false;
      if (!this.#path.open) return;
      this.#schemas.describeOwed();
      this.#path.seal();
      this.#runner.requestFlush();
      this.#clockNotes.noteStep();
    });
  }

  async #close(code: 'recorder-closed' | 'recorder-killed'): Promise<RecorderStats> {
    if (this.#news.state === 'failed') return this.stats();
    const { closeWaitMs } = this.#options;
    const undo = this.#after(closeWaitMs, () => this.#runner.giveUp(notClosedWithin(closeWaitMs)));
    this.#path.abortAll('recorder', code);
    this.#path.seal();
    // Where there was no room, buffers come back now, and what was lost is declared in them.
    while (this.#path.owesGap && this.#path.open) {
      await this.#runner.flush();
      this.#path.seal();
    }
    this.#shut();
    await this.#runner.close();
    undo();
    this.#news.become('closed');
    return this.stats();
  }

  #finishNow(): void {
    if (!this.#path.open) return;
    this.#path.abortAll('recorder', 'process-exit');
    this.#path.seal();
    this.#shut();
    this.#runner.finishNow(this.#saves.exitWaitMs(this.#options.exitWaitMs));
  }

  /** A service that is recorded by two lines looks at no stats; it shall not find an empty capture in the end. */
  #warnUnheard({ message }: Error): void {
    if (this.#readyAsked) return;
    process.emitWarning(`nothing is recorded: ${message}`, { type: 'GardenhoseWarning' });
  }

  #failed(error: Error): void {
    // What could not be opened is told by `ready`; what stops later has nobody waiting for it.
    if (this.#news.state === 'recording' || this.#news.state === 'paused') {
      process.emitWarning(`nothing more is recorded: ${error.message}`, { type: 'GardenhoseWarning' });
    }
    this.#lastError = error.message;
    this.#lostByFailure = this.#path.events - this.#out.processedSeq;
    this.#news.become('failed', error.message);
    this.#shut();
  }

  #shut(): void {
    this.#path.shut();
    for (const undo of this.#undo.splice(0)) undo();
  }
}
