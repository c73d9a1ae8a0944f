import { classes, dash, digit, space, valueEnd, wordByte } from './byte-classes.ts';

const backslash = 92;
const doubleQuote = 34;
const singleQuote = 39;

/** A part of some bytes. */
export interface Range {
  readonly start: number;
  readonly end: number;
}

/**
 * The name in `"name":` that ends at this colon, where JSON stands within a text; its quotes may be escaped. Nothing
 * before `floor` is looked at, and a name is at most 40 bytes long.
 */
export function memberName(bytes: Uint8Array, colon: number, floor: number): Range | undefined {
  let quote = colon - 1;
  while (quote > floor && colon - quote < 4 && bytes[quote] === space) quote--;
  const mark = bytes[quote];
  if (quote <= floor || (mark !== doubleQuote && mark !== singleQuote)) return undefined;
  let end = quote;
  while (end > floor && bytes[end - 1] === backslash) end--;
  let start = end;
  while (start > floor && end - start < 40 && is(bytes, start - 1, wordByte)) start--;
  return start === end || start === floor || bytes[start - 1] !== mark ? undefined : { start, end };
}

/**
 * The value after this colon, whose name ends at `nameEnd`: what is in its quotes, a number, or a list or object whole.
 * What is cut reaches to the end. `true`, `false` and `null` tell nothing.
 */
export function memberValue(
  bytes: Uint8Array,
  nameEnd: number,
  colon: number,
  end: number,
): Range | undefined {
  let escapes = 0;
  while (bytes[nameEnd + escapes] === backslash) escapes++;
  let from = colon + 1;
  while (from < colon + 9 && bytes[from] === space) from++;
  if (bytes[from] === 0x7b || bytes[from] === 0x5b) {
    return { start: from, end: bracketEnd(bytes, from, end) };
  }
  const open = from + escapes;
  const mark = open < end ? bytes[open] : undefined;
  if (mark === doubleQuote || mark === singleQuote) {
    return { start: open + 1, end: stringEnd(bytes, open + 1, end, mark, escapes) };
  }
  if (from >= end || !(is(bytes, from, digit) || bytes[from] === dash)) return undefined;
  let stop = from;
  while (stop < end && !is(bytes, stop, valueEnd)) stop++;
  return { start: from, end: stop };
}

/** Where a string ends whose quotes have this many backslashes before them. */
function stringEnd(bytes: Uint8Array, from: number, end: number, mark: number, escapes: number): number {
  let backslashes = 0;
  for (let p = from; p < end; p++) {
    const code = bytes[p];
    if (code === mark && backslashes % (2 * (escapes + 1)) === escapes) return p - escapes;
    backslashes = code === backslash ? backslashes + 1 : 0;
  }
  return end;
}

/** Brackets within strings count too, which may take more than the value. */
function bracketEnd(bytes: Uint8Array, from: number, end: number): number {
  let depth = 0;
  for (let p = from; p < end; p++) {
    const code = bytes[p];
    if (code === 0x7b || code === 0x5b) depth++;
    else if ((code === 0x7d || code === 0x5d) && --depth === 0) return p + 1;
  }
  return end;
}

function is(bytes: Uint8Array, i: number, mask: number): boolean {
  return ((classes[bytes[i] ?? 0] ?? 0) & mask) !== 0;
}
