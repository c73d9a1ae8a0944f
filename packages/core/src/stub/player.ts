import type { Clock } from '../clock.ts';
import type { StubStep, TimedStep } from './script.ts';

/** Timers hold 31 bits of milliseconds. */
const longestTimerMs = 1e9;

/** Gives out the steps of a script, each when what it waited for in the recording has come, and its time after that is over. */
export class StubPlayer {
  readonly #clock: Clock;
  readonly #send: (step: StubStep) => void;
  /** When each part of the request came, by its number. */
  readonly #arrivedAt: number[];
  #allAt: number | undefined;
  #steps: readonly TimedStep[] = [];
  /** Of the recorded request: what waits for more waits for its end. */
  #messages = 0;
  #sent = 0;
  #undo: (() => void) | undefined;
  #stopped = false;
  /** The latest that a step came after its time. */
  maxLagNs = 0;

  constructor(clock: Clock, send: (step: StubStep) => void) {
    this.#clock = clock;
    this.#send = send;
    this.#arrivedAt = [clock.nowNs()];
  }

  /** How many steps were given out. */
  get sent(): number {
    return this.#sent;
  }

  get done(): boolean {
    return this.#steps.length > 0 && this.#sent >= this.#steps.length;
  }

  /** Whether a step may be due once so much of the request has come, of a recorded one with so many messages. */
  reaches({ after }: TimedStep, messages: number): boolean {
    return this.#causeAt(after, messages) !== undefined;
  }

  /** The next part of the request has come. */
  arrived(): void {
    this.#arrivedAt.push(this.#clock.nowNs());
  }

  /** The request is whole: nothing waits for a part of it any longer. */
  ended(): void {
    this.#allAt ??= this.#clock.nowNs();
  }

  /** Plays these from here on; what was given out stands for their beginning. */
  play(steps: readonly TimedStep[], messages: number): void {
    this.#steps = steps;
    this.#messages = messages;
    this.resume();
  }

  /** To be called after each part of the request that came. */
  resume(): void {
    this.#undo?.();
    this.#undo = undefined;
    while (!this.#stopped) {
      const next = this.#steps[this.#sent];
      const causeAt = next === undefined ? undefined : this.#causeAt(next.after, this.#messages);
      if (next === undefined || causeAt === undefined) return;
      const dueAt = causeAt + next.delayNs;
      const now = this.#clock.nowNs();
      if (dueAt > now) {
        this.#undo = this.#clock.after(Math.min((dueAt - now) / 1e6, longestTimerMs), () => this.resume());
        return;
      }
      this.maxLagNs = Math.max(this.maxLagNs, now - dueAt);
      this.#sent++;
      this.#send(next.step);
    }
  }

  stop(): void {
    this.#stopped = true;
    this.#undo?.();
    this.#undo = undefined;
  }

  #causeAt(after: number, messages: number): number | undefined {
    return (after > messages ? undefined : this.#arrivedAt[after]) ?? this.#allAt;
  }
}
