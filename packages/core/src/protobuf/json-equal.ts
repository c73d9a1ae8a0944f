import { isJsonObject, type JsonValue } from '../model/json-value.ts';

/** Whether two JSON values are the same: 0 is not -0, members may come in any order, and those without a value are none. */
export function sameJson(a: JsonValue | undefined, b: JsonValue | undefined): boolean {
  if (Object.is(a, b)) return true;
  if (Array.isArray(a)) {
    return Array.isArray(b) && a.length === b.length && a.every((value, i) => sameJson(value, b[i]));
  }
  if (!isJsonObject(a) || !isJsonObject(b)) return false;
  for (const name of Object.keys(a)) if (!sameJson(a[name], memberOf(b, name))) return false;
  for (const name of Object.keys(b)) {
    if (memberOf(b, name) !== undefined && memberOf(a, name) === undefined) return false;
  }
  return true;
}

/** What an object itself has under a name. */
export function memberOf(value: { readonly [name: string]: JsonValue }, name: string): JsonValue | undefined {
  return Object.hasOwn(value, name) ? value[name] : undefined;
}
