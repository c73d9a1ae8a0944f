import {
  accepting,
  arrayBit,
  before,
  earlier,
  type MaskRule,
  numberBit,
  objectBit,
  stringBit,
} from '../policy/mask-rule.ts';
import type { MaskedValues } from '../rules/masked-values.ts';
import { type NameEntry, roleName, roleValue, roleVariables } from '../rules/name-table.ts';
import type { RuleSet } from '../rules/rules.ts';
import type { Scope } from '../rules/scope.ts';
import type { Replacer } from '../value/replace.ts';
import type { DeepText, VariableUses } from './deep-text.ts';
import { Edits } from './edits.ts';
import {
  backslash,
  closeBrace,
  closeBracket,
  colon,
  comma,
  hasMarks,
  isNoteworthy,
  openBrace,
  openBracket,
  quote,
  skipEscape,
  skipLiteral,
  skipNumber,
  skipSpace,
  stringInside,
  stringText,
  stringWeights,
} from './json-bytes.ts';
import { JsonPairs } from './json-pairs.ts';
import { JsonPathCursor } from './json-paths.ts';
import { JsonRemovals } from './json-removals.ts';
import { JsonVariables } from './json-variables.ts';

/** Why a document cannot be masked; empty when it can. */
export type JsonProblem = '' | 'json-syntax' | 'json-depth';

const object = 1;
const array = 0;
const none = -1;
/** Shorter numbers are no card numbers. */
const longNumber = 13;

/**
 * Reads JSON as bytes, accepts exactly what `JSON.parse` accepts (but for depth), and notes replacements of what the
 * rules and detectors say; all other bytes stay as they are. State is kept between documents, so that a scan
 * allocates only for what it replaces and has not replaced before.
 */
export class JsonScanner {
  /** Replacements of the last scan. */
  readonly edits: Edits = new Edits();
  readonly #scope: Scope;
  readonly #replacer: Replacer;
  readonly #deep: DeepText;
  readonly #values: MaskedValues;
  readonly #paths = new JsonPathCursor();
  readonly #pairs: JsonPairs;
  readonly #removals: JsonRemovals;
  readonly #variables: JsonVariables;
  readonly #depthLimit: number;

  // Of each open container, by depth.
  readonly #kinds: Uint8Array;
  /** What it is of the object that it stands in: see {@link JsonPairs}. */
  readonly #roles: Uint8Array;
  /** Rule that members without one of their own fall under. */
  readonly #inherited: (MaskRule | undefined)[] = [];
  /** Rule that replaces the container as a whole, and where it begins. */
  readonly #whole: (MaskRule | undefined)[] = [];
  readonly #starts: Int32Array;
  readonly #startEdits: Int32Array;
  /** What was counted before a container that is replaced as a whole. */
  readonly #startCounts: (readonly number[] | undefined)[] = [];
  readonly #elements: Int32Array;

  #bytes: Buffer = Buffer.alloc(0);
  #rules: RuleSet;
  #level = 0;
  #depth = 0;
  #hasPaths = false;
  #removes = false;
  /** The value at hand was taken out with its member. */
  #gone = false;

  constructor(scope: Scope, replacer: Replacer, deep: DeepText, values: MaskedValues, depthLimit: number) {
    this.#scope = scope;
    this.#rules = scope.rules;
    this.#replacer = replacer;
    this.#deep = deep;
    this.#values = values;
    this.#depthLimit = depthLimit;
    const depths = depthLimit + 1;
    this.#pairs = new JsonPairs(scope, replacer, deep, this.edits, depths);
    this.#removals = new JsonRemovals(this.edits, depths);
    this.#variables = new JsonVariables(scope, deep, this.edits);
    this.#kinds = new Uint8Array(depths);
    this.#roles = new Uint8Array(depths);
    this.#starts = new Int32Array(depths);
    this.#startEdits = new Int32Array(depths);
    this.#elements = new Int32Array(depths);
  }

  /** Scans `bytes[start..end)`, valid UTF-8, as one document; as variables of GraphQL where it is known what uses them. */
  scan(bytes: Buffer, start: number, end: number, level: number, uses?: VariableUses): JsonProblem {
    this.edits.clear();
    this.#pairs.clear();
    this.#variables.start(bytes, start, end, uses);
    this.#bytes = bytes;
    this.#rules = this.#scope.rules;
    this.#level = level;
    this.#depth = 0;
    this.#removes = this.#rules.removes;
    this.#hasPaths = level === 0 && this.#rules.jsonPaths.length > 0;
    if (this.#hasPaths) this.#paths.start(this.#rules.jsonPaths);
    return this.#run(bytes, start, end);
  }

  // One loop with its state in locals: this is where the time goes. What is rare is in methods of its own.
  #run(bytes: Buffer, start: number, end: number): JsonProblem {
    const weights = stringWeights;
    const names = this.#rules.jsonNames;
    const hasPairs = this.#rules.pairs;
    const hasPaths = this.#hasPaths;
    const variables = this.#variables;
    const removes = this.#removes;
    // Nobody knows what a pattern of the user's needs.
    const all = this.#rules.patterns.length > 0;
    const leastNumber = all ? 1 : longNumber;
    // Every string ends here or before: within one no other bound has to be looked at.
    let lastQuote = end - 1;
    while (lastQuote >= start && bytes[lastQuote] !== quote) lastQuote--;
    let i = start;
    let depth = 0;
    let isObject = false;
    let inherited: MaskRule | undefined;
    let rule = this.#rules.otherwise;
    let role = 0;
    let last = names.start;
    for (;;) {
      // A value.
      if (i < end && (bytes[i] ?? 0) <= 0x20) i = skipSpace(bytes, i, end);
      const code = i < end ? (bytes[i] ?? 0) : 0;
      let opened = false;
      if (code === quote) {
        const from = ++i;
        if (i > lastQuote) return 'json-syntax';
        let sum = 0;
        let escaped = false;
        for (;;) {
          let weight = weights[bytes[i] ?? 0] ?? 0;
          while (weight >= 0) {
            sum = (sum + weight) | 0;
            weight = weights[bytes[++i] ?? 0] ?? 0;
          }
          if (bytes[i] === quote) break;
          if (bytes[i] !== backslash) return 'json-syntax';
          escaped = true;
          i = skipEscape(bytes, i, end);
          if (i < 0 || i > lastQuote) return 'json-syntax';
        }
        const to = i++;
        if (role === roleVariables && accepting(rule, stringBit) === undefined)
          variables.text(from, to, escaped, this.#level);
        else if (rule !== undefined) this.#string(from, to, sum, escaped, rule);
        else if (escaped || all || isNoteworthy(sum, to - from))
          this.#byLook(from, to, escaped, hasMarks(sum, to - from));
        if (role === roleName) this.#pairs.named(depth, from, to);
        else if (role === roleValue && !this.#gone) this.#pairs.valued(depth, from - 1, i);
      } else if (code === openBrace || code === openBracket) {
        if (depth >= this.#depthLimit) return 'json-depth';
        isObject = code === openBrace;
        inherited = this.#open(isObject ? object : array, i, rule, role);
        depth++;
        opened = true;
        i++;
      } else {
        const from = i;
        const isNumber = code === 0x2d || (code >= 0x30 && code <= 0x39);
        i = isNumber ? skipNumber(bytes, i, end) : skipLiteral(bytes, i, end);
        if (i < 0) return 'json-syntax';
        if (isNumber && (rule !== undefined || i - from >= leastNumber)) this.#number(from, i, rule);
        if (role === roleValue && !this.#gone) this.#pairs.valued(depth, from, i);
      }
      // What follows it, up to the next value.
      for (;;) {
        if (i < end && (bytes[i] ?? 0) <= 0x20) i = skipSpace(bytes, i, end);
        if (depth === 0) return i === end ? '' : 'json-syntax';
        if (i >= end) return 'json-syntax';
        const next = bytes[i];
        if (next === closeBrace || next === closeBracket) {
          if (isObject !== (next === closeBrace)) return 'json-syntax';
          i++;
          this.#close(i);
          depth--;
          isObject = this.#kinds[depth] === object;
          inherited = this.#inherited[depth];
          opened = false;
          continue;
        }
        let separator = none;
        if (!opened) {
          if (next !== comma) return 'json-syntax';
          separator = i++;
          if (i < end && (bytes[i] ?? 0) <= 0x20) i = skipSpace(bytes, i, end);
        }
        if (!isObject) {
          rule = hasPaths ? this.#element(depth) : inherited;
          role = 0;
          break;
        }
        // A name.
        if (i >= lastQuote || bytes[i] !== quote) return 'json-syntax';
        if (removes) this.#removals.member(depth, i, separator);
        const from = ++i;
        let entry = last.next;
        if (entry !== undefined) {
          const guess = entry.bytes;
          let k = 0;
          if (i + guess.length <= lastQuote && bytes[i + guess.length] === quote) {
            while (k < guess.length && guess[k] === bytes[i + k]) k++;
            if (k === guess.length) i += k;
            else entry = undefined;
          } else entry = undefined;
        }
        if (entry === undefined) {
          let escaped = false;
          for (;;) {
            while ((weights[bytes[i] ?? 0] ?? 0) >= 0) i++;
            if (bytes[i] === quote) break;
            if (bytes[i] !== backslash) return 'json-syntax';
            escaped = true;
            i = skipEscape(bytes, i, end);
            if (i < 0 || i > lastQuote) return 'json-syntax';
          }
          entry = names.find(bytes, from, i, escaped);
          names.follow(last, entry);
        }
        last = entry;
        i++;
        if (i < end && (bytes[i] ?? 0) <= 0x20) i = skipSpace(bytes, i, end);
        if (i >= end || bytes[i] !== colon) return 'json-syntax';
        i++;
        if (entry.dull !== true) this.#name(entry, from);
        rule = entry.rule;
        role = hasPairs || entry.role === roleVariables ? entry.role : 0;
        if (role > roleName || hasPaths || variables.depth !== 0) rule = this.#member(entry, role, depth);
        if (inherited !== undefined) rule = earlier(rule, inherited);
        break;
      }
    }
  }

  /** Returns the rule for members without one of their own. */
  #open(kind: number, i: number, rule: MaskRule | undefined, role: number): MaskRule | undefined {
    const depth = ++this.#depth;
    const own = rule === undefined ? undefined : accepting(rule, kind === object ? objectBit : arrayBit);
    this.#kinds[depth] = kind;
    this.#roles[depth] = role;
    this.#inherited[depth] = own;
    this.#whole[depth] = own?.action === 'redact' || own?.action === 'remove' ? own : undefined;
    this.#starts[depth] = i;
    this.#startEdits[depth] = this.edits.count;
    this.#startCounts[depth] = this.#whole[depth] === undefined ? undefined : this.#scope.audit.counts();
    if (role === roleVariables) this.#variables.open(depth, kind === array);
    if (this.#removes) this.#removals.open(depth);
    if (this.#hasPaths) {
      this.#elements[depth] = 0;
      this.#paths.push();
    }
    return own;
  }

  #close(end: number): void {
    const depth = this.#depth;
    if (this.#removes) this.#removals.close(depth);
    this.#pairs.close(depth, this.#bytes, this.#level);
    this.#variables.close(depth);
    if (this.#hasPaths) this.#paths.pop();
    this.#depth = depth - 1;
    this.#gone = false;
    const whole = this.#whole[depth];
    const start = this.#starts[depth] ?? 0;
    if (whole !== undefined) {
      this.edits.truncate(this.#startEdits[depth] ?? 0);
      this.#scope.audit.takeBack(this.#startCounts[depth] ?? []);
      const after = whole.action === 'redact' ? JSON.stringify(whole.replacement) : '';
      this.#count(whole, start, end, after);
      if (whole.action === 'redact') this.edits.add(start, end, after);
      else this.#remove(start, end);
    }
    if (this.#roles[depth] === roleValue && !this.#gone) this.#pairs.valued(this.#depth, start, end);
  }

  /** The rule for the value of a member, where not its name alone decides. */
  #member(entry: NameEntry, role: number, depth: number): MaskRule | undefined {
    let { rule } = entry;
    this.#gone = false;
    if (this.#hasPaths) rule = before(this.#paths.step(entry.text, 0), rule);
    if (this.#variables.depth !== 0 || role === roleVariables)
      rule = this.#variables.rule(rule, entry.text, depth);
    return role === roleValue ? earlier(rule, this.#pairs.valueRule(depth, this.#bytes)) : rule;
  }

  #element(depth: number): MaskRule | undefined {
    const index = this.#elements[depth] ?? 0;
    this.#elements[depth] = index + 1;
    return earlier(this.#paths.step(undefined, index), this.#inherited[depth]);
  }

  #string(from: number, to: number, sum: number, escaped: boolean, given: MaskRule): void {
    const rule = accepting(given, stringBit);
    if (rule === undefined || rule.action === 'keep') {
      if (rule?.detectors === false) return;
      const all = this.#rules.patterns.length > 0;
      if (escaped || all || isNoteworthy(sum, to - from))
        this.#byLook(from, to, escaped, hasMarks(sum, to - from));
      return;
    }
    if (rule.action === 'remove') {
      this.#count(rule, from, to, '');
      this.#remove(from - 1, to + 1);
      return;
    }
    const bytes = this.#bytes;
    const values = this.#values;
    if (this.#scope.trace === undefined && values.find(rule, bytes, from, to)) {
      this.#scope.count(rule.id);
      this.edits.addBytes(from, to, values.store, values.from, values.to);
      return;
    }
    const text = stringText(bytes, from, to, escaped);
    const masked = this.#deep.maskUnder(rule, text, this.#level);
    if (masked === text) return;
    const inside = stringInside(masked);
    this.edits.add(from, to, inside);
    // Shorter ones were not masked by the rule.
    if (!escaped && text.length >= rule.minLength) values.add(rule, bytes, from, to, inside);
  }

  /** A name, or a value that no rule is for: masked by how it looks. */
  #byLook(from: number, to: number, escaped: boolean, marked: boolean): void {
    if (!escaped) {
      this.#deep.edit(this.#bytes, from, to, marked, this.#level, this.edits);
      return;
    }
    const text = stringText(this.#bytes, from, to, true);
    const masked = this.#deep.mask(text, this.#level);
    if (masked !== text) this.edits.add(from, to, stringInside(masked));
  }

  #name(entry: NameEntry, from: number): void {
    const to = from + entry.bytes.length;
    entry.dull ??= this.#deep.isDull(this.#bytes, from, to, entry.escaped);
    if (!entry.dull) this.#byLook(from, to, entry.escaped, true);
  }

  #number(from: number, to: number, given: MaskRule | undefined): void {
    let rule = accepting(given, numberBit);
    if (rule?.action === 'keep' && !rule.detectors) return;
    if (rule === undefined || rule.action === 'keep') rule = this.#deep.numberRule(this.#bytes, from, to);
    if (rule === undefined) return;
    if (rule.action === 'remove') {
      this.#count(rule, from, to, '');
      this.#remove(from, to);
      return;
    }
    const text = this.#text(from, to);
    const masked = this.#replacer.number(rule, text);
    this.#scope.count(rule.id, text, masked);
    this.edits.add(from, to, masked);
  }

  /** What stood there is only made into text where somebody asks. */
  #count(rule: MaskRule, from: number, to: number, after: string): void {
    this.#scope.count(rule.id, this.#scope.trace === undefined ? '' : this.#text(from, to), after);
  }

  /** Takes out the value at hand: a member with its name and one comma; an element becomes null. */
  #remove(from: number, to: number): void {
    const depth = this.#depth;
    if (depth === 0 || this.#kinds[depth] === array) {
      this.edits.add(from, to, 'null');
      return;
    }
    this.#removals.remove(depth, to);
    this.#gone = true;
  }

  #text(from: number, to: number): string {
    return this.#bytes.toString('utf8', from, to);
  }
}
