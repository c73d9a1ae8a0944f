import type { JsonValue } from '../model/json-value.ts';
import { MessageViewer, type UnreadField } from './message-viewer.ts';
import type { SchemaRegistry } from './schema-registry.ts';
import { MalformedWire, type WireProblem } from './wire.ts';

/** How a message is viewed. */
export interface ViewOptions {
  /**
   * Whether lists and maps that are empty stand in the view, and fields without presence that have their default value.
   * Default false: only what the message has.
   */
  readonly defaults?: boolean | undefined;
  /** Values, within each other and beside each other, after which a message counts as too large. Default 1,000,000. */
  readonly maxValues?: number | undefined;
}

/** A message as JSON. */
export interface MessageView {
  readonly value: JsonValue;
  /** What the message has beside that. */
  readonly unread: readonly UnreadField[];
}

/** Why there is no view: the schemas do not know the type, or the bytes are no message, too deep or too large. */
export interface ViewProblem {
  readonly problem: 'schema-unknown' | WireProblem;
}

export const defaultMaxValues = 1_000_000;

/**
 * Decodes a message to JSON: by the JSON mapping of proto3, with names as the schema writes them. Integers of 64 bits are
 * texts, `bytes` base64, enums names (numbers without one stay numbers), what is no finite number a text. Extensions stand
 * as `[full.name]`; messages in an `Any` whose type is known with `@type`, others as `type_url` and `value`. Types with a JSON
 * form of their own (Timestamp, Duration, FieldMask, Struct, Value, ListValue, wrappers) have it where it leads back to the
 * same message, and else stand with their fields. Objects inherit nothing.
 *
 * @example
 * const view = viewMessage(registry, 'shop.Order', message.data);
 * if ('value' in view) console.log(view.value); // { id: 'a1', placed_at: '2026-01-02T03:04:05Z' }
 */
export function viewMessage(
  registry: SchemaRegistry,
  typeName: string,
  bytes: Uint8Array,
  options: ViewOptions = {},
): MessageView | ViewProblem {
  const { defaults = false, maxValues = defaultMaxValues } = options;
  const viewer = new MessageViewer(registry, defaults, maxValues);
  const layout = viewer.layout(typeName);
  if (layout === undefined) return { problem: 'schema-unknown' };
  try {
    const { value } = viewer.message(layout, bufferOf(bytes), 0, bytes.length, 0);
    return { value, unread: viewer.unread };
  } catch (error) {
    if (error instanceof MalformedWire) return { problem: error.problem };
    throw error;
  }
}

/** The same bytes with the methods of Buffer. */
export function bufferOf(bytes: Uint8Array): Buffer {
  return Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
