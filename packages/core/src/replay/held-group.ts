import { Fifo } from './fifo.ts';
import { Heap, type HeapEntry } from './heap.ts';

/** An exchange in its group. */
export interface GroupMember extends HeapEntry {
  /** From here on its group holds later exchanges back, in recorded time; the key of the heap. */
  readonly key: number;
  /** When it started in the recording. */
  readonly startAt: number;
}

/**
 * Exchanges of which the later ones wait for answers to earlier ones. They come in the order of their recorded starts, so that who
 * comes after one that is held is held too: those that are held stand in a line, and only its first is looked at.
 */
export class HeldGroup<M extends GroupMember> {
  /** Let go and not over, but for those that hold nobody back. */
  readonly #holding = new Heap<M>();
  readonly #held = new Fifo<M>();

  /** Whether nothing of it is here. */
  get idle(): boolean {
    return this.#holding.size === 0 && this.#held.size === 0;
  }

  /** Takes in the next exchange; says whether it may go at once. */
  enter(member: M): boolean {
    if (this.#held.size > 0 || this.#holding.least <= member.startAt) {
      this.#held.push(member);
      return false;
    }
    this.#letGo(member);
    return true;
  }

  /** One that was let go is over. */
  leave(member: M): void {
    if (holds(member)) this.#holding.delete(member);
  }

  /** The next that may go now; undefined when none may. */
  next(): M | undefined {
    const first = this.#held.at(0);
    if (first === undefined || this.#holding.least <= first.startAt) return undefined;
    this.#held.shift();
    this.#letGo(first);
    return first;
  }

  /** Takes out those that are held. */
  drain(): M[] {
    return this.#held.drain();
  }

  #letGo(member: M): void {
    if (holds(member)) this.#holding.push(member);
  }
}

const holds = ({ key }: GroupMember): boolean => key !== Number.POSITIVE_INFINITY;
