import { isExactNumber } from '../hook/json-text.ts';

const yearMs = 366 * 86_400_000;
// Longer texts have no class: so no pattern takes long, whatever it is given.
const maxClassed = 2_048;

const months = 'Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec';

/** What differs between any two runs, wherever it stands in a text. */
const classes: readonly (readonly [name: string, pattern: RegExp])[] = [
  ['time', /\b\d{4}-\d\d-\d\d[T ]\d\d:\d\d(?::\d\d(?:[.,]\d{1,9})?)?(?:Z|[+-]\d\d:?\d\d)?(?![\d:])/g],
  [
    'time',
    new RegExp(
      `\\b(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun), \\d\\d[ -](?:${months})[ -]\\d{4} \\d\\d:\\d\\d:\\d\\d GMT`,
      'g',
    ),
  ],
  ['uuid', /(?<![\w-])[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}(?![\w-])/g],
  ['jwt', /(?<![\w-])eyJ[\w-]{4,}\.[\w-]{2,}\.[\w-]*/g],
  ['ulid', /(?<![\w-])[0-7][0-9A-HJKMNP-TV-Z]{25}(?![\w-])/g],
  // Digits alone are more often a number of something than a random id.
  ['hex', /(?<![\w-])(?=\d{0,200}[a-f])[0-9a-f]{16,}(?![\w-])/g],
  ['hex', /(?<![\w-])(?=\d{0,200}[A-F])[0-9A-F]{16,}(?![\w-])/g],
];

/**
 * The text with everything that differs between any two runs replaced by the name of its class: times, UUIDs, ULIDs,
 * JWTs, hexadecimal ids of 16 digits and more. Two texts with the same skeleton say the same but for those.
 */
export function skeletonOf(text: string): string {
  if (text.length > maxClassed) return text;
  let out = text;
  for (const [name, pattern] of classes) out = out.replace(pattern, `\u0000${name}\u0000`);
  return out;
}

/** Whether two values are of one class whose values differ between any two runs. */
export function sameChangingClass(recorded: unknown, replayed: unknown, nowMs: number): boolean {
  if (typeof recorded !== typeof replayed) return false;
  if (isEpoch(recorded, nowMs) && isEpoch(replayed, nowMs)) return true;
  if (typeof recorded !== 'string' || typeof replayed !== 'string' || isExactNumber(recorded)) return false;
  const skeleton = skeletonOf(recorded);
  return skeleton !== recorded && skeleton === skeletonOf(replayed);
}

/** Seconds or milliseconds since 1970, within a year of now: a captured time, and not some count. */
function isEpoch(value: unknown, nowMs: number): boolean {
  const text = typeof value === 'number' ? String(value) : value;
  if (typeof text !== 'string') return false;
  if (/^\d{10}(?:\.\d{1,9})?$/.test(text)) return Math.abs(Number(text) * 1_000 - nowMs) < yearMs;
  return /^\d{13}$/.test(text) && Math.abs(Number(text) - nowMs) < yearMs;
}
