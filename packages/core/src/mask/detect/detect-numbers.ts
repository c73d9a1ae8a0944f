// Numbers that people are given: cards, accounts, social security. Each function says where the find that begins at `i`
// ends, or 0 when there is none.

import { ibanLength, isCardNumber, passesMod97 } from '../value/checksums.ts';
import { capital, classes, dash, digit, dot, letter, space, wordByte } from './byte-classes.ts';

const scratch = new Uint8Array(64);

function is(bytes: Uint8Array, i: number, end: number, mask: number): boolean {
  return i < end && ((classes[bytes[i] ?? 0] ?? 0) & mask) !== 0;
}

function at(bytes: Uint8Array, i: number, end: number): number {
  return i < end ? (bytes[i] ?? 0) : 0;
}

/** 13 to 19 digits in groups of three or more with single spaces or dashes; issuer and Luhn must fit. */
export function cardEnd(bytes: Uint8Array, i: number, end: number): number {
  const first = at(bytes, i, end);
  if (first < 50 || first > 54) return 0;
  let length = 0;
  let group = 0;
  let p = i;
  let found = 0;
  for (;;) {
    if (is(bytes, p, end, digit)) {
      if (length === 19) return found;
      scratch[length++] = (bytes[p++] ?? 0) - 48;
      group++;
      continue;
    }
    const next = at(bytes, p, end);
    const ended = group >= 3 && !(next === dot && is(bytes, p + 1, end, digit));
    if (ended && isCardNumber(scratch, length)) found = p;
    if (group < 3 || (next !== space && next !== dash) || !is(bytes, p + 1, end, digit)) return found;
    group = 0;
    p++;
  }
}

/** Three, two and four digits with dashes; no area that is never given out. */
export function ssnEnd(bytes: Uint8Array, i: number, end: number): number {
  if (i + 11 > end || bytes[i + 3] !== dash || bytes[i + 6] !== dash) return 0;
  for (let k = 0; k < 11; k++) if (k !== 3 && k !== 6 && !is(bytes, i + k, end, digit)) return 0;
  if (is(bytes, i + 11, end, wordByte)) return 0;
  const area = (bytes[i] ?? 0) * 100 + (bytes[i + 1] ?? 0) * 10 + (bytes[i + 2] ?? 0) - 48 * 111;
  return area === 0 || area === 666 || area >= 900 ? 0 : i + 11;
}

/** By country, length and checksum (ISO 13616), with single spaces anywhere. */
export function ibanEnd(bytes: Uint8Array, i: number, end: number): number {
  if (!is(bytes, i + 2, end, digit) || !is(bytes, i + 3, end, digit)) return 0;
  if (!is(bytes, i, end, capital) || !is(bytes, i + 1, end, capital)) return 0;
  const wanted = ibanLength(bytes[i] ?? 0, bytes[i + 1] ?? 0);
  if (wanted === 0) return 0;
  let length = 0;
  let p = i;
  while (length < wanted) {
    if (is(bytes, p, end, digit | capital)) scratch[length++] = bytes[p] ?? 0;
    else if (at(bytes, p, end) !== space || !is(bytes, p + 1, end, digit | capital)) return 0;
    p++;
  }
  return is(bytes, p, end, digit | letter) || !passesMod97(scratch, wanted) ? 0 : p;
}
