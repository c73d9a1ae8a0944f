import type { Leaf } from './leaf.ts';
import type { Source } from './live-answer.ts';
import type { LiveRule } from './live-rules.ts';

/** A value in a request that is bound, and where it may have come from, the likeliest first. */
export interface Slot {
  readonly rule: LiveRule;
  readonly leaf: Leaf;
  readonly key: string;
  readonly sources: readonly Source[];
}

/** Where the live value comes from: the likeliest place that has one. */
export function liveSource({ sources }: Slot): Source | undefined {
  return sources.find(({ live }) => live !== undefined);
}

/** Exchanges whose answers the values come from in the first place, and that are not over. */
export function firstOpen(slots: Iterable<Slot>): number[] {
  const open = new Set<number>();
  for (const { sources } of slots) {
    const [first] = sources;
    if (first?.settled === false) open.add(first.index);
  }
  return [...open];
}

/** Exchanges that are not over and whose answers are the next to be looked at for a value that is not known yet. */
export function nextOpen(slots: Iterable<Slot>): number[] {
  const open = new Set<number>();
  for (const { sources } of slots) {
    const next = sources.find(({ live, settled }) => live !== undefined || !settled);
    if (next?.settled === false) open.add(next.index);
  }
  return [...open];
}
