import protobuf from 'protobufjs';
import 'protobufjs/ext/descriptor.js';

/** A field on the wire: a tag, and the bytes behind it. */
export const tag = (number: number, wireType: number): number[] => varint(number * 8 + wireType);

export function varint(value: number | bigint): number[] {
  const out: number[] = [];
  let left = BigInt.asUintN(64, BigInt(value));
  do {
    const byte = Number(left & 0x7fn);
    left >>= 7n;
    out.push(left > 0n ? byte | 0x80 : byte);
  } while (left > 0n);
  return out;
}

type Content = string | readonly number[] | Uint8Array;
const bytesOf = (content: Content): number[] => [
  ...(typeof content === 'string' ? Buffer.from(content) : content),
];

/** A field with a length before its content. */
export const sized = (number: number, content: Content): number[] => {
  const bytes = bytesOf(content);
  return [...tag(number, 2), ...varint(bytes.length), ...bytes];
};
export const int = (number: number, value: number | bigint): number[] => [
  ...tag(number, 0),
  ...varint(value),
];
export const group = (number: number, ...fields: readonly number[][]): number[] => [
  ...tag(number, 3),
  ...fields.flat(),
  ...tag(number, 4),
];

const wellKnown = ['any', 'struct', 'timestamp', 'duration', 'wrappers', 'field_mask', 'empty'];

/** The schema of a `.proto` text, with names as written, and the root to encode and decode by. */
export function schemaOf(source: string): { readonly root: protobuf.Root; readonly schema: Uint8Array } {
  const root = new protobuf.Root();
  for (const name of wellKnown) {
    const nested = protobuf.common.get(`google/protobuf/${name}.proto`)?.nested;
    if (nested !== undefined && source.includes('google.protobuf.')) root.addJSON(nested);
  }
  protobuf.parse(source, root, { keepCase: true });
  root.resolveAll();
  return { root, schema: schemaOfRoot(root) };
}

export function schemaOfRoot(root: protobuf.Root): Uint8Array {
  const set: { readonly constructor: unknown } = root.toDescriptor('proto3');
  const type: unknown = set.constructor;
  if (!hasEncode(type)) throw new Error('no descriptor type');
  return type.encode(set).finish();
}

function hasEncode(type: unknown): type is { encode(message: unknown): { finish(): Uint8Array } } {
  return typeof type === 'function' && 'encode' in type;
}
