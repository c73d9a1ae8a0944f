import { strengthOf } from './value-strength.ts';

/** What leads to a value. */
export interface Place {
  /** As bindings name it: `body.$.items[*].id`. Holds no recorded value. */
  readonly place: string;
  /** The same with the numbers of list elements: `body.$.items[3].id`. */
  readonly pointer: string;
}

/** A value in a request or an answer. */
export interface Leaf extends Place {
  /** Decoded: without percent codes, quotes and escapes. */
  readonly text: string;
  /** What is joined by more than its text: a cookie by its name, validators by the resource that they are of. */
  readonly role?: 'cookie' | 'etag' | 'modified' | undefined;
  /** Of a cookie, the value as it stands. */
  readonly raw?: string | undefined;
}

/** Is shown each value. What it gives back stands there instead; a cookie as it stands, and null takes it out. */
export type Visit = (leaf: Leaf) => string | null | undefined;

/** What is looked at in one request or answer, at most. */
export interface LeafBudget {
  left: number;
  /** Places that are looked at, and what leads to them. Absent for all. */
  readonly only?: ReadonlySet<string> | undefined;
}

/** Whether anything at a place, or below it, is looked at. */
export function isWanted({ left, only }: LeafBudget, place: string): boolean {
  return left > 0 && (only === undefined || only.has(place));
}

/** Places with all that leads to them: of `body.$.items[*].id` also `body`, `body.$`, `body.$.items` and `body.$.items[*]`. */
export function withPrefixes(places: Iterable<string>): Set<string> {
  const all = new Set<string>();
  for (const place of places) {
    all.add(place);
    for (const { index } of place.matchAll(/[.[#]/g)) all.add(place.slice(0, index));
  }
  return all;
}

export const maxLeaves = 20_000;
/** Longer texts are no ids and no tokens. */
export const maxText = 8_192;

/** What longer ways lead to is not looked at: names are no shorter for being held with each value below them. */
const maxPointer = 2_048;

const plainName = /^[A-Za-z_$@:][\w$@:-]{0,63}$/;

/** A name as a place holds it: one that may itself be a value, as the keys of maps are, is not told. */
export function placeName(name: string): string {
  return plainName.test(name) && strengthOf(name) === 'none' ? name : '*';
}

/** Shows a value, if it is worth it. */
export function showCookie(visit: Visit, budget: LeafBudget, leaf: Leaf): string | null | undefined {
  if (leaf.text === '' || leaf.text.length > maxText || leaf.pointer.length > maxPointer) return undefined;
  if (!isWanted(budget, leaf.place)) return undefined;
  budget.left--;
  return visit(leaf);
}

/** The same of what cannot be taken out. */
export function show(visit: Visit, budget: LeafBudget, leaf: Leaf): string | undefined {
  return showCookie(visit, budget, leaf) ?? undefined;
}
