import type { Room } from './room.ts';

/** Places in the memory that all threads of a run share. */
const closedAt = 0;
const secondAt = 1;
const countAt = 2;

/** Holds back what is due in all threads of a run: all of it while it is closed, and what is too much for one second. */
export class Gate {
  readonly memory: SharedArrayBuffer = new SharedArrayBuffer(3 * Int32Array.BYTES_PER_ELEMENT);
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
  return {
    // Nobody gives word when the gate opens.
    shared: true,
    take() {
      if (Atomics.load(state, closedAt) === 1) return false;
      if (!counts) return room.take();
      const now = second() | 0;
      if (Atomics.exchange(state, secondAt, now) !== now) Atomics.store(state, countAt, 0);
      if (Atomics.add(state, countAt, 1) < maxPerSecond && room.take()) return true;
      Atomics.sub(state, countAt, 1);
      return false;
    },
    give: () => room.give(),
  };
}
