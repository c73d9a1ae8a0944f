import { parseJsonText, withoutPrototypes } from '../hook/json-text.ts';
import { serverSentEvents } from '../model/server-sent-events.ts';
import { jsonLimits, visitJson, visitText } from './json-leaves.ts';
import { isWanted, type LeafBudget, type Place, placeName, show, type Visit } from './leaf.ts';

/** More lines or events of one body are not looked at. */
const maxRecords = 20_000;

/** Shows the values of lines of JSON, and of sequences of JSON (RFC 7464), as those of a list: `body.$[*].id`. */
export function readLines(text: string, between: RegExp | string, visit: Visit, budget: LeafBudget): void {
  if (!isWanted(budget, 'body.$[*]')) return;
  let index = 0;
  for (const line of text.split(between, maxRecords)) {
    if (budget.left <= 0) return;
    if (line.trim() === '') continue;
    readJson(line, { place: 'body.$[*]', pointer: `body.$[${index}]` }, visit, budget);
    index++;
  }
}

/**
 * Shows the values of server-sent events, those of one name counted by themselves, since others come in between as they like: their data as JSON
 * or as a text, `event.order.$.id` and `event.endpoint.$#query.session`, and their ids, `event.order.id`. What is not finished no client heeds.
 */
export function readEvents(text: string, visit: Visit, budget: LeafBudget): void {
  if (!isWanted(budget, 'event')) return;
  const seen = new Map<string, number>();
  const data = Buffer.from(text);
  for (const { event = '', id, data: told, finished } of serverSentEvents(
    { chunks: [{ at: 0, size: data.length, data }] },
    maxRecords,
  )) {
    if (budget.left <= 0) return;
    if (!finished || (told === undefined && id === undefined)) continue;
    const name = event === '' ? 'message' : event;
    const nth = seen.get(name) ?? 0;
    seen.set(name, nth + 1);
    const at = { place: `event.${placeName(name)}`, pointer: `event.${name}[${nth}]` };
    if (id !== undefined)
      show(visit, budget, { place: `${at.place}.id`, pointer: `${at.pointer}.id`, text: id });
    if (told === undefined) continue;
    const inside = { place: `${at.place}.$`, pointer: `${at.pointer}.$` };
    if (!readJson(told, inside, visit, budget)) visitText(told, inside, visit, budget);
  }
}

/** Whether it is JSON, within the limits; what is not wanted is not read. */
function readJson(text: string, at: Place, visit: Visit, budget: LeafBudget): boolean {
  if (!isWanted(budget, at.place)) return true;
  const value = parseJsonText(text, jsonLimits);
  if (value === undefined) return false;
  visitJson(withoutPrototypes(value), at, visit, budget);
  return true;
}
