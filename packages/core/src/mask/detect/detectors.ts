import { detectorNumber } from '../policy/detector-ids.ts';
import { type MaskRule, tokenRule } from '../policy/mask-rule.ts';
import { NameTable } from '../rules/name-table.ts';
import { ibanLength } from '../value/checksums.ts';
import { nameMeaning } from '../value/key-words.ts';
import {
  at,
  capital,
  classes,
  colon,
  dash,
  digit,
  dot,
  equals,
  isTokenMark,
  letter,
  plus,
  slash,
  space,
  trigger,
  valueEnd,
  wordByte,
} from './byte-classes.ts';
import { emailEnd, emailStart, phoneEnd } from './detect-contacts.ts';
import { cardEnd, ibanEnd, ssnEnd } from './detect-numbers.ts';
import { apiKeyEnd, followsScheme, isToken, jwtEnd, privateKeyEnd, userinfoEnd } from './detect-secrets.ts';
import { secretPrefixes } from './secret-prefixes.ts';
import { memberName, memberValue } from './text-member.ts';

const number = detectorNumber;

/** 1 for two bytes that a find can begin with, at the start of a word: nearly all words need no more than a look here. */
const wordStarts: Uint8Array = new Uint8Array(1 << 16);
for (const { prefix } of secretPrefixes.flatMap((some) => some ?? [])) {
  wordStarts[((prefix[0] ?? 0) << 8) | (prefix[1] ?? 0)] = 1;
}
wordStarts[(0x65 << 8) | 0x79] = 1;
for (let first = 65; first <= 90; first++) {
  for (let second = 65; second <= 90; second++) {
    if (ibanLength(first, second) > 0) wordStarts[(first << 8) | second] = 1;
  }
}

/** Around the sign of an assignment. */
const mostSpaces = 2;
const blockLength = 16;
/** The shortest find without a mark or a digit in it, a key, is of so many bytes without a space. */
const longRun = 15;
/** What a byte of a run adds, such that a run of {@link longRun} is the first to reach a power of two. */
const runStep = 9;
const longMask = ~127;
/** All ones for a byte that a key, a web token or a credential can be of (token68 of RFC 7235), else none. */
const runMask: Int32Array = new Int32Array(256);
/** What a find of another kind has: a digit, one of `@=+:`, or many dashes in a row. */
const isDigit = 4;
const isMark = 8;
const isDash = 1;
const blockWeights: Uint8Array = new Uint8Array(256);
const few = 3;
for (let code = 0; code < 128; code++) {
  const bits = classes[code] ?? 0;
  if ((bits & wordByte) !== 0 || isTokenMark(code)) runMask[code] = -1;
  if ((bits & (digit | trigger)) !== 0)
    blockWeights[code] = code === dash ? isDash : (bits & digit) !== 0 ? isDigit : isMark;
}

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
  #bytes: Buffer = Buffer.alloc(0);
  #end = 0;
  #rules: readonly (MaskRule | undefined)[] = [];
  /** End of the last find: nothing before it is taken again. */
  #floor = 0;

  /**
   * Looks at `bytes[start..end)`, text in an encoding that has ASCII as ASCII. Returns how many it found; those without a
   * rule are off.
   */
  scan(bytes: Buffer, start: number, end: number, rules: readonly (MaskRule | undefined)[]): number {
    this.#begin(bytes, start, end, rules);
    const weights = blockWeights;
    const masks = runMask;
    let i = start;
    let run = 0;
    // Most text is words: a block without digits, marks and long runs has nothing in it and is left after one look.
    while (i < end) {
      const stop = i + blockLength < end ? i + blockLength : end;
      const before = run;
      let sum = 0;
      let long = 0;
      for (let p = i; p < stop; p++) {
        const code = bytes[p] ?? 0;
        run = (run + runStep) & (masks[code] ?? 0);
        long |= run;
        sum += weights[code] ?? 0;
      }
      if (sum < few && (long & longMask) === 0) {
        i = stop;
        continue;
      }
      // Runs are looked at as a whole, so that a long one is known as one from its start.
      let whole = stop;
      while (run !== 0 && whole < end) {
        run = (run + runStep) & (masks[bytes[whole] ?? 0] ?? 0);
        long |= run;
        if (run !== 0) whole++;
      }
      const from = i - before / runStep;
      i = (long & longMask) === 0 ? this.#marks(from, whole) : this.#runs(from, whole);
      run = 0;
    }
    return this.count;
  }

  /** The same for private keys alone: five dashes cannot be missed by a look at every fifth byte. */
  scanForKeys(bytes: Buffer, start: number, end: number, rules: readonly (MaskRule | undefined)[]): number {
    this.#begin(bytes, start, end, rules);
    for (let i = start + 4; i < end; i += 5) {
      if (bytes[i] !== dash) continue;
      let first = i;
      while (first > this.#floor && i - first < 4 && bytes[first - 1] === dash) first--;
      for (; first <= i; first++) {
        const stop = this.#privateKey(first);
        if (stop > first) {
          i = stop - 1;
          break;
        }
      }
    }
    return this.count;
  }

  #begin(bytes: Buffer, start: number, end: number, rules: readonly (MaskRule | undefined)[]): void {
    this.#rules = rules;
    this.#bytes = bytes;
    this.#end = end;
    this.#floor = start;
    this.count = 0;
  }

  /** Looks at the marks and digits in `[start, stop)`, whose runs are all short. Returns where it or the last find ends. */
  #marks(start: number, stop: number): number {
    const bytes = this.#bytes;
    const weights = blockWeights;
    let i = start;
    while (i < stop) {
      const code = bytes[i] ?? 0;
      const weight = weights[code] ?? 0;
      if (weight === 0) {
        i++;
        continue;
      }
      let next = i;
      if (weight === isDigit) {
        let last = i + 1;
        while (last < stop && weights[bytes[last] ?? 0] === isDigit) last++;
        if (((classes[bytes[i - 1] ?? 0] ?? 0) & capital) !== 0) next = this.#ibanBefore(i);
        if (next === i && last - i >= 3) next = this.#digits(i, last, this.#classBefore(i));
        if (next === i) next = last;
      } else if (weight === isDash) {
        if (bytes[i + 1] === dash) next = this.#privateKey(i);
      } else next = this.#mark(code, i);
      i = next > i ? next : i + 1;
    }
    return i;
  }

  /** Two capitals and digits: at the start of a word, an IBAN may begin so. */
  #ibanBefore(i: number): number {
    const start = i - 2;
    if (start < this.#floor || (this.#classBefore(start) & wordByte) !== 0) return i;
    const end = ibanEnd(this.#bytes, start, this.#end);
    return end > 0 && this.#hit(number.iban, start, end) === end ? end : i;
  }

  #classBefore(i: number): number {
    return i > this.#floor ? (classes[this.#bytes[i - 1] ?? 0] ?? 0) : 0;
  }

  #mark(code: number, i: number): number {
    if (code === at) return this.#email(i);
    if (code === colon) return this.#colon(i);
    if (code === equals) return this.#assignment(i);
    return (this.#classBefore(i) & wordByte) === 0 ? this.#phone(i) : i;
  }

  /** Looks at the runs in `[start, stop)`, some of which are long. Returns where it or the last find ends. */
  #runs(start: number, stop: number): number {
    const bytes = this.#bytes;
    let i = start;
    while (i < stop) {
      const code = bytes[i] ?? 0;
      if (runMask[code] === 0) {
        const next = code === at || code === colon ? this.#mark(code, i) : i;
        i = next > i ? next : i + 1;
        continue;
      }
      const from = i;
      let marks = 0;
      for (; i < this.#end; i++) {
        const byte = bytes[i] ?? 0;
        if (runMask[byte] === 0) break;
        marks |= blockWeights[byte] ?? 0;
      }
      if (marks !== 0 || i - from >= longRun) i = this.#run(from, i);
    }
    return i;
  }

  /** A run without spaces that may hold something. Returns where it ends, or a find that reaches beyond. */
  #run(start: number, stop: number): number {
    const bytes = this.#bytes;
    if (this.#isCredentials(start, stop)) {
      const end = this.#hit(number.bearer, start, stop);
      if (end > start) return end;
    }
    let i = start;
    let before = 0;
    while (i < stop) {
      const code = bytes[i] ?? 0;
      const bits = classes[code] ?? 0;
      let next = i;
      if ((bits & letter) !== 0) {
        if ((before & wordByte) === 0 && wordStarts[(code << 8) | (bytes[i + 1] ?? 0)] === 1)
          next = this.#word(i, bits);
        if (next === i) while (++i < stop && ((classes[bytes[i] ?? 0] ?? 0) & letter) !== 0);
      } else if ((bits & digit) !== 0) {
        let last = i + 1;
        while (last < stop && ((classes[bytes[last] ?? 0] ?? 0) & digit) !== 0) last++;
        // All that begins with digits begins with three or more.
        if (last - i >= 3) next = this.#digits(i, last, before);
        if (next === i) i = last;
      } else {
        if (code === plus && (before & wordByte) === 0) next = this.#phone(i);
        else if (code === equals) next = this.#assignment(i);
        else if (code === dash && bytes[i + 1] === dash) next = this.#privateKey(i);
        if (next === i) i++;
      }
      before = bits;
      if (next > i) {
        i = next;
        before = 0;
      }
    }
    return i;
  }

  #hit(kind: number, start: number, end: number): number {
    // One that is switched off must not hide what others would find in the same place.
    if (end <= start || this.#rules[kind] === undefined) return start;
    this.starts[this.count] = start;
    this.ends[this.count] = end;
    this.kinds[this.count] = kind;
    this.count++;
    this.#floor = end;
    return end;
  }

  #word(i: number, bits: number): number {
    const bytes = this.#bytes;
    const end = this.#end;
    let next = this.#hit(number['api-key'], i, apiKeyEnd(bytes, i, end));
    if (next === i) next = this.#hit(number.jwt, i, jwtEnd(bytes, i, end));
    if (next === i && (bits & capital) !== 0) next = this.#hit(number.iban, i, ibanEnd(bytes, i, end));
    return next;
  }

  #digits(i: number, last: number, before: number): number {
    const bytes = this.#bytes;
    if (i > this.#floor && bytes[i - 1] === dot) return i;
    if ((before & wordByte) === 0 && last === i + 3) {
      const next = this.#hit(number.ssn, i, ssnEnd(bytes, i, this.#end));
      if (next > i) return next;
    }
    return this.#hit(number.card, i, cardEnd(bytes, i, this.#end));
  }

  #email(i: number): number {
    const start = emailStart(this.#bytes, i, this.#floor);
    if (start === i) return i;
    const end = emailEnd(this.#bytes, i, this.#end);
    return end > 0 && this.#hit(number.email, start, end) === end ? end : i;
  }

  #phone(i: number): number {
    return this.#hit(number.phone, i, phoneEnd(this.#bytes, i, this.#end));
  }

  #privateKey(i: number): number {
    return this.#hit(number['private-key'], i, privateKeyEnd(this.#bytes, i, this.#end));
  }

  /** At least 16 token characters with a digit among them, behind `Bearer` or `Basic`. */
  #isCredentials(start: number, stop: number): boolean {
    if (stop - start < 16 || !followsScheme(this.#bytes, start, this.#floor)) return false;
    if (isToken(this.#bytes, start, this.#end)) return false;
    for (let i = start; i < stop; i++) {
      if (((classes[this.#bytes[i] ?? 0] ?? 0) & digit) !== 0) return true;
    }
    return false;
  }

  #colon(i: number): number {
    const bytes = this.#bytes;
    if (i + 2 >= this.#end || bytes[i + 1] !== slash) return this.#member(i);
    if (bytes[i + 2] !== slash) return i;
    const end = userinfoEnd(bytes, i + 3, this.#end);
    return end > 0 && this.#hit(number['url-userinfo'], i + 3, end) === end ? end : i;
  }

  /** `password=…` and `password = …` up to a delimiter, in connection strings, logs and URLs within text. */
  #assignment(i: number): number {
    const bytes = this.#bytes;
    const end = this.#end;
    let nameEnd = i;
    while (nameEnd > this.#floor && i - nameEnd < mostSpaces && bytes[nameEnd - 1] === space) nameEnd--;
    if (bytes[nameEnd - 1] === 93 && nameEnd > this.#floor) nameEnd--;
    const lowest = Math.max(this.#floor, nameEnd - 40);
    let start = nameEnd;
    while (start > lowest && ((classes[bytes[start - 1] ?? 0] ?? 0) & wordByte) !== 0) start--;
    if (start === nameEnd) return i;
    let from = i + 1;
    // Without a space before the sign, one behind it says that there is no value.
    if (bytes[i - 1] === space) while (from < end && from - i <= mostSpaces && bytes[from] === space) from++;
    if (from < end && (bytes[from] === 34 || bytes[from] === 39)) from++;
    // The name comes first: a value is only walked over to be taken, so no byte is walked over twice.
    if (from >= end || this.#endsValue(from) || isToken(bytes, from, end)) return i;
    if (this.#names.find(bytes, start, nameEnd, false).rule === undefined) return i;
    let stop = from;
    while (stop < end && !this.#endsValue(stop)) stop++;
    return this.#hit(number.assignment, from, stop) === stop ? stop : i;
  }

  #endsValue(i: number): boolean {
    return ((classes[this.#bytes[i] ?? 0] ?? 0) & valueEnd) !== 0;
  }

  /** The value of `"password":…` in JSON that stands within a text. */
  #member(i: number): number {
    const bytes = this.#bytes;
    const name = memberName(bytes, i, this.#floor);
    if (name === undefined || this.#rules[number.assignment] === undefined) return i;
    if (this.#names.find(bytes, name.start, name.end, false).rule === undefined) return i;
    const value = memberValue(bytes, name.end, i, this.#end);
    if (value === undefined || value.start >= value.end || isToken(bytes, value.start, this.#end)) return i;
    return this.#hit(number.assignment, value.start, value.end);
  }
}
