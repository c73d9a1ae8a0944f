import { Packr, RESET_BUFFER_MODE, Unpackr } from 'msgpackr';
import { GardenhoseError } from '../errors.ts';
import { limits } from './format.ts';

/** A value as a record holds it. */
export type Packable = null | boolean | number | bigint | string | Uint8Array | readonly Packable[];

// Plain MessagePack, which any library reads: none of msgpackr's own record extensions.
const packr = new Packr({ useRecords: false });
const unpackr = new Unpackr({ useRecords: false, int64AsType: 'number' });

/** MessagePack of a record. The bytes are good until the next call: copy them. */
export function pack(record: readonly Packable[]): Uint8Array {
  return packr.pack(record, RESET_BUFFER_MODE);
}

/** The record at `start`, which a `RecordCursor` has found sound. Byte strings are views of `payload`. */
export function unpack(payload: Uint8Array, start: number, end: number): readonly unknown[] {
  const value: unknown = unpackr.unpack(payload, { start, end });
  return Array.isArray(value) ? value : [];
}

/** A whole number, as an integer whatever its size: the encoder would make floats of those above 32 bits. */
export function uint(value: number, field: string): number | bigint {
  if (!Number.isSafeInteger(value) || value < 0) throw invalid(field, 'a whole number from 0 to 2^53');
  return value > 0xffff_ffff ? BigInt(value) : value;
}

/** A finite number, whole or not. */
export function real(value: number, field: string): number | bigint {
  if (!Number.isFinite(value) || value < 0) throw invalid(field, 'a finite number, not negative');
  return Number.isSafeInteger(value) ? uint(value, field) : value;
}

/** A finite number of either sign, whole or not. */
export function signed(value: number, field: string): number | bigint {
  if (!Number.isFinite(value)) throw invalid(field, 'a finite number');
  return Number.isSafeInteger(value) ? BigInt(value) : value;
}

export const ascii: RegExp = /^[\0-\x7f]*$/;
export const latin1: RegExp = /^[\0-\xff]*$/;
const surrogate = /\p{Surrogate}/gu;

/** Text, stored as UTF-8. Half of a surrogate pair, which UTF-8 cannot hold, becomes U+FFFD. */
export function text(value: string, field: string): string {
  checkString(value, field);
  return ascii.test(value) ? value : value.replace(surrogate, '\ufffd');
}

export function invalid(field: string, expected: string): GardenhoseError {
  return new GardenhoseError('event-invalid', `${field} is not ${expected}`, { subject: field });
}

/** Refuses what is no string, or too long for the format. */
export function checkString(value: string, field: string): void {
  if (typeof value !== 'string') throw invalid(field, 'a string');
  // Four bytes hold any UTF-16 unit's share of UTF-8; the exact length matters only near the limit.
  if (value.length * 3 > limits.string && Buffer.byteLength(value) > limits.string) {
    throw new GardenhoseError('capture-limit', `${field} is longer than ${limits.string} bytes`, {
      subject: field,
    });
  }
}
