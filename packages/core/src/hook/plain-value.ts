import type { JsonObject, JsonValue } from '../model/json-value.ts';

/** Beyond that no message goes. */
const deepest = 512;

/**
 * What code made of the view of a message as JSON: whole numbers of any size become texts, bytes base64, and members that are
 * undefined are left out. Undefined for what is none of JSON's, or goes too deep.
 */
export function plainValue(value: unknown, depth = 0): JsonValue | undefined {
  if (depth > deepest) return undefined;
  switch (typeof value) {
    case 'string':
    case 'number':
    case 'boolean':
      return value;
    case 'bigint':
      return value.toString();
    case 'object':
      break;
    default:
      return undefined;
  }
  if (value === null) return null;
  if (value instanceof Uint8Array) return Buffer.from(value).toString('base64');
  if (Array.isArray(value)) {
    const list: JsonValue[] = [];
    for (const each of value) {
      const plain = plainValue(each, depth + 1);
      if (plain === undefined) return undefined;
      list.push(plain);
    }
    return list;
  }
  const out: JsonObject = Object.create(null);
  for (const [name, member] of Object.entries(value)) {
    if (member === undefined) continue;
    const plain = plainValue(member, depth + 1);
    if (plain === undefined) return undefined;
    out[name] = plain;
  }
  return out;
}
