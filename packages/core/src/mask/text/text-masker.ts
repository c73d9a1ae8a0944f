import { isUtf8 } from 'node:buffer';
import { ValueFinder } from '../detect/value-finder.ts';
import type { DeepText, VariableUses } from '../json/deep-text.ts';
import type { Edits } from '../json/edits.ts';
import { stringInside } from '../json/json-bytes.ts';
import { JsonScanner } from '../json/json-scanner.ts';
import { detectorNumber } from '../policy/detector-ids.ts';
import { type MaskRule, tokenRule } from '../policy/mask-rule.ts';
import type { MaskLimits } from '../policy/policy.ts';
import { MaskedValues } from '../rules/masked-values.ts';
import type { Scope } from '../rules/scope.ts';
import { canonicalIp } from '../value/canonical.ts';
import type { Replacer } from '../value/replace.ts';
import { firstByte, startOfContent } from './content-look.ts';
import { GraphqlMasker } from './graphql-masker.ts';
import { usesInJson } from './graphql-variables.ts';
import { UrlMasker } from './url.ts';

const shortest = 6;
const longEnough = 15;
/** JSON to the eye: what begins so and cannot be parsed is not shown. */
export const jsonLike: RegExp = /^\s*(?:\{\s*(?:"|\}\s*$)|\[\s*(?:[[{"]|\]\s*$))/;
/** By the first twelve bits: a bracket, or space or a byte order mark before it, and half of what can follow. Also over lines. */
const base64Json =
  /^(?:e[wy3]|W[wyz123]|I[ACFH]|[CD][QSVX]|C[giln]|77)[A-Za-z0-9+/_\r\n-]{6,}(?:={1,2}\s*|[ \t]*)$/;
const dataUrl = /^data:[^,]{0,128};base64,/i;
/** JSON, percent-encoded as in a URL. */
const percentJson = /^%(?:7B|5B)\S*$/i;
/** Names and values as in a form. */
const formLike = /^[\w.%[\]?+-]{1,128}=\S*$/;
const urlWithMore = /^(?:[a-z][a-z0-9+.-]{1,20}:\/\/|\/)[^\s]*[?#;]/i;

/**
 * Masks a text whatever it turns out to be: JSON, base64 of JSON, a URL, a GraphQL document, or just text with values
 * in it. What stands within each other is opened as deep as the policy allows, and masked as a whole beyond.
 */
export class TextMasker implements DeepText {
  readonly urls: UrlMasker;
  readonly graphql: GraphqlMasker;
  readonly #scope: Scope;
  readonly #replacer: Replacer;
  readonly #finder: ValueFinder;
  readonly #limits: Required<MaskLimits>;
  readonly #scanners: JsonScanner[] = [];
  readonly #values: MaskedValues;
  readonly #undecodable: MaskRule = tokenRule('default/undecodable', 'value');

  constructor(scope: Scope, replacer: Replacer, limits: Required<MaskLimits>) {
    this.#scope = scope;
    this.#replacer = replacer;
    this.#limits = limits;
    const begun = replacer.alsoForget(() => this.#values.forget());
    this.#values = new MaskedValues(limits.cachedTokens, begun);
    this.#finder = new ValueFinder(scope.rules);
    this.graphql = new GraphqlMasker(scope, replacer, this, this.#undecodable);
    this.urls = new UrlMasker(scope, this, this.#undecodable);
    // What a web token shows is masked while the text around it is: by a masker of its own, which opens only URLs.
    let within: TextMasker | undefined;
    const innermost = Math.max(0, limits.nestedDecode - 1);
    replacer.visible = (text) => {
      within ??= new TextMasker(scope, replacer.withoutShapes(), limits);
      return within.mask(text, innermost);
    };
  }

  /** The scanner for documents at this level: each has its own, since they can stand within each other. */
  scanner(level: number): JsonScanner {
    let scanner = this.#scanners[level];
    if (scanner === undefined) {
      scanner = new JsonScanner(this.#scope, this.#replacer, this, this.#values, this.#limits.jsonDepth);
      this.#scanners[level] = scanner;
    }
    return scanner;
  }

  mask(text: string, level: number): string {
    const all = this.#scope.rules.patterns.length > 0;
    if (!all && text.length < 3) return text;
    const structured = this.#structured(text, level);
    if (structured !== undefined) return structured;
    const isShort = text.length < shortest || (text.length < longEnough && !/[@=\d:]/.test(text));
    if (isShort && !all) return text;
    const bytes = Buffer.from(text, 'utf8');
    return this.#detect(bytes, 0, bytes.length) ?? text;
  }

  maskVariables(text: string, level: number, uses: VariableUses): string {
    if (uses.isEmpty || text === '') return this.mask(text, level);
    if (uses.unclear || level >= this.#limits.nestedDecode) return this.undecodable(text, level);
    const bytes = Buffer.from(text, 'utf8');
    const scanner = this.scanner(level + 1);
    const problem = scanner.scan(bytes, 0, bytes.length, level + 1, uses);
    if (problem !== '') return this.undecodable(text, level);
    return scanner.edits.count === 0 ? text : scanner.edits.applyToBytes(bytes).toString('utf8');
  }

  variableUses(bytes: Buffer, start: number, end: number): VariableUses {
    return usesInJson(bytes, start, end, this.#scope.rules);
  }

  maskBytes(bytes: Buffer, start: number, end: number, level: number): string | undefined {
    if (mayBeStructured(bytes, start, end, true)) {
      const text = utf8(bytes, start, end);
      const structured = this.#structured(text, level);
      if (structured !== undefined) return structured === text ? undefined : structured;
    }
    return this.#detect(bytes, start, end);
  }

  edit(bytes: Buffer, start: number, end: number, marked: boolean, level: number, edits: Edits): void {
    if (mayBeStructured(bytes, start, end, marked)) {
      const text = utf8(bytes, start, end);
      const structured = this.#structured(text, level);
      if (structured !== undefined) {
        if (structured !== text) edits.add(start, end, stringInside(structured));
        return;
      }
    }
    const ip = this.#wholeIp(bytes, start, end);
    if (ip !== undefined) edits.add(start, end, stringInside(ip));
    else this.#editFinds(bytes, start, end, edits, true);
  }

  isDull(bytes: Buffer, start: number, end: number, escaped: boolean): boolean {
    if (escaped || mayBeStructured(bytes, start, end, true)) return false;
    return !isAddress(bytes, start, end) && this.#find(bytes, start, end) === 0;
  }

  numberRule(bytes: Buffer, start: number, end: number): MaskRule | undefined {
    const rule = this.#finder.numberRule(bytes, start, end, this.#scope.rules);
    return rule?.action === 'keep' ? undefined : rule;
  }

  maskUnder(rule: MaskRule, text: string, level: number): string {
    if (rule.action === 'keep') return rule.detectors ? this.mask(text, level) : text;
    if (text.length < rule.minLength) return this.mask(text, level);
    const masked = this.#replacer.text(rule, text);
    if (masked !== text) this.#scope.count(rule.id, text, masked);
    return masked;
  }

  /** Notes what detectors replace in plain text; its encoding must have ASCII as ASCII. */
  editText(bytes: Buffer, start: number, end: number, edits: Edits): void {
    this.#editFinds(bytes, start, end, edits, false);
  }

  /** A text that cannot be read and so is not shown. */
  undecodable(text: string, level: number): string {
    return this.maskUnder(this.#undecodable, text, level);
  }

  /** The masked text if it is of a known structure, else undefined. */
  #structured(text: string, level: number): string | undefined {
    const tooDeep = level >= this.#limits.nestedDecode;
    if (/^\s*[{[]/.test(text)) {
      if (tooDeep)
        return jsonLike.test(text) ? this.undecodable(text, level) : this.graphql.mask(text, level, false);
      const bytes = Buffer.from(text, 'utf8');
      const scanner = this.scanner(level + 1);
      const problem = scanner.scan(bytes, 0, bytes.length, level + 1);
      if (problem === '')
        return scanner.edits.count === 0 ? text : scanner.edits.applyToBytes(bytes).toString('utf8');
      if (problem === 'json-depth' || jsonLike.test(text)) return this.undecodable(text, level);
      return this.graphql.mask(text, level, false);
    }
    if (base64Json.test(text)) return this.#base64(text, level, tooDeep);
    const dataHead = dataUrl.exec(text)?.[0];
    if (dataHead !== undefined) {
      const data = text.slice(dataHead.length);
      const masked = base64Json.test(data) ? this.#base64(data, level, tooDeep) : undefined;
      return masked === undefined ? undefined : dataHead + masked;
    }
    if (percentJson.test(text)) return this.#percent(text, level, tooDeep);
    if (urlWithMore.test(text))
      return tooDeep ? this.undecodable(text, level) : this.urls.mask(text, level + 1, false);
    if (formLike.test(text)) return this.#form(text, level, tooDeep);
    return this.graphql.mask(text, level, false);
  }

  /** What no name masks in it, detectors look at as at any text. */
  #form(text: string, level: number, tooDeep: boolean): string | undefined {
    if (tooDeep) return text.includes('&') ? this.undecodable(text, level) : undefined;
    const edits = this.urls.pairEdits(text, 'form', level + 1);
    return edits.count === 0 ? undefined : edits.applyToText(text);
  }

  #percent(text: string, level: number, tooDeep: boolean): string {
    if (tooDeep) return this.undecodable(text, level);
    try {
      const decoded = decodeURIComponent(text);
      const masked = this.mask(decoded, level + 1);
      if (masked === decoded) return text;
      // A plus sign that was none of a code stays one: where it stands for a space, a code would not.
      const encoded = encodeURIComponent(masked);
      return /%2b/i.test(text) ? encoded : encoded.replaceAll('%2B', '+');
    } catch {
      // No UTF-8, or a percent sign that stands for nothing.
      return this.undecodable(text, level);
    }
  }

  #base64(text: string, level: number, tooDeep: boolean): string | undefined {
    const bytes = Buffer.from(text, 'base64');
    if (!isUtf8(bytes)) return undefined;
    const from = startOfContent(bytes, 0, bytes.length);
    const first = firstByte(bytes, from, bytes.length);
    if (first !== 0x7b && first !== 0x5b) return undefined;
    if (tooDeep) return this.undecodable(text, level);
    const scanner = this.scanner(level + 1);
    if (scanner.scan(bytes, from, bytes.length, level + 1) !== '') return undefined;
    if (scanner.edits.count === 0) return text;
    const masked = scanner.edits.applyToBytes(bytes);
    if (/[+/=]/.test(text)) return masked.toString('base64');
    return masked.toString('base64url');
  }

  #detect(bytes: Buffer, start: number, end: number): string | undefined {
    const ip = this.#wholeIp(bytes, start, end);
    if (ip !== undefined) return ip;
    const count = this.#find(bytes, start, end);
    if (count === 0) return undefined;
    let out = '';
    let from = start;
    for (let i = 0; i < count; i++) {
      const hitStart = this.#finder.start(i);
      const masked = this.#hit(i, bytes);
      if (masked === undefined) continue;
      out += utf8(bytes, from, hitStart) + masked;
      from = this.#finder.end(i);
    }
    return from === start ? undefined : out + utf8(bytes, from, end);
  }

  /** What stands for the find of this number; undefined when it stays. */
  #hit(i: number, bytes: Buffer): string | undefined {
    const rule = this.#finder.rule(i);
    if (rule === undefined || rule.action === 'keep') return undefined;
    const text = utf8(bytes, this.#finder.start(i), this.#finder.end(i));
    const masked = this.#replacer.text(rule, text);
    if (masked === text) return undefined;
    this.#scope.count(rule.id, text, masked);
    return masked;
  }

  #find(bytes: Buffer, start: number, end: number): number {
    return this.#finder.find(bytes, start, end, this.#scope.rules);
  }

  /** @param inJson - what stands for a find is to stand within a JSON string */
  #editFinds(bytes: Buffer, start: number, end: number, edits: Edits, inJson: boolean): void {
    const values = this.#values;
    const finder = this.#finder;
    const count = this.#find(bytes, start, end);
    for (let i = 0; i < count; i++) {
      const rule = finder.rule(i);
      if (rule === undefined || rule.action === 'keep') continue;
      const from = finder.start(i);
      const to = finder.end(i);
      if (this.#scope.trace === undefined && values.find(rule, bytes, from, to)) {
        this.#scope.count(rule.id);
        edits.addBytes(from, to, values.store, values.from, values.to);
        continue;
      }
      const text = utf8(bytes, from, to);
      const masked = this.#replacer.text(rule, text);
      if (masked === text) continue;
      this.#scope.count(rule.id, text, masked);
      values.add(rule, bytes, from, to, masked);
      edits.add(from, to, inJson ? stringInside(masked) : masked);
    }
  }

  /** An address is only told from a version number when it stands alone. */
  #wholeIp(bytes: Buffer, start: number, end: number): string | undefined {
    const rule = this.#scope.rules.detectors[detectorNumber.ip];
    if (rule === undefined || rule.action === 'keep' || !isAddress(bytes, start, end)) return undefined;
    const text = utf8(bytes, start, end);
    if (canonicalIp(text) === undefined) return undefined;
    const masked = this.#replacer.text(rule, text);
    this.#scope.count(rule.id, text, masked);
    return masked;
  }
}

// What a text may be, by its first byte.
const mayBeJson = 1;
const mayBeBase64 = 2;
const mayBeUrl = 4;
const mayBeGraphql = 8;
const ofFormName = 16;
const firstBytes: Uint8Array = new Uint8Array(256);
for (let code = 0; code < 128; code++) {
  const char = String.fromCharCode(code);
  let bits = 0;
  if (/[\s[{%]/.test(char)) bits |= mayBeJson;
  if (/[eWICD7d]/.test(char)) bits |= mayBeBase64;
  if (/[A-Za-z/]/.test(char)) bits |= mayBeUrl;
  if (/[\s{#,"qmsf]/.test(char)) bits |= mayBeGraphql;
  if (/[\w.%[\]?+-]/.test(char)) bits |= ofFormName;
  firstBytes[code] = bits;
}
// A byte order mark.
firstBytes[0xef] = mayBeGraphql;

/** Pairs of characters, by both codes. */
const base64Starts = new Uint8Array(128 * 256);
const pairs = 'ew ey e3 Ww Wy Wz W1 W2 W3 IA IC IF IH CQ CS CV CX DQ DS DV DX Cg Ci Cl Cn 77 da Da DA';
for (const pair of pairs.split(' ')) base64Starts[pair.charCodeAt(0) * 128 + pair.charCodeAt(1)] = 1;

/** A quick look at the beginning, which is enough for nearly all texts. */
function mayBeStructured(bytes: Uint8Array, start: number, end: number, marked: boolean): boolean {
  const bits = firstBytes[bytes[start] ?? 0] ?? 0;
  if (bits === 0) return false;
  if ((bits & mayBeJson) !== 0) return true;
  const second = bytes[start + 1] ?? 0;
  if ((bits & mayBeGraphql) !== 0 && end - start >= longEnough) {
    const third = bytes[start + 2];
    // The first three letters of query, mutation, subscription and fragment; a comment, a comma, a description, a byte order mark.
    const mark = bytes[start];
    if (
      mark === 0x23 ||
      mark === 0xef ||
      mark === 0x2c ||
      mark === 0x22 ||
      (second === 0x75 && (third === 0x65 || third === 0x74 || third === 0x62))
    )
      return true;
    if (second === 0x72 && third === 0x61) return true;
  }
  if ((bits & mayBeBase64) !== 0 && mayBeBase64Json(bytes[start] ?? 0, second)) return true;
  if (bytes[start] === 0x2f) return true;
  let i = start;
  const last = Math.min(end - 3, start + 20);
  while (i < last && ((firstBytes[bytes[i] ?? 0] ?? 0) & mayBeUrl) !== 0) i++;
  if (i < last && bytes[i] === 0x3a && bytes[i + 1] === 0x2f && bytes[i + 2] === 0x2f) return true;
  if (!marked) return false;
  const farthest = Math.min(end, start + 128);
  while (i < farthest && ((firstBytes[bytes[i] ?? 0] ?? 0) & ofFormName) !== 0) i++;
  return i < farthest && bytes[i] === 0x3d;
}

/** The beginning of base64 of JSON, or of a `data:` URL. */
function mayBeBase64Json(first: number, second: number): boolean {
  return base64Starts[first * 128 + second] === 1;
}

/** Whether all is of what addresses are made of, with something between. */
function isAddress(bytes: Uint8Array, start: number, end: number): boolean {
  if (end - start > 45) return false;
  let separated = false;
  for (let i = start; i < end; i++) {
    const code = bytes[i] ?? 0;
    if (!ofAddress(code)) return false;
    if (code === 0x2e || code === 0x3a) separated = true;
  }
  return separated;
}

function ofAddress(code: number): boolean {
  return (
    (code >= 0x2e && code <= 0x3a && code !== 0x2f) ||
    (code >= 97 && code <= 102) ||
    (code >= 65 && code <= 70)
  );
}

function utf8(bytes: Buffer, start: number, end: number): string {
  return bytes.toString('utf8', start, end);
}
