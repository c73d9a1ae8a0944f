import { GardenhoseError } from '../errors.ts';
import { limits } from './format.ts';
import { ascii, checkString, invalid, latin1 } from './packing.ts';

/** Up to this length, a loop over the characters is faster than a call into the runtime. */
const shortText = 28;

/** Room beyond the usual size, so that the last record of a chunk seldom makes the buffer grow. */
const slackBytes = 16 * 1024;

/**
 * Writes the MessagePack of records one value after the other, straight to where they are kept, and checks each value. A
 * record costs no object on its way. Every value takes the fewest bytes that it can.
 */
export class RecordPacker {
  /** Where the next value goes. Set it back to forget what was written. */
  at = 0;
  readonly #usualBytes: number;
  #bytes: Buffer;
  #size: number;

  /** @param usualBytes - What is usually written before {@link RecordPacker.take} */
  constructor(usualBytes: number) {
    this.#usualBytes = usualBytes + slackBytes;
    this.#size = this.#usualBytes;
    this.#bytes = Buffer.allocUnsafe(this.#size);
  }

  /** All that was written, good until something is written again: the next value goes to the beginning. */
  take(): Uint8Array {
    const taken = this.#bytes.subarray(0, this.at);
    this.at = 0;
    // One large record must not keep its room for ever.
    if (this.#size > this.#usualBytes) this.#resize(this.#usualBytes);
    return taken;
  }

  /** An array of so many values begins. */
  list(length: number): void {
    this.#room(5);
    if (length < 0x10) this.#bytes[this.at++] = 0x90 | length;
    else if (length < 0x1_0000) this.#sized16(0xdc, length);
    else this.#sized32(0xdd, length);
  }

  nil(): void {
    this.#room(1);
    this.#bytes[this.at++] = 0xc0;
  }

  bool(value: boolean): void {
    this.#room(1);
    this.#bytes[this.at++] = value ? 0xc3 : 0xc2;
  }

  /** A whole number, as an integer whatever its size. */
  uint(value: number, field: string): void {
    this.#room(9);
    if (value >>> 0 !== value) this.#uint53(value, field);
    else if (value < 0x80) this.#bytes[this.at++] = value;
    else if (value < 0x100) this.#sized8(0xcc, value);
    else if (value < 0x1_0000) this.#sized16(0xcd, value);
    else this.#sized32(0xce, value);
  }

  /** A finite number, whole or not. */
  real(value: number, field: string): void {
    if (!Number.isFinite(value) || value < 0) throw invalid(field, 'a finite number, not negative');
    if (Number.isSafeInteger(value)) {
      this.uint(value, field);
    } else {
      this.#room(9);
      this.#bytes[this.at] = 0xcb;
      this.at = this.#bytes.writeDoubleBE(value, this.at + 1);
    }
  }

  /** The place of a value in the list of those that it can have. */
  oneOf<T>(list: readonly T[], value: T, field: string): void {
    let place = 0;
    while (place < list.length && list[place] !== value) place++;
    if (place === list.length) throw invalid(field, 'one of the values that the event model lists');
    this.uint(place, field);
  }

  /** Text, stored as UTF-8. Half of a surrogate pair, which UTF-8 cannot hold, becomes U+FFFD. */
  text(value: string, field: string): void {
    if (!this.#ascii(value, field)) this.#utf8(value);
  }

  /**
   * A string off the wire, where a character is a byte: a string when it is ASCII, else its bytes. What no wire can have
   * carried, because a hook wrote it, is stored as text.
   */
  wire(value: string, field: string): void {
    if (this.#ascii(value, field)) return;
    if (latin1.test(value)) {
      this.#binary(value.length);
      this.at += this.#bytes.write(value, this.at, value.length, 'latin1');
    } else {
      this.#utf8(value);
    }
  }

  wireList(values: readonly string[], field: string): void {
    if (!Array.isArray(values) || values.length % 2 !== 0) throw invalid(field, 'a list of names and values');
    const { length } = values;
    if (length > limits.headerItems) {
      throw new GardenhoseError(
        'capture-limit',
        `${field} has ${length} items, at most ${limits.headerItems} fit`,
      );
    }
    this.list(length);
    for (let i = 0; i < length; i++) this.wire(values[i], field);
  }

  bytes(value: Uint8Array, field: string): void {
    if (!(value instanceof Uint8Array)) throw invalid(field, 'bytes');
    this.#binary(value.length);
    this.#bytes.set(value, this.at);
    this.at += value.length;
  }

  /** Writes a string that is ASCII; false for any other. */
  #ascii(value: string, field: string): boolean {
    if (typeof value !== 'string') throw invalid(field, 'a string');
    const { length } = value;
    this.#room(5 + length);
    if (length > shortText) {
      checkString(value, field);
      if (!ascii.test(value)) return false;
      this.#stringHead(length);
      this.at += this.#bytes.write(value, this.at, length, 'latin1');
      return true;
    }
    const bytes = this.#bytes;
    let to = this.at;
    bytes[to++] = 0xa0 | length;
    let all = 0;
    for (let i = 0; i < length; i++) {
      const code = value.charCodeAt(i);
      all |= code;
      bytes[to++] = code;
    }
    if (all > 0x7f) return false;
    this.at = to;
    return true;
  }

  #utf8(value: string): void {
    const size = Buffer.byteLength(value);
    this.#room(5 + size);
    this.#stringHead(size);
    this.at += this.#bytes.write(value, this.at);
  }

  #stringHead(size: number): void {
    if (size < 0x20) this.#bytes[this.at++] = 0xa0 | size;
    else if (size < 0x100) this.#sized8(0xd9, size);
    else if (size < 0x1_0000) this.#sized16(0xda, size);
    else this.#sized32(0xdb, size);
  }

  #binary(size: number): void {
    this.#room(5 + size);
    if (size < 0x100) this.#sized8(0xc4, size);
    else if (size < 0x1_0000) this.#sized16(0xc5, size);
    else this.#sized32(0xc6, size);
  }

  #sized8(type: number, value: number): void {
    const at = this.at;
    this.#bytes[at] = type;
    this.#bytes[at + 1] = value;
    this.at = at + 2;
  }

  #sized16(type: number, value: number): void {
    const at = this.at;
    this.#bytes[at] = type;
    this.#bytes[at + 1] = value >>> 8;
    this.#bytes[at + 2] = value;
    this.at = at + 3;
  }

  #sized32(type: number, value: number): void {
    const at = this.at;
    this.#bytes[at] = type;
    this.#bytes[at + 1] = value >>> 24;
    this.#bytes[at + 2] = value >>> 16;
    this.#bytes[at + 3] = value >>> 8;
    this.#bytes[at + 4] = value;
    this.at = at + 5;
  }

  #uint53(value: number, field: string): void {
    if (!Number.isSafeInteger(value) || value < 0) throw invalid(field, 'a whole number from 0 to 2^53');
    this.#bytes[this.at] = 0xd3;
    this.at = this.#bytes.writeUInt32BE(Math.floor(value / 2 ** 32), this.at + 1);
    this.at = this.#bytes.writeUInt32BE(value % 2 ** 32, this.at);
  }

  /** Sees to it that so many bytes can be written. */
  #room(bytes: number): void {
    if (this.at + bytes > this.#size) this.#resize(Math.max(2 * this.#size, this.at + bytes));
  }

  #resize(size: number): void {
    const grown = Buffer.allocUnsafe(size);
    grown.set(this.#bytes.subarray(0, this.at), 0);
    this.#bytes = grown;
    this.#size = size;
  }
}
