import type { Clock } from '../clock.ts';
import { GardenhoseError, isGardenhoseError } from '../errors.ts';
import type { Exchange } from '../model/exchange.ts';
import { pinTargets } from './addresses.ts';
import { Breaker, pauseMs } from './breaker.ts';
import { maxRpsOf, Spending } from './budget.ts';
import { Gate } from './gate.ts';
import type { Guard } from './guard.ts';
import { reasonToSkip } from './preparation.ts';
import type { StopReason } from './progress.ts';
import { RecordedOrigins } from './recorded-origins.ts';
import type { Sender } from './sender.ts';
import { checkStopFile, watchStopFile } from './stop-file.ts';
import type { TranscriptEntry } from './transcript.ts';

/** A guard at work: what it looks up before a run, asks of each exchange, and does when the target does not bear it. */
export class RunGuard {
  readonly gate: Gate | undefined;
  /** Sends that may begin in one second. */
  readonly maxPerSecond: number;
  readonly #guard: Guard;
  readonly #clock: Clock;
  readonly #spending: Spending;
  readonly #breaker: Breaker | undefined;
  readonly #undo: (() => void)[] = [];
  #origins: RecordedOrigins | undefined;
  #ended = false;

  /** @param maxRate - Sends in a second that the pace makes at most, where it says */
  constructor(guard: Guard, clock: Clock, maxRate: number | undefined) {
    this.#guard = guard;
    this.#clock = clock;
    this.#spending = new Spending(guard);
    this.#breaker = guard.breaker ? new Breaker() : undefined;
    this.maxPerSecond = maxRpsOf(guard, maxRate);
    this.gate = guard.breaker || Number.isFinite(this.maxPerSecond) ? new Gate(this.maxPerSecond) : undefined;
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
    const { maxDurationMs } = this.#guard;
    if (!Number.isFinite(maxDurationMs)) return;
    this.#undo.push(this.#clock.after(untilZeroMs + maxDurationMs, () => stop('max-duration')));
  }

  /** An exchange is over: gives the target a while when it does not bear the run, and says when that does not help. */
  over(entry: TranscriptEntry): StopReason | undefined {
    const { gate } = this;
    if (this.#breaker === undefined || gate === undefined || gate.closed) return undefined;
    const turn = this.#breaker.over(entry);
    if (turn !== 'pause') return turn === 'stop' ? 'breaker' : undefined;
    gate.closed = true;
    this.#undo.push(
      this.#clock.after(pauseMs, () => {
        gate.closed = false;
      }),
    );
    return undefined;
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
