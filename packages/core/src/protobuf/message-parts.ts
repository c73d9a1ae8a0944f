import type { MessageLayout, ViewField } from './message-layout.ts';
import { wireTypeOf } from './scalar-value.ts';
import { WireReader, wire } from './wire.ts';

/** One field of a message as it stands there. */
export interface MessagePart {
  /** None where the schema knows no such field, or not with this wire type. */
  readonly field: ViewField | undefined;
  /** Of an item of a message set: that of its extension. */
  readonly number: number;
  readonly wireType: number;
  /** From its tag to the next. */
  readonly start: number;
  readonly tagEnd: number;
  /** Its content: without tags and length. */
  readonly from: number;
  readonly to: number;
  readonly end: number;
  readonly isSetItem: boolean;
  /** Another field of its `oneof` comes after it: it says nothing. */
  isOver: boolean;
}

/** Told of each part, and of how many bytes were read to find it. */
export type CountPart = (bytes: number) => void;

const setItem = 1;

/**
 * The parts of a message, in order.
 *
 * @throws MalformedWire
 */
export function partsOf(
  layout: MessageLayout,
  bytes: Uint8Array,
  start: number,
  end: number,
  depth: number,
  count: CountPart,
): MessagePart[] {
  const reader = new WireReader(bytes, start);
  const parts: MessagePart[] = [];
  // By `oneof`: the parts that may still hold, all of one field.
  let holding: Map<number, MessagePart[]> | undefined;
  while (reader.at < end) {
    const part = readPart(reader, layout, end, depth);
    count(part.wireType === wire.startGroup ? part.end - part.start : 0);
    const { field } = part;
    if (field !== undefined && field.oneof >= 0) {
      holding ??= new Map();
      const before = holding.get(field.oneof);
      if (before?.[0]?.field === field) before.push(part);
      else {
        for (const over of before ?? []) over.isOver = true;
        holding.set(field.oneof, [part]);
      }
    }
    parts.push(part);
  }
  return parts;
}

function readPart(reader: WireReader, layout: MessageLayout, end: number, depth: number): MessagePart {
  const start = reader.at;
  const tag = reader.tag(end);
  const wireType = tag & 7;
  const number = tag >>> 3;
  const tagEnd = reader.at;
  let from = tagEnd;
  let to: number;
  if (wireType === wire.bytes) {
    to = reader.sized(end);
    from = reader.at;
    reader.at = to;
  } else if (wireType === wire.startGroup) {
    to = reader.skipGroup(number, end, depth + 1);
  } else {
    reader.skipValue(tag, end, depth);
    to = reader.at;
  }
  const isOver = false;
  if (layout.type.isMessageSet && number === setItem && wireType === wire.startGroup)
    return {
      ...readItem(reader.bytes, layout, from, to, depth),
      wireType,
      start,
      tagEnd,
      end: reader.at,
      isOver,
    };
  const known = layout.byNumber.get(number);
  const field = known !== undefined && fits(known, wireType) ? known : undefined;
  return { field, number, wireType, start, tagEnd, from, to, end: reader.at, isSetItem: false, isOver };
}

/** Lists of numbers may be written either way, and messages too: not every schema tells how. */
function fits(field: ViewField, wireType: number): boolean {
  if (field.kind === 'message')
    return wireType === wire.bytes || (wireType === wire.startGroup && field.entry === undefined);
  return wireType === wireTypeOf(field.type) || (wireType === wire.bytes && field.repeated);
}

/** An item of a message set: a group of a number, which says of what type it is, and a message. */
function readItem(
  bytes: Uint8Array,
  layout: MessageLayout,
  start: number,
  end: number,
  depth: number,
): Pick<MessagePart, 'field' | 'number' | 'from' | 'to' | 'isSetItem'> {
  const reader = new WireReader(bytes, start);
  let number = setItem;
  let [from, to] = [end, end];
  while (reader.at < end) {
    const tag = reader.tag(end);
    if (tag === 0x10) number = reader.varint(end);
    else if (tag === 0x1a) {
      to = reader.sized(end);
      from = reader.at;
      reader.at = to;
    } else reader.skipValue(tag, end, depth);
  }
  const field = layout.byNumber.get(number);
  return { field: field?.kind === 'message' ? field : undefined, number, from, to, isSetItem: true };
}

/** One value of a field: of a packed list there are several in a part. */
export interface PartValue {
  readonly part: MessagePart;
  readonly from: number;
  readonly to: number;
}

/** Whether the part is a list of numbers behind one length. */
export function isPacked({ field, wireType }: MessagePart): boolean {
  return (
    wireType === wire.bytes &&
    field !== undefined &&
    wireTypeOf(field.type) !== wire.bytes &&
    field.kind !== 'message'
  );
}

/**
 * The values of parts of one field.
 *
 * @throws MalformedWire
 */
export function valuesOf(parts: readonly MessagePart[], bytes: Uint8Array, count: CountPart): PartValue[] {
  const values: PartValue[] = [];
  for (const part of parts) {
    const { field, from, to } = part;
    if (field === undefined || !isPacked(part)) {
      values.push({ part, from, to });
      continue;
    }
    const type = wireTypeOf(field.type);
    const reader = new WireReader(bytes, from);
    while (reader.at < to) {
      const at = reader.at;
      if (type === wire.varint) reader.skipVarint(to);
      else reader.skip(type === wire.fixed64 ? 8 : 4, to);
      count(0);
      values.push({ part, from: at, to: reader.at });
    }
  }
  return values;
}

/**
 * The content of a message that stands in parts: all of them together are one.
 *
 * @returns the bytes that hold it, and where in them it stands
 */
export function contentOf(
  parts: readonly MessagePart[],
  bytes: Buffer,
): { readonly bytes: Buffer; readonly from: number; readonly to: number } {
  const [first] = parts;
  if (first === undefined) return { bytes, from: 0, to: 0 };
  if (parts.length === 1) return { bytes, from: first.from, to: first.to };
  const whole = Buffer.concat(parts.map(({ from, to }) => bytes.subarray(from, to)));
  return { bytes: whole, from: 0, to: whole.length };
}
