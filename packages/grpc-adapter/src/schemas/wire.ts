// What of protobuf's wire format is needed to write descriptors and to ask for them.

/** A varint; negative numbers take ten bytes, as protobuf has it. */
function varint(value: number | bigint): number[] {
  const out: number[] = [];
  let left = BigInt.asUintN(64, BigInt(value));
  do {
    const byte = Number(left & 0x7fn);
    left >>= 7n;
    out.push(left > 0n ? byte | 0x80 : byte);
  } while (left > 0n);
  return out;
}

/** A field that is a number, a flag or the value of an enum. */
export function numberField(number: number, value: number | bigint | boolean): Uint8Array {
  return Uint8Array.from([
    ...varint(number * 8),
    ...varint(typeof value === 'boolean' ? Number(value) : value),
  ]);
}

/** A field that is a text, bytes or a message. */
export function sizedField(number: number, content: string | Uint8Array): Uint8Array {
  const bytes = typeof content === 'string' ? Buffer.from(content) : content;
  return Buffer.concat([Uint8Array.from([...varint(number * 8 + 2), ...varint(bytes.length)]), bytes]);
}

/** A field of four or eight bytes. */
export function fixedField(number: number, content: Uint8Array): Uint8Array {
  return Buffer.concat([Uint8Array.from(varint(number * 8 + (content.length === 4 ? 5 : 1))), content]);
}

/** A signed number so that small ones stay small. */
export function zigzag(value: bigint): bigint {
  return BigInt.asUintN(64, (value << 1n) ^ (value >> 63n));
}
