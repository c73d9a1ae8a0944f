// Bytes as the detectors look at them: what each can be part of, and the few that have names.

/** Classes of bytes, as bits. */
export const letter = 1;
export const digit = 2;
export const joiner = 4;
export const trigger = 8;
export const capital = 16;
export const emailLocal = 32;
export const valueEnd = 64;
export const hex = 128;
export const wordByte: number = letter | digit | joiner;

export const classes: Uint8Array = new Uint8Array(256);
for (let code = 0; code < 128; code++) {
  const char = String.fromCharCode(code);
  let bits = 0;
  if (/[A-Za-z]/.test(char)) bits |= letter;
  if (/[A-Z]/.test(char)) bits |= capital;
  if (/[0-9]/.test(char)) bits |= digit;
  if (/[_-]/.test(char)) bits |= joiner;
  if (/[@+:=-]/.test(char)) bits |= trigger;
  if (/[\w.+%'~-]/.test(char)) bits |= emailLocal;
  if (/[\s&;"'<>,(){}[\]|\\^`]/.test(char)) bits |= valueEnd;
  if (/[0-9a-fA-F]/.test(char)) bits |= hex;
  classes[code] = bits;
}
// Addresses may be international.
classes.fill(emailLocal, 128);

export const at = 64;
export const plus = 43;
export const dash = 45;
export const dot = 46;
export const colon = 58;
export const slash = 47;
export const equals = 61;
export const space = 32;

/** What a token of an Authorization header can hold besides word bytes (RFC 7235). */
export function isTokenMark(code: number): boolean {
  return code === dot || code === 126 || code === plus || code === slash || code === equals;
}
