import type { FormatKind } from '../policy/policy.ts';
import { canonicalIp, canonicalNumber, canonicalValue, isUuid } from './canonical.ts';
import { luhnDigit } from './checksums.ts';
import { smallestDomain } from './ff1.ts';
import { luhnCard } from './token-number.ts';
import { type Tokens, tokenType } from './tokens.ts';

const longestRandom = 4096;
/** Longer texts are no ids. */
const longestInjective = 128;
const emailHost = '@masked.invalid';

/** Keeps the look of a value: letters become letters and digits digits, by the key. */
export class Formatter {
  readonly #tokens: Tokens;

  constructor(tokens: Tokens) {
    this.#tokens = tokens;
  }

  text(type: string, given: FormatKind | undefined, text: string): string {
    const kind = given ?? guessKind(text);
    if (kind === 'email') return this.#email(text);
    const canonical = canonicalOf(kind, text);
    const random = this.#tokens.bytes(
      type,
      kind,
      canonical,
      Math.max(32, Math.min(text.length, longestRandom)),
    );
    switch (kind) {
      case 'ip':
        return text.includes(':')
          ? `2001:db8::${random.toString('hex', 0, 2)}:${random.toString('hex', 2, 4)}`
          : `10.${random[0]}.${random[1]}.${random[2]}`;
      case 'uuid':
        return maskedUuid(text, random);
      case 'card':
        return luhnCard(maskedCharacters(text, random));
      default:
        return maskedCharacters(text, random);
    }
  }

  /**
   * The same such that different values stay different: the permutation FF1, which the holder of the key can undo.
   * Undefined for a value of which there are fewer than 1,000,000 of its look, or that FF1 has no numerals for.
   */
  injective(type: string, given: FormatKind | undefined, text: string): string | undefined {
    const kind = given ?? guessKind(text);
    if (kind === 'email') return this.#email(text);
    if (kind === 'ip' || text.length > longestInjective) return undefined;
    if (kind === 'uuid') return this.#permutedUuid(type, text);
    if (kind === 'card') return this.#permutedCard(type, text);
    return this.#permuted(type, text);
  }

  #email(text: string): string {
    const marked = text.endsWith(emailHost) ? text.slice(0, -emailHost.length) : '';
    if (tokenType(marked) === 'email') return text;
    return this.#tokens.token('email', text) + emailHost;
  }

  /**
   * What the text is made of is a number in the mixed radix of its characters, 10 for digits and 26 for letters. Where
   * all are of one radix FF1 permutes the numerals; else the bits of the number, again and again until the number is in
   * range: a permutation of a set, walked until it is back in a part of that set, is one of the part.
   */
  #permuted(type: string, text: string): string | undefined {
    const places: { readonly at: number; readonly base: number; readonly radix: number }[] = [];
    for (let at = 0; at < text.length; at++) {
      const code = text.charCodeAt(at);
      if (code > 127) return undefined;
      const base = baseOf(code);
      if (base > 0) places.push({ at, base, radix: base === 48 ? 10 : 26 });
    }
    // Zeros in front stay, and there come no others: a number keeps its length.
    if (places.every(({ radix }) => radix === 10)) {
      while (places.length > 1 && text[places[0]?.at ?? 0] === '0') places.shift();
    }
    const radices = places.map(({ radix }) => radix);
    const numerals = places.map(({ at, base }) => text.charCodeAt(at) - base);
    const permuted = this.#walk(type, numerals, radices);
    if (permuted === undefined) return undefined;
    const chars = [...text];
    for (const [i, { at, base }] of places.entries()) {
      chars[at] = String.fromCharCode(base + (permuted[i] ?? 0));
    }
    return chars.join('');
  }

  #walk(type: string, numerals: number[], radices: readonly number[]): number[] | undefined {
    const size = radices.reduce((product, radix) => product * BigInt(radix), 1n);
    if (size < smallestDomain) return undefined;
    const permutation = this.#tokens.permutation(type);
    const [first = 0] = radices;
    if (radices.every((radix) => radix === first)) {
      let permuted = numerals;
      do permuted = permutation.encrypt(permuted, first);
      while (first === 10 && permuted[0] === 0);
      return permuted;
    }
    const bits = (size - 1n).toString(2).length;
    let number = 0n;
    for (const [i, radix] of radices.entries()) number = number * BigInt(radix) + BigInt(numerals[i] ?? 0);
    do {
      const digits = Array.from(number.toString(2).padStart(bits, '0'), Number);
      number = BigInt(`0b${permutation.encrypt(digits, 2).join('')}`);
    } while (number >= size);
    const permuted: number[] = [];
    for (let i = radices.length - 1; i >= 0; i--) {
      const radix = BigInt(radices[i] ?? 1);
      permuted[i] = Number(number % radix);
      number /= radix;
    }
    return permuted;
  }

  /** All but the digits of version and variant. */
  #permutedUuid(type: string, text: string): string | undefined {
    if (!isUuid(text)) return undefined;
    const hex = text.replaceAll('-', '').toLowerCase();
    const numerals = Array.from(hex.slice(0, 12) + hex.slice(13, 16) + hex.slice(17), (digit) =>
      Number.parseInt(digit, 16),
    );
    const permuted = this.#tokens
      .permutation(type)
      .encrypt(numerals, 16)
      .map((numeral) => numeral.toString(16))
      .join('');
    return dashed(permuted.slice(0, 12) + hex[12] + permuted.slice(12, 15) + hex[16] + permuted.slice(15));
  }

  /** All but the last digit, which is then as right or as wrong as it was: two numbers do not meet for it. */
  #permutedCard(type: string, text: string): string | undefined {
    let last = text.length - 1;
    while (last >= 0 && baseOf(text.charCodeAt(last)) !== 48) last--;
    if (last < 0) return undefined;
    const body = text.slice(0, last);
    const permuted = this.#permuted(type, body);
    if (permuted === undefined) return undefined;
    const error = 10 + Number(text[last]) - luhnDigit(body);
    return permuted + ((luhnDigit(permuted) + error) % 10) + text.slice(last + 1);
  }
}

export function guessKind(text: string): FormatKind {
  if (text.includes('@')) return 'email';
  if (isUuid(text)) return 'uuid';
  return canonicalIp(text) === undefined ? 'alnum' : 'ip';
}

/** Two spellings of one value get one look. */
function canonicalOf(kind: FormatKind, text: string): string {
  if (kind === 'digits' || kind === 'phone' || kind === 'card') return text.replace(/[^0-9A-Za-z]/g, '');
  return kind === 'alnum' ? canonicalNumber(text) : canonicalValue(kind, text.trim());
}

/** The code of the first character of a digit's or letter's kind; 0 for any other character. */
function baseOf(code: number): number {
  if (code >= 48 && code <= 57) return 48;
  if (code >= 65 && code <= 90) return 65;
  return code >= 97 && code <= 122 ? 97 : 0;
}

/**
 * Digits to digits, letters to letters of the same case, and what is not ASCII to `x`. The first digit of a text that
 * does not begin with 0 is not 0, so that a number in a text and the same one in JSON come out alike.
 */
function maskedCharacters(text: string, random: Buffer): string {
  let out = '';
  let replaced = 0;
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    const base = baseOf(code);
    if (base === 0) {
      out += code < 128 ? text[i] : 'x';
      continue;
    }
    const byte = random[replaced % random.length] ?? 0;
    const leads = replaced === 0 && code > 48 && base === 48;
    out += String.fromCharCode(leads ? 49 + (byte % 9) : base + (byte % (base === 48 ? 10 : 26)));
    replaced++;
  }
  return out;
}

/** A UUID keeps its version and variant; any other text becomes one of version 4. */
function maskedUuid(text: string, random: Buffer): string {
  const hex = random.toString('hex', 0, 16);
  const [version, variant] = isUuid(text) ? [text.charAt(14), text.charAt(19).toLowerCase()] : ['4', 'a'];
  return dashed(hex.slice(0, 12) + version + hex.slice(13, 16) + variant + hex.slice(17));
}

function dashed(hex: string): string {
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`;
}
