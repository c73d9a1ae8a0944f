import { policyError, show } from './policy-error.ts';

/** One step of a JSON path: a member by name, any member or element, an element by index; `deep` after `..`. */
export interface JsonStep {
  readonly name: string | undefined;
  readonly index: number | undefined;
  readonly deep: boolean;
}
export type JsonPath = readonly JsonStep[];

/** Segments of a path: text, or undefined for any; `masked` are those that the selector points at. */
export interface PathTemplate {
  readonly segments: readonly { readonly text: string | undefined; readonly masked: boolean }[];
  /** Ends in `**`: more segments may follow. */
  readonly open: boolean;
}

const stepPattern =
  /(\.\.|\.)?(?:([\p{L}\p{N}_$-]+)|(\*)|\[(\*)\]|\[(\d{1,9})\]|\['([^'\\]{1,256})'\]|\["([^"\\]{1,256})"\])/uy;
const mostSteps = 24;

/** Reads `$.a.b`, `$.items[*].x`, `$..password`, `$['a b']`. */
export function parseJsonPath(text: string, where: string): JsonPath {
  const steps: JsonStep[] = [];
  if (!text.startsWith('$')) throw policyError(where, `a JSON path begins with $, found ${show(text)}`);
  stepPattern.lastIndex = 1;
  while (stepPattern.lastIndex < text.length) {
    const at = stepPattern.lastIndex;
    const match = stepPattern.exec(text);
    const [, dots, name, star, starInBrackets, index, single, double] = match ?? [];
    const bracketed = name === undefined && star === undefined;
    if (match === null || (bracketed ? dots === '.' : dots === undefined)) {
      throw policyError(where, `cannot read the JSON path ${show(text)} from character ${at + 1}`);
    }
    const any = star !== undefined || starInBrackets !== undefined;
    steps.push({
      name: any ? undefined : (name ?? single ?? double),
      index: index === undefined ? undefined : Number(index),
      deep: dots === '..',
    });
  }
  if (steps.length === 0 || steps.length > mostSteps) {
    throw policyError(
      where,
      `a JSON path has 1 to ${mostSteps} steps, found ${steps.length} in ${show(text)}`,
    );
  }
  return steps;
}

/** Reads `/users/:email/orders/**`: the segments named with a colon are masked. */
export function parsePathTemplate(text: string, where: string): PathTemplate {
  if (!text.startsWith('/')) throw policyError(where, `a path begins with /, found ${show(text)}`);
  const parts = text.slice(1).split('/');
  const open = parts.at(-1) === '**';
  if (open) parts.pop();
  const segments = parts.map((part) => {
    if (part === '**') throw policyError(where, `** may only stand at the end, found ${show(text)}`);
    if (/^:[A-Za-z]\w*$/.test(part)) return { text: undefined, masked: true };
    if (part === '*') return { text: undefined, masked: false };
    if (/[:*]/.test(part)) throw policyError(where, `cannot read the segment ${show(part)} of ${show(text)}`);
    return { text: part, masked: false };
  });
  if (!segments.some((segment) => segment.masked)) {
    throw policyError(where, `no segment of ${show(text)} is named with a colon, so it would mask nothing`);
  }
  return { segments, open };
}

/** A pattern with `*` for any characters, as an expression that takes linear time; without case. */
export function globPattern(text: string, where: string): RegExp {
  if (text === '' || text.length > 256) throw policyError(where, 'expected 1 to 256 characters');
  if ((text.match(/\*/g) ?? []).length > 2) {
    throw policyError(where, `at most two * can stand in a pattern, found ${show(text)}`);
  }
  return new RegExp(`^${text.split('*').map(escapeRegExp).join('.*?')}$`, 'is');
}

/**
 * A path pattern of `when`: `*` and `:name` stand for one segment, one `**` for any number. As routers do by default, a
 * slash at the end and the case of letters make no other path: else clients could choose which rules are for them.
 */
export function pathPattern(text: string, where: string): RegExp {
  if (!text.startsWith('/')) throw policyError(where, `a path begins with /, found ${show(text)}`);
  const parts = text.slice(1).split('/');
  if (parts.filter((part) => part === '**').length > 2)
    throw policyError(where, 'at most two ** can stand in a path');
  const source = parts.map((part) => {
    if (part === '**') return '(?:/[^/]*)*?';
    if (part === '*' || /^:[A-Za-z]\w*$/.test(part)) return '/[^/]*';
    if (part.includes('*')) throw policyError(where, `* stands for a whole segment, found ${show(part)}`);
    return `/${escapeRegExp(part)}`;
  });
  return new RegExp(`^${source.join('')}/?$`, 'is');
}

function escapeRegExp(text: string): string {
  return text.replace(/[\\^$.*+?()[\]{}|/]/g, '\\$&');
}
