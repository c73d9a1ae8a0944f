import { onlyOptions } from '../model/option-names.ts';
import { invalidOption, wholeOption } from '../model/option-values.ts';
import { IdleGaps } from './idle-gaps.ts';

/**
 * When exchanges are due: at their recorded times, as soon as they can be, at a fixed number per second, or at a number per
 * second that changes evenly from one to another and then stays.
 */
export type Pace = 'recorded' | 'asap' | { readonly rate: number } | { readonly ramp: Ramp };

/** A rate that changes evenly: requests per second at time zero, and from `overMs` on. */
export interface Ramp {
  readonly from: number;
  readonly to: number;
  readonly overMs: number;
}

/** A part of a capture: what began at or after `fromMs` and before `toMs`, counted from the capture's anchor. */
export interface ReplayWindow {
  /** Default 0. */
  readonly fromMs?: number | undefined;
  /** Default no end. */
  readonly toMs?: number | undefined;
}

export interface PaceOptions {
  /** Default `recorded`. */
  readonly pace?: Pace | undefined;
  /** With pace `recorded`: how many times faster than recorded. Default 1. */
  readonly speed?: number | undefined;
  /**
   * Whether the pieces of one exchange (body chunks, messages) keep their recorded distances, scaled by `speed`.
   * `recorded` by default; `asap` sends the whole exchange at once. Always `asap` with pace `asap`.
   */
  readonly stream?: 'recorded' | 'asap' | undefined;
  /**
   * With pace `recorded`: the longest time in which no exchange begins or ends; a longer one is cut to it, as it is after `speed`.
   * Distances within an exchange are not cut. Default no limit.
   */
  readonly maxIdleMs?: number | undefined;
  /**
   * How many times the exchanges are replayed, one time after the other, with lanes of their own each time; a header tells which
   * time it is. What is replayed must be something that can be read again. Default 1.
   */
  readonly loop?: number | undefined;
  /** The part that is replayed; its first exchange is due at time zero. What began before is not sent. Default all. */
  readonly window?: ReplayWindow | undefined;
}

/** Planned send times, on one absolute scale: no exchange's time depends on when another was really sent. */
export interface Schedule {
  /** The pace in words: `recorded x2`, `asap`, `500/s`, `10/s to 500/s over 60 s`. */
  readonly description: string;
  /** Most sends in a second, where the pace alone says so. */
  readonly maxRate?: number | undefined;
  /** How much time was cut out so far, in nanoseconds of the run. */
  readonly idleCutNs: number;
  /**
   * The planned time of the next exchange, in nanoseconds since time zero, given its recorded start and end. The first is due at 0.
   * NaN when it is due as soon as it can be sent.
   */
  plan(startAt: number, finishedAt: number): number;
  /** The exchanges come once more: from where the recording of them ended. */
  again(): void;
  /** When the last would be due if all that was planned so far came so many times, and how many would be due in one second. */
  forecast(times: number): Forecast;
  /** How far into the exchange a piece is due that was recorded at this offset. */
  offset(recordedOffsetNs: number): number;
  /** How far into the exchange the client breaks it off that was recorded to do so at this offset. */
  abandonAfter(recordedOffsetNs: number): number;
  /**
   * How long the client is ready to wait that was ready to wait so long when it was recorded. One that is not over by then gets
   * at least the recorded time, as a target is no faster for being replayed to faster.
   *
   * @param passed - Whether the time was up in the recording: then it is up again at that point of the exchange
   */
  deadlineAfter(recordedNs: number, passed: boolean): number;
}

/** What is to be expected of a schedule. Both are 0 where there is none. */
export interface Forecast {
  readonly lastNs: number;
  readonly peakPerSecond: number;
}

/**
 * Makes the schedule of one run.
 *
 * @throws {@link GardenhoseError} `invalid-option`
 */
export function createSchedule(options: PaceOptions): Schedule {
  const { pace = 'recorded', speed, maxIdleMs, stream = 'recorded' } = options;
  if (stream !== 'recorded' && stream !== 'asap') {
    throw invalidOption('stream', `must be 'recorded' or 'asap', got '${String(stream)}'`);
  }
  for (const [name, value] of Object.entries({ speed, maxIdleMs })) {
    if (value === undefined) continue;
    if (pace !== 'recorded') {
      throw invalidOption(
        name,
        `has no meaning with pace ${describe(pace)}; leave it out, or use pace 'recorded'`,
      );
    }
    if (!(Number.isFinite(value) && value > 0)) {
      throw invalidOption(name, `must be a number over 0, got ${String(value)}`);
    }
  }
  if (pace === 'asap') return asap;
  if (pace === 'recorded') return new RecordedSchedule(speed ?? 1, stream, maxIdleMs);
  if (typeof pace === 'object' && pace !== null) {
    if ('rate' in pace && isRate(pace.rate) && pace.rate > 0) {
      const { rate } = pace;
      return new CountedSchedule({ from: rate, to: rate, overMs: 0 }, `${rate}/s`, stream);
    }
    if ('ramp' in pace) return rampSchedule(pace.ramp, stream);
  }
  throw invalidOption(
    'pace',
    `must be 'recorded', 'asap', { rate } with a rate over 0, or { ramp }, got ${describe(pace)}`,
  );
}

/** What is replayed: how often, and which part. Checked and complete. */
export interface Extent {
  readonly loop: number;
  /** Recorded nanoseconds, from inclusive, to exclusive. */
  readonly fromNs: number;
  readonly toNs: number;
}

/** More would be a mistake, such as a time. */
const maxLoop = 1_000_000;

/** @throws {@link GardenhoseError} `invalid-option` */
export function checkExtent({ loop, window = {} }: PaceOptions): Extent {
  const times = wholeOption('loop', loop, 1);
  if (times > maxLoop) throw invalidOption('loop', `must be at most ${maxLoop}, got ${times}`);
  onlyOptions('window', window, { fromMs: true, toMs: true });
  const { fromMs = 0, toMs = Number.POSITIVE_INFINITY } = window;
  if (!(Number.isFinite(fromMs) && fromMs >= 0)) {
    throw invalidOption('window.fromMs', `must be a number of at least 0, got ${String(fromMs)}`);
  }
  if (!(typeof toMs === 'number' && toMs > fromMs)) {
    throw invalidOption('window.toMs', `must be a number over fromMs (${fromMs}), got ${String(toMs)}`);
  }
  return { loop: times, fromNs: fromMs * 1e6, toNs: toMs * 1e6 };
}

const asRecorded = (recordedOffsetNs: number): number => recordedOffsetNs;

/** The client that left after a second would not have left sooner: only its requests come sooner. */
const asap: Schedule = {
  description: 'asap',
  idleCutNs: 0,
  plan: () => Number.NaN,
  again: () => {},
  forecast: () => ({ lastNs: 0, peakPerSecond: 0 }),
  offset: () => 0,
  abandonAfter: asRecorded,
  deadlineAfter: asRecorded,
};

class RecordedSchedule implements Schedule {
  readonly description: string;
  readonly #speed: number;
  readonly #stream: 'recorded' | 'asap';
  readonly #idle: IdleGaps;
  /** Recorded start of the first exchange of this time through. */
  #first: number | undefined;
  /** When this time through begins. */
  #base = 0;
  /** Recorded time that this time through was shortened by, and all before it. */
  #cut = 0;
  #cutBefore = 0;
  /** Recorded time by which all of this time through was over. */
  #until = 0;
  #lastNs = 0;
  #second = 0;
  #inSecond = 0;
  #peak = 0;

  constructor(speed: number, stream: 'recorded' | 'asap', maxIdleMs = Number.POSITIVE_INFINITY) {
    this.description = speed === 1 ? 'recorded' : `recorded x${speed}`;
    this.#speed = speed;
    this.#stream = stream;
    this.#idle = new IdleGaps(maxIdleMs * 1e6 * speed);
  }

  get idleCutNs(): number {
    return (this.#cutBefore + this.#cut) / this.#speed;
  }

  plan(startAt: number, finishedAt: number): number {
    this.#first ??= startAt;
    this.#cut += this.#idle.excessBefore(startAt, finishedAt);
    this.#until = Math.max(this.#until, startAt, finishedAt);
    const plannedAt = this.#base + Math.max(0, (startAt - this.#first - this.#cut) / this.#speed);
    this.#lastNs = Math.max(this.#lastNs, plannedAt);
    const second = Math.floor(plannedAt / 1e9);
    this.#inSecond = second === this.#second ? this.#inSecond + 1 : 1;
    this.#second = second;
    this.#peak = Math.max(this.#peak, this.#inSecond);
    return plannedAt;
  }

  again(): void {
    this.#base += this.#lengthNs;
    this.#cutBefore += this.#cut;
    this.#cut = 0;
    this.#first = undefined;
    this.#until = 0;
    this.#idle.reset();
  }

  forecast(times: number): Forecast {
    return { lastNs: this.#lastNs + (times - 1) * this.#lengthNs, peakPerSecond: this.#peak };
  }

  offset(recordedOffsetNs: number): number {
    return this.#stream === 'asap' ? 0 : recordedOffsetNs / this.#speed;
  }

  abandonAfter(recordedOffsetNs: number): number {
    return recordedOffsetNs / this.#speed;
  }

  deadlineAfter(recordedNs: number, passed: boolean): number {
    return passed ? recordedNs / this.#speed : Math.max(recordedNs, recordedNs / this.#speed);
  }

  get #lengthNs(): number {
    return Math.max(0, (this.#until - (this.#first ?? this.#until) - this.#cut) / this.#speed);
  }
}

function rampSchedule(ramp: Ramp, stream: 'recorded' | 'asap'): Schedule {
  onlyOptions('pace.ramp', ramp, { from: true, to: true, overMs: true });
  const { from, to, overMs } = ramp;
  if (!isRate(from)) throw invalidOption('pace.ramp.from', `must be a number of at least 0, got ${from}`);
  if (!(isRate(to) && to > 0)) throw invalidOption('pace.ramp.to', `must be a number over 0, got ${to}`);
  if (!(isRate(overMs) && overMs > 0)) {
    throw invalidOption('pace.ramp.overMs', `must be a number over 0, got ${overMs}`);
  }
  return new CountedSchedule(ramp, `${from}/s to ${to}/s over ${overMs / 1_000} s`, stream);
}

const isRate = (value: unknown): value is number =>
  typeof value === 'number' && Number.isFinite(value) && value >= 0;

/** Due by count: the recorded times of exchanges do not matter. */
class CountedSchedule implements Schedule {
  readonly description: string;
  readonly maxRate: number;
  readonly idleCutNs = 0;
  readonly #from: number;
  readonly #to: number;
  readonly #overS: number;
  readonly #stream: 'recorded' | 'asap';
  readonly abandonAfter = asRecorded;
  readonly deadlineAfter = asRecorded;
  #count = 0;

  constructor({ from, to, overMs }: Ramp, description: string, stream: 'recorded' | 'asap') {
    this.description = description;
    this.maxRate = Math.max(from, to);
    this.#from = from;
    this.#to = to;
    this.#overS = overMs / 1_000;
    this.#stream = stream;
  }

  plan(): number {
    return this.#at(this.#count++);
  }

  again(): void {}

  forecast(times: number): Forecast {
    const count = this.#count * times;
    const lastNs = count === 0 ? 0 : this.#at(count - 1);
    const share = this.#overS === 0 ? 1 : Math.min(1, lastNs / 1e9 / this.#overS);
    const lastRate = this.#from + (this.#to - this.#from) * share;
    return { lastNs, peakPerSecond: Math.min(count, Math.ceil(Math.max(this.#from, lastRate))) };
  }

  offset(recordedOffsetNs: number): number {
    return this.#stream === 'asap' ? 0 : recordedOffsetNs;
  }

  /**
   * When so many have come before it: the root of `from t + (to - from) t² / 2T = count`, in the form that neither divides by the
   * change of the rate, which may be 0, nor loses digits to it. Not a sum of rounded gaps, which would drift.
   */
  #at(count: number): number {
    const from = this.#from;
    const inRamp = ((from + this.#to) / 2) * this.#overS;
    if (count >= inRamp) return this.#overS * 1e9 + ((count - inRamp) * 1e9) / this.#to;
    if (count === 0) return 0;
    const change = (this.#to - from) / this.#overS;
    return ((2 * count) / (from + Math.sqrt(from * from + 2 * change * count))) * 1e9;
  }
}

function describe(pace: unknown): string {
  return typeof pace === 'string' ? `'${pace}'` : (JSON.stringify(pace) ?? String(pace));
}
