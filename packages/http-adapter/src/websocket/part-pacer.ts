import type { RunTimer, ShipmentPart } from '@gardenhose/core';

/** Writes a part, and says when it is written. */
export type WritePart = (part: ShipmentPart, written: () => void) => void;

/**
 * Gives the parts of a conversation to be written, in their order: each at its time, once what it should come after has come,
 * and once the one before it is written, so that a target that does not read is seen in the times and not in the memory.
 */
export class PartPacer {
  readonly #parts: readonly ShipmentPart[];
  readonly #timer: RunTimer;
  readonly #maxWaitNs: number;
  readonly #write: WritePart;
  #begunAt = 0;
  #open = false;
  #stopped = false;
  #writing = false;
  #going = false;
  #next = 0;
  #came = 0;
  #waits = false;
  #undo: (() => void) | undefined;
  #blockedUntil = Number.NEGATIVE_INFINITY;
  /** When each part was handed over, as far as it came. */
  readonly sentAt: number[] = [];
  /** How long each of those was held back; undefined when none was. */
  blockedNs: number[] | undefined;
  /** How many were sent without what they should have come after. */
  unawaited = 0;

  /** @param maxWaitNs - How long a part waits past its time for messages of the answer */
  constructor(parts: readonly ShipmentPart[], timer: RunTimer, maxWaitNs: number, write: WritePart) {
    this.#parts = parts;
    this.#timer = timer;
    this.#maxWaitNs = maxWaitNs;
    this.#write = write;
  }

  /** The parts that were not handed over. */
  get left(): readonly ShipmentPart[] {
    return this.#parts.slice(this.#next);
  }

  /** Parts are due from here. */
  begin(atNs: number): void {
    this.#begunAt = atNs;
  }

  /** Parts may go. What was due before was blocked until now. */
  open(): void {
    this.#open = true;
    this.#blockedUntil = this.#timer.nowNs();
    this.#go();
  }

  /** Another message of the answer has come. */
  came(): void {
    this.#came++;
    if (this.#waits) this.#go();
  }

  /** Notes that the next part went by another way. */
  skip(): void {
    this.#sent(this.#timer.nowNs(), Number.POSITIVE_INFINITY);
  }

  /** Gives out what is due. */
  flush(): void {
    this.#go();
  }

  /** Gives out nothing more. */
  stop(): void {
    this.#stopped = true;
    this.#undo?.();
    this.#undo = undefined;
  }

  #go(): void {
    this.#undo?.();
    this.#undo = undefined;
    this.#going = true;
    this.#giveDue();
    this.#going = false;
  }

  #giveDue(): void {
    for (let part = this.#parts[this.#next]; part !== undefined; part = this.#parts[this.#next]) {
      if (!this.#open || this.#stopped || this.#writing) return;
      const now = this.#timer.nowNs();
      const dueAt = this.#begunAt + part.offsetNs;
      if (dueAt > now) {
        this.#undo = this.#timer.at(dueAt, () => this.#go());
        return;
      }
      if (this.#mustWait(part, dueAt, now)) return;
      this.#sent(now, dueAt);
      this.#writing = true;
      this.#write(part, this.#written);
    }
  }

  #mustWait({ afterMessages = 0 }: ShipmentPart, dueAt: number, now: number): boolean {
    if (this.#came < afterMessages) {
      const until = dueAt + this.#maxWaitNs;
      if (now < until) {
        this.#waits = true;
        this.#undo = this.#timer.at(until, () => this.#go());
        return true;
      }
      // What a target does not say now it may never say: the rest of the conversation is worth more than its order.
      this.unawaited++;
      this.#waits = true;
    }
    if (this.#waits) this.#blockedUntil = now;
    this.#waits = false;
    return false;
  }

  #sent(now: number, dueAt: number): void {
    const place = this.#next++;
    this.sentAt.push(now);
    // Also of those behind one that waited.
    if (this.#blockedUntil <= dueAt) return;
    this.blockedNs ??= [];
    while (this.blockedNs.length < place) this.blockedNs.push(0);
    this.blockedNs.push(this.#blockedUntil - dueAt);
  }

  readonly #written = (): void => {
    this.#writing = false;
    // With a timer set, the next is not due. What was written at once is in the loop: a call in a call for each would fill the stack.
    if (this.#undo === undefined && !this.#going) this.#go();
  };
}
