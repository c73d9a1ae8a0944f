import type { MaskRule } from '../policy/mask-rule.ts';
import { hashBytes } from './name-table.ts';

/** Longer values are masked anew each time. */
const longest = 128;
const slots = 8192;
const mostValues = slots / 2;
const storeBytes = 256 * 1024;

/**
 * What stands for values that were masked before, by their bytes and the rule that masked them: for a value that comes
 * again no string is made. Starts anew when it is full.
 */
export class MaskedValues {
  /** Bytes of values, each with what stands for it behind it. */
  store: Uint8Array = new Uint8Array(0);
  /** Of the last {@link find} that found one: where in {@link store} its replacement is. */
  from = 0;
  to = 0;
  #slots = new Int32Array(0);
  #hashes = new Int32Array(0);
  /** Where in the store each value begins, its replacement begins, and that ends. */
  #places = new Int32Array(0);
  readonly #rules: MaskRule[] = [];
  readonly #most: number;
  readonly #begun: () => void;
  #used = 0;

  /**
   * @param most - values to remember at most
   * @param begun - called when there is something to {@link forget}, where there was nothing before
   */
  constructor(most: number, begun: () => void = () => undefined) {
    this.#most = Math.min(most, mostValues);
    this.#begun = begun;
  }

  find(rule: MaskRule, bytes: Uint8Array, start: number, end: number): boolean {
    const length = end - start;
    if (length > longest || this.#rules.length === 0) return false;
    const hash = hashBytes(bytes, start, end);
    const places = this.#places;
    for (let slot = hash & (slots - 1); ; slot = (slot + 1) & (slots - 1)) {
      const index = this.#slots[slot] ?? -1;
      if (index < 0) return false;
      if (this.#hashes[index] !== hash || this.#rules[index] !== rule) continue;
      const place = places[index * 3] ?? 0;
      const from = places[index * 3 + 1] ?? 0;
      if (from - place !== length || !isSame(this.store, place, bytes, start, length)) continue;
      this.from = from;
      this.to = places[index * 3 + 2] ?? 0;
      return true;
    }
  }

  /** @param masked - printable ASCII; else it is not remembered */
  add(rule: MaskRule, bytes: Uint8Array, start: number, end: number, masked: string): void {
    const length = end - start;
    if (length > longest || masked.length > longest || this.#most === 0) return;
    if (this.#rules.length >= this.#most || this.#used + length + masked.length > storeBytes) this.#clear();
    if (this.store.length === 0) this.#allocate();
    const place = this.#used;
    const from = place + length;
    for (let i = 0; i < masked.length; i++) {
      const code = masked.charCodeAt(i);
      // What stands in JSON in another form than in text would have to be kept in both.
      if (code < 0x20 || code > 0x7e || code === 0x22 || code === 0x5c) return;
      this.store[from + i] = code;
    }
    for (let i = 0; i < length; i++) this.store[place + i] = bytes[start + i] ?? 0;
    const index = this.#rules.length;
    if (index === 0) this.#begun();
    const hash = hashBytes(bytes, start, end);
    let slot = hash & (slots - 1);
    while ((this.#slots[slot] ?? -1) >= 0) slot = (slot + 1) & (slots - 1);
    this.#slots[slot] = index;
    this.#hashes[index] = hash;
    this.#rules.push(rule);
    this.#places[index * 3] = place;
    this.#places[index * 3 + 1] = from;
    this.#used = from + masked.length;
    this.#places[index * 3 + 2] = this.#used;
  }

  /** Not before there is something to remember: many maskers never meet any. */
  #allocate(): void {
    this.store = new Uint8Array(storeBytes);
    this.#slots = new Int32Array(slots).fill(-1);
    this.#hashes = new Int32Array(this.#most);
    this.#places = new Int32Array(this.#most * 3);
  }

  /** Leaves nothing of the values in memory. */
  forget(): void {
    this.#clear();
  }

  #clear(): void {
    // What is not overwritten now could stay long after the last of its values was forgotten.
    this.store.fill(0, 0, this.#used);
    this.#slots.fill(-1);
    this.#rules.length = 0;
    this.#used = 0;
  }
}

function isSame(store: Uint8Array, place: number, bytes: Uint8Array, start: number, length: number): boolean {
  for (let i = 0; i < length; i++) if (store[place + i] !== bytes[start + i]) return false;
  return true;
}
