import jsonPatch, { type Operation } from 'fast-json-patch';
import type { JsonValue } from '../model/json-value.ts';
import { parseJsonText, printJsonText, withoutPrototypes } from './json-text.ts';

// A patch that copies a member into itself doubles it each time: what all copies may add together.
const maxCopied = 16 * 1024 * 1024;
const maxBody = 64 * 1024 * 1024;

/**
 * A JSON body after a JSON Patch (RFC 6902); undefined when the body is not JSON in UTF-8 or the patch does not fit it.
 * Numbers that the patch does not touch keep their value whatever their size; spaces between values are not kept.
 */
export function patchBody(body: Uint8Array, patch: readonly Operation[]): Uint8Array | undefined {
  if (body.length === 0 || body.length > maxBody) return undefined;
  let text: string;
  try {
    text = new TextDecoder('utf-8', { fatal: true }).decode(body);
  } catch {
    return undefined;
  }
  const value = parseJsonText(text);
  if (value === undefined) return undefined;
  const patched = patchJson(withoutPrototypes(value), patch);
  return patched === undefined ? undefined : Buffer.from(printJsonText(patched));
}

/** A document after a patch, whole or not at all; undefined when that does not fit. The document is changed in place. */
export function patchJson(value: JsonValue, patch: readonly Operation[]): JsonValue | undefined {
  let document = value;
  let copied = 0;
  try {
    // A copy, because the library puts the patch's own values into the document.
    for (const operation of structuredClone(patch)) {
      if (operation.op === 'copy') {
        copied += printJsonText(jsonPatch.getValueByPointer(document, operation.from) ?? null).length;
        if (copied > maxCopied) return undefined;
      }
      document = jsonPatch.applyOperation(document, operation, true, true, true).newDocument;
    }
  } catch {
    return undefined;
  }
  return document;
}

/** Where the shares of chunks end when a body of these share lengths becomes `length` bytes long. */
export function spreadEnds(shares: readonly number[], length: number): number[] {
  let total = 0;
  for (const share of shares) total += share;
  let passed = 0;
  const ends = shares.map((share) => {
    passed += share;
    return total === 0 ? length : Math.floor((passed / total) * length);
  });
  if (ends.length > 0) ends[ends.length - 1] = length;
  return ends;
}
