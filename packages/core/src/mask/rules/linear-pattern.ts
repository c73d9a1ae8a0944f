import type { ValuePattern } from '../policy/policy.ts';
import { type Automaton, automatonOf } from './pattern-automaton.ts';
import { parsePattern } from './pattern-syntax.ts';

export const longestFind = 256;

/**
 * A pattern of the user's over UTF-8 text. It is looked for by a table, not by trying: each place that a find can begin at
 * costs at most as many steps as a find may be long, whatever the text.
 */
export class LinearPattern {
  /** Of the last {@link find}: where it ends. */
  end = 0;
  readonly #automaton: Automaton;
  /** 1 for a byte that a find can begin with. */
  readonly #first = new Uint8Array(256);
  readonly #maxLength: number;

  constructor(automaton: Automaton, maxLength: number) {
    this.#automaton = automaton;
    this.#maxLength = maxLength;
    const { classes, classCount, next } = automaton;
    for (let byte = 0; byte < 256; byte++) {
      this.#first[byte] = next[classCount + (classes[byte] ?? 0)] === 0 ? 0 : 1;
    }
  }

  /** Where the first find in `bytes[start..end)` begins, the longest from there; -1 when there is none. */
  find(bytes: Uint8Array, start: number, end: number): number {
    const first = this.#first;
    for (let i = start; i < end; i++) {
      if (first[bytes[i] ?? 0] === 0) continue;
      const stop = this.#longest(bytes, i, end);
      if (stop > i) return i;
      // One that is too long is passed over as a whole.
      if (stop < 0) i = this.end - 1;
    }
    return -1;
  }

  /** Where the longest find from `start` ends; 0 for none; -1 for one that is too long, and `end` is behind it. */
  #longest(bytes: Uint8Array, start: number, end: number): number {
    const { classes, classCount, next, accepting } = this.#automaton;
    let state = 1;
    let found = 0;
    let characters = 0;
    for (let i = start; i < end; ) {
      const byte = bytes[i] ?? 0;
      if ((byte & 0xc0) !== 0x80) {
        // Beyond, only the end of what is too long is of interest.
        if (characters > this.#maxLength && found !== i) break;
        characters++;
      }
      i++;
      state = next[state * classCount + (classes[byte] ?? 0)] ?? 0;
      if (state === 0) break;
      if (accepting[state] === 1) found = i;
    }
    this.end = found;
    return found > 0 && characterCount(bytes, start, found) > this.#maxLength ? -1 : found;
  }
}

function characterCount(bytes: Uint8Array, start: number, end: number): number {
  let count = 0;
  for (let i = start; i < end; i++) if (((bytes[i] ?? 0) & 0xc0) !== 0x80) count++;
  return count;
}

/** The pattern ready for use. A string says what is wrong with it. */
export function compilePattern({ pattern, maxLength }: ValuePattern): LinearPattern | string {
  const tree = parsePattern(pattern);
  if (typeof tree === 'string') return tree;
  const automaton = automatonOf(tree);
  if (typeof automaton === 'string') return automaton;
  if (automaton.accepting[1] === 1) return 'matches the empty text';
  if (!automaton.accepting.includes(1)) return 'can match no text';
  return new LinearPattern(automaton, maxLength);
}
