import { createHash } from 'node:crypto';
import type { Leaf } from './leaf.ts';
import { ownText } from './own-text.ts';
import { type Strength, strengthOf } from './value-strength.ts';

/** By what a value in an answer is joined with one in a request. */
export interface JoinKey {
  readonly key: string;
  /** What is joined by name, as cookies and validators are, belongs to any operation. */
  readonly named: boolean;
  readonly strength: Strength;
}

/** Keys of values are held for long: longer ones as a digest. */
const longestKey = 64;

/**
 * The keys of a value, those by name first. A cookie is joined by its name and value, an entity tag and a date of change by the
 * resource that they are of and their value, and everything by its value.
 *
 * @param target - Of the request of its exchange
 */
export function joinKeys({ role, raw, text, place }: Leaf, target: string): JoinKey[] {
  const strength = strengthOf(text);
  const byValue = { key: valueKey(text), named: false, strength };
  if (role === 'cookie') {
    const name = place.slice(place.indexOf('.') + 1);
    return [{ key: short(`c${name}=${raw ?? text}`), named: true, strength }, byValue];
  }
  if (role === undefined) return [byValue];
  // Of one resource, a value is one version of it, however little it says.
  const named: JoinKey = { key: short(`${role} ${target} ${text}`), named: true, strength: 'strong' };
  return role === 'etag' ? [named, byValue] : [named];
}

/** By what a value is joined, whatever it is. */
export function valueKey(text: string): string {
  return short(`v${text}`);
}

function short(key: string): string {
  return key.length <= longestKey ? ownText(key) : createHash('sha256').update(key).digest('base64url');
}
