import { getHeapStatistics } from 'node:v8';
import { onlyOptions } from '../model/option-names.ts';
import { flagOption, invalidOption } from '../model/option-values.ts';
import type { After } from './clock-notes.ts';

/** When a recorder sheds load: each is a limit beyond which fewer exchanges are recorded. */
export interface ShedOptions {
  /** The share of `maxBufferedBytes` that is in use. Default 0.8. */
  readonly bufferShare?: number | undefined;
  /** The share of memory that is in use: of what V8 may take for its heap, or of what the process may have where that is bounded. Default 0.9. */
  readonly memoryShare?: number | undefined;
  /** How late the event loop of the application is. Default 200. */
  readonly loopDelayMs?: number | undefined;
  /** How long what was recorded has waited for the worker. Default 5,000. */
  readonly workerLagMs?: number | undefined;
}

/** {@link ShedOptions}, checked and complete. */
export type ShedLimits = { readonly [Name in keyof ShedOptions]-?: number };

/** How near a recorder is to its limits, in their units. */
export type Loads = ShedLimits;

const optionNames: Readonly<Record<keyof ShedOptions, true>> = {
  bufferShare: true,
  memoryShare: true,
  loopDelayMs: true,
  workerLagMs: true,
};
const shares: ReadonlySet<string> = new Set(['bufferShare', 'memoryShare']);

/**
 * The limits; undefined where nothing is shed.
 *
 * @throws {@link GardenhoseError} `invalid-option`
 */
export function shedLimits(given: boolean | ShedOptions | undefined): ShedLimits | undefined {
  if (typeof given !== 'object' && !flagOption('shed', given, false)) return undefined;
  const options = typeof given === 'object' ? given : {};
  onlyOptions('shed', options, optionNames);
  const limits = {
    bufferShare: options.bufferShare ?? 0.8,
    memoryShare: options.memoryShare ?? 0.9,
    loopDelayMs: options.loopDelayMs ?? 200,
    workerLagMs: options.workerLagMs ?? 5_000,
  };
  for (const [name, value] of Object.entries(limits)) {
    const most = shares.has(name) ? 1 : Number.MAX_SAFE_INTEGER;
    if (typeof value === 'number' && value > 0 && value <= most) continue;
    throw invalidOption(`shed.${name}`, `must be a number over 0 up to ${most}, got ${String(value)}`);
  }
  return limits;
}

/** How often it is looked. */
export const shedEveryMs = 250;
/** What is recorded of what was, after each look at which a limit is passed, and the least before it is nothing. */
const step = 4;
const leastShare = 1 / 64;
/** Loads are low again below this share of their limits … */
const calmShare = 0.7;
/** … and a step is taken back after so many looks at which all were. */
const calmLooks = 8;

const names = [
  ['bufferShare', 'buffer'],
  ['memoryShare', 'memory'],
  ['loopDelayMs', 'event-loop'],
  ['workerLagMs', 'worker-lag'],
] as const;

/** Why load is shed, or that it no longer has to be. */
export type ShedReason = (typeof names)[number][1] | 'recovered';

/**
 * Decides which exchanges are shed. While a limit is passed the share that is recorded falls at each look, by a factor of 4 down
 * to a 64th and then to none; when all loads have been low for two seconds it rises by such a step. Between 70 % of a limit and the limit it stays.
 */
export class Shedder {
  /** The share that is recorded. */
  share = 1;
  readonly #limits: ShedLimits;
  readonly #measure: (loopDelayMs: number) => Loads;
  readonly #tell: (share: number, reason: ShedReason) => boolean;
  /** A change that could not be told yet. */
  #untold: ShedReason | undefined;
  #calm = 0;
  #owed = 0;

  /** @param tell - Puts a change into the capture; false where there is no room for it */
  constructor(
    limits: ShedLimits,
    measure: (loopDelayMs: number) => Loads,
    tell: (share: number, reason: ShedReason) => boolean,
  ) {
    this.#limits = limits;
    this.#measure = measure;
    this.#tell = tell;
  }

  /** Looks from now on, each {@link shedEveryMs}, until what is given back is called. */
  start(after: After, nowNs: () => number): () => void {
    let due = nowNs() + shedEveryMs * 1e6;
    const look = (): void => {
      const now = nowNs();
      this.look(Math.max(0, now - due) / 1e6);
      due = now + shedEveryMs * 1e6;
      undo = after(shedEveryMs, look);
    };
    let undo = after(shedEveryMs, look);
    return () => undo();
  }

  /** Whether this exchange is recorded. Spread evenly, whatever samplers choose. */
  takes(): boolean {
    if (this.share === 1) return true;
    this.#owed += this.share;
    if (this.#owed < 1) return false;
    this.#owed -= 1;
    return true;
  }

  look(loopDelayMs: number): void {
    const loads = this.#measure(loopDelayMs);
    const over = names.find(([name]) => loads[name] > this.#limits[name]);
    if (over !== undefined) {
      this.#calm = 0;
      if (this.share > 0) this.#change(this.share / step < leastShare ? 0 : this.share / step, over[1]);
    } else if (this.share < 1) {
      const calm = names.every(([name]) => loads[name] < this.#limits[name] * calmShare);
      this.#calm = calm ? this.#calm + 1 : 0;
      if (this.#calm >= calmLooks) {
        this.#calm = 0;
        this.#change(this.share === 0 ? leastShare : this.share * step, 'recovered');
      }
    }
    if (this.#untold !== undefined && this.#tell(this.share, this.#untold)) this.#untold = undefined;
  }

  #change(share: number, reason: ShedReason): void {
    this.share = share;
    this.#owed = 0;
    this.#untold = reason;
  }
}

/** How much of the memory that it may have this process has taken. */
export function memoryShare(): number {
  const { used_heap_size: used, heap_size_limit: limit } = getHeapStatistics();
  const bound = process.constrainedMemory();
  // Unbounded, it is 0 or more than any machine has.
  const ofProcess = bound > 0 && bound < 2 ** 50 ? process.memoryUsage.rss() / bound : 0;
  return Math.max(used / limit, ofProcess);
}
