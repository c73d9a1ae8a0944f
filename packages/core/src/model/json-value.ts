/** Any JSON value. */
export type JsonValue = null | boolean | number | string | JsonValue[] | JsonObject;

/** Members by their names. What is read from a capture inherits nothing, so that no name leads out of it. */
export interface JsonObject {
  [name: string]: JsonValue;
}

/** Whether a value is one with members. */
export function isJsonObject(value: JsonValue | undefined): value is JsonObject {
  return value !== null && typeof value === 'object' && !Array.isArray(value);
}
