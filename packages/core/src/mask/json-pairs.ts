import type { DeepText } from './deep-text.ts';
import type { Edits } from './edits.ts';
import { backslash, openBrace, openBracket, quote, stringInside, stringText } from './json-bytes.ts';
import type { MaskRule } from './mask-rule.ts';
import type { Replacer } from './replace.ts';
import type { Scope } from './scope.ts';

const none = -1;
/** Longer texts are not looked at as names. */
const longestName = 64;

/**
 * Members of an object of which one names what another one holds: `{"name":"password","value":"…"}`. They may come in
 * either order. Of each open container, by depth.
 */
export class JsonPairs {
  readonly #scope: Scope;
  readonly #replacer: Replacer;
  readonly #deep: DeepText;
  readonly #edits: Edits;
  readonly #nameStart: Int32Array;
  readonly #nameEnd: Int32Array;
  /** Where the value is that still waits for its name. */
  readonly #valueStart: Int32Array;
  readonly #valueEnd: Int32Array;
  /** How many replacements there were before that value. */
  readonly #valueEdit: Int32Array;

  constructor(scope: Scope, replacer: Replacer, deep: DeepText, edits: Edits, depths: number) {
    this.#scope = scope;
    this.#replacer = replacer;
    this.#deep = deep;
    this.#edits = edits;
    this.#nameStart = new Int32Array(depths);
    this.#nameEnd = new Int32Array(depths);
    this.#valueStart = new Int32Array(depths);
    this.#valueEnd = new Int32Array(depths);
    this.#valueEdit = new Int32Array(depths);
  }

  open(depth: number): void {
    this.#nameStart[depth] = none;
    this.#valueStart[depth] = none;
  }

  /** The member that names is there: the inside of a string. */
  named(depth: number, from: number, to: number): void {
    if (to - from > longestName) return;
    this.#nameStart[depth] = from;
    this.#nameEnd[depth] = to;
  }

  /** The member that may be named begins: the rule for it, when its name came before. */
  valueRule(depth: number, bytes: Buffer): MaskRule | undefined {
    if (this.#nameStart[depth] !== none) return this.#rule(depth, bytes);
    this.#valueEdit[depth] = this.#edits.count;
    return undefined;
  }

  /** That member ended, and is still there. */
  valued(depth: number, from: number, to: number): void {
    if (this.#nameStart[depth] !== none) return;
    this.#valueStart[depth] = from;
    this.#valueEnd[depth] = to;
  }

  /** The object ended: its name may have come after the value that it is about. */
  close(depth: number, bytes: Buffer, level: number): void {
    if (this.#valueStart[depth] === none || this.#nameStart[depth] === none) return;
    const rule = this.#rule(depth, bytes);
    if (rule === undefined || rule.action === 'keep') return;
    const from = this.#valueStart[depth] ?? 0;
    const to = this.#valueEnd[depth] ?? 0;
    const index = this.#valueEdit[depth] ?? 0;
    const first = bytes[from];
    let masked: string;
    if (first === quote) {
      const text = stringText(bytes, from + 1, to - 1, hasBackslash(bytes, from + 1, to - 1));
      masked = `"${stringInside(this.#deep.maskUnder(rule, text, level))}"`;
    } else if (first === openBrace || first === openBracket) {
      masked = '"[REDACTED]"';
      this.#scope.count(
        rule.id,
        this.#scope.trace === undefined ? '' : bytes.toString('utf8', from, to),
        masked,
      );
    } else if (first === 0x74 || first === 0x66 || first === 0x6e) return;
    else {
      const text = bytes.toString('latin1', from, to);
      masked = this.#replacer.number(rule, text);
      this.#scope.count(rule.id, text, masked);
    }
    this.#edits.dropUntil(index, to);
    if (masked !== bytes.toString('utf8', from, to)) this.#edits.insert(index, from, to, masked);
  }

  #rule(depth: number, bytes: Buffer): MaskRule | undefined {
    const start = this.#nameStart[depth] ?? 0;
    const end = this.#nameEnd[depth] ?? 0;
    return this.#scope.rules.jsonNames.find(bytes, start, end, hasBackslash(bytes, start, end)).pairRule;
  }
}

function hasBackslash(bytes: Uint8Array, start: number, end: number): boolean {
  for (let i = start; i < end; i++) if (bytes[i] === backslash) return true;
  return false;
}
