import { isJsonObject, type JsonObject, type JsonValue } from '../model/json-value.ts';
import type { FieldType } from './field-type.ts';
import { memberOf, sameJson } from './json-equal.ts';
import { nullValueType, valueType } from './json-forms.ts';
import { matchLists } from './list-matching.ts';
import type { MessageLayout, ViewField } from './message-layout.ts';
import { contentOf, isPacked, type MessagePart, partsOf, valuesOf } from './message-parts.ts';
import { groupsOf, hasOwnForm, type MessageViewer, pointerOf } from './message-viewer.ts';
import { PartEdits } from './part-edits.ts';
import { varint, writeScalar } from './scalar-writer.ts';
import { framed, packedList, reframed } from './value-frame.ts';
import { deepestMessage, tooDeep } from './wire.ts';

/** A changed view that its message cannot be given. */
export class ViewMisfit extends Error {
  override readonly name = 'ViewMisfit';
  /** JSON Pointer to what does not fit. */
  readonly pointer: string;
  /** Full name of its field, or of the message that has no such field. */
  readonly field: string;
  readonly expected: string;

  constructor(pointer: string, field: string, expected: string) {
    super(expected);
    this.pointer = pointer;
    this.field = field;
    this.expected = expected;
  }
}

const noBytes: Buffer = Buffer.alloc(0);

/** Gives messages what their changed views say. Every method throws ViewMisfit and MalformedWire. */
export class MessageRewriter {
  readonly #viewer: MessageViewer;
  readonly #path: string[] = [];
  #fieldName = '';

  constructor(viewer: MessageViewer) {
    this.#viewer = viewer;
  }

  /** The content of a message whose view is to be `after`; the same bytes where that is its view now. */
  message(layout: MessageLayout, bytes: Buffer, after: JsonValue, depth: number): Buffer {
    if (depth > deepestMessage) throw tooDeep;
    if (this.#fieldName === '') this.#fieldName = layout.type.fullName;
    if (layout.isAny) return this.#any(layout, bytes, after, depth);
    return this.#fields(layout, bytes, this.#fieldsOf(layout, bytes, after, depth), depth);
  }

  /** What a changed view says of the fields, where it is not they that stand in it. */
  #fieldsOf(layout: MessageLayout, bytes: Buffer, after: JsonValue, depth: number): JsonObject {
    const { form } = layout;
    if (form !== undefined && !this.#standsWithFields(layout, bytes, after, depth)) {
      const fields = form.from(after) ?? after;
      if (isJsonObject(fields) && hasFieldsOf(layout, fields)) return fields;
      throw this.#misfit(`what stands for ${layout.type.fullName} in JSON`);
    }
    if (!isJsonObject(after)) throw this.#misfit(`the fields of ${layout.type.fullName}`);
    return after;
  }

  /** Whether a message of a type with a JSON form had none, and its changed view has fields too. */
  #standsWithFields(layout: MessageLayout, bytes: Buffer, after: JsonValue, depth: number): boolean {
    if (!isJsonObject(after) || bytes.length === 0 || !hasFieldsOf(layout, after)) return false;
    return !this.#viewer.message(layout, bytes, 0, bytes.length, depth).hasForm;
  }

  #fields(layout: MessageLayout, bytes: Buffer, after: JsonObject, depth: number): Buffer {
    const parts = partsOf(layout, bytes, 0, bytes.length, depth, this.#viewer.count);
    const groups = groupsOf(parts);
    const edits = new PartEdits();
    const fields = new Set(groups.keys());
    for (const name of Object.keys(after)) {
      const field = layout.byKey.get(name);
      if (field !== undefined) fields.add(field);
      else if (after[name] !== undefined) throw this.#misfit(`a field of ${layout.type.fullName}`, name);
    }
    this.#checkOneofs(fields, after);
    const changed = new Set<number>();
    for (const field of fields) {
      const own = groups.get(field) ?? [];
      this.#path.push(field.key);
      this.#fieldName = field.fullName;
      if (this.#field(field, own, bytes, givenTo(field, after), depth, edits)) changed.add(field.oneof);
      this.#path.pop();
    }
    // What another field of its `oneof` came after would hold again without that.
    for (const part of parts) if (part.isOver && changed.has(part.field?.oneof ?? -1)) edits.remove(part);
    return edits.apply(parts, bytes);
  }

  #checkOneofs(fields: ReadonlySet<ViewField>, after: JsonObject): void {
    const set = new Map<number, ViewField>();
    for (const field of fields) {
      if (field.oneof < 0 || givenTo(field, after) === undefined) continue;
      const other = set.get(field.oneof);
      if (other !== undefined)
        throw this.#misfit(`not beside ${other.key}, with which it is in a oneof`, field.key);
      set.set(field.oneof, field);
    }
  }

  /** @returns whether something changed */
  #field(
    field: ViewField,
    parts: readonly MessagePart[],
    bytes: Buffer,
    after: JsonValue | undefined,
    depth: number,
    edits: PartEdits,
  ): boolean {
    const before = parts.length === 0 ? undefined : this.#viewer.field(field, parts, bytes, depth);
    if (sameJson(before, after)) return false;
    if (!field.presence && this.#saysUnset(field, before) && this.#saysUnset(field, after)) return false;
    if (field.entry !== undefined) this.#map(field, parts, bytes, before, after ?? {}, depth, edits);
    else if (field.repeated) this.#list(field, parts, bytes, before, after ?? [], depth, edits);
    else return this.#single(field, parts, bytes, after, depth, edits);
    return true;
  }

  #saysUnset(field: ViewField, value: JsonValue | undefined): boolean {
    return value === undefined || sameJson(value, this.#viewer.unset(field));
  }

  /** The last part is what counts: it is replaced, and others of the field say nothing any more. */
  #single(
    field: ViewField,
    parts: readonly MessagePart[],
    bytes: Buffer,
    after: JsonValue | undefined,
    depth: number,
    edits: PartEdits,
  ): boolean {
    const last = parts.at(-1);
    const { bytes: whole, from, to } = contentOf(parts, bytes);
    const was = whole.subarray(from, to);
    const content = after === undefined ? undefined : this.#content(field, was, after, depth);
    if (content === was && last !== undefined) return false;
    put(edits, field, parts, bytes, content);
    return true;
  }

  /** The content of one value: of a message, what it was with what changed. */
  #content(field: FieldType, before: Buffer, after: JsonValue, depth: number): Buffer {
    if (field.kind === 'message') {
      const layout = this.#viewer.layout(field.typeName);
      if (layout === undefined) throw this.#misfit(`nothing: no schema has ${field.typeName}`);
      return this.message(layout, before, after, depth + 1);
    }
    const content = writeScalar(field.type, after, this.#viewer.enum(field));
    if ('expected' in content) throw this.#misfit(content.expected);
    return content;
  }

  #list(
    field: ViewField,
    parts: readonly MessagePart[],
    bytes: Buffer,
    before: JsonValue | undefined,
    after: JsonValue,
    depth: number,
    edits: PartEdits,
  ): void {
    if (!Array.isArray(after)) throw this.#misfit('a list');
    const values = valuesOf(parts, bytes, this.#viewer.count);
    const matched = matchLists(Array.isArray(before) ? before : [], after, sameJson);
    // By the part that they stand in now: what is new stands with what is before it.
    const standing = new Map<MessagePart | undefined, Uint8Array[]>(parts.map((part) => [part, []]));
    let part = parts[0];
    after.forEach((value, i) => {
      this.#path.push(String(i));
      const match = matched[i];
      const old = match === undefined ? undefined : values[match.index];
      part = old?.part ?? part;
      const packed = part === undefined ? field.packed : isPacked(part);
      standing.set(part, standing.get(part) ?? []);
      const pieces = standing.get(part);
      const was = old === undefined ? noBytes : bytes.subarray(old.from, old.to);
      const content = match?.isSame === true ? was : this.#content(field, was, value, depth);
      if (packed) pieces?.push(content);
      else if (old === undefined) pieces?.push(...framed(field, content));
      else if (content === was) pieces?.push(bytes.subarray(old.part.start, old.part.end));
      else pieces?.push(...reframed(field, old.part, bytes, content));
      this.#path.pop();
    });
    for (const [place, pieces] of standing) {
      if (place === undefined) edits.add(field.packed ? packedList(field, pieces) : pieces);
      else if (isPacked(place)) {
        const content = Buffer.concat(pieces);
        if (content.equals(bytes.subarray(place.from, place.to))) continue;
        const tag = bytes.subarray(place.start, place.tagEnd);
        edits.replace(place, pieces.length === 0 ? [] : [tag, varint(content.length), content]);
      } else edits.replace(place, pieces);
    }
  }

  #map(
    field: ViewField,
    parts: readonly MessagePart[],
    bytes: Buffer,
    before: JsonValue | undefined,
    after: JsonValue,
    depth: number,
    edits: PartEdits,
  ): void {
    if (!isJsonObject(after)) throw this.#misfit('an object with the entries of a map');
    const layout = this.#viewer.layout(field.typeName);
    if (layout === undefined) return;
    const entries = new Map<string, MessagePart[]>();
    for (const part of parts) {
      const [key] = this.#viewer.entry(field, layout, part, bytes, depth);
      const known = entries.get(key);
      if (known === undefined) entries.set(key, [part]);
      else known.push(part);
    }
    for (const key of new Set([...entries.keys(), ...Object.keys(after)])) {
      const value = memberOf(after, key);
      const was = isJsonObject(before) ? memberOf(before, key) : undefined;
      if (sameJson(was, value)) continue;
      this.#path.push(key);
      const own = entries.get(key) ?? [];
      const last = own.at(-1);
      const entry = bytes.subarray(last?.from ?? 0, last?.to ?? 0);
      const changed =
        value === undefined
          ? undefined
          : last === undefined
            ? this.#newEntry(field, key, value, depth)
            : this.#entry(field, layout, entry, value, depth);
      this.#path.pop();
      if (changed === entry) continue;
      put(edits, field, own, bytes, changed);
    }
  }

  /** An entry with another value: its key, and what it has beside both, keep their bytes. */
  #entry(field: ViewField, layout: MessageLayout, content: Buffer, after: JsonValue, depth: number): Buffer {
    const parts = partsOf(layout, content, 0, content.length, depth + 1, this.#viewer.count);
    const own = parts.filter((part) => part.field?.number === 2);
    const value = field.entry?.value;
    if (value === undefined) return content;
    const last = own.at(-1);
    const { bytes: whole, from, to } = contentOf(value.kind === 'message' ? own : [], content);
    const was = whole.subarray(from, to);
    const changed = this.#content(value, was, after, depth + 1);
    if (changed === was && last !== undefined) return content;
    const edits = new PartEdits();
    put(edits, value, own, content, changed);
    return edits.apply(parts, content);
  }

  #newEntry(field: ViewField, key: string, after: JsonValue, depth: number): Buffer {
    const { entry } = field;
    if (entry === undefined) return noBytes;
    const keyValue =
      entry.key.type === 'bool' ? (key === 'true' ? true : key === 'false' ? false : key) : key;
    return Buffer.concat([
      ...framed(entry.key, this.#content(entry.key, noBytes, keyValue, depth + 1)),
      ...framed(entry.value, this.#content(entry.value, noBytes, after, depth + 1)),
    ]);
  }

  /** What was packed into it is changed as it is; under another type it is made anew. */
  #any(layout: MessageLayout, bytes: Buffer, after: JsonValue, depth: number): Buffer {
    if (!isJsonObject(after)) throw this.#misfit('an object with @type');
    const { '@type': url, ...rest } = after;
    if (url === undefined) return this.#fields(layout, bytes, after, depth);
    const parts = partsOf(layout, bytes, 0, bytes.length, depth, this.#viewer.count);
    const packed = this.#viewer.packed(parts, bytes);
    const inner =
      typeof url === 'string' ? this.#viewer.layout(url.slice(url.lastIndexOf('/') + 1)) : undefined;
    if (typeof url !== 'string' || inner === undefined)
      throw this.#misfit('the name of a type that the schemas have', '@type');
    const was = packed?.layout === inner ? bytes.subarray(packed.from, packed.to) : noBytes;
    const content = this.message(inner, was, hasOwnForm(inner) ? (rest.value ?? null) : rest, depth + 1);
    if (packed?.url === url && content === was) return bytes;
    const fields: JsonObject = { type_url: url, value: content.toString('base64') };
    return this.#fields(layout, bytes, fields, depth);
  }

  #misfit(expected: string, name?: string): ViewMisfit {
    const pointer = pointerOf(name === undefined ? this.#path : [...this.#path, name]);
    return new ViewMisfit(pointer, this.#fieldName, expected);
  }
}

/** What stood in these parts is this now, where the last of them stands; undefined for nothing. */
function put(
  edits: PartEdits,
  field: FieldType,
  parts: readonly MessagePart[],
  bytes: Buffer,
  content: Buffer | undefined,
): void {
  const last = parts.at(-1);
  for (const part of parts) edits.remove(part);
  if (content === undefined) return;
  if (last === undefined) edits.add(framed(field, content));
  else edits.replace(last, reframed(field, last, bytes, content));
}

function hasFieldsOf(layout: MessageLayout, value: JsonObject): boolean {
  return Object.keys(value).every((name) => layout.byKey.has(name));
}

/** What a view gives a field: null says that it is not set, but where null is a value of its type. */
function givenTo(field: ViewField, after: JsonObject): JsonValue | undefined {
  const value = memberOf(after, field.key);
  if (value !== null) return value;
  const isValue = !field.repeated && (field.typeName === valueType || field.typeName === nullValueType);
  return isValue ? null : undefined;
}
