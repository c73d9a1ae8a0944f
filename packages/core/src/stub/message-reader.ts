import { createHash } from 'node:crypto';
import { decodeBody } from '../compare/decode-body.ts';
import { parseJsonText } from '../hook/json-text.ts';
import type { ContentState } from '../model/event.ts';
import { emptyContent } from '../model/exchange.ts';
import { type HeaderList, headerValue } from '../model/headers.ts';
import type { JsonValue } from '../model/json-value.ts';
import { viewMessage } from '../protobuf/message-view.ts';
import type { SchemaRegistry } from '../protobuf/schema-registry.ts';

/** Larger bodies are compared by length and digest. */
const maxBodyBytes = 8 * 1024 * 1024;

/** What a part of a request belongs to. */
export interface PartContext {
  readonly target: string;
  readonly headers: HeaderList;
}

/** Reads parts of requests as the fields that they are compared by. */
export class MessageReader {
  readonly #registry: SchemaRegistry;

  constructor(registry: SchemaRegistry) {
    this.#registry = registry;
  }

  /** A message of a call: its fields, or its length and digest where they are not known. */
  message(data: Uint8Array, { target, headers }: PartContext): JsonValue {
    const type = headerValue(headers, 'content-type') ?? '';
    if (/\+json\s*(;|$)/i.test(type)) {
      return parseJsonText(Buffer.from(data.buffer, data.byteOffset, data.length).toString()) ?? digest(data);
    }
    const name = this.#registry.method(target)?.request;
    const view = name === undefined ? undefined : viewMessage(this.#registry, name, data);
    if (view === undefined || 'problem' in view) return digest(data);
    const { value, unread } = view;
    if (unread.length === 0 || value === null || typeof value !== 'object' || Array.isArray(value))
      return value;
    return { ...value, '(unknown fields)': digest(Buffer.concat(unread.map((field) => field.data))) };
  }

  /** A body, by its content type; undefined where there is none. */
  body(data: Uint8Array, state: ContentState, { headers }: PartContext): JsonValue | undefined {
    const size = data.length;
    if (size === 0) return undefined;
    const content = { ...emptyContent, chunks: [{ at: 0, size, data }], size, state };
    const decoded = decodeBody(content, headers, { maxBodyBytes });
    return 'value' in decoded ? decoded.value : digest(data);
  }
}

function digest(data: Uint8Array): JsonValue {
  return { bytes: data.length, sha256: createHash('sha256').update(data).digest('hex') };
}
