import type { JsonObject, JsonValue } from '../model/json-value.ts';
import type { EnumType } from './enum-type.ts';
import type { FieldType } from './field-type.ts';
import { layoutOf, type MessageLayout, type ViewField } from './message-layout.ts';
import { contentOf, type MessagePart, partsOf, valuesOf } from './message-parts.ts';
import { defaultOf, isText, readScalar } from './scalar-value.ts';
import type { SchemaRegistry } from './schema-registry.ts';
import { deepestMessage, MalformedWire, tooDeep, tooLarge } from './wire.ts';

/** Why a field is not in a view, or not as it is. */
export type UnreadReason =
  /** Its schema knows no field of this number. */
  | 'unknown'
  /** It is not of the type that its schema says. */
  | 'wire-type'
  /** A text that is not UTF-8: the view has what can be read of it. */
  | 'utf8';

/** A field that a view does not tell. */
export interface UnreadField {
  /** JSON Pointer (RFC 6901) to the message in the view that holds it; of a text, to itself. */
  readonly pointer: string;
  readonly number: number;
  /** 0 varint, 1 of 64 bits, 2 behind its length, 3 group, 5 of 32 bits. */
  readonly wireType: number;
  readonly reason: UnreadReason;
  /** As it stands in the message: tag, length and content. */
  readonly data: Uint8Array;
}

const bytesPerCount = 64;

/** A message as its view has it, and whether that is the JSON form of its type. */
export interface ShownMessage {
  readonly value: JsonValue;
  readonly hasForm: boolean;
}

/** Decodes messages, within a number of values. Every method throws MalformedWire. */
export class MessageViewer {
  readonly unread: UnreadField[] = [];
  readonly #registry: SchemaRegistry;
  readonly #withDefaults: boolean;
  readonly #path: string[] = [];
  #left: number;
  /** Values of types with a JSON form that stand without it. */
  #formless = 0;

  constructor(registry: SchemaRegistry, withDefaults: boolean, maxValues: number) {
    this.#registry = registry;
    this.#withDefaults = withDefaults;
    this.#left = maxValues;
  }

  layout(fullName: string): MessageLayout | undefined {
    return layoutOf(this.#registry, fullName);
  }

  enum({ type, typeName }: FieldType): EnumType | undefined {
    return type === 'enum' ? this.#registry.enum(typeName) : undefined;
  }

  readonly count = (bytes: number): void => {
    this.#left -= 1 + bytes / bytesPerCount;
    if (this.#left < 0) throw tooLarge;
  };

  message(layout: MessageLayout, bytes: Buffer, from: number, to: number, depth: number): ShownMessage {
    if (depth > deepestMessage) throw tooDeep;
    if (layout.isAny) return this.#any(layout, bytes, from, to, depth);
    const { form } = layout;
    const before = this.#formless;
    const fields = this.#fields(layout, partsOf(layout, bytes, from, to, depth, this.count), bytes, depth);
    if (form === undefined) return { value: fields, hasForm: false };
    const value = form.holdsValues && this.#formless !== before ? undefined : form.to(fields);
    if (value !== undefined) return { value, hasForm: true };
    this.#formless++;
    return { value: fields, hasForm: false };
  }

  #fields(layout: MessageLayout, parts: readonly MessagePart[], bytes: Buffer, depth: number): JsonObject {
    const groups = groupsOf(parts);
    const out: JsonObject = Object.create(null);
    if (this.#withDefaults) {
      for (const field of layout.unset) {
        this.count(0);
        out[field.key] = this.unset(field);
      }
    }
    for (const [field, own] of groups) out[field.key] = this.field(field, own, bytes, depth);
    for (const part of parts) {
      if (part.field !== undefined) continue;
      this.#note(part, layout.byNumber.has(part.number) ? 'wire-type' : 'unknown', bytes);
    }
    return out;
  }

  /** What a field without presence has that is not set. */
  unset(field: ViewField): JsonValue {
    if (field.entry !== undefined) return Object.create(null);
    return field.repeated ? [] : defaultOf(field.type, this.enum(field));
  }

  /** The value of a field, of which these are the parts that count. */
  field(field: ViewField, parts: readonly MessagePart[], bytes: Buffer, depth: number): JsonValue {
    this.#path.push(field.key);
    const value = this.#field(field, parts, bytes, depth);
    this.#path.pop();
    return value;
  }

  #field(field: ViewField, parts: readonly MessagePart[], bytes: Buffer, depth: number): JsonValue {
    if (field.entry !== undefined) return this.#map(field, parts, bytes, depth);
    if (field.repeated) {
      const values = valuesOf(parts, bytes, this.count);
      return values.map(({ part, from, to }, i) => {
        this.#path.push(String(i));
        const value = this.value(field, part, bytes, from, to, depth);
        this.#path.pop();
        return value;
      });
    }
    const last = parts.at(-1);
    if (last === undefined) return null;
    if (field.kind !== 'message') return this.value(field, last, bytes, last.from, last.to, depth);
    const content = contentOf(parts, bytes);
    if (content.bytes !== bytes) this.count(content.to);
    return this.value(field, last, content.bytes, content.from, content.to, depth);
  }

  /** One value, whose content stands in `from..to`. */
  value(
    field: FieldType,
    part: MessagePart,
    bytes: Buffer,
    from: number,
    to: number,
    depth: number,
  ): JsonValue {
    if (field.kind === 'message') {
      const layout = this.layout(field.typeName);
      if (layout !== undefined) return this.message(layout, bytes, from, to, depth + 1).value;
      if (to > from) this.#note(part, 'unknown', bytes);
      return Object.create(null);
    }
    if (field.kind === 'string' && !isText(bytes, from, to)) this.#note(part, 'utf8', bytes);
    return readScalar(field.type, bytes, from, to, this.enum(field));
  }

  #map(field: ViewField, parts: readonly MessagePart[], bytes: Buffer, depth: number): JsonObject {
    const out: JsonObject = Object.create(null);
    const layout = this.layout(field.typeName);
    if (layout === undefined) return out;
    const formless = new Map<string, number>();
    for (const part of parts) {
      const [key, own] = this.entry(field, layout, part, bytes, depth);
      this.#path.push(key);
      // Of entries with the same key the last counts, also in whether all values have a form.
      delete out[key];
      this.#formless -= formless.get(key) ?? 0;
      const before = this.#formless;
      out[key] = this.#entryValue(field, own, bytes, depth);
      formless.set(key, this.#formless - before);
      this.#path.pop();
    }
    return out;
  }

  /** The key of an entry as a text, and the parts that its value is made of. */
  entry(
    field: ViewField,
    layout: MessageLayout,
    { from, to }: MessagePart,
    bytes: Buffer,
    depth: number,
  ): readonly [key: string, value: readonly MessagePart[]] {
    const parts = partsOf(layout, bytes, from, to, depth + 1, this.count);
    const keyType = field.entry?.key.type ?? 'string';
    let key = String(defaultOf(keyType, undefined));
    for (const part of parts) {
      if (part.field === undefined) this.#note(part, 'unknown', bytes);
      if (part.field?.number !== 1) continue;
      key = String(readScalar(keyType, bytes, part.from, part.to, undefined));
      if (keyType === 'string' && !isText(bytes, part.from, part.to)) this.#note(part, 'utf8', bytes);
    }
    return [key, parts.filter((part) => part.field?.number === 2)];
  }

  #entryValue({ entry }: ViewField, parts: readonly MessagePart[], bytes: Buffer, depth: number): JsonValue {
    if (entry === undefined) return null;
    const field = entry.value;
    const last = parts.at(-1);
    if (last !== undefined) {
      const content =
        field.kind === 'message' ? contentOf(parts, bytes) : { bytes, from: last.from, to: last.to };
      return this.value(field, last, content.bytes, content.from, content.to, depth + 1);
    }
    if (field.kind !== 'message') return defaultOf(field.type, this.enum(field));
    const layout = this.layout(field.typeName);
    return layout === undefined ? Object.create(null) : this.message(layout, bytes, 0, 0, depth + 2).value;
  }

  /** What is packed into it, where its type is known and the bytes are of it; else its two fields. */
  #any(layout: MessageLayout, bytes: Buffer, from: number, to: number, depth: number): ShownMessage {
    const parts = partsOf(layout, bytes, from, to, depth, this.count);
    const packed = this.packed(parts, bytes);
    const inner = packed === undefined ? undefined : this.#packedView(packed, bytes, depth);
    if (packed === undefined || inner === undefined)
      return { value: this.#fields(layout, parts, bytes, depth), hasForm: false };
    for (const part of parts) if (part.field === undefined) this.#note(part, 'unknown', bytes);
    const value: JsonObject = Object.create(null);
    value['@type'] = packed.url;
    if (hasOwnForm(packed.layout)) value.value = inner;
    else Object.assign(value, inner);
    return { value, hasForm: true };
  }

  #packedView({ layout, from, to }: PackedMessage, bytes: Buffer, depth: number): JsonValue | undefined {
    const { length } = this.unread;
    const deep = this.#path.length;
    try {
      return this.message(layout, bytes, from, to, depth + 1).value;
    } catch (error) {
      if (!(error instanceof MalformedWire) || error.problem !== 'protobuf-syntax') throw error;
      this.unread.length = length;
      this.#path.length = deep;
      return undefined;
    }
  }

  /** What an Any holds, where its type is known. */
  packed(parts: readonly MessagePart[], bytes: Buffer): PackedMessage | undefined {
    const url = lastOf(parts, 1);
    const value = lastOf(parts, 2);
    if (url === undefined) return undefined;
    const text = bytes.toString('utf8', url.from, url.to);
    const layout = this.layout(text.slice(text.lastIndexOf('/') + 1));
    if (layout === undefined) return undefined;
    return { url: text, layout, from: value?.from ?? 0, to: value?.to ?? 0 };
  }

  #note({ number, wireType, start, end }: MessagePart, reason: UnreadReason, bytes: Buffer): void {
    this.unread.push({
      pointer: pointerOf(this.#path),
      number,
      wireType,
      reason,
      data: bytes.subarray(start, end),
    });
  }
}

export interface PackedMessage {
  readonly url: string;
  readonly layout: MessageLayout;
  readonly from: number;
  readonly to: number;
}

/** Whether messages of the type stand in JSON as something that is not their fields: in an Any, under `value`. */
export function hasOwnForm(layout: MessageLayout): boolean {
  return layout.form !== undefined || layout.isAny;
}

function lastOf(parts: readonly MessagePart[], number: number): MessagePart | undefined {
  return parts.findLast((part) => part.field?.number === number);
}

/** The parts that count, by their fields, in the order in which those come. */
export function groupsOf(parts: readonly MessagePart[]): Map<ViewField, MessagePart[]> {
  const groups = new Map<ViewField, MessagePart[]>();
  for (const part of parts) {
    if (part.field === undefined || part.isOver) continue;
    const group = groups.get(part.field);
    if (group === undefined) groups.set(part.field, [part]);
    else group.push(part);
  }
  return groups;
}

export function pointerOf(path: readonly string[]): string {
  return path.map((name) => `/${name.replace(/~/g, '~0').replace(/\//g, '~1')}`).join('');
}
