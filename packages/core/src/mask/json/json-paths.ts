import type { MaskRule } from '../policy/mask-rule.ts';
import type { JsonStep } from '../policy/selector.ts';
import type { JsonPathRule } from '../rules/rules.ts';

/** Follows the JSON paths of a policy through a document: which of them a place is on, by depth. */
export class JsonPathCursor {
  #rules: readonly JsonPathRule[] = [];
  /** For each depth: rule and step, as one number, of every path that may go on from there. */
  readonly #states: number[][] = [];
  #next: number[] = [];

  start(rules: readonly JsonPathRule[]): void {
    this.#rules = rules;
    this.#states.length = 0;
    this.#next = rules.map((_, rule) => rule * stepsApart);
  }

  /** A container opens at the place of the last {@link step}. */
  push(): void {
    this.#states.push(this.#next);
  }

  pop(): void {
    this.#states.pop();
  }

  /** Goes to a member or element of the innermost container; returns the first rule whose path ends there. */
  step(name: string | undefined, index: number): MaskRule | undefined {
    const next: number[] = [];
    let found: MaskRule | undefined;
    for (const state of this.#states.at(-1) ?? []) {
      const place = state % stepsApart;
      const entry = this.#rules[(state - place) / stepsApart];
      const step = entry?.path[place];
      if (entry === undefined || step === undefined) continue;
      if (step.deep && !next.includes(state)) next.push(state);
      if (!matches(step, name, index)) continue;
      if (place + 1 < entry.path.length) {
        if (!next.includes(state + 1)) next.push(state + 1);
      } else if (found === undefined || entry.rule.order < found.order) found = entry.rule;
    }
    this.#next = next;
    return found;
  }
}

const stepsApart = 32;

function matches(step: JsonStep, name: string | undefined, index: number): boolean {
  if (step.name !== undefined) return step.name === name;
  if (step.index !== undefined) return name === undefined && step.index === index;
  return true;
}
