import { detectorNumber } from '../policy/detector-ids.ts';
import type { MaskRule } from '../policy/mask-rule.ts';
import type { RuleSet } from '../rules/rules.ts';
import { cardEnd } from './detect-numbers.ts';
import { Detectors } from './detectors.ts';

interface Find {
  readonly start: number;
  readonly end: number;
  readonly rule: MaskRule;
  /** Of finds in the same place, the lowest decides. */
  readonly rank: number;
}

/**
 * Finds values by how they look, wherever they stand: what the detectors find, and what the patterns of the policy do. Of
 * finds in each other, the outer one counts; what overlaps is taken as one.
 */
export class ValueFinder {
  readonly #detectors = new Detectors();
  #set: RuleSet;
  /** Undefined when there are no patterns: then the detectors' own lists are it. */
  #finds: Find[] | undefined;

  constructor(set: RuleSet) {
    this.#set = set;
  }

  /** Looks at `bytes[start..end)`; returns how many finds there are, in order and apart. */
  find(bytes: Buffer, start: number, end: number, set: RuleSet): number {
    this.#set = set;
    const detectors = this.#detectors;
    const count = set.detects
      ? detectors.scan(bytes, start, end, set.detectors)
      : detectors.scanForKeys(bytes, start, end, set.detectors);
    this.#finds = undefined;
    if (set.patterns.length === 0) return count;
    const all = this.#byPatterns(bytes, start, end);
    if (all.length === 0) return count;
    for (let i = 0; i < count; i++) {
      const rule = this.rule(i);
      const rank = detectors.kinds[i] === detectorNumber['private-key'] ? -1 : Number.POSITIVE_INFINITY;
      if (rule !== undefined) all.push({ start: this.start(i), end: this.end(i), rule, rank });
    }
    this.#finds = apart(all);
    return this.#finds.length;
  }

  start(i: number): number {
    return (this.#finds === undefined ? this.#detectors.starts[i] : this.#finds[i]?.start) ?? 0;
  }

  end(i: number): number {
    return (this.#finds === undefined ? this.#detectors.ends[i] : this.#finds[i]?.end) ?? 0;
  }

  rule(i: number): MaskRule | undefined {
    if (this.#finds !== undefined) return this.#finds[i]?.rule;
    return this.#set.detectors[this.#detectors.kinds[i] ?? 0];
  }

  /** The rule for a number in JSON. Of the detectors, only that of cards is for numbers. */
  numberRule(bytes: Buffer, start: number, end: number, set: RuleSet): MaskRule | undefined {
    for (const { pattern, rule } of set.patterns) {
      if (pattern.find(bytes, start, end) === start && pattern.end === end) return rule;
    }
    const rule = set.detectors[detectorNumber.card];
    return rule !== undefined && cardEnd(bytes, start, end) === end ? rule : undefined;
  }

  #byPatterns(bytes: Buffer, start: number, end: number): Find[] {
    const finds: Find[] = [];
    for (const [rank, { pattern, rule }] of this.#set.patterns.entries()) {
      let from = start;
      for (;;) {
        const found = pattern.find(bytes, from, end);
        if (found < 0) break;
        from = pattern.end;
        finds.push({ start: found, end: from, rule, rank });
      }
    }
    return finds;
  }
}

function apart(finds: Find[]): Find[] {
  finds.sort((a, b) => a.start - b.start);
  const out: Find[] = [];
  for (let i = 0; i < finds.length; ) {
    const start = finds[i]?.start ?? 0;
    let end = 0;
    const together: Find[] = [];
    for (
      let next = finds[i];
      next !== undefined && (together.length === 0 || next.start < end);
      next = finds[i]
    ) {
      end = Math.max(end, next.end);
      together.push(next);
      i++;
    }
    const decides = deciding(together, start, end);
    if (decides !== undefined) out.push({ ...decides, start, end });
  }
  return out;
}

/** One that covers all, and else one that shows nothing. */
function deciding(finds: readonly Find[], start: number, end: number): Find | undefined {
  const covering = finds.filter((find) => find.start === start && find.end === end);
  const hiding = finds.filter(({ rule }) => rule.action !== 'keep');
  const choice = covering.length > 0 ? covering : hiding.length > 0 ? hiding : finds;
  return choice.reduce<Find | undefined>(
    (best, find) => (best === undefined || find.rank < best.rank ? find : best),
    undefined,
  );
}
