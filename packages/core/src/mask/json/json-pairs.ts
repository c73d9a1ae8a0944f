import {
  accepting,
  allBits,
  arrayBit,
  type MaskRule,
  numberBit,
  objectBit,
  stringBit,
} from '../policy/mask-rule.ts';
import type { Scope } from '../rules/scope.ts';
import type { Replacer } from '../value/replace.ts';
import type { DeepText } from './deep-text.ts';
import type { Edits, Replacement } from './edits.ts';
import { backslash, openBrace, openBracket, quote, stringInside, stringText } from './json-bytes.ts';

/** Longer texts are not looked at as names. */
const longestName = 256;
const none = -1;

/**
 * Members of an object of which one names what another one holds: `{"name":"password","value":"…"}`. There may be several
 * of either, in any order: one name that means something is for all values.
 */
export class JsonPairs {
  readonly #scope: Scope;
  readonly #replacer: Replacer;
  readonly #deep: DeepText;
  readonly #edits: Edits;
  // Names and values of all open objects, those of the innermost last.
  readonly #names: number[] = [];
  readonly #values: number[] = [];
  /** Depths of the open objects that have any. Most have none: for them, nothing is noted. */
  readonly #holders: number[] = [];
  /** The last of them, the innermost. */
  #holder = none;
  // Of each of them, by depth: where its own begin, how many names were looked up, and what they say.
  readonly #firstName: Int32Array;
  readonly #firstValue: Int32Array;
  readonly #lookedUp: Int32Array;
  readonly #rules: (MaskRule | undefined)[] = [];
  /** How many replacements there were before the value at hand. */
  readonly #valueEdit: Int32Array;

  constructor(scope: Scope, replacer: Replacer, deep: DeepText, edits: Edits, depths: number) {
    this.#scope = scope;
    this.#replacer = replacer;
    this.#deep = deep;
    this.#edits = edits;
    this.#firstName = new Int32Array(depths);
    this.#firstValue = new Int32Array(depths);
    this.#lookedUp = new Int32Array(depths);
    this.#valueEdit = new Int32Array(depths);
  }

  /** Forgets what a document that broke off has left. */
  clear(): void {
    this.#names.length = 0;
    this.#values.length = 0;
    this.#holders.length = 0;
    this.#holder = none;
  }

  /** The member that names is there: the inside of a string. */
  named(depth: number, from: number, to: number): void {
    if (to - from > longestName) return;
    if (this.#holder !== depth) this.#hold(depth);
    this.#names.push(from, to);
  }

  /** The member that may be named begins: the rule for it, when its name came before. */
  valueRule(depth: number, bytes: Buffer): MaskRule | undefined {
    if (this.#holder !== depth) this.#hold(depth);
    this.#valueEdit[depth] = this.#edits.count;
    return this.#rule(depth, bytes);
  }

  /** That member ended, and is still there. */
  valued(depth: number, from: number, to: number): void {
    if (!masks(this.#rules[depth])) this.#values.push(from, to, this.#valueEdit[depth] ?? 0);
  }

  /** The object ended: its name may have come after the value that it is about. */
  close(depth: number, bytes: Buffer, level: number): void {
    if (this.#holder === depth) this.#release(depth, bytes, level);
  }

  #hold(depth: number): void {
    const names = this.#names.length;
    this.#firstName[depth] = names;
    this.#lookedUp[depth] = names;
    this.#firstValue[depth] = this.#values.length;
    this.#rules[depth] = undefined;
    this.#holders.push(depth);
    this.#holder = depth;
  }

  #release(depth: number, bytes: Buffer, level: number): void {
    const first = this.#firstValue[depth] ?? 0;
    if (this.#values.length > first) {
      const rule = this.#rule(depth, bytes);
      if (rule !== undefined && masks(rule)) this.#mask(rule, bytes, level, first);
      this.#values.length = first;
    }
    const firstName = this.#firstName[depth] ?? 0;
    if (this.#names.length > firstName) this.#names.length = firstName;
    this.#holders.pop();
    this.#holder = this.#holders.at(-1) ?? none;
  }

  /** Masks the values from this one on. */
  #mask(rule: MaskRule, bytes: Buffer, level: number, first: number): void {
    const values = this.#values;
    const replacements: Replacement[] = [];
    for (let i = first; i < values.length; i += 3) {
      const start = values[i] ?? 0;
      const end = values[i + 1] ?? 0;
      const masked = this.#masked(rule, bytes, level, start, end);
      if (masked === undefined) continue;
      replacements.push({
        start,
        end,
        text: masked === bytes.toString('utf8', start, end) ? undefined : masked,
      });
    }
    this.#edits.put(values[first + 2] ?? 0, replacements);
  }

  /** What stands for a value; undefined for one that tells nothing, or that the rule lets be. */
  #masked(given: MaskRule, bytes: Buffer, level: number, from: number, to: number): string | undefined {
    const first = bytes[from];
    const rule = accepting(given, typeBit(first));
    if (rule === undefined || rule.action === 'keep') return undefined;
    if (first === quote) {
      const text = stringText(bytes, from + 1, to - 1, hasBackslash(bytes, from + 1, to - 1));
      return `"${stringInside(this.#deep.maskUnder(rule, text, level))}"`;
    }
    if (first === 0x74 || first === 0x66 || first === 0x6e) return undefined;
    const traced = this.#scope.trace !== undefined;
    if (first === openBrace || first === openBracket) {
      this.#scope.count(rule.id, traced ? bytes.toString('utf8', from, to) : '', '"[REDACTED]"');
      return '"[REDACTED]"';
    }
    const text = bytes.toString('latin1', from, to);
    const masked = this.#replacer.number(rule, text);
    this.#scope.count(rule.id, text, masked);
    return masked;
  }

  /** What the names so far say of the object's values: the first that does not let them be. */
  #rule(depth: number, bytes: Buffer): MaskRule | undefined {
    const names = this.#names;
    let rule = this.#rules[depth];
    let i = this.#lookedUp[depth] ?? 0;
    for (; i < names.length && !masks(rule); i += 2) {
      const start = names[i] ?? 0;
      const end = names[i + 1] ?? 0;
      const escaped = hasBackslash(bytes, start, end);
      rule = this.#scope.rules.jsonNames.find(bytes, start, end, escaped).pairRule ?? rule;
    }
    this.#lookedUp[depth] = i;
    this.#rules[depth] = rule;
    return rule;
  }
}

/** Whether there are values that the rule, or one behind it, does not let be. */
function masks(rule: MaskRule | undefined): boolean {
  let found = rule;
  while (found?.action === 'keep') found = found.accepts === allBits ? undefined : found.fallback;
  return found !== undefined;
}

function typeBit(first: number | undefined): number {
  if (first === quote) return stringBit;
  if (first === openBrace) return objectBit;
  return first === openBracket ? arrayBit : numberBit;
}

function hasBackslash(bytes: Uint8Array, start: number, end: number): boolean {
  for (let i = start; i < end; i++) if (bytes[i] === backslash) return true;
  return false;
}
