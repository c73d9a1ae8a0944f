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
}

export const maxLeaves = 20_000;
/** Longer texts are no ids and no tokens. */
export const maxText = 8_192;

const plainName = /^[A-Za-z_$@:][\w$@:-]{0,63}$/;

/** A name as a place holds it: one that may itself be a value, as the keys of maps are, is not told. */
export function placeName(name: string): string {
  return plainName.test(name) && strengthOf(name) === 'none' ? name : '*';
}

/** Shows a value, if it is worth it. */
export function showCookie(visit: Visit, budget: LeafBudget, leaf: Leaf): string | null | undefined {
  if (leaf.text === '' || leaf.text.length > maxText || budget.left <= 0) return undefined;
  budget.left--;
  return visit(leaf);
}

/** The same of what cannot be taken out. */
export function show(visit: Visit, budget: LeafBudget, leaf: Leaf): string | undefined {
  return showCookie(visit, budget, leaf) ?? undefined;
}
