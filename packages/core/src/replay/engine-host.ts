import type { Clock } from '../clock.ts';
import { systemClock } from '../clock.ts';
import { GardenhoseError } from '../errors.ts';
import { Engine, type EngineOptions } from './engine.ts';
import { type GateSetup, gatedRoom } from './gate.ts';
import type { Job, Settled } from './job.ts';
import type { LateShipment } from './late-shipments.ts';
import { ownRoom } from './room.ts';
import type { AnswerError, Sender } from './sender.ts';
import { clockWaiter, napWaiter } from './waiter.ts';

/** Where the engine runs, as the run sees it. */
export interface EngineHost {
  readonly thread: 'worker' | 'inline';
  /** Whether the thread that sends got a processor to itself. */
  readonly ownProcessor: boolean;
  /** How many threads send. Known once it has started. */
  readonly threads: number;
  add(jobs: readonly Job[]): void;
  /** Gives a job its shipment that was added without. */
  supply(late: LateShipment, job: Job): void;
  /**
   * Connects what is needed first, and begins. Resolves when time zero is set.
   *
   * @param atMs - When time zero is to be on the wall clock; default, or where that is over by then, at once
   * @throws {@link GardenhoseError} when no lane can be connected: nothing was sent
   */
  start(atMs?: number): Promise<void>;
  /** Nanoseconds since time zero; below 0 before it. */
  nowNs(): number;
  stop(): void;
  abandon(error: AnswerError): void;
  close(): Promise<void>;
}

export interface HostOptions extends Pick<EngineOptions, 'order' | 'maxLanes'> {
  readonly maxInFlight: number;
  /** What else may hold back sends. Default nothing. */
  readonly gate?: GateSetup | undefined;
  readonly onSettled: (settled: Settled) => void;
  /** The turn of a job has come that was added without a shipment. */
  readonly onWanted: (index: number) => void;
  /** The engine itself failed: nothing more will settle. */
  readonly onFailed: (error: GardenhoseError) => void;
}

/** Lanes that are needed within this time are connected before time zero. */
export const warmWithinNs = 1e9;
/** From the end of the preparations to time zero. */
export const leadNs = 10e6;

/** How far time zero is ahead: no less than `leastNs`. */
export function untilZeroNs(atMs: number | undefined, wallMs: number, leastNs: number): number {
  return atMs === undefined ? leastNs : Math.max(leastNs, (atMs - wallMs) * 1e6);
}

/** Runs the engine in this thread. */
export function inlineHost(sender: Sender, clock: Clock, options: HostOptions): EngineHost {
  const nowNs = () => clock.nowNs();
  // A sender that has a module sends over sockets; one that has none may share this thread with its target.
  const waiter =
    clock === systemClock ? napWaiter(nowNs, sender.source !== undefined) : clockWaiter(clock, nowNs);
  const { maxInFlight, gate } = options;
  const places = ownRoom(maxInFlight);
  const room =
    gate === undefined ? places : gatedRoom(places, gate, () => Math.floor(engine.timer.nowNs() / 1e9));
  const engine = new Engine({ ...options, sender, nowNs, waiter, room, maxWarm: maxInFlight });
  let started = false;
  return {
    thread: 'inline',
    ownProcessor: false,
    threads: 1,
    add(jobs) {
      for (const job of jobs) engine.add(job);
    },
    supply: (late) => engine.supply(late),
    async start(atMs) {
      const { connected, problem } = await engine.warm(warmWithinNs);
      if (problem !== undefined && connected === 0)
        throw new GardenhoseError(problem.code, problem.message, { subject: sender.target });
      engine.start(nowNs() + untilZeroNs(atMs, clock.wallMs(), clock === systemClock ? leadNs : 0));
      started = true;
    },
    nowNs: () => (started ? engine.timer.nowNs() : Number.NEGATIVE_INFINITY),
    stop: () => engine.stop(),
    abandon: (error) => engine.abandon(error),
    async close() {
      engine.close();
    },
  };
}
