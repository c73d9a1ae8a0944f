import { systemClock } from '../clock.ts';
import { GardenhoseError, isGardenhoseError } from '../errors.ts';
import { type EngineHost, type HostOptions, leadNs, untilZeroNs } from './engine-host.ts';
import type { Job } from './job.ts';
import type { LateShipment } from './late-shipments.ts';
import type { ReplayOrder } from './order.ts';
import { type OwnProcessor, type OwnProcessorOption, takeProcessor } from './own-processor.ts';
import type { Sender } from './sender.ts';
import { LanePins, type ThreadLimit, threadsFor } from './threads.ts';
import { WorkerThread } from './worker-thread.ts';

const { hrtime } = process;

export interface WorkerHostOptions extends HostOptions {
  readonly ownProcessor: OwnProcessorOption;
  readonly threads: ThreadLimit;
  /** Most sends in a second, where the pace alone says so. */
  readonly maxRate: number | undefined;
}

/** Runs the engine in worker threads, each with the lanes that are pinned to it, all on one clock. */
export function workerHost(sender: Sender, order: ReplayOrder, options: WorkerHostOptions): EngineHost {
  return new WorkerHost(sender, order, options);
}

class WorkerHost implements EngineHost {
  readonly thread = 'worker';
  readonly #sender: Sender;
  readonly #order: ReplayOrder;
  readonly #options: WorkerHostOptions;
  /** Made with the first job, or when it is known how many it takes: a run that sends nothing needs no thread. */
  #workers: WorkerThread[] = [];
  #pins = new LanePins(1);
  /** Jobs of the time in which it is not known yet how many threads it takes. */
  readonly #early: Job[] = [];
  readonly #earlySupplies: { readonly late: LateShipment; readonly job: Job }[] = [];
  #stopped = false;
  #closing = false;
  #failure: GardenhoseError | undefined;
  #processor: OwnProcessor | undefined;
  #hadProcessor = false;
  #zero: readonly [number, number] | undefined;
  #rejectStart: (error: GardenhoseError) => void = () => {};

  constructor(sender: Sender, order: ReplayOrder, options: WorkerHostOptions) {
    this.#sender = sender;
    this.#order = order;
    this.#options = options;
  }

  get ownProcessor(): boolean {
    return this.#hadProcessor;
  }

  get threads(): number {
    return Math.max(1, this.#workers.length);
  }

  add(jobs: readonly Job[]): void {
    if (this.#workers.length === 0) {
      if (this.#stopped) {
        this.#abort(jobs);
        return;
      }
      if (!this.#options.threads.fixed) {
        this.#early.push(...jobs);
        return;
      }
      this.#make(this.#options.threads.most);
    }
    const [only] = this.#workers;
    if (this.#workers.length === 1) only?.add(jobs);
    else this.#spread(jobs);
  }

  supply(late: LateShipment, job: Job): void {
    if (this.#workers.length === 0) this.#earlySupplies.push({ late, job });
    else this.#workers[this.#workers.length === 1 ? 0 : this.#pins.threadOf(job.lane)]?.supply(late, job);
  }

  async start(atMs?: number): Promise<void> {
    const failed = new Promise<never>((_, reject) => {
      this.#rejectStart = reject;
    });
    // It is raced against below, and may be rejected when nobody waits any more.
    failed.catch(() => {});
    if (this.#failure !== undefined) throw this.#failure;
    if (this.#workers.length === 0) this.#make(this.#count());
    this.add(this.#early.splice(0));
    for (const { late, job } of this.#earlySupplies.splice(0)) this.supply(late, job);
    const [first] = await Promise.race([Promise.all(this.#workers.map(({ opened }) => opened)), failed]);
    if (this.#closing) return;
    this.#takeProcessor(first);
    const warmed = await Promise.race([Promise.all(this.#workers.map((worker) => worker.prepare())), failed]);
    if (this.#closing) return;
    const { problem } = warmed.find((one) => one.problem !== undefined) ?? {};
    if (problem !== undefined && warmed.every(({ connected }) => connected === 0)) {
      this.#giveBack();
      throw new GardenhoseError(problem.code, problem.message, { subject: this.#sender.target });
    }
    const zero = momentAfter(untilZeroNs(atMs, systemClock.wallMs(), leadNs));
    for (const worker of this.#workers) worker.begin(zero);
    this.#zero = zero;
  }

  nowNs(): number {
    if (this.#zero === undefined) return Number.NEGATIVE_INFINITY;
    const [seconds, nanos] = hrtime();
    return (seconds - this.#zero[0]) * 1e9 + (nanos - this.#zero[1]);
  }

  stop(): void {
    this.#stopped = true;
    this.#abort(this.#early.splice(0));
    for (const worker of this.#workers) worker.stop();
  }

  abandon(error: Parameters<EngineHost['abandon']>[0]): void {
    for (const worker of this.#workers) worker.abandon(error);
  }

  async close(): Promise<void> {
    if (this.#closing) return;
    this.#closing = true;
    // Nothing is sent any more.
    this.#giveBack();
    this.#rejectStart(new GardenhoseError('replay-aborted', 'The replay was ended before it began'));
    await Promise.all(this.#workers.map((worker) => worker.close()));
  }

  /** They were given to no thread, and none is made for them. */
  #abort(jobs: readonly Job[]): void {
    for (const { index, plannedAt } of jobs) {
      this.#options.onSettled({ index, plannedAt, blockedNs: 0, skip: 'aborted' });
    }
  }

  #make(count: number): void {
    const { source } = this.#sender;
    if (source === undefined) throw new TypeError('the sender has no module');
    const { maxInFlight, maxLanes, gate, onSettled, onWanted } = this.#options;
    const underWay = count === 1 ? undefined : new SharedArrayBuffer(4);
    this.#pins = new LanePins(count);
    this.#workers = Array.from(
      { length: count },
      () =>
        new WorkerThread({
          ...{ source, order: this.#order, maxInFlight, underWay, gate, onSettled, onWanted },
          maxLanes: Math.max(1, Math.floor(maxLanes / count)),
          onFailed: (error) => this.#fail(error),
        }),
    );
  }

  /** As many as it takes for what is planned so far, which is the first two seconds, or for the rate that is asked for. */
  #count(): number {
    let peak = this.#options.maxRate ?? 0;
    for (let first = 0, next = 0; next < this.#early.length; next++) {
      const at = this.#early[next]?.plannedAt ?? Number.NaN;
      while (at - (this.#early[first]?.plannedAt ?? at) >= 1e9) first++;
      if (!Number.isNaN(at)) peak = Math.max(peak, next - first + 1);
    }
    return threadsFor(this.#options.threads, peak);
  }

  #spread(jobs: readonly Job[]): void {
    const shares = this.#workers.map((): Job[] => []);
    for (const job of jobs) shares[this.#pins.threadOf(job.lane)]?.push(job);
    for (const [place, share] of shares.entries()) {
      if (share.length > 0) this.#workers[place]?.add(share);
    }
  }

  /** Before anything is due: it holds up all threads for some milliseconds. */
  #takeProcessor(thread: string | undefined): void {
    const { ownProcessor } = this.#options;
    if (ownProcessor === false || this.#workers.length > 1) return;
    const taken = takeProcessor(thread);
    if (!isGardenhoseError(taken)) this.#processor = taken;
    // `auto` asks for it where it can be had; the report says that it was not.
    else if (ownProcessor === true) throw taken;
    this.#hadProcessor = this.#processor !== undefined;
  }

  #giveBack(): void {
    this.#processor?.release();
    this.#processor = undefined;
  }

  #fail(error: GardenhoseError): void {
    if (this.#closing || this.#failure !== undefined) return;
    this.#failure = error;
    this.#giveBack();
    this.#rejectStart(error);
    this.#options.onFailed(error);
  }
}

function momentAfter(delayNs: number): readonly [number, number] {
  const [seconds, nanos] = hrtime();
  const ns = nanos + Math.round(delayNs);
  const whole = Math.floor(ns / 1e9);
  return [seconds + whole, ns - whole * 1e9];
}
