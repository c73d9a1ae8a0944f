import { createHash } from 'node:crypto';
import { looksLikeCard, luhnDigit, passesLuhnText } from './checksums.ts';
import { tokenType } from './tokens.ts';

const longestNumber = 4096;
/** `mk_<type>_` and the 64 bits that tokens of every length have in common. */
const tokenStart = /^mk_[a-z][a-z0-9-]{0,31}_[\w-]{11}/;

/**
 * The number that stands in JSON for a value whose token is `token`: as many digits as `like` has, its sign and its
 * decimal point, no leading zero and no exponent. Digit `i` is byte `i` of the SHA-256 of the token's beginning, modulo
 * 10, so whoever has the token of a text can tell whether a number stands for the same value, without the key.
 *
 * @param card - `like` is a number of a payment card: the digits pass the Luhn check and begin with 9, which no issuer has
 */
export function numberOfToken(token: string, like: string, card: boolean): string {
  const hasExponent = /[eE]/.test(like);
  const length = Math.min(like.length, longestNumber);
  const random = digitStream(token, length);
  let digits = 0;
  let out = '';
  for (let i = 0; i < length; i++) {
    const char = like[i] ?? '';
    if (char === '-' && i === 0) out += char;
    else if (char === '.' && !hasExponent) out += char;
    else {
      const byte = random[digits] ?? 0;
      const leads = digits === 0 && i + 1 < length && (hasExponent || like[i + 1] !== '.');
      out += leads ? 1 + (byte % 9) : byte % 10;
      digits++;
    }
  }
  if (card) return luhnCard(out);
  // By chance one in twenty numbers of this length would look like one of a card, to scanners too.
  if (digits < 13 || digits > 19 || !looksLikeCard(out)) return out;
  return out.slice(0, -1) + ((Number(out.at(-1)) + 1) % 10);
}

/** Whether a masked number of JSON stands for the same value as this token. Of short numbers, by chance it may. */
export function isNumberOfToken(token: string, number: string): boolean {
  if (tokenType(token) === undefined || !/^-?\d+(?:\.\d+)?$/.test(number)) return false;
  return (
    number === numberOfToken(token, number, false) ||
    (tokenType(token) === 'card' && number === numberOfToken(token, number, true))
  );
}

/** The digits, with 9 in front and the last one such that the whole passes the Luhn check. */
export function luhnCard(text: string): string {
  const first = text.search(/\d/);
  let last = text.length - 1;
  while (last > first && !isDigit(text.charCodeAt(last))) last--;
  if (last <= first) return text;
  const body = `${text.slice(0, first)}9${text.slice(first + 1, last)}`;
  return body + luhnDigit(body) + text.slice(last + 1);
}

export function isLuhnNumber(text: string): boolean {
  return /^\d{12,19}$/.test(text) && passesLuhnText(text);
}

function isDigit(code: number): boolean {
  return code >= 48 && code <= 57;
}

function digitStream(token: string, length: number): Buffer {
  const start = tokenStart.exec(token)?.[0] ?? token;
  const blocks: Buffer[] = [];
  for (let block = 0; block * 32 < length; block++) {
    blocks.push(
      createHash('sha256')
        .update(block === 0 ? start : `${start} ${block}`)
        .digest(),
    );
  }
  return Buffer.concat(blocks, length);
}
