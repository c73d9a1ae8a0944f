/** How many exchanges may be under way at once: each takes its place before it is sent, and gives it back when it is over. */
export interface Room {
  /** Whether others take from it too, who give no word when they give back. */
  readonly shared: boolean;
  /** Takes a place; false when there is none. */
  take(): boolean;
  give(): void;
}

/** Room of one engine. */
export function ownRoom(places: number): Room {
  let left = places;
  return {
    shared: false,
    take() {
      if (left === 0) return false;
      left--;
      return true;
    },
    give() {
      left++;
    },
  };
}

/** Room of several engines, each in its thread: all of them are given the same memory, of four bytes that were 0. */
export function sharedRoom(places: number, memory: SharedArrayBuffer): Room {
  const taken = new Int32Array(memory);
  return {
    shared: true,
    take() {
      if (Atomics.add(taken, 0, 1) < places) return true;
      Atomics.sub(taken, 0, 1);
      return false;
    },
    give() {
      Atomics.sub(taken, 0, 1);
    },
  };
}
