import type { Binding, BindingEnd } from './binding.ts';
import { ownText } from './own-text.ts';
import type { Strength } from './value-strength.ts';

const maxEnds = 20_000;
const maxPairs = 20_000;
const maxDistinct = 32;
/** So many different values that may come up by chance must agree, and none disagree. */
const weakNeeds = 3;

interface Pair {
  readonly from: number;
  readonly to: number;
  matched: number;
  strong: number;
  /** Up to {@link maxDistinct}. */
  readonly values: Set<string>;
}

/** Counts what speaks for and against bindings. Their ends are numbered: there are few of them, and many values. */
export class Evidence {
  readonly #ends: BindingEnd[] = [];
  readonly #numbers = new Map<string, number>();
  readonly #pairs = new Map<string, Pair>();
  readonly #contradicted = new Map<number, number>();

  /** The number of an end; -1 when there are too many. */
  end(end: BindingEnd): number {
    const key = `${end.operation}\n${end.place}`;
    const known = this.#numbers.get(key);
    if (known !== undefined) return known;
    if (this.#ends.length >= maxEnds) return -1;
    this.#numbers.set(ownText(key), this.#ends.length);
    return this.#ends.push({ operation: end.operation, place: ownText(end.place) }) - 1;
  }

  /** A value that `from` had told was sent at `to`. */
  match(from: number, to: number, value: string, strength: Strength): void {
    const key = `${from} ${to}`;
    let pair = this.#pairs.get(key);
    if (pair === undefined) {
      if (this.#pairs.size >= maxPairs) return;
      pair = { from, to, matched: 0, strong: 0, values: new Set() };
      this.#pairs.set(key, pair);
    }
    pair.matched++;
    if (strength === 'strong') pair.strong++;
    if (pair.values.size < maxDistinct) pair.values.add(value);
  }

  /** A value was sent there that no answer had told. */
  contradict(to: number): void {
    this.#contradicted.set(to, (this.#contradicted.get(to) ?? 0) + 1);
  }

  /** All that was found, by where it is sent; what has too little evidence is not enabled. */
  bindings(): Binding[] {
    const found: Binding[] = [];
    for (const { from, to, matched, strong, values } of this.#pairs.values()) {
      const [fromEnd, toEnd] = [this.#ends[from], this.#ends[to]];
      if (fromEnd === undefined || toEnd === undefined) continue;
      const contradicted = this.#contradicted.get(to) ?? 0;
      found.push({
        from: fromEnd,
        to: toEnd,
        enabled: strong > 0 || (values.size >= weakNeeds && contradicted === 0),
        evidence: { matched, values: values.size, contradicted },
        confidence: Math.round(((matched + 1) / (matched + contradicted + 2)) * 1_000) / 1_000,
      });
    }
    return found.sort((a, b) => order(a.to, b.to) || order(a.from, b.from));
  }
}

function order(a: BindingEnd, b: BindingEnd): number {
  return compare(a.operation, b.operation) || compare(a.place, b.place);
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
