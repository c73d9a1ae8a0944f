import { stepCount, stepMiddleNs, stepOf } from '../model/duration-steps.ts';
import { toMs } from './histogram.ts';

/**
 * What happened when, in buckets of one width, the first beginning at time zero of the run. Every list has one number for
 * each bucket. Planned sends and response times belong to the bucket in which they were planned, actual sends, lag and service
 * times to that in which they were sent, answers and failures to that in which they ended. Durations are 0 where none belongs
 * to the bucket, and within 9 % but for `lagMaxMs`, which is exact.
 */
export interface RunSeries {
  readonly bucketMs: number;
  readonly planned: readonly number[];
  readonly sent: readonly number[];
  readonly answered: readonly number[];
  readonly failed: readonly number[];
  /** Mean number of exchanges that were sent and not ended. */
  readonly inFlight: readonly number[];
  readonly lagP99Ms: readonly number[];
  readonly lagMaxMs: readonly number[];
  readonly serviceP50Ms: readonly number[];
  readonly serviceP99Ms: readonly number[];
  readonly responseP99Ms: readonly number[];
}

/** One exchange as the series sees it. In nanoseconds since time zero; what is not a finite number is not counted. */
export interface SeriesPoint {
  readonly plannedAt: number;
  readonly sentAt: number;
  readonly endAt: number;
  readonly blockedNs: number;
  readonly failed: boolean;
}

const maxBuckets = 600;
const firstWidthNs = 1e6;
/** Times of a run are below this (104 days). */
const latestNs = 2 ** 53;

/**
 * Counts by time in fixed memory: when a run gets longer than 600 buckets, two become one and all are twice as wide. Results
 * may come in any order.
 */
export class TimeSeries {
  #widthNs = firstWidthNs;
  #used = 0;
  readonly #planned = new Float64Array(maxBuckets);
  readonly #sent = new Float64Array(maxBuckets);
  readonly #answered = new Float64Array(maxBuckets);
  readonly #failed = new Float64Array(maxBuckets);
  /** Sums of how far into its bucket each was: from these follows how many were in flight, without keeping any. */
  readonly #sentInto = new Float64Array(maxBuckets);
  readonly #endedInto = new Float64Array(maxBuckets);
  readonly #lagMax = new Float64Array(maxBuckets);
  readonly #lag = new DurationGrid();
  readonly #service = new DurationGrid();
  readonly #response = new DurationGrid();

  add({ plannedAt, sentAt, endAt, blockedNs, failed }: SeriesPoint): void {
    const hasPlan = isTime(plannedAt);
    if (hasPlan) add(this.#planned, this.#bucket(plannedAt), 1);
    if (!isTime(sentAt) || !isTime(endAt) || endAt < sentAt) return;
    // The later first: it may change the width.
    const ended = this.#bucket(endAt);
    const sent = this.#bucket(sentAt);
    add(this.#sent, sent, 1);
    add(this.#sentInto, sent, sentAt - sent * this.#widthNs);
    add(failed ? this.#failed : this.#answered, ended, 1);
    add(this.#endedInto, ended, endAt - ended * this.#widthNs);
    if (hasPlan) {
      const lag = sentAt - plannedAt - blockedNs;
      this.#lagMax[sent] = Math.max(this.#lagMax[sent] ?? 0, lag);
      this.#lag.add(sent, lag);
    }
    if (failed) return;
    this.#service.add(sent, endAt - sentAt);
    if (hasPlan) this.#response.add(this.#bucket(plannedAt), endAt - plannedAt);
  }

  /** Undefined when nothing was sent. */
  series(): RunSeries | undefined {
    if (this.#used === 0 || this.#sent.every((count) => count === 0)) return undefined;
    const buckets = Array.from({ length: this.#used }, (_, i) => i);
    const counts = (list: Float64Array) => Array.from(list.subarray(0, this.#used));
    return {
      bucketMs: this.#widthNs / 1e6,
      planned: counts(this.#planned),
      sent: counts(this.#sent),
      answered: counts(this.#answered),
      failed: counts(this.#failed),
      inFlight: this.#inFlight(),
      lagP99Ms: buckets.map((i) => this.#lag.quantileMs(i, 0.99)),
      lagMaxMs: counts(this.#lagMax).map(toMs),
      serviceP50Ms: buckets.map((i) => this.#service.quantileMs(i, 0.5)),
      serviceP99Ms: buckets.map((i) => this.#service.quantileMs(i, 0.99)),
      responseP99Ms: buckets.map((i) => this.#response.quantileMs(i, 0.99)),
    };
  }

  /** Of the time that exchanges spent in flight within each bucket, the mean. */
  #inFlight(): number[] {
    let open = 0;
    return Array.from({ length: this.#used }, (_, i) => {
      const sent = this.#sent[i] ?? 0;
      const ended = (this.#answered[i] ?? 0) + (this.#failed[i] ?? 0);
      const before = open;
      open += sent - ended;
      const sentFor = sent - (this.#sentInto[i] ?? 0) / this.#widthNs;
      const endedFor = ended - (this.#endedInto[i] ?? 0) / this.#widthNs;
      return Math.max(0, Math.round((before + sentFor - endedFor) * 1e3) / 1e3);
    });
  }

  #bucket(ns: number): number {
    while (ns >= this.#widthNs * maxBuckets) this.#fold();
    const bucket = Math.floor(ns / this.#widthNs);
    this.#used = Math.max(this.#used, bucket + 1);
    return bucket;
  }

  #fold(): void {
    // What lay in the second of two lies one width further into both together.
    for (const [into, ofWhat] of [
      [this.#sentInto, [this.#sent]],
      [this.#endedInto, [this.#answered, this.#failed]],
    ] as const) {
      for (let i = 1; i < maxBuckets; i += 2) {
        for (const counts of ofWhat) add(into, i, (counts[i] ?? 0) * this.#widthNs);
      }
      foldSums(into, 1);
    }
    for (const counts of [this.#planned, this.#sent, this.#answered, this.#failed]) foldSums(counts, 1);
    for (let i = 0; i < maxBuckets; i++) {
      const pair = Math.max(this.#lagMax[2 * i] ?? 0, this.#lagMax[2 * i + 1] ?? 0);
      this.#lagMax[i] = pair;
    }
    for (const grid of [this.#lag, this.#service, this.#response]) grid.fold();
    this.#widthNs *= 2;
    this.#used = Math.ceil(this.#used / 2);
  }
}

/** How durations were distributed in each bucket of time, in steps of 19 %. */
class DurationGrid {
  readonly #counts = new Uint32Array(maxBuckets * stepCount);

  add(bucket: number, ns: number): void {
    const at = bucket * stepCount + stepOf(ns);
    this.#counts[at] = (this.#counts[at] ?? 0) + 1;
  }

  fold(): void {
    foldSums(this.#counts, stepCount);
  }

  quantileMs(bucket: number, share: number): number {
    const row = this.#counts.subarray(bucket * stepCount, (bucket + 1) * stepCount);
    const total = row.reduce((sum, count) => sum + count, 0);
    if (total === 0) return 0;
    let left = Math.ceil(total * share);
    const step = row.findIndex((count) => {
      left -= count;
      return left <= 0;
    });
    return toMs(stepMiddleNs(step));
  }
}

/** Adds each second row to the one before it and moves the sums up; the rows that become free are 0. */
function foldSums(rows: Float64Array | Uint32Array, length: number): void {
  const half = rows.length / 2;
  for (let i = 0; i < half; i++) {
    const from = 2 * (i - (i % length)) + (i % length);
    rows[i] = (rows[from] ?? 0) + (rows[from + length] ?? 0);
  }
  rows.fill(0, half);
}

function add(list: Float64Array, i: number, value: number): void {
  list[i] = (list[i] ?? 0) + value;
}

function isTime(ns: number): boolean {
  return ns >= 0 && ns <= latestNs;
}
