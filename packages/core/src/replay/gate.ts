import type { Room } from './room.ts';

/** Places in the memory that all threads of a run share. */
const closedAt = 0;
const secondAt = 1;
const countAt = 2;
const mostAt = 3;
const underWayAt = 4;
const takenAt = 5;
const holdingAt = 6;
const places = 7;

/**
 * Holds back what is due in all threads of a run: all of it while it is closed, what is too much for one second, and what would be
 * too much at once.
 */
export class Gate {
  readonly memory: SharedArrayBuffer = new SharedArrayBuffer(places * Int32Array.BYTES_PER_ELEMENT);
  /** Sends that may begin in one second. */
  readonly maxPerSecond: number;
  readonly #state = new Int32Array(this.memory);

  constructor(maxPerSecond: number) {
    this.maxPerSecond = maxPerSecond;
  }

  get closed(): boolean {
    return Atomics.load(this.#state, closedAt) === 1;
  }

  set closed(closed: boolean) {
    Atomics.store(this.#state, closedAt, closed ? 1 : 0);
  }

  /** Exchanges that may be under way at once, beyond what the room says; 0 is no limit. */
  set most(most: number) {
    Atomics.store(this.#state, mostAt, most);
  }

  /** How many were let through. Counts on from 0 when it is full. */
  get taken(): number {
    return Atomics.load(this.#state, takenAt);
  }

  /** Whether the last that asked was held back. */
  get holding(): boolean {
    return Atomics.load(this.#state, holdingAt) === 1;
  }
}

/** What a thread needs of a {@link Gate}; can be cloned. */
export type GateSetup = Pick<Gate, 'memory' | 'maxPerSecond'>;

/**
 * Room of which places are given only while the gate lets through.
 *
 * @param second - The second that it is, of any origin that all threads share
 */
export function gatedRoom(room: Room, { memory, maxPerSecond }: GateSetup, second: () => number): Room {
  const state = new Int32Array(memory);
  const counts = Number.isFinite(maxPerSecond);
  const inSecond = (): boolean => {
    const now = second() | 0;
    if (Atomics.exchange(state, secondAt, now) !== now) Atomics.store(state, countAt, 0);
    if (Atomics.add(state, countAt, 1) < maxPerSecond && room.take()) return true;
    Atomics.sub(state, countAt, 1);
    return false;
  };
  const take = (): boolean => {
    if (Atomics.load(state, closedAt) === 1) return false;
    const most = Atomics.load(state, mostAt);
    if (Atomics.add(state, underWayAt, 1) < most || most === 0) {
      if (counts ? inSecond() : room.take()) return true;
    }
    Atomics.sub(state, underWayAt, 1);
    return false;
  };
  return {
    // Nobody gives word when the gate opens.
    shared: true,
    take() {
      const taken = take();
      if (taken) Atomics.add(state, takenAt, 1);
      Atomics.store(state, holdingAt, taken ? 0 : 1);
      return taken;
    },
    give() {
      Atomics.sub(state, underWayAt, 1);
      room.give();
    },
  };
}
