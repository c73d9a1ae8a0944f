/**
 * What a byte adds to the count of a string: digits in the lowest byte of the sum, `@`, `=` and `+` in the second, `.`, `:`
 * and `-` in the third. Negative for a byte that ends the run: quote, backslash, control.
 */
export const stringWeights: Int32Array = new Int32Array(256);
stringWeights.fill(-1, 0, 0x20);
stringWeights.fill(1, 0x30, 0x3a);
for (const char of '"\\') stringWeights[char.charCodeAt(0)] = -1;
for (const char of '@=+') stringWeights[char.charCodeAt(0)] = 1 << 8;
for (const char of '.:-') stringWeights[char.charCodeAt(0)] = 1 << 16;
/** Shorter strings hold nothing for a detector unless their sum says so: the shortest key is of 15. */
const longEnough = 15;

/** Whether a string of this length and sum can hold what a detector looks for, or be of a structure. */
export function isNoteworthy(sum: number, length: number): boolean {
  return (
    length >= longEnough || (length >= 6 && ((sum & 0xff00) !== 0 || (sum & 0xff) >= 8 || sum > 0x1ffff))
  );
}

/** Whether a string of this length and sum can hold one of `@`, `=` and `+`. */
export function hasMarks(sum: number, length: number): boolean {
  // So many might have run over into the next byte of the sum.
  return (sum & 0xff00) !== 0 || length > 255;
}

export const quote = 0x22;
export const backslash = 0x5c;
export const comma = 0x2c;
export const colon = 0x3a;
export const openBrace = 0x7b;
export const closeBrace = 0x7d;
export const openBracket = 0x5b;
export const closeBracket = 0x5d;

/** The first byte at or after `i` that is no JSON white space. */
export function skipSpace(bytes: Uint8Array, i: number, end: number): number {
  let at = i;
  while (at < end) {
    const code = bytes[at];
    if (code !== 0x20 && code !== 0x0a && code !== 0x0d && code !== 0x09) break;
    at++;
  }
  return at;
}

/** Where the escape that begins with the backslash at `i` ends; -1 when JSON has no such escape. */
export function skipEscape(bytes: Uint8Array, i: number, end: number): number {
  if (i + 1 >= end) return -1;
  switch (bytes[i + 1]) {
    case 0x22:
    case 0x5c:
    case 0x2f:
    case 0x62:
    case 0x66:
    case 0x6e:
    case 0x72:
    case 0x74:
      return i + 2;
    case 0x75: {
      if (i + 6 > end) return -1;
      for (let k = i + 2; k < i + 6; k++) if (!isHex(bytes[k] ?? 0)) return -1;
      return i + 6;
    }
    default:
      return -1;
  }
}

function isHex(code: number): boolean {
  return (code >= 0x30 && code <= 0x39) || (code >= 0x41 && code <= 0x46) || (code >= 0x61 && code <= 0x66);
}

function isDigit(code: number | undefined): boolean {
  return code !== undefined && code >= 0x30 && code <= 0x39;
}

/** Where the number at `i` ends; -1 when there is none. Bytes after it are the caller's to judge. */
export function skipNumber(bytes: Uint8Array, i: number, end: number): number {
  let at = bytes[i] === 0x2d ? i + 1 : i;
  if (at >= end) return -1;
  if (bytes[at] === 0x30) at++;
  else if (isDigit(bytes[at])) while (at < end && isDigit(bytes[at])) at++;
  else return -1;
  if (at < end && bytes[at] === 0x2e) {
    const first = at + 1;
    at = first;
    while (at < end && isDigit(bytes[at])) at++;
    if (at === first) return -1;
  }
  if (at < end && (bytes[at] === 0x65 || bytes[at] === 0x45)) {
    at++;
    if (at < end && (bytes[at] === 0x2b || bytes[at] === 0x2d)) at++;
    const first = at;
    while (at < end && isDigit(bytes[at])) at++;
    if (at === first) return -1;
  }
  return at;
}

/** Where `true`, `false` or `null` at `i` ends; -1 when none is there. */
export function skipLiteral(bytes: Uint8Array, i: number, end: number): number {
  const code = bytes[i];
  const length = code === 0x66 ? 5 : 4;
  if (i + length > end) return -1;
  if (code === 0x74)
    return bytes[i + 1] === 0x72 && bytes[i + 2] === 0x75 && bytes[i + 3] === 0x65 ? i + 4 : -1;
  if (code === 0x6e)
    return bytes[i + 1] === 0x75 && bytes[i + 2] === 0x6c && bytes[i + 3] === 0x6c ? i + 4 : -1;
  if (code !== 0x66) return -1;
  return bytes[i + 1] === 0x61 && bytes[i + 2] === 0x6c && bytes[i + 3] === 0x73 && bytes[i + 4] === 0x65
    ? i + 5
    : -1;
}

/** The text of the string whose inside is `bytes[start..end)`. */
export function stringText(bytes: Buffer, start: number, end: number, escaped: boolean): string {
  const raw = bytes.toString('utf8', start, end);
  if (!escaped) return raw;
  const text: unknown = JSON.parse(`"${raw}"`);
  return typeof text === 'string' ? text : raw;
}

const plain = /^[\w .@+*[\]-]*$/;

/** The inside of a JSON string that stands for `text`. */
export function stringInside(text: string): string {
  return plain.test(text) ? text : JSON.stringify(text).slice(1, -1);
}
