import { Fifo } from './fifo.ts';
import type { Room } from './room.ts';
import type { RunTimer } from './sender.ts';

const lookEveryNs = 0.5e6;

/** Those who are ready but for room stand here in a line, and are let go when there is some. */
export class RoomLine<T> {
  readonly #room: Room;
  readonly #timer: RunTimer;
  readonly #go: (next: T) => void;
  readonly #line = new Fifo<T>();
  #looking = false;

  /** @param go - called with each, once it has its place in the room */
  constructor(room: Room, timer: RunTimer, go: (next: T) => void) {
    this.#room = room;
    this.#timer = timer;
    this.#go = go;
  }

  /** Those in the line came before it, maybe in its own lane. */
  enter(one: T): void {
    if (this.#line.size === 0 && this.#room.take()) {
      this.#go(one);
      return;
    }
    this.#line.push(one);
    this.#lookForRoom();
  }

  /** There may be room. */
  advance(): void {
    while (this.#line.size > 0 && this.#room.take()) {
      const next = this.#line.shift();
      if (next !== undefined) this.#go(next);
    }
  }

  /** Takes out all. */
  drain(): T[] {
    return this.#line.drain();
  }

  /** Others who share the room give no word when they leave it. */
  #lookForRoom(): void {
    if (!this.#room.shared || this.#looking) return;
    this.#looking = true;
    this.#timer.at(this.#timer.nowNs() + lookEveryNs, () => {
      this.#looking = false;
      this.advance();
      if (this.#line.size > 0) this.#lookForRoom();
    });
  }
}
