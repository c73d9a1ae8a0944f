import { createHistogram, type RecordableHistogram } from 'node:perf_hooks';
import { stepCount, stepEndNs, stepOf } from '../model/duration-steps.ts';

/** How a duration was distributed, in milliseconds. All are 0 when nothing was counted. */
export interface HistogramSummary {
  readonly count: number;
  readonly minMs: number;
  readonly meanMs: number;
  readonly p50Ms: number;
  readonly p90Ms: number;
  readonly p99Ms: number;
  readonly p999Ms: number;
  readonly maxMs: number;
  /**
   * How many were at most this long and longer than the bound before it, where there were any. Four bounds to each doubling,
   * from a microsecond: at most 129 buckets.
   */
  readonly buckets: readonly { readonly upToMs: number; readonly count: number }[];
}

/** The summary of nothing. */
export const noDurations: HistogramSummary = Object.freeze({
  count: 0,
  minMs: 0,
  meanMs: 0,
  p50Ms: 0,
  p90Ms: 0,
  p99Ms: 0,
  p999Ms: 0,
  maxMs: 0,
  buckets: [],
});

const highestNs = 3_600e9;

/**
 * Counts durations in nanoseconds, from 1 ns to an hour with three significant digits, in fixed memory. An HDR histogram
 * (Gil Tene), as Node's `perf_hooks` has it.
 */
export class Histogram {
  readonly #histogram: RecordableHistogram;
  /** For a picture of the shape. */
  readonly #buckets = new Float64Array(stepCount);
  #count = 0;
  #max = 0;

  constructor(options: { /** Significant digits, 1 to 3. Default 3. */ readonly figures?: number } = {}) {
    this.#histogram = createHistogram({ lowest: 1, highest: highestNs, figures: options.figures ?? 3 });
  }

  get count(): number {
    return this.#count;
  }

  /** Counts one duration. What is not a number is not counted; below 1 ns counts as 1, over an hour as an hour. */
  record(durationNs: number): void {
    if (Number.isNaN(durationNs)) return;
    const ns = Math.min(highestNs, Math.max(1, Math.round(durationNs)));
    this.#histogram.record(ns);
    this.#count++;
    this.#max = Math.max(this.#max, ns);
    const step = stepOf(ns);
    this.#buckets[step] = (this.#buckets[step] ?? 0) + 1;
  }

  summary(): HistogramSummary {
    if (this.#count === 0) return noDurations;
    const percentile = (share: number) => toMs(Math.min(this.#max, this.#histogram.percentile(share)));
    return {
      count: this.#count,
      minMs: toMs(this.#histogram.min),
      meanMs: toMs(this.#histogram.mean),
      p50Ms: percentile(50),
      p90Ms: percentile(90),
      p99Ms: percentile(99),
      p999Ms: percentile(99.9),
      maxMs: toMs(this.#max),
      buckets: Array.from(this.#buckets).flatMap((count, step) =>
        count === 0 ? [] : [{ upToMs: toMs(stepEndNs(step)), count }],
      ),
    };
  }
}

/** Milliseconds of nanoseconds, to the nanosecond. */
export function toMs(ns: number): number {
  return Math.round(ns) / 1e6;
}
