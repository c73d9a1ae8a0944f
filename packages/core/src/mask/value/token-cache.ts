import type { Clock } from '../../clock.ts';

const longestValue = 256;
/** Half of the time to live: a value lives through one turn at most after its last use. */
const turnMs = 30_000;

/**
 * Remembers what stands for values. It holds them in clear, so it is bounded, lets go of what was not used for a minute
 * and can be wiped. Two generations: the young one becomes the old one when it is full or when its time is over, so that
 * values in use survive.
 */
export class TokenCache {
  readonly #mostYoung: number;
  readonly #clock: Clock;
  #young = new Map<string, Map<string, string>>();
  #old = new Map<string, Map<string, string>>();
  #count = 0;
  #stopTimer: (() => void) | undefined;
  readonly #forgetters: (() => void)[] = [];

  /** @param most - values to remember at most, of both generations; 0 for none */
  constructor(most: number, clock: Clock) {
    this.#mostYoung = Math.floor(most / 2);
    this.#clock = clock;
  }

  get(kind: string, text: string): string | undefined {
    const known = this.#young.get(kind)?.get(text);
    if (known !== undefined) return known;
    const older = this.#old.get(kind)?.get(text);
    if (older !== undefined) this.set(kind, text, older);
    return older;
  }

  set(kind: string, text: string, masked: string): void {
    if (this.#mostYoung === 0 || text.length > longestValue) return;
    if (this.#count >= this.#mostYoung) this.#turn();
    let values = this.#young.get(kind);
    if (values === undefined) {
      values = new Map();
      this.#young.set(kind, values);
    }
    values.set(text, masked);
    this.#count++;
    this.#startTimer();
  }

  /**
   * For values that are held in clear elsewhere: `forget` is called when this cache is wiped, and every half a minute
   * for as long as anything is held.
   *
   * @returns to be called when something is held where there was nothing before
   */
  alsoForget(forget: () => void): () => void {
    this.#forgetters.push(forget);
    return () => this.#startTimer();
  }

  wipe(): void {
    this.#stopTimer?.();
    this.#stopTimer = undefined;
    this.#young = new Map();
    this.#old = new Map();
    this.#count = 0;
    for (const forget of this.#forgetters) forget();
  }

  #startTimer(): void {
    this.#stopTimer ??= this.#clock.after(turnMs, () => this.#timeOver());
  }

  #turn(): void {
    this.#old = this.#young;
    this.#young = new Map();
    this.#count = 0;
  }

  #timeOver(): void {
    this.#stopTimer = undefined;
    this.#turn();
    for (const forget of this.#forgetters) forget();
    // The timer goes on only while there is something to let go of: a masker that nobody uses can be collected.
    if (this.#old.size > 0) this.#startTimer();
  }
}
