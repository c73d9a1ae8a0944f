/** Wire types of protobuf. */
export const wire = { varint: 0, fixed64: 1, bytes: 2, startGroup: 3, endGroup: 4, fixed32: 5 } as const;

/** Messages and groups within each other, at most. */
export const deepestMessage = 100;

/** Not written as protobuf is; messages too deep within each other; more than the limits allow. */
export type WireProblem = 'protobuf-syntax' | 'protobuf-depth' | 'protobuf-size';

/** Bytes that are no protobuf, or not that of their message. Says nothing of what they hold. */
export class MalformedWire extends Error {
  override readonly name = 'MalformedWire';
  readonly problem: WireProblem;

  constructor(problem: WireProblem) {
    super(problem);
    this.problem = problem;
  }
}

/** Made once: where bytes come from anyone, a trace for each would be dear. */
export const malformed: MalformedWire = new MalformedWire('protobuf-syntax');
export const tooDeep: MalformedWire = new MalformedWire('protobuf-depth');
export const tooLarge: MalformedWire = new MalformedWire('protobuf-size');

/**
 * Reads the parts of protobuf's wire format, none of them beyond `end`.
 *
 * Lengths and tags are put together by arithmetic: shifts are of 32 bits, and a varint can have more.
 */
export class WireReader {
  bytes: Uint8Array;
  at: number;

  constructor(bytes: Uint8Array, at = 0) {
    this.bytes = bytes;
    this.at = at;
  }

  /** The number of a field times 8, plus its wire type: below 2^32. */
  tag(end: number): number {
    const first = this.at < end ? (this.bytes[this.at] ?? 0) : 0;
    if (first < 0x80) {
      if (first < 8) throw malformed;
      this.at++;
      return first;
    }
    const from = this.at;
    const value = this.varint(end);
    if (value < 8 || value > 0xffff_ffff || this.at - from > 5) throw malformed;
    return value;
  }

  /** A varint; above 2^53 it is not exact. */
  varint(end: number): number {
    const { bytes } = this;
    let value = 0;
    let unit = 1;
    for (let i = 0; i < 10; i++) {
      if (this.at >= end) break;
      const byte = bytes[this.at++] ?? 0;
      value += (byte & 0x7f) * unit;
      if (byte < 0x80) return value;
      unit *= 128;
    }
    throw malformed;
  }

  /** Passes over a varint. */
  skipVarint(end: number): void {
    const { bytes } = this;
    const most = Math.min(end, this.at + 10);
    while (this.at < most) if ((bytes[this.at++] ?? 0) < 0x80) return;
    throw malformed;
  }

  /** Where the content ends whose length stands here. */
  sized(end: number): number {
    const first = this.at < end ? (this.bytes[this.at] ?? 0) : 0x80;
    let length = first;
    if (first < 0x80) this.at++;
    else length = this.varint(end);
    if (length > end - this.at) throw malformed;
    return this.at + length;
  }

  /** Passes over so many bytes. */
  skip(count: number, end: number): void {
    if (count > end - this.at) throw malformed;
    this.at += count;
  }

  /** Passes over the value of a field. */
  skipValue(tag: number, end: number, depth: number): void {
    switch (tag % 8) {
      case wire.varint:
        this.skipVarint(end);
        break;
      case wire.fixed64:
        this.skip(8, end);
        break;
      case wire.bytes:
        this.at = this.sized(end);
        break;
      case wire.startGroup:
        this.skipGroup(Math.floor(tag / 8), end, depth + 1);
        break;
      case wire.fixed32:
        this.skip(4, end);
        break;
      default:
        throw malformed;
    }
  }

  /** Passes over a group whose first tag was read: where its content ends, before its last tag. */
  skipGroup(number: number, end: number, depth: number): number {
    if (depth > deepestMessage) throw tooDeep;
    for (;;) {
      const at = this.at;
      const tag = this.tag(end);
      if (tag % 8 === wire.endGroup) {
        if (Math.floor(tag / 8) !== number) throw malformed;
        return at;
      }
      this.skipValue(tag, end, depth);
    }
  }
}
