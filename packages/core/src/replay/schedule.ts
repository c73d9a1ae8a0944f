import { invalidOption } from '../model/option-values.ts';

/** When exchanges are due: at their recorded times, as soon as they can be, or at a fixed number per second. */
export type Pace = 'recorded' | 'asap' | { readonly rate: number };

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
}

/** Planned send times, on one absolute scale: no exchange's time depends on when another was really sent. */
export interface Schedule {
  /** The pace in words: `recorded x2`, `asap`, `500/s`. */
  readonly description: string;
  /**
   * The planned time of the next exchange, in nanoseconds since time zero, given its recorded start. The first is due at 0.
   * NaN when it is due as soon as it can be sent.
   */
  plan(startAt: number): number;
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

/**
 * Makes the schedule of one run.
 *
 * @throws {@link GardenhoseError} `invalid-option`
 */
export function createSchedule(options: PaceOptions): Schedule {
  const { pace = 'recorded', speed, stream = 'recorded' } = options;
  if (stream !== 'recorded' && stream !== 'asap') {
    throw invalidOption('stream', `must be 'recorded' or 'asap', got '${String(stream)}'`);
  }
  if (speed !== undefined && pace !== 'recorded') {
    throw invalidOption(
      'speed',
      `has no meaning with pace ${describe(pace)}; leave it out, or use pace 'recorded'`,
    );
  }
  if (speed !== undefined && !(Number.isFinite(speed) && speed > 0)) {
    throw invalidOption('speed', `must be a number over 0, got ${String(speed)}`);
  }
  if (pace === 'asap') {
    // The client that left after a second would not have left sooner: only its requests come sooner.
    return {
      description: 'asap',
      plan: () => Number.NaN,
      offset: () => 0,
      abandonAfter: asRecorded,
      deadlineAfter: asRecorded,
    };
  }
  if (pace === 'recorded') return recorded(speed ?? 1, stream);
  if (typeof pace === 'object' && pace !== null && Number.isFinite(pace.rate) && pace.rate > 0) {
    return fixedRate(pace.rate, stream);
  }
  throw invalidOption(
    'pace',
    `must be 'recorded', 'asap' or { rate } with a rate over 0, got ${describe(pace)}`,
  );
}

const asRecorded = (recordedOffsetNs: number): number => recordedOffsetNs;

function recorded(speed: number, stream: 'recorded' | 'asap'): Schedule {
  let first: number | undefined;
  return {
    description: speed === 1 ? 'recorded' : `recorded x${speed}`,
    plan(startAt) {
      first ??= startAt;
      return Math.max(0, (startAt - first) / speed);
    },
    offset: stream === 'asap' ? () => 0 : (recordedOffsetNs) => recordedOffsetNs / speed,
    abandonAfter: (recordedOffsetNs) => recordedOffsetNs / speed,
    deadlineAfter: (recordedNs, passed) =>
      passed ? recordedNs / speed : Math.max(recordedNs, recordedNs / speed),
  };
}

function fixedRate(rate: number, stream: 'recorded' | 'asap'): Schedule {
  let count = 0;
  return {
    description: `${rate}/s`,
    // Multiplied, not added up: a sum of rounded gaps would drift.
    plan: () => (count++ * 1e9) / rate,
    offset: stream === 'asap' ? () => 0 : asRecorded,
    abandonAfter: asRecorded,
    deadlineAfter: asRecorded,
  };
}

function describe(pace: unknown): string {
  return typeof pace === 'string' ? `'${pace}'` : (JSON.stringify(pace) ?? String(pace));
}
