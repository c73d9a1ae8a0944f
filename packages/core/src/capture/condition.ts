import { GardenhoseError } from '../errors.ts';

/**
 * What a reader does about faults. `tail`, the default: a cut end is what a crash leaves and is accepted, damage before
 * it throws. `strict`: any fault throws, also a missing summary. `salvage`: nothing throws that leaves something to read;
 * a gap event stands where events are missing.
 */
export type ReadMode = 'strict' | 'tail' | 'salvage';

/**
 * `complete`: closed and sound. `open`: sound, but without the summary that a close adds. `truncated`: its end is cut
 * off. `damaged`: something else is wrong with it.
 */
export type CaptureState = 'complete' | 'open' | 'truncated' | 'damaged';

/** Something wrong in a capture. */
export interface CaptureFault {
  /**
   * `header`: what the capture says of itself. `frame`: bytes that are no frame. `chunk`: a frame whose content is not
   * what it should be. `record`: an event that cannot be read. `missing`: frames that are not there. `summary`: index,
   * footer or trailer, without loss of events. `cut`: the capture stops in the middle of a frame.
   */
  readonly kind: 'header' | 'frame' | 'chunk' | 'record' | 'missing' | 'summary' | 'cut';
  /** Byte offset. */
  readonly offset: number;
  readonly message: string;
}

/** How a capture was found to be, as far as it has been read. */
export interface CaptureCondition {
  readonly state: CaptureState;
  /** Whether it is certain that no event is missing which had reached the file. */
  readonly lossless: boolean;
  readonly chunks: number;
  readonly events: number;
  /** Sequence numbers that damage took, as far as that can be told. */
  readonly lostEvents: number;
  /** Bytes that could not be read as frames, or hold nothing that can be trusted. */
  readonly lostBytes: number;
  /** Records of kinds that this release does not know, which were skipped. */
  readonly unknownRecords: number;
  /** The first 100. */
  readonly faults: readonly CaptureFault[];
  readonly faultCount: number;
}

const keptFaults = 100;
/** Damage has few faults; a file with more was made to keep a reader busy. */
const faultBudget = 100_000;

/** Notes what is wrong with a capture while it is read, and throws where the mode says so. */
export class ConditionLog {
  readonly #mode: ReadMode;
  readonly #subject: string;
  readonly #faults: CaptureFault[] = [];
  #faultCount = 0;
  #state: CaptureState = 'open';
  #lossy = false;
  chunks = 0;
  events = 0;
  lostEvents = 0;
  lostBytes = 0;
  unknownRecords = 0;

  constructor(mode: ReadMode, subject: string) {
    this.#mode = mode;
    this.#subject = subject;
  }

  get mode(): ReadMode {
    return this.#mode;
  }

  get faultCount(): number {
    return this.#faultCount;
  }

  get subject(): string {
    return this.#subject;
  }

  /** A log that begins with what this one has noted. */
  copy(): ConditionLog {
    const copy = new ConditionLog(this.#mode, this.#subject);
    copy.#faults.push(...this.#faults);
    copy.#faultCount = this.#faultCount;
    copy.#state = this.#state;
    copy.#lossy = this.#lossy;
    return copy;
  }

  /**
   * `loses` tells whether events may be missing because of it. Bytes that are no frame are in excess: what they replaced
   * shows in the number of the next frame.
   */
  fault(
    kind: CaptureFault['kind'],
    offset: number,
    message: string,
    loses: boolean = kind !== 'summary' && kind !== 'frame',
  ): void {
    this.#lossy ||= loses;
    this.#faultCount += 1;
    if (this.#faults.length < keptFaults) this.#faults.push({ kind, offset, message });
    if (kind !== 'cut') this.#state = 'damaged';
    else if (this.#state !== 'damaged') this.#state = 'truncated';
    if (this.#faultCount > faultBudget) {
      throw new GardenhoseError(
        'capture-limit',
        `${this.#subject} has more than ${faultBudget} faults: reading stopped`,
        {
          subject: this.#subject,
          offset,
        },
      );
    }
    if (this.#mode === 'salvage') return;
    if (kind === 'cut') {
      if (this.#mode === 'tail') return;
      throw new GardenhoseError(
        'capture-truncated',
        `${this.#subject} is cut off at byte ${offset}: ${message}`,
        {
          subject: this.#subject,
          offset,
        },
      );
    }
    if (kind === 'summary' && this.#mode === 'tail') return;
    throw new GardenhoseError(
      'capture-damaged',
      `${this.#subject} is damaged at byte ${offset}: ${message}. \`gardenhose recover\` saves what is sound`,
      { subject: this.#subject, offset },
    );
  }

  /** The end was reached. */
  finish(closed: boolean, offset: number): void {
    if (closed && this.#state === 'open') this.#state = 'complete';
    if (!closed && this.#state === 'open' && this.#mode === 'strict') {
      throw new GardenhoseError(
        'capture-truncated',
        `${this.#subject} ends without its summary: it was never closed`,
        {
          subject: this.#subject,
          offset,
        },
      );
    }
  }

  condition(): CaptureCondition {
    return {
      state: this.#state,
      lossless: !this.#lossy,
      chunks: this.chunks,
      events: this.events,
      lostEvents: this.lostEvents,
      lostBytes: this.lostBytes,
      unknownRecords: this.unknownRecords,
      faults: [...this.#faults],
      faultCount: this.#faultCount,
    };
  }
}

const states = ['complete', 'open', 'truncated', 'damaged'] as const;

/** How captures are together: no better than the worst of them. */
export function worstOf(conditions: readonly CaptureCondition[]): CaptureCondition {
  const sum = (of: (condition: CaptureCondition) => number) =>
    conditions.reduce((total, condition) => total + of(condition), 0);
  return {
    state: states[Math.max(...conditions.map(({ state }) => states.indexOf(state)))] ?? 'open',
    lossless: conditions.every(({ lossless }) => lossless),
    chunks: sum(({ chunks }) => chunks),
    events: sum(({ events }) => events),
    lostEvents: sum(({ lostEvents }) => lostEvents),
    lostBytes: sum(({ lostBytes }) => lostBytes),
    unknownRecords: sum(({ unknownRecords }) => unknownRecords),
    faults: conditions.flatMap(({ faults }) => faults).slice(0, keptFaults),
    faultCount: sum(({ faultCount }) => faultCount),
  };
}
