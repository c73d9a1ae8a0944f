import type { JsonValue } from '../model/json-value.ts';

const mostPlaces = 10_000;

/** The share of places, of both values together, that both have with a value of the same type. Items of a list are one place. */
export function shapeScore(a: JsonValue | undefined, b: JsonValue | undefined): number {
  const left = placesOf(a);
  const right = placesOf(b);
  if (left.size === 0 && right.size === 0) return 1;
  let both = 0;
  for (const place of left) if (right.has(place)) both++;
  return both / (left.size + right.size - both);
}

function placesOf(value: JsonValue | undefined): Set<string> {
  const places = new Set<string>();
  const visit = (at: string, one: JsonValue): void => {
    if (places.size >= mostPlaces) return;
    if (Array.isArray(one)) {
      places.add(`${at} list`);
      for (const item of one) visit(`${at}[]`, item);
    } else if (one !== null && typeof one === 'object') {
      for (const [name, member] of Object.entries(one)) visit(`${at}.${JSON.stringify(name)}`, member);
    } else {
      places.add(`${at} ${one === null ? 'null' : typeof one}`);
    }
  };
  if (value !== undefined) visit('', value);
  return places;
}
