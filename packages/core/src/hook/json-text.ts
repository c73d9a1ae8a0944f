import type { JsonValue } from '../model/json-value.ts';

/** What a JSON text may hold at most before it counts as unreadable. */
export interface JsonLimits {
  /** Nesting of arrays and objects. */
  readonly maxDepth: number;
  /** Values, names and commas together: what bounds the memory of the parsed form. */
  readonly maxTokens: number;
}

/** 128 levels, 1 million tokens. */
const defaultJsonLimits: JsonLimits = Object.freeze({ maxDepth: 128, maxTokens: 1_000_000 });

// A number that a double cannot hold stands in the parsed form as a string with this prefix, so that it is neither
// rounded nor taken for a string of the same digits. JSON texts that hold the prefix themselves are not read.
const exactPrefix = '\u0000number:';
const escapedPrefix = '\\u0000number:';

// One token: a string, a number, or a sign that nests. Strings first, so that what stands in them is skipped. Linear:
// each alternative begins with another character and none can match the empty text.
const tokens = /"(?:[^"\\]|\\.)*"|-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?|[{}[\],:]/gs;

// What a number looks like that a double might not hold; found in strings too, which only costs time.
const mayBeInexact = /[\d.]{16}|\d[eE][+-]?\d/;

/**
 * Reads a JSON text without rounding numbers and within limits of depth and size; undefined when it is not JSON or
 * beyond the limits.
 */
export function parseJsonText(text: string, limits: JsonLimits = defaultJsonLimits): JsonValue | undefined {
  if (text.includes(escapedPrefix)) return undefined;
  const simple = text.length <= limits.maxTokens && !mayBeInexact.test(text);
  const exact = simple
    ? isShallow(text, limits.maxDepth)
      ? text
      : undefined
    : withExactNumbers(text, limits);
  if (exact === undefined) return undefined;
  try {
    return JSON.parse(exact);
  } catch {
    return undefined;
  }
}

/** Whether brackets outside of strings nest no deeper than this. */
function isShallow(text: string, maxDepth: number): boolean {
  let depth = 0;
  let inString = false;
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code === 0x22) inString = !inString;
    else if (inString) {
      if (code === 0x5c) i++;
    } else if (code === 0x7b || code === 0x5b) {
      if (++depth > maxDepth) return false;
    } else if (code === 0x7d || code === 0x5d) depth--;
  }
  return true;
}

/** The text with numbers that a double cannot hold as marked strings; undefined beyond the limits. */
function withExactNumbers(text: string, limits: JsonLimits): string | undefined {
  let depth = 0;
  let count = 0;
  let from = 0;
  let exact = '';
  for (const match of text.matchAll(tokens)) {
    if (++count > limits.maxTokens) return undefined;
    const token = match[0];
    const first = token.charCodeAt(0);
    if (first === 0x7b || first === 0x5b) {
      if (++depth > limits.maxDepth) return undefined;
    } else if (first === 0x7d || first === 0x5d) depth--;
    else if ((first === 0x2d || (first >= 0x30 && first <= 0x39)) && !survives(token)) {
      exact += `${text.slice(from, match.index)}"${escapedPrefix}${token}"`;
      from = match.index + token.length;
    }
  }
  return from === 0 ? text : exact + text.slice(from);
}

/** The value with objects that inherit nothing, so that no name leads out of it. */
export function withoutPrototypes(value: JsonValue): JsonValue {
  if (value === null || typeof value !== 'object') return value;
  for (const member of Object.values(value)) withoutPrototypes(member);
  return Array.isArray(value) ? value : Object.setPrototypeOf(value, null);
}

/** The text of what {@link parseJsonText} read: numbers that were kept exact come out as they went in. */
export function printJsonText(value: JsonValue): string {
  return JSON.stringify(value).replace(/"\\u0000number:(-?\d[\d.eE+-]*)"/g, '$1');
}

/** Exact numbers as their plain digits: for people, and for reports. */
export function plainJson(value: unknown): unknown {
  if (typeof value === 'string')
    return value.startsWith(exactPrefix) ? value.slice(exactPrefix.length) : value;
  if (Array.isArray(value)) return value.map(plainJson);
  if (value === null || typeof value !== 'object') return value;
  const out: Record<string, unknown> = Object.create(null);
  for (const [name, member] of Object.entries(value)) out[name] = plainJson(member);
  return out;
}

/** Whether this is a number that was kept as digits. */
export function isExactNumber(value: unknown): boolean {
  return typeof value === 'string' && value.startsWith(exactPrefix);
}

/** Whether a double says the same number: `1.0` and `1e3` do, 2^53 + 1 and 1e400 do not. */
function survives(token: string): boolean {
  if (token.length <= 15) return !/[eE]/.test(token) || canonical(token) === canonical(String(Number(token)));
  return canonical(token) === canonical(String(Number(token)));
}

/** Sign, digits without zeros at either end, and the power of ten of the last digit. */
function canonical(token: string): string {
  const match = /^(-?)(\d+)(?:\.(\d+))?(?:[eE]([+-]?\d+))?$/.exec(token);
  if (match === null) return token;
  const [, sign = '', whole = '', fraction = '', power = '0'] = match;
  const digits = (whole + fraction).replace(/^0+/, '');
  const kept = digits.replace(/0+$/, '');
  if (kept === '') return '0';
  return `${sign}${kept}e${Number(power) - fraction.length + digits.length - kept.length}`;
}
