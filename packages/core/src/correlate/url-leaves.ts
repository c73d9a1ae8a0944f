import { splitTarget } from '../hook/path-pattern.ts';
import { type LeafBudget, type Place, placeName, show, type Visit } from './leaf.ts';

const maxSegments = 64;
const maxPairs = 256;
const plainSegment = /^[\w.~!$&'()*+,;=:@-]*$/;

/** Whether a text is a path or a URL whose parts are looked at, and not a value as a whole. */
export function isLink(text: string): boolean {
  return text.length < 8_192 && /^(?:https?:\/\/|\/[^/\s]|\?[\w.-]+=)\S*$/.test(text);
}

/**
 * The segments of the path and the parameters of the query of a URL or a request target: `path[1]`, `query.cursor`. Gives
 * back the text with what `visit` put in their places.
 *
 * @param before - What stands before the names of these places
 */
export function visitUrl(text: string, before: Place, visit: Visit, budget: LeafBudget): string {
  const url = splitTarget(text);
  const hash = url.after.indexOf('#');
  const query = hash === -1 ? url.after : url.after.slice(0, hash);
  const fragment = hash === -1 ? '' : url.after.slice(hash);
  const path = visitPath(url.path, before, visit, budget);
  if (query === '') return url.before + path + fragment;
  return `${url.before}${path}?${visitPairs(query.slice(1), below(before, 'query'), visit, budget)}${fragment}`;
}

function visitPath(path: string, before: Place, visit: Visit, budget: LeafBudget): string {
  const segments = path.split('/');
  if (segments.length > maxSegments) return path;
  const first = path.startsWith('/') ? 1 : 0;
  const written = segments.map((segment, i) => {
    const text = decoded(segment);
    if (text === undefined || i < first) return segment;
    const given = show(visit, budget, { ...below(before, `path[${i - first}]`), text });
    if (given === undefined || given === text) return segment;
    return plainSegment.test(given) ? given : encodeURIComponent(given);
  });
  return written.join('/');
}

/** The values of a query or a form, `application/x-www-form-urlencoded`: `query.cursor`. */
export function visitPairs(text: string, before: Place, visit: Visit, budget: LeafBudget): string {
  const pairs = text.split('&', maxPairs + 1);
  if (text === '' || pairs.length > maxPairs) return text;
  const seen = new Map<string, number>();
  const written = pairs.map((pair) => {
    const equals = pair.indexOf('=');
    const name = decoded(pair.slice(0, Math.max(0, equals)).replaceAll('+', ' '));
    const text = decoded(pair.slice(equals + 1).replaceAll('+', ' '));
    if (equals < 1 || name === undefined || text === undefined) return pair;
    const nth = seen.get(name) ?? 0;
    seen.set(name, nth + 1);
    const own = below(before, `.${placeName(name)}`, `.${name}${nth === 0 ? '' : `[${nth}]`}`);
    const given = show(visit, budget, { ...own, text });
    if (given === undefined || given === text) return pair;
    return `${pair.slice(0, equals + 1)}${encodeURIComponent(given)}`;
  });
  return written.join('&');
}

/** What lies below a place. */
export function below({ place, pointer }: Place, name: string, exact: string = name): Place {
  return { place: place + name, pointer: pointer + exact };
}

/** A text without percent codes; undefined when they are broken. */
export function decoded(text: string): string | undefined {
  if (!text.includes('%')) return text;
  try {
    return decodeURIComponent(text);
  } catch {
    // No percent codes after all.
    return undefined;
  }
}
