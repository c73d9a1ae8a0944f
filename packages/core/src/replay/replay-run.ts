import type { LiveNames } from '../correlate/live-names.ts';
import { isGardenhoseError } from '../errors.ts';
import type { Exchange } from '../model/exchange.ts';
import { TransientMap } from '../model/transient-map.ts';
import { Breather } from './breather.ts';
import { type EngineHost, type HostOptions, inlineHost } from './engine-host.ts';
import { sentEntry, skippedEntry, statusOf } from './entry.ts';
import { isMutation } from './guard.ts';
import type { Settled } from './job.ts';
import { JobBatch } from './job-batch.ts';
import { LateShipments } from './late-shipments.ts';
import { messageLags } from './message-lag.ts';
import type { RunOptions } from './options.ts';
import { type Open, Planner } from './planner.ts';
import { dropTooLate, hookError, kindOf, type Preparation } from './preparation.ts';
import type { ReplayProgress, StopReason } from './progress.ts';
import { ReadAhead } from './read-ahead.ts';
import { asExpected, replayedExchange } from './replayed.ts';
import { RunCounts } from './run-counts.ts';
import { RunGuard } from './run-guard.ts';
import { reportProgress, watchSignal } from './run-watch.ts';
import { type RunSafety, safetyOf } from './safety.ts';
import type { Sender } from './sender.ts';
import { Signal } from './signal.ts';
import { SourceReader } from './source-reader.ts';
import type { ReplayResult, TranscriptEntry } from './transcript.ts';
import { WallWait } from './wall-wait.ts';
import { workerHost } from './worker-host.ts';

/** Results that may wait to be read. */
const maxUnread = 1_024;
/** A source that is slower than this does not hold up time zero. */
const startWithinMs = 250;
/** So long before a given time of the wall clock all is made ready. */
const prepareMs = 3_000;

/** A run from its first exchange to its last result. */
export class Run {
  readonly options: RunOptions;
  readonly #reader: SourceReader<Exchange>;
  readonly #sender: Sender;
  readonly #host: EngineHost;
  readonly #open = new TransientMap<number, Open>();
  #unread: ReplayResult[] = [];
  readonly #batch: JobBatch;
  readonly #ahead: ReadAhead;
  /** Rung at whatever may let the reader of results, or of the source, go on. */
  readonly #news = new Signal();
  readonly #room = new Signal();
  #begun: Promise<void> | undefined;
  #startPlanned = false;
  #failure: { readonly error: unknown } | undefined;
  #sourceDone = false;
  readonly #wallWait = new WallWait();
  #over = false;
  #stopped: ReplayProgress['stopped'];
  readonly #safety: RunSafety;
  readonly #counts = new RunCounts();
  #elapsedNs = 0;
  readonly #undo: (() => void)[] = [];
  readonly #guard: RunGuard;
  readonly #planner: Planner;
  readonly #late: LateShipments;
  readonly #breather: Breather | undefined;

  constructor(source: AsyncIterable<Exchange> | Iterable<Exchange>, sender: Sender, options: RunOptions) {
    this.options = options;
    this.#safety = safetyOf(options.guard, options.marks);
    this.#ahead = new ReadAhead(options.schedule.description === 'asap' && options.orderName !== 'none');
    this.#reader = new SourceReader(source, options.extent.loop);
    this.#sender = sender;
    this.#batch = new JobBatch(options.clock, (jobs) => {
      const last = jobs.at(-1);
      if (last !== undefined) this.#ahead.plannedUntil = last.plannedAt;
      this.#host.add(jobs);
    });
    this.#guard = new RunGuard(options.guard, options.clock, options.schedule.maxRate, options.rampUpMs);
    this.#planner = new Planner(options, sender, this.#guard);
    const { gate, maxPerSecond } = this.#guard;
    const hostOptions: HostOptions = {
      gate: gate && { memory: gate.memory, maxPerSecond },
      order: options.order,
      maxInFlight: options.guard.maxInFlight,
      maxLanes: options.maxLanes,
      onSettled: (settled) => this.#settled(settled),
      onWanted: (index) => this.#late.wanted(index),
      onFailed: (error) => this.#fail(error),
    };
    this.#host =
      options.thread === 'worker'
        ? workerHost(sender, options.orderName, {
            ...hostOptions,
            ...{ ownProcessor: options.ownProcessor, threads: options.threads },
            maxRate: options.schedule.maxRate,
          })
        : inlineHost(sender, options.clock, hostOptions);
    const nowNs = () => this.#host.nowNs();
    this.#breather = options.live !== undefined && options.thread === 'worker' ? new Breather() : undefined;
    this.#late = new LateShipments(options.clock, nowNs, (late, job) => this.#host.supply(late, job));
  }

  async *results(): AsyncGenerator<ReplayResult, void, undefined> {
    for await (const batch of this.batches()) yield* batch;
  }

  /** Results as they come together: one at least. */
  async *batches(): AsyncGenerator<readonly ReplayResult[], void, undefined> {
    const reading = this.#read();
    try {
      this.#watch();
      for (;;) {
        while (this.#unread.length > 0) {
          const batch = this.#unread;
          this.#unread = [];
          this.#room.ring();
          yield batch;
        }
        if (this.#failure !== undefined) throw this.#failure.error;
        if (this.#sourceDone && this.#open.size === 0) break;
        await this.#news.next();
      }
    } finally {
      this.#elapsedNs = Math.max(0, this.#host.nowNs());
      this.#over = true;
      this.#reader.halt();
      this.#wallWait.end();
      this.#room.ring();
      for (const undo of this.#undo) undo();
      this.#batch.end();
      this.#late.end();
      this.#guard.end();
      this.#host.stop();
      await this.#host.close();
      await reading;
      this.options.onProgress?.(this.progress());
    }
  }

  progress(): ReplayProgress {
    const { guard, schedule, orderName, runId } = this.options;
    const pacing = this.options.pacing(this.#reader.time);
    const nowNs = this.#over ? this.#elapsedNs : Math.max(0, this.#host.nowNs());
    const { pauses } = this.#guard;
    return {
      runId,
      target: guard.target,
      thread: this.#host.thread,
      threads: this.#host.threads,
      ownProcessor: this.#host.ownProcessor,
      pace: schedule.description,
      ...(pacing === undefined ? {} : { pacing }),
      order: orderName,
      safety: this.#safety,
      elapsedMs: nowNs / 1e6,
      ...this.#counts.snapshot(nowNs),
      open: this.#open.size,
      underWay: this.#open.count(({ plannedAt }) => !(plannedAt > nowNs)),
      stopped: this.#stopped ?? this.#planner.spent,
      ...(pauses === 0 ? {} : { pauses }),
    };
  }

  /** Reads the source and plans, a bounded way ahead of the run. Never rejects. */
  async #read(): Promise<void> {
    try {
      await this.#guard.secure(this.#sender);
      const { fromNs, toNs } = this.options.extent;
      for (;;) {
        const next = this.#reader.take() ?? (await this.#reader.next());
        if (next === undefined) break;
        const exchange = next.value;
        if (exchange.startAt < fromNs) continue;
        if (exchange.startAt >= toNs) {
          await this.#reader.skipRest();
          continue;
        }
        const admitted = this.#guard.admit(exchange, () => this.#begun !== undefined);
        if (admitted !== undefined) await admitted;
        this.#plan(exchange);
        if (this.#planner.spent !== undefined) break;
        if (this.#batch.full) this.#batch.flush();
        if (!this.#hasRoom()) await this.#waitForRoom();
        // Answers that others are made of do not wait for what is read ahead.
        const breath = this.#breather?.breathe();
        if (breath !== undefined) await breath;
      }
      this.#batch.flush();
      // Without an exchange to send there is nothing to connect for.
      if (this.#open.size > 0) await this.#begin();
    } catch (error) {
      this.#fail(error);
    }
    this.#sourceDone = true;
    this.#news.ring();
    this.#reader.close().catch((error: unknown) => this.#fail(error));
  }

  #halted(): boolean {
    return this.#over || this.#stopped !== undefined || this.#failure !== undefined;
  }

  #plan(recorded: Exchange): void {
    this.#counts.read++;
    const planned = this.#planner.plan(recorded, this.#reader.time);
    if (planned.job === undefined) {
      this.#skip(recorded, planned.iteration, planned.skip, planned.times);
      return;
    }
    const { job, open, late } = planned;
    this.#open.set(job.index, open);
    if (!this.#startPlanned) this.#planStart();
    this.#ahead.take(open.cost, recorded);
    this.#batch.add(job, open.cost);
    if (late !== undefined) this.#late.add(job, late.plan, late.make);
  }

  /** Time zero comes soon after the first exchange, however slowly the others follow. */
  #planStart(): void {
    this.#startPlanned = true;
    const start = () => {
      this.#batch.flush();
      this.#begin().catch((error: unknown) => this.#fail(error));
    };
    this.#undo.push(this.options.clock.after(startWithinMs, start));
  }

  #hasRoom(): boolean {
    if (this.#unread.length >= maxUnread) return false;
    return this.#ahead.hasRoom(this.#open.size, this.#batch.size, this.#host.nowNs());
  }

  async #waitForRoom(): Promise<void> {
    this.#batch.flush();
    await this.#begin();
    while (!this.#hasRoom() && !this.#halted()) {
      const forMs = this.#ahead.refillAfterMs(this.#host.nowNs());
      const undo = forMs > 0 ? this.options.clock.after(forMs, () => this.#room.ring()) : undefined;
      await this.#room.next();
      undo?.();
    }
  }

  #begin(): Promise<void> {
    this.#begun ??= this.#start();
    return this.#begun;
  }

  async #start(): Promise<void> {
    const { clock, startAtMs } = this.options;
    if (startAtMs !== undefined) await this.#wallWait.until(startAtMs - prepareMs, clock);
    if (this.#halted()) return;
    await this.#host.start(startAtMs);
    this.#guard.limitTime(Math.max(0, -this.#host.nowNs() / 1e6), (why) => this.#stop(why));
  }

  #watch(): void {
    const { signal, clock, onProgress } = this.options;
    this.#undo.push(watchSignal(signal, () => this.#stop('signal')));
    this.#guard.watch((why) => this.#stop(why));
    this.#undo.push(reportProgress(clock, () => this.progress(), onProgress));
  }

  /** Sends nothing more; what is under way has a while to end. */
  #stop(why: StopReason): void {
    if (this.#stopped !== undefined || this.#over) return;
    this.#stopped = why;
    this.#batch.flush();
    this.#host.stop();
    const { clock, drainMs } = this.options;
    const giveUp = () =>
      this.#host.abandon({
        code: 'replay-aborted',
        message: `Given up ${drainMs} ms after the replay was stopped`,
      });
    this.#undo.push(clock.after(drainMs, giveUp));
    this.#reader.halt();
    this.#wallWait.end();
    this.#room.ring();
    this.#news.ring();
  }

  #fail(error: unknown): void {
    this.#failure ??= { error };
    this.#host.stop();
    this.#reader.halt();
    this.#wallWait.end();
    this.#room.ring();
    this.#news.ring();
  }

  #skip(
    recorded: Exchange,
    iteration: number | undefined,
    skip: string,
    times?: Pick<TranscriptEntry, 'plannedAt' | 'blockedNs' | 'error'>,
  ): void {
    this.#counts.skip(skip);
    this.#result({ entry: skippedEntry(recorded, iteration, skip, times), recorded });
  }

  #settled(settled: Settled): void {
    const open = this.#open.take(settled.index);
    if (open === undefined) return;
    this.#ahead.give(open.cost);
    const { recorded, iteration, preparation, brief } = open;
    const { plannedAt, blockedNs, answer } = settled;
    if (answer === undefined) {
      this.#told(settled, undefined, preparation);
      this.#skip(recorded, iteration, settled.skip ?? 'aborted', {
        plannedAt,
        blockedNs,
        error: preparation.error,
      });
      return;
    }
    if (brief) {
      const { messages } = recorded.request;
      const lags = messageLags(messages, recorded.startAt, settled, this.options.schedule);
      this.#counts.settle(settled, isMutation(recorded, this.options.guard.readOnly));
      this.#ended({
        entry: sentEntry(recorded, iteration, settled, answer, answer.head?.status, lags),
        recorded,
      });
      return;
    }
    const { sent } = preparation;
    const replayed = replayedExchange(sent, answer);
    this.#counts.settle(settled, isMutation(sent, this.options.guard.readOnly));
    const live = this.#told(settled, replayed, preparation);
    this.#teach(open, replayed);
    const entry = sentEntry(
      recorded,
      iteration,
      settled,
      answer,
      statusOf(replayed),
      messageLags(sent.request.messages, sent.startAt, settled, this.options.schedule),
    );
    this.#ended({
      entry,
      recorded: asExpected(recorded, sent),
      replayed: preparation.noted(replayed),
      live,
    });
  }

  #ended(result: ReplayResult): void {
    const enough = this.#guard.over(result.entry);
    if (enough !== undefined) this.#stop(enough);
    this.#result(result);
  }

  /** What the answer told may be what others send. */
  #told(
    { index, heldAt, answer }: Settled,
    replayed: Exchange | undefined,
    preparation: Preparation,
  ): LiveNames | undefined {
    const { live } = this.options;
    if (live === undefined) return undefined;
    const overAt = answer?.endAt ?? this.#host.nowNs();
    let names: LiveNames | undefined;
    try {
      names = live.told(index, replayed, { overAt, heldAt });
    } catch (error) {
      // The answer is what it is; those that wait for a value of it go without, and count as unresolved.
      preparation.marks.push({
        name: 'live-failed',
        value: isGardenhoseError(error) ? error.code : kindOf(error),
      });
    }
    this.#late.drop(index);
    this.#late.over(index, overAt);
    return names;
  }

  #teach({ recorded, preparation, lane }: Open, replayed: Exchange): void {
    const { hooks } = this.options;
    if (hooks?.onOutcome === undefined) return;
    try {
      hooks.onOutcome(recorded, { replayed }, { ...preparation.context(dropTooLate), lane });
    } catch (error) {
      this.#counts.hookFailures++;
      const { code } = hookError('onOutcome', error);
      preparation.marks.push({ name: 'hook-failed', value: code });
    }
  }

  #result(result: ReplayResult): void {
    this.#unread.push(result);
    this.#news.ring();
    this.#room.ring();
  }
}
