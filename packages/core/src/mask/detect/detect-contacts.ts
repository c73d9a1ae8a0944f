// Email addresses and telephone numbers.
import { classes, dash, digit, dot, emailLocal, letter, slash, space, wordByte } from './byte-classes.ts';

function is(bytes: Uint8Array, i: number, end: number, mask: number): boolean {
  return i < end && ((classes[bytes[i] ?? 0] ?? 0) & mask) !== 0;
}

/** Where the address begins whose sign is at `i`: at most 64 bytes before it; `i` when there is nothing before it. */
export function emailStart(bytes: Uint8Array, i: number, floor: number): number {
  const lowest = Math.max(floor, i - 64);
  let start = i;
  while (start > lowest && is(bytes, start - 1, i, emailLocal)) start--;
  // What is quoting or a path around an address is not part of it.
  while (start < i && !is(bytes, start, i, wordByte) && (bytes[start] ?? 0) < 128) start++;
  return start;
}

/** Where its domain ends, the last label of which is letters; 0 when there is none. */
export function emailEnd(bytes: Uint8Array, i: number, end: number): number {
  let p = i + 1;
  let label = p;
  let good = 0;
  const highest = Math.min(end, i + 254);
  while (p < highest) {
    const code = bytes[p] ?? 0;
    if (code === dot) {
      if (p === label) break;
      label = p + 1;
    } else if ((((classes[code] ?? 0) & wordByte) === 0 && code < 128) || code === 95) break;
    p++;
    const mayEnd = label > i + 1 && p - label >= 2 && !is(bytes, p, end, letter);
    if (mayEnd && isTopLevel(bytes, label, p, end)) good = p;
  }
  return good;
}

function isTopLevel(bytes: Uint8Array, start: number, stop: number, end: number): boolean {
  if (stop - start > 24) return false;
  for (let i = start; i < stop; i++) if (!is(bytes, i, end, letter)) return false;
  // What goes on behind a dash or an underscore may be another word.
  return !is(bytes, stop, end, digit);
}

/**
 * Where the telephone number ends whose plus is at `i`: a digit from 1 to 9, 8 to 15 digits in all, with single spaces,
 * dots, dashes or one pair of brackets. Groups behind it that are too much for one number are not of it. 0 when there is none.
 */
export function phoneEnd(bytes: Uint8Array, i: number, end: number): number {
  let digits = 0;
  let p = i + 1;
  let last = i;
  /** The end of the shortest number of whole groups. */
  let whole = 0;
  if (!is(bytes, p, end, digit) || bytes[p] === 48) return 0;
  while (p < end && p < i + 32) {
    if (is(bytes, p, end, digit)) {
      if (++digits > 15) return whole;
      last = ++p;
    } else if (isPhoneGap(bytes, p, end)) {
      if (digits >= 8 && whole === 0) whole = last;
      p++;
    } else break;
  }
  return digits >= 8 && !is(bytes, last, end, letter) ? last : whole;
}

function isPhoneGap(bytes: Uint8Array, p: number, end: number): boolean {
  const code = bytes[p];
  const isGap =
    code === space || code === dot || code === dash || code === slash || code === 40 || code === 41;
  if (!isGap || p + 1 >= end) return false;
  const next = bytes[p + 1];
  return is(bytes, p + 1, end, digit) || next === 40 || (next === space && code === 41);
}
