import type { JsonValue } from '../model/json-value.ts';

/** Where a value of a list that was changed comes from: the same value before, one in whose place it is, or none. */
export interface MatchedValue {
  /** Index before; -1 for one that is new. */
  readonly index: number;
  readonly isSame: boolean;
}

/**
 * For each value of a changed list, where it comes from: what did not change is found again where others were taken out or
 * put in before it, and where as many values stand between two that are found as stood there before, they are taken for those
 * values changed.
 */
export function matchLists(
  before: readonly JsonValue[],
  after: readonly JsonValue[],
  isSame: (before: JsonValue, after: JsonValue) => boolean,
): MatchedValue[] {
  const shorter = Math.min(before.length, after.length);
  let head = 0;
  while (head < shorter && same(before, head, after, head, isSame)) head++;
  let tail = 0;
  while (
    tail < shorter - head &&
    same(before, before.length - 1 - tail, after, after.length - 1 - tail, isSame)
  )
    tail++;
  const found = after.map((_, i): number => {
    if (i < head) return i;
    return i >= after.length - tail ? i - after.length + before.length : -1;
  });
  findBetween(before, after, head, tail, found, isSame);
  return fillGaps(found, before.length);
}

function same(
  before: readonly JsonValue[],
  i: number,
  after: readonly JsonValue[],
  k: number,
  isSame: (before: JsonValue, after: JsonValue) => boolean,
): boolean {
  const a = before[i];
  const b = after[k];
  return a !== undefined && b !== undefined && isSame(a, b);
}

function findBetween(
  before: readonly JsonValue[],
  after: readonly JsonValue[],
  head: number,
  tail: number,
  found: number[],
  isSame: (before: JsonValue, after: JsonValue) => boolean,
): void {
  const places = new Map<string, number[]>();
  for (let i = before.length - tail - 1; i >= head; i--) {
    const key = JSON.stringify(before[i]);
    const list = places.get(key);
    if (list === undefined) places.set(key, [i]);
    else list.push(i);
  }
  let last = head - 1;
  for (let k = head; k < after.length - tail; k++) {
    const list = places.get(JSON.stringify(after[k])) ?? [];
    let place = list.pop();
    while (place !== undefined && place <= last) place = list.pop();
    if (place === undefined || !same(before, place, after, k, isSame)) continue;
    found[k] = place;
    last = place;
  }
}

function fillGaps(found: readonly number[], length: number): MatchedValue[] {
  const out: MatchedValue[] = [];
  for (let k = 0; k < found.length; ) {
    const index = found[k] ?? -1;
    if (index >= 0) {
      out.push({ index, isSame: true });
      k++;
      continue;
    }
    const gap = k;
    let end = k;
    while (end < found.length && found[end] === -1) end++;
    const from = (out.at(-1)?.index ?? -1) + 1;
    const isReplaced = (found[end] ?? length) - from === end - gap;
    for (; k < end; k++) out.push({ index: isReplaced ? from + k - gap : -1, isSame: false });
  }
  return out;
}
