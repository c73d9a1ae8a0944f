import type { JsonValue } from '../model/json-value.ts';
import type { EnumType } from './enum-type.ts';
import type { ProtobufType } from './field-type.ts';
import { enumValue } from './scalar-value.ts';

/** What fits no field of its type: what was expected instead. */
export interface Misfit {
  readonly expected: string;
}

const loneSurrogate = /\p{Surrogate}/u;
const base64 = /^[A-Za-z0-9+/_-]*={0,2}$/;

/** A value of JSON as the content of a field: without tag, of texts and bytes without length. */
export function writeScalar(
  type: ProtobufType,
  value: JsonValue,
  values: EnumType | undefined,
): Buffer | Misfit {
  switch (type) {
    case 'string':
      return typeof value === 'string' && !loneSurrogate.test(value)
        ? Buffer.from(value)
        : { expected: 'a text in Unicode' };
    case 'bytes':
      return typeof value === 'string' && base64.test(value) && value.length % 4 !== 1
        ? Buffer.from(value, 'base64')
        : { expected: 'bytes in base64' };
    case 'bool':
      return typeof value === 'boolean' ? Buffer.of(value ? 1 : 0) : { expected: 'true or false' };
    case 'enum':
      return writeEnum(value, values);
    case 'double':
    case 'float':
      return writeReal(type, value);
    default:
      return writeInteger(type, value);
  }
}

function writeEnum(value: JsonValue, values: EnumType | undefined): Buffer | Misfit {
  if (value === null && enumValue(0, values) === null) return varint(0n);
  const number = typeof value === 'string' ? values?.numbers.get(value) : value;
  return typeof number === 'number' && number === (number | 0)
    ? varint(BigInt(number))
    : { expected: `a name or number of ${values?.fullName ?? 'an enum'}` };
}

function writeReal(type: 'double' | 'float', value: JsonValue): Buffer | Misfit {
  const number = realOf(value);
  const isFloat = type === 'float';
  if (number === undefined || (isFloat && Number.isFinite(number) && !Number.isFinite(Math.fround(number))))
    return { expected: isFloat ? 'a number that a float holds' : 'a number' };
  const out = Buffer.alloc(isFloat ? 4 : 8);
  if (isFloat) out.writeFloatLE(number);
  else out.writeDoubleLE(number);
  return out;
}

function realOf(value: JsonValue): number | undefined {
  if (typeof value === 'number') return value;
  if (typeof value !== 'string') return undefined;
  if (/^(?:NaN|-?Infinity)$/.test(value)) return Number(value);
  return /^-?\d{1,400}(?:\.\d{1,400})?(?:[eE][+-]?\d{1,4})?$/.test(value) ? Number(value) : undefined;
}

const bitsOf = { 32: [2n ** 31n, 2n ** 32n], 64: [2n ** 63n, 2n ** 64n] } as const;

function writeInteger(type: ProtobufType, value: JsonValue): Buffer | Misfit {
  const bits = type.endsWith('64') ? 64 : 32;
  const isSigned = !type.startsWith('u') && !type.startsWith('f');
  const [half, whole] = bitsOf[bits];
  const number = integerOf(value);
  if (number === undefined || number < (isSigned ? -half : 0n) || number >= (isSigned ? half : whole))
    return { expected: `a whole number of ${bits} bits${isSigned ? '' : ', not below 0'}` };
  switch (type) {
    case 'sint32':
    case 'sint64':
      return varint((number << 1n) ^ (number >> BigInt(bits - 1)));
    case 'fixed32':
    case 'sfixed32':
    case 'fixed64':
    case 'sfixed64': {
      const out = Buffer.alloc(bits / 8);
      if (bits === 64) out.writeBigUInt64LE(BigInt.asUintN(64, number));
      else out.writeUInt32LE(Number(BigInt.asUintN(32, number)));
      return out;
    }
    default:
      return varint(number);
  }
}

function integerOf(value: JsonValue): bigint | undefined {
  if (typeof value === 'number') return Number.isSafeInteger(value) ? BigInt(value) : undefined;
  return typeof value === 'string' && /^-?\d{1,20}$/.test(value) ? BigInt(value) : undefined;
}

/** A varint; numbers below zero are written with 64 bits. */
export function varint(value: bigint | number): Buffer {
  const bytes: number[] = [];
  let left = BigInt.asUintN(64, BigInt(value));
  do {
    const low = Number(left & 0x7fn);
    left >>= 7n;
    bytes.push(left > 0n ? low | 0x80 : low);
  } while (left > 0n);
  return Buffer.from(bytes);
}

export function tagOf(number: number, wireType: number): Buffer {
  return varint(number * 8 + wireType);
}
