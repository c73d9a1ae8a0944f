import { tokenType } from '../mask/value/tokens.ts';

/**
 * How surely a value that stands in two places came from the one to the other.
 *
 * - `strong`: so many values look like it that it hardly comes up twice by chance: a random id, a token
 * - `weak`: may come up twice by chance, so that several of them must agree: a number of 6 to 8 digits
 * - `none`: says nothing: short and small values, words, dates, times, amounts
 */
export type Strength = 'none' | 'weak' | 'strong';

const longest = 8_192;
const shortest = 6;
const shortestStrong = 8;
const uuid = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;
const decimal = /^[-+]?\d+(?:\.\d*)?(?:[eE][-+]?\d+)?$/;
const date = /^(?:19|20)\d\d(-?)[01]\d\1[0-3]\d(?:[T_]|$)/;
/** Letters that may be a word, perhaps with a small number: `east`, `http2`, `v12`, `2nd`, `orderItem`. */
const word = /^(?:[A-Z]?[a-z]{0,15}(?:[A-Z][a-z]{2,15}){0,3}|[A-Z]{1,15})\d{0,4}$|^\d{1,4}[a-z]{0,3}$/;

/** How much a value says about where it came from. */
export function strengthOf(text: string): Strength {
  if (text.length < shortest || text.length > longest || /[\s\0]/.test(text)) return 'none';
  if (tokenType(text) !== undefined || uuid.test(text)) return 'strong';
  if (date.test(text)) return 'none';
  if (/^\d+$/.test(text)) return numberStrength(text);
  if (decimal.test(text) || !/[A-Za-z0-9]{4}/.test(text)) return 'none';
  // `us-east-1`, `order-2026-01`, `application/json`, `jo.doe@shop.example`: all of it words.
  if (text.split(/[^A-Za-z0-9]+/, 64).every((piece) => word.test(piece))) return 'none';
  return text.length < shortestStrong ? 'weak' : 'strong';
}

/** Of whole numbers; those that may be seconds, milliseconds or microseconds since 1970 are times. */
function numberStrength(digits: string): Strength {
  if (digits.startsWith('1') && [10, 13, 16].includes(digits.length)) return 'none';
  const different = new Set(digits).size;
  if (different < 3) return 'none';
  return digits.length > 8 && different > 3 ? 'strong' : 'weak';
}
