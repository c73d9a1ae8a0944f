import { isUtf8 } from 'node:buffer';
import type { JsonValue } from '../model/json-value.ts';
import type { EnumType } from './enum-type.ts';
import type { ProtobufType } from './field-type.ts';
import { nullValueType } from './json-forms.ts';
import { wire } from './wire.ts';

const wireTypes: Readonly<Record<ProtobufType, number>> = {
  double: wire.fixed64,
  float: wire.fixed32,
  int64: wire.varint,
  uint64: wire.varint,
  int32: wire.varint,
  fixed64: wire.fixed64,
  fixed32: wire.fixed32,
  bool: wire.varint,
  string: wire.bytes,
  group: wire.startGroup,
  message: wire.bytes,
  bytes: wire.bytes,
  uint32: wire.varint,
  enum: wire.varint,
  sfixed32: wire.fixed32,
  sfixed64: wire.fixed64,
  sint32: wire.varint,
  sint64: wire.varint,
};

/** The wire type of a value that stands alone. */
export function wireTypeOf(type: ProtobufType): number {
  return wireTypes[type];
}

/** What a field holds that is not set, but for messages. */
export function defaultOf(type: ProtobufType, values: EnumType | undefined): JsonValue {
  switch (type) {
    case 'bool':
      return false;
    case 'string':
    case 'bytes':
      return '';
    case 'int64':
    case 'uint64':
    case 'sint64':
    case 'fixed64':
    case 'sfixed64':
      return '0';
    case 'enum':
      return enumValue(values?.first ?? 0, values);
    default:
      return 0;
  }
}

/** The name of a number of an enum; the number, where it has none. The one value of `NullValue` is null. */
export function enumValue(number: number, values: EnumType | undefined): JsonValue {
  if (number === 0 && values?.fullName === nullValueType) return null;
  return values?.names.get(number) ?? number;
}

/** The value of a scalar that stands in `start..end`; of text that is not UTF-8, what can be read of it. */
export function readScalar(
  type: ProtobufType,
  bytes: Buffer,
  start: number,
  end: number,
  values: EnumType | undefined,
): JsonValue {
  switch (type) {
    case 'string':
      return bytes.toString('utf8', start, end);
    case 'bytes':
      return bytes.toString('base64', start, end);
    case 'double':
      return realNumber(bytes.readDoubleLE(start));
    case 'float':
      return realNumber(shortest(bytes.readFloatLE(start)));
    case 'fixed32':
      return bytes.readUInt32LE(start);
    case 'sfixed32':
      return bytes.readInt32LE(start);
    case 'fixed64':
      return bytes.readBigUInt64LE(start).toString();
    case 'sfixed64':
      return bytes.readBigInt64LE(start).toString();
    default:
      return readVarint(type, bytes, start, end, values);
  }
}

/** Varints of so many bytes are numbers that a double holds. */
const exactBytes = 7;

function readVarint(
  type: ProtobufType,
  bytes: Buffer,
  start: number,
  end: number,
  values: EnumType | undefined,
): JsonValue {
  if (end - start > exactBytes) return readLongVarint(type, longVarint(bytes, start, end), values);
  let value = 0;
  let unit = 1;
  for (let i = start; i < end; i++) {
    value += ((bytes[i] ?? 0) & 0x7f) * unit;
    unit *= 128;
  }
  switch (type) {
    case 'bool':
      return value !== 0;
    case 'enum':
      return enumValue(value | 0, values);
    case 'int32':
      return value | 0;
    case 'uint32':
      return value >>> 0;
    case 'sint32':
      return (value >>> 1) ^ -(value & 1);
    case 'sint64':
      return String(value % 2 === 0 ? value / 2 : -(value + 1) / 2);
    default:
      return String(value);
  }
}

function readLongVarint(type: ProtobufType, value: bigint, values: EnumType | undefined): JsonValue {
  switch (type) {
    case 'bool':
      return value !== 0n;
    case 'enum':
      return enumValue(Number(BigInt.asIntN(32, value)), values);
    case 'int32':
      return Number(BigInt.asIntN(32, value));
    case 'uint32':
      return Number(BigInt.asUintN(32, value));
    case 'sint32': {
      const low = Number(BigInt.asUintN(32, value));
      return (low >>> 1) ^ -(low & 1);
    }
    case 'sint64':
      return ((value >> 1n) ^ -(value & 1n)).toString();
    case 'int64':
      return BigInt.asIntN(64, value).toString();
    default:
      return value.toString();
  }
}

function longVarint(bytes: Uint8Array, start: number, end: number): bigint {
  let value = 0n;
  for (let i = end - 1; i >= start; i--) value = (value << 7n) | BigInt((bytes[i] ?? 0) & 0x7f);
  return BigInt.asUintN(64, value);
}

/** What JSON has no number for is a text. */
function realNumber(value: number): JsonValue {
  return Number.isFinite(value) ? value : String(value);
}

/** The shortest number that is the same as a float. */
function shortest(value: number): number {
  if (Number.isInteger(value) || !Number.isFinite(value)) return value;
  for (let digits = 6; digits < 9; digits++) {
    const short = Number(value.toPrecision(digits));
    if (Math.fround(short) === value) return short;
  }
  return value;
}

/** Whether text is what protobuf says it is. */
export function isText(bytes: Uint8Array, start: number, end: number): boolean {
  return isUtf8(bytes.subarray(start, end));
}
