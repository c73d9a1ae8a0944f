import type { DeepText } from './deep-text.ts';
import { Edits } from './edits.ts';
import {
  backslash,
  closeBrace,
  closeBracket,
  colon,
  comma,
  isAsciiSum,
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
import { JsonPathCursor } from './json-paths.ts';
import { allBits, arrayBit, type MaskRule, numberBit, objectBit, stringBit } from './mask-rule.ts';
import { type NameEntry, roleName, roleValue } from './name-table.ts';
import type { Replacer } from './replace.ts';
import type { RuleSet } from './rules.ts';
import type { Scope } from './scope.ts';

/** Why a document cannot be masked; empty when it can. */
export type JsonProblem = '' | 'json-syntax' | 'json-depth';

const object = 1;
const array = 0;
const none = -1;
/**
 * Reads JSON as bytes, accepts exactly what `JSON.parse` accepts (but for depth), and notes replacements of what the
 * rules and detectors say; all other bytes stay as they are. State is kept between documents, so that a scan
 * allocates only for what it replaces.
 */
export class JsonScanner {
  /** Replacements of the last scan. */
  readonly edits: Edits = new Edits();
  readonly #scope: Scope;
  readonly #replacer: Replacer;
  readonly #deep: DeepText;
  readonly #paths = new JsonPathCursor();
  readonly #depthLimit: number;

  // Of each open container, by depth.
  readonly #kinds: Uint8Array;
  /** Rule that members without one of their own fall under. */
  readonly #inherited: (MaskRule | undefined)[] = [];
  /** Rule that replaces the container as a whole, and where it begins. */
  readonly #whole: (MaskRule | undefined)[] = [];
  readonly #starts: Int32Array;
  readonly #startEdits: Int32Array;
  readonly #elements: Int32Array;
  // Of its member at hand.
  readonly #memberStart: Int32Array;
  readonly #memberEdit: Int32Array;
  readonly #comma: Int32Array;
  readonly #roles: Uint8Array;
  /** Where a member ends that waits for a comma to be removed with. */
  readonly #removeEnd: Int32Array;
  readonly #keptOne: Uint8Array;
  // Of its name and value members: see #pair.
  readonly #nameStart: Int32Array;
  readonly #nameEnd: Int32Array;
  readonly #valueStart: Int32Array;
  readonly #valueEnd: Int32Array;
  readonly #valueEdit: Int32Array;

  #bytes: Buffer = Buffer.alloc(0);
  #rules: RuleSet;
  #level = 0;
  #depth = 0;
  #hasPaths = false;
  #pairs = false;

  constructor(scope: Scope, replacer: Replacer, deep: DeepText, depthLimit: number) {
    this.#scope = scope;
    this.#rules = scope.rules;
    this.#replacer = replacer;
    this.#deep = deep;
    this.#depthLimit = depthLimit;
    const size = depthLimit + 1;
    this.#kinds = new Uint8Array(size);
    this.#starts = new Int32Array(size);
    this.#startEdits = new Int32Array(size);
    this.#elements = new Int32Array(size);
    this.#memberStart = new Int32Array(size);
    this.#memberEdit = new Int32Array(size);
    this.#comma = new Int32Array(size);
    this.#roles = new Uint8Array(size);
    this.#removeEnd = new Int32Array(size);
    this.#keptOne = new Uint8Array(size);
    this.#nameStart = new Int32Array(size);
    this.#nameEnd = new Int32Array(size);
    this.#valueStart = new Int32Array(size);
    this.#valueEnd = new Int32Array(size);
    this.#valueEdit = new Int32Array(size);
  }

  /** Scans `bytes[start..end)`, valid UTF-8, as one document. */
  scan(bytes: Buffer, start: number, end: number, level: number): JsonProblem {
    this.edits.clear();
    this.#bytes = bytes;
    this.#rules = this.#scope.rules;
    this.#level = level;
    this.#depth = 0;
    this.#hasPaths = level === 0 && this.#rules.jsonPaths.length > 0;
    if (this.#hasPaths) this.#paths.start(this.#rules.jsonPaths);
    this.#pairs = this.#rules.enabled('default/pair');
    return this.#run(bytes, start, end);
  }

  // One loop with its state in locals: this is where the time goes. What is rare is in methods of its own.
  #run(bytes: Buffer, start: number, end: number): JsonProblem {
    const weights = stringWeights;
    const names = this.#rules.jsonNames;
    const commas = this.#comma;
    const memberStarts = this.#memberStart;
    const memberEdits = this.#memberEdit;
    const removeEnds = this.#removeEnd;
    const keptOne = this.#keptOne;
    const { edits } = this;
    const hasPaths = this.#hasPaths;
    let i = start;
    let depth = 0;
    let isObject = false;
    let inherited: MaskRule | undefined;
    let rule: MaskRule | undefined;
    let hasRole = false;
    for (;;) {
      // A value.
      if (i < end && (bytes[i] ?? 0) <= 0x20) i = skipSpace(bytes, i, end);
      const code = i < end ? (bytes[i] ?? 0) : 0;
      let opened = false;
      if (code === quote) {
        const from = ++i;
        let sum = 0;
        let escaped = false;
        while (i < end) {
          const byte = bytes[i] ?? 0;
          const weight = weights[byte] ?? 0;
          if (weight >= 0) {
            sum = (sum + weight) | 0;
            i++;
          } else if (byte === backslash) {
            escaped = true;
            i = skipEscape(bytes, i, end);
            if (i < 0) return 'json-syntax';
          } else break;
        }
        if (i >= end || bytes[i] !== quote) return 'json-syntax';
        const to = i++;
        if (rule !== undefined || escaped || isNoteworthy(sum, to - from)) {
          this.#string(from, to, sum, escaped, rule);
        }
        if (hasRole) this.#ended(from - 1, i, true);
      } else if (code === openBrace || code === openBracket) {
        if (depth >= this.#depthLimit) return 'json-depth';
        this.#open(code === openBrace ? object : array, i, rule);
        depth++;
        isObject = code === openBrace;
        inherited = this.#inherited[depth];
        opened = true;
        i++;
      } else {
        const isNumber = code === 0x2d || (code >= 0x30 && code <= 0x39);
        const from = i;
        i = isNumber ? skipNumber(bytes, i, end) : skipLiteral(bytes, i, end);
        if (i < 0) return 'json-syntax';
        if (isNumber && (rule !== undefined || i - from >= 13)) this.#number(from, i, rule);
        if (hasRole) this.#ended(from, i, false);
      }
      hasRole = false;
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
        if (!opened) {
          if (next !== comma) return 'json-syntax';
          commas[depth] = i++;
          if (i < end && (bytes[i] ?? 0) <= 0x20) i = skipSpace(bytes, i, end);
        }
        if (!isObject) {
          rule = hasPaths ? this.#element(depth) : inherited;
          break;
        }
        // A name.
        if (i >= end || bytes[i] !== quote) return 'json-syntax';
        if (removeEnds[depth] !== none) this.#removeBefore(i, depth);
        else if (!opened) keptOne[depth] = 1;
        memberStarts[depth] = i;
        memberEdits[depth] = edits.count;
        const from = ++i;
        let hash = -2128831035;
        let sum = 0;
        let escaped = false;
        while (i < end) {
          const byte = bytes[i] ?? 0;
          const weight = weights[byte] ?? 0;
          if (weight >= 0) {
            sum = (sum + weight) | 0;
            hash = Math.imul(hash ^ byte, 16777619);
            i++;
          } else if (byte === backslash) {
            escaped = true;
            const after = skipEscape(bytes, i, end);
            if (after < 0) return 'json-syntax';
            for (; i < after; i++) hash = Math.imul(hash ^ (bytes[i] ?? 0), 16777619);
          } else break;
        }
        if (i >= end || bytes[i] !== quote) return 'json-syntax';
        const to = i++;
        if (i < end && (bytes[i] ?? 0) <= 0x20) i = skipSpace(bytes, i, end);
        if (i >= end || bytes[i] !== colon) return 'json-syntax';
        i++;
        const entry = names.find(bytes, from, to, hash, escaped);
        if (escaped || isNoteworthy(sum, to - from)) this.#byLook(from, to, escaped);
        rule = entry.rule;
        hasRole = entry.role !== 0;
        if (hasRole || hasPaths) rule = this.#member(entry, depth);
        if (inherited !== undefined) rule = earlier(rule, inherited);
        break;
      }
    }
  }

  #open(kind: number, i: number, rule: MaskRule | undefined): void {
    const bit = kind === object ? objectBit : arrayBit;
    const own = accepting(rule, bit);
    const depth = ++this.#depth;
    this.#kinds[depth] = kind;
    this.#inherited[depth] = own;
    this.#whole[depth] = own?.action === 'redact' || own?.action === 'remove' ? own : undefined;
    this.#starts[depth] = i;
    this.#startEdits[depth] = this.edits.count;
    this.#elements[depth] = 0;
    this.#removeEnd[depth] = none;
    this.#keptOne[depth] = 0;
    this.#comma[depth] = none;
    this.#roles[depth] = 0;
    this.#nameStart[depth] = none;
    this.#valueStart[depth] = none;
    if (this.#hasPaths) this.#paths.push();
  }

  #close(end: number): void {
    const depth = this.#depth;
    const start = this.#starts[depth] ?? 0;
    const kind = this.#kinds[depth];
    if (this.#removeEnd[depth] !== none) {
      this.edits.add(this.#memberStart[depth] ?? 0, this.#removeEnd[depth] ?? 0, '');
    }
    if (kind === object && this.#valueStart[depth] !== none && this.#nameStart[depth] !== none)
      this.#pairAtEnd(depth);
    if (this.#hasPaths) this.#paths.pop();
    const whole = this.#whole[depth];
    this.#depth = depth - 1;
    if (whole !== undefined) {
      this.edits.truncate(this.#startEdits[depth] ?? 0);
      const after = whole.action === 'redact' ? JSON.stringify(whole.replacement) : '';
      this.#count(whole, start, end, after);
      if (whole.action === 'redact') this.edits.add(start, end, after);
      else this.#remove(start, end);
    }
    if (this.#roles[this.#depth] !== 0) this.#ended(start, end, false);
  }

  /** The rule for the value of a member, where not its name alone decides. */
  #member(entry: NameEntry, depth: number): MaskRule | undefined {
    this.#roles[depth] = this.#pairs ? entry.role : 0;
    let { rule } = entry;
    if (this.#hasPaths) rule = before(this.#paths.step(entry.text, 0), rule);
    if (this.#roles[depth] !== roleValue) return rule;
    if (this.#nameStart[depth] !== none) return earlier(rule, this.#pairRule(depth));
    this.#valueEdit[depth] = this.edits.count;
    return rule;
  }

  #element(depth: number): MaskRule | undefined {
    const index = this.#elements[depth] ?? 0;
    this.#elements[depth] = index + 1;
    return earlier(this.#paths.step(undefined, index), this.#inherited[depth]);
  }

  #string(from: number, to: number, sum: number, escaped: boolean, given: MaskRule | undefined): void {
    const rule = accepting(given, stringBit);
    if (rule !== undefined && rule.action !== 'keep') {
      if (rule.action === 'remove') {
        this.#count(rule, from, to, '');
        this.#remove(from - 1, to + 1);
        return;
      }
      const bytes = this.#bytes;
      const isPlain = !escaped && isAsciiSum(sum, to - from);
      const text = isPlain ? bytes.toString('latin1', from, to) : stringText(bytes, from, to, escaped);
      const masked = this.#deep.maskUnder(rule, text, this.#level);
      if (masked !== text) this.edits.add(from, to, stringInside(masked));
      return;
    }
    if (rule !== undefined && !rule.detectors) return;
    if (escaped || isNoteworthy(sum, to - from)) this.#byLook(from, to, escaped);
  }

  /** A name, or a value that no rule is for: masked by how it looks. */
  #byLook(from: number, to: number, escaped: boolean): void {
    if (!escaped) {
      const masked = this.#deep.maskBytes(this.#bytes, from, to, this.#level);
      if (masked !== undefined) this.edits.add(from, to, stringInside(masked));
      return;
    }
    const text = stringText(this.#bytes, from, to, true);
    const masked = this.#deep.mask(text, this.#level);
    if (masked !== text) this.edits.add(from, to, stringInside(masked));
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
    const text = this.#bytes.toString('latin1', from, to);
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
    this.edits.truncate(this.#memberEdit[depth] ?? 0);
    this.#roles[depth] = 0;
    if (this.#keptOne[depth] === 1) this.edits.add(this.#comma[depth] ?? 0, to, '');
    else this.#removeEnd[depth] = to;
  }

  /** A member that waited is followed by another one at `i`: the comma between goes with it. */
  #removeBefore(i: number, depth: number): void {
    this.edits.add(this.#memberStart[depth] ?? 0, i, '');
    this.#removeEnd[depth] = none;
  }

  /** A member ended that names another one, or is named by one. */
  #ended(from: number, to: number, isString: boolean): void {
    const depth = this.#depth;
    const role = this.#roles[depth];
    this.#roles[depth] = 0;
    if (role === roleName) {
      if (!isString || to - from > 66) return;
      this.#nameStart[depth] = from + 1;
      this.#nameEnd[depth] = to - 1;
    } else if (role === roleValue && this.#nameStart[depth] === none) {
      this.#valueStart[depth] = from;
      this.#valueEnd[depth] = to;
    }
  }

  #pairRule(depth: number): MaskRule | undefined {
    const start = this.#nameStart[depth] ?? 0;
    const end = this.#nameEnd[depth] ?? 0;
    const rule = this.#rules.jsonName(stringText(this.#bytes, start, end, this.#hasBackslash(start, end)));
    return rule?.order === Number.POSITIVE_INFINITY ? { ...rule, id: 'default/pair' } : rule;
  }

  #hasBackslash(start: number, end: number): boolean {
    for (let i = start; i < end; i++) if (this.#bytes[i] === backslash) return true;
    return false;
  }

  /** `{"value":"…","name":"password"}`: the name came after the value that it is about. */
  #pairAtEnd(depth: number): void {
    const rule = this.#pairRule(depth);
    if (rule === undefined || rule.action === 'keep') return;
    const from = this.#valueStart[depth] ?? 0;
    const to = this.#valueEnd[depth] ?? 0;
    const index = this.#valueEdit[depth] ?? 0;
    const first = this.#bytes[from];
    let masked: string;
    if (first === quote) {
      const text = stringText(this.#bytes, from + 1, to - 1, this.#hasBackslash(from + 1, to - 1));
      masked = stringInside(this.#deep.maskUnder(rule, text, this.#level));
      masked = `"${masked}"`;
    } else if (first === openBrace || first === openBracket) {
      masked = '"[REDACTED]"';
      this.#count(rule, from, to, masked);
    } else if (first === 0x74 || first === 0x66 || first === 0x6e) return;
    else {
      const text = this.#text(from, to);
      masked = this.#replacer.number(rule, text);
      this.#scope.count(rule.id, text, masked);
    }
    this.edits.dropUntil(index, to);
    if (masked !== this.#text(from, to)) this.edits.insert(index, from, to, masked);
  }

  #text(from: number, to: number): string {
    return this.#bytes.toString('utf8', from, to);
  }
}

/** The rule that comes first in the policy; of two default rules, the first given, which is about the value itself. */
function earlier(own: MaskRule | undefined, other: MaskRule | undefined): MaskRule | undefined {
  if (own === undefined) return other;
  return other === undefined || own.order <= other.order ? own : other;
}

/** A rule by path with the rule by name behind it, for values that it does not accept. */
function before(byPath: MaskRule | undefined, byName: MaskRule | undefined): MaskRule | undefined {
  const first = earlier(byPath, byName);
  const partly =
    byPath !== undefined && first === byPath && byName !== undefined && byPath.accepts !== allBits;
  return partly ? { ...byPath, fallback: byName } : first;
}

/** The rule, or the one behind it, that is for values of this type. */
function accepting(rule: MaskRule | undefined, bit: number): MaskRule | undefined {
  let found = rule;
  while (found !== undefined && (found.accepts & bit) === 0) found = found.fallback;
  return found;
}
