import type { PatternNode } from './pattern-syntax.ts';

/** A deterministic automaton over bytes. State 0 is the dead one, 1 the first. */
export interface Automaton {
  /** Bytes that no transition tells apart share a number. */
  readonly classes: Uint8Array;
  readonly classCount: number;
  /** The state after `state` and a byte, at `state * classCount + classes[byte]`. */
  readonly next: Uint16Array;
  readonly accepting: Uint8Array;
}

const mostParts = 4000;
const mostStates = 2000;
/** Steps of making an automaton: some tenths of a second. */
const mostWork = 5_000_000;

class TooLarge extends Error {}

/**
 * Makes the automaton of a pattern, by the constructions of Thompson and of subsets, once and for all: matching is then one
 * look into a table for each byte. A string says why there is none.
 */
export function automatonOf(pattern: PatternNode): Automaton | string {
  try {
    const parts = new Parts();
    const first = parts.of(pattern, parts.accept);
    return determined(parts, first);
  } catch (error) {
    if (error instanceof TooLarge) return 'is too large: repeat less, or what begins in fewer ways';
    throw error;
  }
}

/** The automaton that can be in many states at once: each part takes a byte of its set, or goes on to others for nothing. */
class Parts {
  readonly sets: (Uint8Array | undefined)[] = [undefined];
  readonly targets: (readonly number[])[] = [[]];
  readonly accept = 0;

  /** Adds what leads through `node` to `target`, and returns where that begins. */
  of(node: PatternNode, target: number): number {
    switch (node.kind) {
      case 'bytes':
        return node.bytes.reduceRight((next, byte) => this.#take(range(byte, byte), next), target);
      case 'set':
        return this.#set(node.ascii, node.wide, target);
      case 'sequence':
        return node.nodes.reduceRight((next, each) => this.of(each, next), target);
      case 'choice':
        return this.#add(
          undefined,
          node.nodes.map((each) => this.of(each, target)),
        );
      default:
        return this.#repeat(node.node, node.least, node.most, target);
    }
  }

  #repeat(node: PatternNode, least: number, most: number, target: number): number {
    let next = target;
    if (Number.isFinite(most)) {
      for (let i = least; i < most; i++) next = this.#add(undefined, [this.of(node, next), target]);
    } else {
      const ways: number[] = [];
      next = this.#add(undefined, ways);
      ways.push(this.of(node, next), target);
    }
    for (let i = 0; i < least; i++) next = this.of(node, next);
    return next;
  }

  /** Characters that are not ASCII are two to four bytes in UTF-8. */
  #set(ascii: Uint8Array, wide: boolean, target: number): number {
    const set = new Uint8Array(256);
    set.set(ascii);
    const narrow = this.#take(set, target);
    if (!wide) return narrow;
    const rest = range(0x80, 0xbf);
    const last = this.#take(rest, target);
    const lastTwo = this.#take(rest, last);
    const two = this.#take(range(0xc2, 0xdf), last);
    const three = this.#take(range(0xe0, 0xef), lastTwo);
    const four = this.#take(range(0xf0, 0xf4), this.#take(rest, lastTwo));
    return this.#add(undefined, [narrow, two, three, four]);
  }

  #take(set: Uint8Array, target: number): number {
    return this.#add(set, [target]);
  }

  #add(set: Uint8Array | undefined, targets: readonly number[]): number {
    if (this.sets.length >= mostParts) throw new TooLarge();
    this.targets.push(targets);
    return this.sets.push(set) - 1;
  }
}

function range(from: number, to: number): Uint8Array {
  return new Uint8Array(256).fill(1, from, to + 1);
}

function determined(parts: Parts, first: number): Automaton {
  const { classes, examples } = byteClasses(parts);
  const classCount = examples.length;
  const known = new Map<string, number>();
  const states: (readonly number[])[] = [];
  const stateOf = (entry: readonly number[]): number => {
    const members = closure(parts, entry);
    const key = members.join();
    let state = known.get(key);
    if (state === undefined) {
      state = states.push(members) - 1;
      if (state >= mostStates) throw new TooLarge();
      known.set(key, state);
    }
    return state;
  };
  stateOf([]);
  stateOf([first]);
  const next: number[] = [];
  let work = 0;
  for (let state = 0; state < states.length; state++) {
    for (const [number, byte] of examples.entries()) {
      work += states[state]?.length ?? 0;
      if (work > mostWork) throw new TooLarge();
      const entry: number[] = [];
      for (const part of states[state] ?? []) {
        if (parts.sets[part]?.[byte] === 1) entry.push(...(parts.targets[part] ?? []));
      }
      next[state * classCount + number] = stateOf(entry);
    }
  }
  const accepting = Uint8Array.from(states, (members) => (members.includes(parts.accept) ? 1 : 0));
  return { classes, classCount, next: Uint16Array.from(next), accepting };
}

/** All parts that are reached for nothing, in order; those that only lead on are left out. */
function closure(parts: Parts, entry: readonly number[]): readonly number[] {
  const seen = new Set<number>(entry);
  for (const part of seen) {
    if (parts.sets[part] === undefined) for (const target of parts.targets[part] ?? []) seen.add(target);
  }
  return [...seen]
    .filter((part) => part === parts.accept || parts.sets[part] !== undefined)
    .sort((a, b) => a - b);
}

/** Numbers bytes so that those in the same sets have the same number, with an example of each. */
function byteClasses(parts: Parts): { readonly classes: Uint8Array; readonly examples: readonly number[] } {
  const sets = parts.sets.filter((set) => set !== undefined);
  const classes = new Uint8Array(256);
  const numbers = new Map<string, number>();
  const examples: number[] = [];
  for (let byte = 0; byte < 256; byte++) {
    const key = sets.map((set) => set[byte]).join('');
    let number = numbers.get(key);
    if (number === undefined) {
      number = examples.push(byte) - 1;
      numbers.set(key, number);
    }
    classes[byte] = number;
  }
  return { classes, examples };
}
