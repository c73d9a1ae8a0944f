import { malformed, WireReader, wire } from './wire.ts';

/** Where something stands in a set of descriptors. */
export interface Place {
  readonly bytes: Uint8Array;
  readonly start: number;
  readonly end: number;
}

type Member = (number: number, wireType: number, start: number, end: number, value: number) => void;

/**
 * Calls back for each field of a message: `start` and `end` are those of its content, `value` that of a varint.
 *
 * @throws MalformedWire
 */
export function eachField({ bytes, start, end }: Place, member: Member): void {
  const reader = new WireReader(bytes, start);
  while (reader.at < end) {
    const tag = reader.tag(end);
    const type = tag % 8;
    const number = Math.floor(tag / 8);
    const from = reader.at;
    if (type === wire.varint) {
      const value = reader.varint(end);
      member(number, type, from, reader.at, value);
    } else if (type === wire.bytes) {
      const to = reader.sized(end);
      const inside = reader.at;
      reader.at = to;
      member(number, type, inside, to, 0);
    } else {
      reader.skipValue(tag, end, 0);
      member(number, type, from, reader.at, 0);
    }
  }
}

/** A piece of a descriptor as text. */
export function textAt(bytes: Uint8Array, start: number, end: number): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('utf8', start, end);
}

/** A varint as a number of 32 bits, as those of enums are: one below zero is written with 64, which the reader does not hold. */
export function int32At(bytes: Uint8Array, start: number, end: number): number {
  let low = 0;
  for (let i = 0; i < 5 && start + i < end; i++) low |= ((bytes[start + i] ?? 0) & 0x7f) << (7 * i);
  return low;
}

/** Of full names and their parts. Every declaration within a scope holds the name of that scope. */
const longestName = 1_000;

/**
 * A name, or the name of a type.
 *
 * @throws MalformedWire for one over 1,000 bytes
 */
export function nameAt(bytes: Uint8Array, start: number, end: number): string {
  if (end - start > longestName) throw malformed;
  return textAt(bytes, start, end);
}

/**
 * A name in the scope that it was declared in.
 *
 * @throws MalformedWire for one over 1,000 characters
 */
export function within(scope: string, name: string): string {
  if (scope.length + name.length >= longestName) throw malformed;
  return scope === '' ? name : `${scope}.${name}`;
}
