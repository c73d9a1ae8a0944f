import { isExactNumber, type JsonLimits, parseJsonText, plainJson } from '../hook/json-text.ts';
import { isJsonObject, type JsonValue } from '../model/json-value.ts';
import { isWanted, type LeafBudget, type Place, placeName, show, type Visit } from './leaf.ts';
import { below, isLink, visitUrl } from './url-leaves.ts';

/** Of a JSON text that is looked into. */
export const jsonLimits: JsonLimits = { maxDepth: 64, maxTokens: 400_000 };

/**
 * The strings and numbers of a JSON value, as `parseJsonText` reads it: `$.items[*].id`. Of links the parts:
 * `$.next#query.cursor`. What `visit` gives takes their places, in the value itself, as a number where that was one.
 *
 * @param value - Bounded in depth by who read it
 */
export function visitJson(value: JsonValue, at: Place, visit: Visit, budget: LeafBudget): JsonValue {
  if (typeof value === 'string' && !isExactNumber(value)) return visitText(value, at, visit, budget);
  if (typeof value === 'string' || typeof value === 'number') {
    const text = String(plainJson(value));
    const given = show(visit, budget, { ...at, text });
    return given === undefined || given === text ? value : asNumber(given);
  }
  if (Array.isArray(value)) {
    const place = `${at.place}[*]`;
    if (!isWanted(budget, place)) return value;
    for (const [i, item] of value.entries()) {
      if (budget.left <= 0) break;
      value[i] = visitJson(item, { place, pointer: `${at.pointer}[${i}]` }, visit, budget);
    }
  } else if (isJsonObject(value)) {
    for (const [name, member] of Object.entries(value)) {
      if (budget.left <= 0) break;
      if (name === '__proto__') continue;
      const place = `${at.place}.${placeName(name)}`;
      if (!isWanted(budget, place)) continue;
      value[name] = visitJson(member, { place, pointer: `${at.pointer}.${name}` }, visit, budget);
    }
  }
  return value;
}

/** A text, or the parts of a link. */
export function visitText(text: string, at: Place, visit: Visit, budget: LeafBudget): string {
  return isLink(text)
    ? visitUrl(text, below(at, '#'), visit, budget)
    : (show(visit, budget, { ...at, text }) ?? text);
}

/** What stood as a number stays one, of any size, where it can. */
function asNumber(text: string): JsonValue {
  const isNumber = /^-?(?:0|[1-9]\d*)(?:\.\d+)?$/.test(text);
  return (isNumber ? parseJsonText(text) : undefined) ?? text;
}
