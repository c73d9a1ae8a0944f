import {
  at,
  capital,
  classes,
  colon,
  dash,
  digit,
  dot,
  emailLocal,
  equals,
  isTokenMark,
  joiner,
  letter,
  plus,
  slash,
  space,
  trigger,
  valueEnd,
  wordByte,
} from './byte-classes.ts';
import { ibanLength, isCardNumber, passesMod97 } from './checksums.ts';
import { detectorNumber } from './detector-ids.ts';
import { nameMeaning } from './key-words.ts';
import { type MaskRule, tokenRule } from './mask-rule.ts';
import { hashBytes, NameTable } from './name-table.ts';
import { inCharset, type SecretPrefix, secretPrefixes } from './secret-prefixes.ts';
import { memberName, memberValue } from './text-member.ts';

/** 1 for two bytes that a find can begin with, at the start of a word: nearly all words need no more than a look here. */
const wordStarts: Uint8Array = new Uint8Array(1 << 16);
for (const { prefix } of secretPrefixes.flatMap((some) => some ?? [])) {
  wordStarts[((prefix[0] ?? 0) << 8) | (prefix[1] ?? 0)] = 1;
}
for (const start of ['ey', 'be', 'bE', 'Be', 'BE', 'ba', 'bA', 'Ba', 'BA']) {
  wordStarts[(start.charCodeAt(0) << 8) | start.charCodeAt(1)] = 1;
}
for (let first = 65; first <= 90; first++) {
  for (let second = 65; second <= 90; second++) {
    if (ibanLength(first, second) > 0) wordStarts[(first << 8) | second] = 1;
  }
}

const number = detectorNumber;

const beginKey = Buffer.from('-----BEGIN ');
const endKey = Buffer.from('-----END ');
const privateKeyWords = Buffer.from('PRIVATE KEY');
const fence = Buffer.from('-----');
const tokenStart = Buffer.from('mk_');

function secretName(name: string): MaskRule | undefined {
  const meaning = nameMeaning(name, false);
  return meaning?.rule === 'default/key/secret' ? assignedSecret : undefined;
}
const assignedSecret = tokenRule('default/detect/assignment', 'secret');

/**
 * Finds values that are sensitive by how they look, in one pass over bytes. Every look ahead or behind is bounded or
 * ends at a byte that the pass will not look at again, so the time is linear in the length.
 */
export class Detectors {
  /** What the last {@link scan} found, in order and apart: where each begins and ends, and its detector's number. */
  readonly starts: number[] = [];
  readonly ends: number[] = [];
  readonly kinds: number[] = [];
  count = 0;

  /** Names of secrets, as they stand before `=`. */
  readonly #names = new NameTable(secretName);
  readonly #digits = new Uint8Array(64);
  #bytes: Buffer = Buffer.alloc(0);
  #end = 0;
  #rules: readonly (MaskRule | undefined)[] = [];
  /** End of the last find: nothing before it is taken again. */
  #floor = 0;

  /** Looks at `bytes[start..end)`, text in an encoding that has ASCII as ASCII. Returns how many it found; those without a rule are off. */
  scan(bytes: Buffer, start: number, end: number, rules: readonly (MaskRule | undefined)[]): number {
    this.#rules = rules;
    this.#bytes = bytes;
    this.#end = end;
    this.#floor = start;
    this.count = 0;
    let i = start;
    let before = 0;
    while (i < end) {
      const code = bytes[i] ?? 0;
      const bits = classes[code] ?? 0;
      if ((bits & trigger) !== 0) {
        const next = this.#atTrigger(code, i, before);
        if (next > i) {
          i = next;
          before = 0;
          continue;
        }
        before = bits;
        i++;
      } else if ((bits & letter) !== 0) {
        if (
          (before & wordByte) === 0 &&
          wordStarts[(code << 8) | (i + 1 < end ? (bytes[i + 1] ?? 0) : 0)] === 1
        ) {
          const next = this.#atWord(code, i);
          if (next > i) {
            i = next;
            before = 0;
            continue;
          }
        }
        i++;
        while (i < end && ((classes[bytes[i] ?? 0] ?? 0) & letter) !== 0) i++;
        before = letter;
      } else if ((bits & digit) !== 0) {
        const next = this.#atDigit(i, before);
        if (next > i) {
          i = next;
          before = 0;
          continue;
        }
        i++;
        while (i < end && ((classes[bytes[i] ?? 0] ?? 0) & digit) !== 0) i++;
        before = digit;
      } else {
        before = bits;
        i++;
      }
    }
    return this.count;
  }

  #hit(kind: number, start: number, end: number): number {
    // One that is switched off must not hide what others would find in the same place.
    if (this.#rules[kind] === undefined) return start;
    this.starts[this.count] = start;
    this.ends[this.count] = end;
    this.kinds[this.count] = kind;
    this.count++;
    this.#floor = end;
    return end;
  }

  #at(i: number): number {
    return i < this.#end ? (this.#bytes[i] ?? 0) : 0;
  }

  #is(i: number, mask: number): boolean {
    return i < this.#end && ((classes[this.#bytes[i] ?? 0] ?? 0) & mask) !== 0;
  }

  #matches(i: number, text: Uint8Array): boolean {
    if (i + text.length > this.#end) return false;
    for (let k = 0; k < text.length; k++) if (this.#bytes[i + k] !== text[k]) return false;
    return true;
  }

  #atTrigger(code: number, i: number, before: number): number {
    switch (code) {
      case at:
        return this.#email(i);
      case plus:
        return (before & wordByte) === 0 ? this.#phone(i) : i;
      case colon:
        return this.#at(i + 1) === slash ? this.#userinfo(i) : this.#member(i);
      case equals:
        return this.#assignment(i);
      default:
        return this.#at(i + 1) === dash ? this.#privateKey(i) : i;
    }
  }

  #atWord(code: number, i: number): number {
    let next = i;
    const known = secretPrefixes[code];
    if (known !== undefined) next = this.#apiKey(i, known);
    if (next === i && code === 101 && this.#at(i + 1) === 121) next = this.#jwt(i);
    if (next === i && (code | 32) === 98) next = this.#bearer(i);
    if (next === i && ((classes[code] ?? 0) & capital) !== 0) next = this.#iban(i);
    return next;
  }

  #atDigit(i: number, before: number): number {
    // A digit run is taken as a whole: `before` is never a digit here.
    if (this.#bytes[i - 1] === dot && i > this.#floor) return i;
    if ((before & wordByte) === 0) {
      const next = this.#ssn(i);
      if (next > i) return next;
    }
    return this.#card(i);
  }

  /** Anchored at the sign, local part at most 64 bytes, the last label letters. */
  #email(i: number): number {
    const bytes = this.#bytes;
    const lowest = Math.max(this.#floor, i - 64);
    let start = i;
    while (start > lowest && ((classes[bytes[start - 1] ?? 0] ?? 0) & emailLocal) !== 0) start--;
    // What is quoting or a path around an address is not part of it.
    while (start < i && !this.#is(start, wordByte) && (bytes[start] ?? 0) < 128) start++;
    if (start === i) return i;
    let end = i + 1;
    let label = end;
    let good = 0;
    const highest = Math.min(this.#end, i + 254);
    while (end < highest) {
      const code = bytes[end] ?? 0;
      if (code === dot) {
        if (end === label) break;
        label = end + 1;
      } else if ((((classes[code] ?? 0) & wordByte) === 0 && code < 128) || code === 95) break;
      end++;
      if (label > i + 1 && end - label >= 2 && !this.#is(end, letter) && this.#allLetters(label, end))
        good = end;
    }
    return good === 0 ? i : this.#hit(number.email, start, good);
  }

  #allLetters(start: number, end: number): boolean {
    if (end - start > 24) return false;
    for (let i = start; i < end; i++) if (!this.#is(i, letter)) return false;
    return !this.#is(end, digit | joiner);
  }

  /** `+`, a digit from 1 to 9, 8 to 15 digits in all, with single spaces, dots, dashes or one pair of brackets. */
  #phone(i: number): number {
    let digits = 0;
    let p = i + 1;
    let end = i;
    if (!this.#is(p, digit) || this.#at(p) === 48) return i;
    while (p < this.#end && p < i + 32) {
      if (this.#is(p, digit)) {
        digits++;
        p++;
        end = p;
        if (digits > 15) return i;
      } else if (this.#phoneGap(p)) p++;
      else break;
    }
    return digits >= 8 && !this.#is(end, letter) ? this.#hit(number.phone, i, end) : i;
  }

  #phoneGap(p: number): boolean {
    const code = this.#at(p);
    const isGap =
      code === space || code === dot || code === dash || code === slash || code === 40 || code === 41;
    const next = this.#at(p + 1);
    return isGap && (this.#is(p + 1, digit) || next === 40 || (next === space && code === 41));
  }

  /** `://user:password@`, also without a password: tokens are put there. */
  #userinfo(i: number): number {
    if (this.#at(i + 1) !== slash || this.#at(i + 2) !== slash) return i;
    const start = i + 3;
    const highest = Math.min(this.#end, start + 512);
    for (let p = start; p < highest; p++) {
      const code = this.#bytes[p] ?? 0;
      if (code === at) return p === start ? i : this.#hit(number['url-userinfo'], start, p);
      if (
        code === slash ||
        code === 63 ||
        code === 35 ||
        (code !== 59 && code !== 38 && this.#is(p, valueEnd))
      )
        break;
    }
    return i;
  }

  /** `password=…` up to a delimiter, in connection strings, logs and URLs within text. */
  #assignment(i: number): number {
    const nameEnd = this.#at(i - 1) === 93 ? i - 1 : i;
    const lowest = Math.max(this.#floor, nameEnd - 40);
    let start = nameEnd;
    while (start > lowest && this.#is(start - 1, wordByte)) start--;
    if (start === nameEnd) return i;
    let from = i + 1;
    if (this.#at(from) === 34 || this.#at(from) === 39) from++;
    // The name comes first: a value is only walked over to be taken, so no byte is walked over twice.
    if (this.#is(from, valueEnd) || this.#matches(from, tokenStart)) return i;
    const hash = hashBytes(this.#bytes, start, nameEnd);
    if (this.#names.find(this.#bytes, start, nameEnd, hash, false).rule === undefined) return i;
    let end = from;
    while (end < this.#end && !this.#is(end, valueEnd)) end++;
    return end === from ? i : this.#hit(number.assignment, from, end);
  }

  /** The value of `"password":…` in JSON that stands within a text. */
  #member(i: number): number {
    const name = memberName(this.#bytes, i, this.#floor);
    if (name === undefined || this.#rules[number.assignment] === undefined) return i;
    const hash = hashBytes(this.#bytes, name.start, name.end);
    if (this.#names.find(this.#bytes, name.start, name.end, hash, false).rule === undefined) return i;
    const value = memberValue(this.#bytes, name.end, i, this.#end);
    if (value === undefined || value.start >= value.end || this.#matches(value.start, tokenStart)) return i;
    return this.#hit(number.assignment, value.start, value.end);
  }

  #privateKey(i: number): number {
    if (!this.#matches(i, beginKey)) return i;
    let p = i + beginKey.length;
    const highest = Math.min(this.#end, p + 40);
    while (p < highest && (this.#is(p, capital | digit) || this.#at(p) === space)) p++;
    if (!this.#matches(p - privateKeyWords.length, privateKeyWords) || !this.#matches(p, fence)) return i;
    const view = Buffer.from(this.#bytes.buffer, this.#bytes.byteOffset, this.#end);
    const footer = view.indexOf(endKey, p);
    // Without an end it is cut: all that follows may be of the key.
    if (footer < 0) return this.#hit(number['private-key'], i, this.#end);
    const close = view.indexOf(fence, footer + endKey.length);
    return this.#hit(number['private-key'], i, close < 0 ? this.#end : close + fence.length);
  }

  #apiKey(i: number, known: readonly SecretPrefix[]): number {
    const second = this.#at(i + 1);
    for (const { prefix, charset, least, most } of known) {
      if (prefix[1] !== second || !this.#matches(i, prefix)) continue;
      const start = i + prefix.length;
      let end = start;
      while (end < this.#end && inCharset(this.#bytes[end] ?? 0, charset)) end++;
      if (charset === 'dotted') while (end > start && this.#bytes[end - 1] === dot) end--;
      const length = end - start;
      if (length >= least && length <= most && !this.#is(end, wordByte))
        return this.#hit(number['api-key'], i, end);
    }
    return i;
  }

  /** Three parts of base64url with dots between, the first two of JSON objects. */
  #jwt(i: number): number {
    let p = this.#base64url(i);
    if (p - i < 10 || this.#at(p) !== dot) return i;
    const payload = p + 1;
    p = this.#base64url(payload);
    if (p - payload < 6 || this.#at(p) !== dot) return i;
    p = this.#base64url(p + 1);
    // Encrypted tokens have five parts.
    while (this.#at(p) === dot && this.#is(p + 1, wordByte)) p = this.#base64url(p + 1);
    return this.#hit(number.jwt, i, p);
  }

  #base64url(i: number): number {
    let p = i;
    while (p < this.#end && ((classes[this.#bytes[p] ?? 0] ?? 0) & wordByte) !== 0) p++;
    return p;
  }

  /** `Bearer` or `Basic`, spaces, and at least 16 token characters with a digit among them. */
  #bearer(i: number): number {
    const length = this.#matchesAnyCase(i, 'bearer') ? 6 : this.#matchesAnyCase(i, 'basic') ? 5 : 0;
    if (length === 0 || this.#at(i + length) !== space) return i;
    let start = i + length;
    while (this.#at(start) === space && start < i + length + 4) start++;
    let end = start;
    let digits = 0;
    while (this.#is(end, wordByte) || isTokenMark(this.#at(end))) {
      if (this.#is(end, digit)) digits++;
      end++;
    }
    if (end - start < 16 || digits === 0 || this.#matches(start, tokenStart)) return i;
    return this.#hit(number.bearer, start, end);
  }

  #matchesAnyCase(i: number, word: string): boolean {
    for (let k = 0; k < word.length; k++) if ((this.#at(i + k) | 32) !== word.charCodeAt(k)) return false;
    return !this.#is(i + word.length, wordByte);
  }

  #iban(i: number): number {
    const bytes = this.#bytes;
    if (!this.#is(i + 1, capital) || !this.#is(i + 2, digit) || !this.#is(i + 3, digit)) return i;
    const wanted = ibanLength(bytes[i] ?? 0, bytes[i + 1] ?? 0);
    if (wanted === 0) return i;
    let length = 0;
    let p = i;
    while (length < wanted) {
      if (this.#is(p, digit | capital)) this.#digits[length++] = bytes[p] ?? 0;
      else if (this.#at(p) !== space || !this.#is(p + 1, digit | capital)) return i;
      p++;
    }
    if (this.#is(p, digit | letter) || !passesMod97(this.#digits, wanted)) return i;
    return this.#hit(number.iban, i, p);
  }

  /** Three, two and four digits with dashes; no area or group that is never given out. */
  #ssn(i: number): number {
    if (this.#at(i + 3) !== dash || this.#at(i + 6) !== dash) return i;
    for (let k = 0; k < 11; k++) if (k !== 3 && k !== 6 && !this.#is(i + k, digit)) return i;
    if (this.#is(i + 11, wordByte)) return i;
    const bytes = this.#bytes;
    const area = (bytes[i] ?? 0) * 100 + (bytes[i + 1] ?? 0) * 10 + (bytes[i + 2] ?? 0) - 48 * 111;
    if (area === 0 || area === 666 || area >= 900) return i;
    return this.#hit(number.ssn, i, i + 11);
  }

  /** 13 to 19 digits in groups of three or more with single spaces or dashes; issuer and Luhn must fit. */
  #card(i: number): number {
    const first = this.#at(i);
    if (first < 50 || first > 54) return i;
    let length = 0;
    let group = 0;
    let p = i;
    let found = 0;
    for (;;) {
      if (this.#is(p, digit)) {
        if (length === 19) return found > 0 ? this.#hit(number.card, i, found) : i;
        this.#digits[length++] = this.#at(p++) - 48;
        group++;
        continue;
      }
      const ended = group >= 3 && !(this.#at(p) === dot && this.#is(p + 1, digit));
      if (ended && isCardNumber(this.#digits, length)) found = p;
      const gap = this.#at(p) === space || this.#at(p) === dash;
      if (group < 3 || !gap || !this.#is(p + 1, digit)) break;
      group = 0;
      p++;
    }
    return found > 0 ? this.#hit(number.card, i, found) : i;
  }
}
