import type { FieldType } from './field-type.ts';
import type { ViewField } from './message-layout.ts';
import type { MessagePart } from './message-parts.ts';
import { wireTypeOf } from './scalar-value.ts';
import { tagOf, varint } from './scalar-writer.ts';
import { wire } from './wire.ts';

const setItemStart = tagOf(1, wire.startGroup);
const setItemEnd = tagOf(1, wire.endGroup);

/** A value with its tag, as its schema has it. */
export function framed(field: FieldType | ViewField, content: Buffer): Uint8Array[] {
  if (isSetField(field)) return setItem(field.number, content);
  if (field.kind === 'message' && field.delimited) {
    return [tagOf(field.number, wire.startGroup), content, tagOf(field.number, wire.endGroup)];
  }
  const type = wireTypeOf(field.type);
  const tag = tagOf(field.number, type === wire.startGroup ? wire.bytes : type);
  return type === wire.bytes ? [tag, varint(content.length), content] : [tag, content];
}

/** A value in place of another, written the same way. */
export function reframed(field: FieldType, part: MessagePart, bytes: Buffer, content: Buffer): Uint8Array[] {
  if (part.isSetItem) return setItem(field.number, content);
  const tag = bytes.subarray(part.start, part.tagEnd);
  if (part.wireType === wire.startGroup) return [tag, content, bytes.subarray(part.to, part.end)];
  return part.wireType === wire.bytes ? [tag, varint(content.length), content] : [tag, content];
}

function setItem(number: number, content: Buffer): Uint8Array[] {
  return [
    setItemStart,
    Buffer.of(0x10),
    varint(number),
    Buffer.of(0x1a),
    varint(content.length),
    content,
    setItemEnd,
  ];
}

function isSetField(field: FieldType | ViewField): boolean {
  return 'inMessageSet' in field && field.inMessageSet;
}

export function packedList(field: FieldType, values: readonly Uint8Array[]): Uint8Array[] {
  const content = Buffer.concat(values);
  return [tagOf(field.number, wire.bytes), varint(content.length), content];
}
