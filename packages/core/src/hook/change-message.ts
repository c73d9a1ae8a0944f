import type { Operation } from 'fast-json-patch';
import { GardenhoseError } from '../errors.ts';
import { isJsonObject, type JsonValue } from '../model/json-value.ts';
import { viewMessage } from '../protobuf/message-view.ts';
import { rewriteMessage } from '../protobuf/rewrite-message.ts';
import type { SchemaRegistry } from '../protobuf/schema-registry.ts';
import { patchJson } from './patch-body.ts';
import { plainValue } from './plain-value.ts';

// What hooks see: a field that has its default value can be tested and replaced.
const withDefaults = { defaults: true, maxValues: 500_000 };

/**
 * A message after a JSON Patch (RFC 6902) of its JSON view; undefined when its schema is not known, it is not of its type, or the
 * patch does not fit. What the patch does not touch keeps its bytes.
 */
export function patchMessage(
  data: Uint8Array,
  typeName: string | undefined,
  registry: SchemaRegistry | undefined,
  patch: readonly Operation[],
): Uint8Array | undefined {
  if (registry === undefined || typeName === undefined) return undefined;
  const view = viewMessage(registry, typeName, data, withDefaults);
  if ('problem' in view) return undefined;
  const patched = patchJson(view.value, patch);
  if (patched === undefined) return undefined;
  const changed = rewriteMessage(registry, typeName, data, patched, withDefaults);
  return 'bytes' in changed ? changed.bytes : undefined;
}

/** Why a message was not given to an edit. */
export interface MissedMessage {
  readonly missed: string;
}

/**
 * A message after code changed its view, or gave back another; the same bytes when it changed nothing.
 *
 * @throws GardenhoseError `hook-failed` when what came of it does not fit the type; and whatever `edit` throws
 */
export function editMessage(
  data: Uint8Array,
  typeName: string,
  registry: SchemaRegistry,
  edit: (message: object) => object | undefined | void,
): Uint8Array | MissedMessage {
  const view = viewMessage(registry, typeName, data, withDefaults);
  if ('problem' in view) return { missed: view.problem };
  const { value } = view;
  if (!isJsonObject(value)) return { missed: 'no-fields' };
  const given = edit(value) ?? value;
  const after: JsonValue | undefined = plainValue(given);
  if (after === undefined) throw misfit(typeName, 'JSON, whole numbers and bytes');
  const changed = rewriteMessage(registry, typeName, data, after, withDefaults);
  if ('bytes' in changed) return changed.bytes;
  throw 'expected' in changed
    ? misfit(changed.field, changed.expected)
    : misfit(typeName, 'a smaller message');
}

/** Names the field and not where it stands: the keys of maps are what was recorded. */
function misfit(place: string, expected: string): GardenhoseError {
  return new GardenhoseError('hook-failed', `an edited message does not fit: ${place}: expected ${expected}`);
}
