import type { Clock } from '../clock.ts';
import { GardenhoseError, isGardenhoseError } from '../errors.ts';
import type { Exchange } from '../model/exchange.ts';
import { pinTargets } from './addresses.ts';
import { Breaker } from './breaker.ts';
import { maxRpsOf, Spending } from './budget.ts';
import { Gate } from './gate.ts';
import type { Guard } from './guard.ts';
import { LagLimit } from './lag-limit.ts';
import { reasonToSkip } from './preparation.ts';
import type { StopReason } from './progress.ts';
import { inFlightAt } from './ramp-up.ts';
import { RecordedOrigins } from './recorded-origins.ts';
import type { Sender } from './sender.ts';
import { checkStopFile, watchStopFile } from './stop-file.ts';
import type { TranscriptEntry } from './transcript.ts';

/** How often a run is looked at that rises to its full rate, or may be held back too long. */
const stepMs = 50;

/** A guard at work: what it looks up before a run, asks of each exchange, and does when the target does not bear it. */
export class RunGuard {
  readonly gate: Gate | undefined;
  /** Sends that may begin in one second. */
  readonly maxPerSecond: number;
  readonly #guard: Guard;
  readonly #clock: Clock;
  readonly #spending: Spending;
  readonly #breaker: Breaker | undefined;
  readonly #lag: LagLimit | undefined;
  readonly #rampUpMs: number;
  readonly #undo: (() => void)[] = [];
  #origins: RecordedOrigins | undefined;
  #ended = false;

  /** @param maxRate - Sends in a second that the pace makes at most, where it says */
  constructor(guard: Guard, clock: Clock, maxRate: number | undefined, rampUpMs: number) {
    this.#guard = guard;
    this.#clock = clock;
    this.#spending = new Spending(guard);
    this.#breaker = guard.breaker && new Breaker(guard.breaker);
    this.#lag = Number.isFinite(guard.maxLagMs) ? new LagLimit(guard.maxLagMs) : undefined;
    this.#rampUpMs = rampUpMs;
    this.maxPerSecond = maxRpsOf(guard, maxRate);
    const holds =
      guard.breaker !== undefined ||
      Number.isFinite(this.maxPerSecond) ||
      this.#lag !== undefined ||
      rampUpMs > 0;
    this.gate = holds ? new Gate(this.maxPerSecond) : undefined;
    if (this.gate !== undefined && rampUpMs > 0) this.gate.most = inFlightAt(0, rampUpMs, guard.maxInFlight);
  }

  /** How often the target was given a while. */
  get pauses(): number {
    return this.#breaker?.pauses ?? 0;
  }

  /** Before the sender is asked for anything, or its worker is made. */
  async secure(sender: Sender): Promise<void> {
    const guard = this.#guard;
    if (guard.stopFile !== undefined) checkStopFile(guard.stopFile);
    const addresses = guard.loopback ? new Map() : await pinTargets(guard);
    this.#origins = new RecordedOrigins(guard, addresses);
    if (this.#ended) return;
    const undo = sender.secure?.({ addresses, egress: guard.egress });
    if (undo !== undefined) this.#undo.push(undo);
  }

  /**
   * Refuses the exchange, or lets it pass; a promise only where a name has to be looked up first.
   *
   * @param begun - Whether the run has: then a refusal would say what is no longer true, that nothing was sent
   */
  admit(recorded: Exchange, begun: () => boolean): Promise<void> | undefined {
    const origins = this.#origins;
    if (origins?.any !== true || reasonToSkip(recorded, this.#guard) !== undefined) return undefined;
    try {
      return origins.admit(recorded)?.catch((error: unknown) => refuse(error, begun()));
    } catch (error) {
      return refuse(error, begun());
    }
  }

  /** Takes what sending so many bytes costs; or says which budget that would break. */
  spend(bytes: number): StopReason | undefined {
    return this.#spending.take(bytes);
  }

  /** Watches the stop file. */
  watch(stop: (why: StopReason) => void): void {
    const { stopFile } = this.#guard;
    if (stopFile === undefined) return;
    this.#undo.push(watchStopFile(stopFile, this.#clock, () => stop('stop-file')));
  }

  /** Counts the run's time, once it is known when that begins. */
  limitTime(untilZeroMs: number, stop: (why: StopReason) => void): void {
    this.#rampUp(untilZeroMs);
    this.#watchHeld(stop);
    const { maxDurationMs } = this.#guard;
    if (!Number.isFinite(maxDurationMs)) return;
    this.#undo.push(this.#clock.after(untilZeroMs + maxDurationMs, () => stop('max-duration')));
  }

  /** An exchange is over: gives the target a while when it does not bear the run, and says when that does not help. */
  over(entry: TranscriptEntry): StopReason | undefined {
    const { gate } = this;
    const { sentAt, endAt, plannedAt, blockedNs } = entry;
    if (sentAt !== undefined && endAt !== undefined) {
      if (this.#lag?.ended(endAt, sentAt - plannedAt - blockedNs) === true) return 'max-lag';
    }
    if (this.#breaker === undefined || gate === undefined || gate.closed) return undefined;
    const turn = this.#breaker.over(entry);
    if (turn !== 'pause') return turn === 'stop' ? 'breaker' : undefined;
    gate.closed = true;
    this.#undo.push(
      this.#clock.after(this.#breaker.limits.pauseMs, () => {
        gate.closed = false;
      }),
    );
    return undefined;
  }

  /** Lets more and more exchanges be under way, until it is as many as may be. */
  #rampUp(untilZeroMs: number): void {
    const { gate } = this;
    const rampUpMs = this.#rampUpMs;
    if (gate === undefined || rampUpMs === 0) return;
    const zeroNs = this.#clock.nowNs() + untilZeroMs * 1e6;
    this.#every(stepMs, () => {
      const elapsedMs = (this.#clock.nowNs() - zeroNs) / 1e6;
      const over = elapsedMs >= rampUpMs;
      gate.most = over ? 0 : inFlightAt(elapsedMs, rampUpMs, this.#guard.maxInFlight);
      return !over;
    });
  }

  #watchHeld(stop: (why: StopReason) => void): void {
    const { gate } = this;
    const lag = this.#lag;
    if (gate === undefined || lag === undefined) return;
    this.#every(stepMs, () => {
      const late = lag.held(gate, this.#clock.nowNs() / 1e6);
      if (late) stop('max-lag');
      return !late;
    });
  }

  /** Until `run` says false, or the run is over. */
  #every(ms: number, run: () => boolean): void {
    let undo = this.#clock.after(ms, look);
    const clock = this.#clock;
    function look(): void {
      if (run()) undo = clock.after(ms, look);
    }
    this.#undo.push(() => undo());
  }

  end(): void {
    this.#ended = true;
    for (const undo of this.#undo) undo();
  }
}

function refuse(error: unknown, begun: boolean): never {
  if (!begun || !isGardenhoseError(error)) throw error;
  throw new GardenhoseError('replay-aborted', `Stopped when the run had begun: ${error.message}`, {
    ...error.place,
    cause: error,
  });
}
