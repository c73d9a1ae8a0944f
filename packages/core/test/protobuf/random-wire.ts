import fc from 'fast-check';
import { tag, varint } from './support.ts';

/** Wire types of the fields of `test.Message` in `every-kind.ts`. */
const varints = [3, 4, 5, 8, 13, 14, 17, 18, 53, 54, 75];
const fixed64s = [1, 6, 16];
const fixed32s = [2, 7, 15];
const texts = [9, 29, 51, 55, 20000];
const blobs = [12, 32];
const packedVarints = [23, 24, 25, 28, 33, 34, 37, 38, 40];
const packed64s = [21, 26, 36];
const packed32s = [22, 27, 35];
const messages = [19, 39, 52];
const boxes = [
  [69, fc.nat()],
  [71, fc.nat(1)],
] as const;

const fullVarint = fc.oneof(fc.nat(200), fc.nat(), fc.bigInt(0n, 2n ** 64n - 1n));

/** A varint that may be longer than it must be. */
const looseVarint = (value: number | bigint, extra: number): number[] => {
  const bytes = varint(value);
  const most = Math.min(extra, 10 - bytes.length);
  if (most <= 0) return bytes;
  const last = bytes.length - 1;
  return [...bytes.slice(0, last), (bytes[last] ?? 0) | 0x80, ...Array(most - 1).fill(0x80), 0];
};

const anyVarint = fc.tuple(fullVarint, fc.nat(2)).map(([value, extra]) => looseVarint(value, extra));
const bytesOf = (length: number) =>
  fc.uint8Array({ minLength: length, maxLength: length }).map((each) => [...each]);
const sized = (number: number, content: readonly number[], extra: number): number[] => [
  ...tag(number, 2),
  ...looseVarint(content.length, extra),
  ...content,
];
const text = fc.string({ unit: 'grapheme', maxLength: 6 }).map((each) => [...Buffer.from(each)]);
const listOf = (each: fc.Arbitrary<number[]>) => fc.array(each, { maxLength: 4 }).map((list) => list.flat());
const sizedField = (numbers: readonly number[], content: fc.Arbitrary<number[]>) =>
  fc
    .tuple(fc.constantFrom(...numbers), content, fc.nat(2))
    .map(([number, inside, extra]) => sized(number, inside, extra));
const plainField = (numbers: readonly number[], wireType: number, content: fc.Arbitrary<number[]>) =>
  fc
    .tuple(fc.constantFrom(...numbers), content)
    .map(([number, inside]) => [...tag(number, wireType), ...inside]);

const numbered = (
  key: fc.Arbitrary<number[]>,
  keyWire: number,
  value: fc.Arbitrary<number[]>,
  valueWire: number,
) =>
  fc
    .array(
      fc.oneof(
        key.map((content) => [...tag(1, keyWire), ...content]),
        value.map((content) => [...tag(2, valueWire), ...content]),
        fc.constant([...tag(9, 0), 5]),
      ),
      { maxLength: 3 },
    )
    .map((fields) => fields.flat());
const sizedText = text.map((content) => [content.length, ...content]);

const wireOf = (numbers: fc.Arbitrary<number[]>, fewest: number) =>
  fc
    .letrec<{ message: number[]; field: number[]; value: number[]; kind: number[] }>((tie) => ({
      value: fc
        .array(tie('kind'), { minLength: fewest, maxLength: 2, depthIdentifier: 'wire' })
        .map((kinds) => kinds.flat()),
      kind: fc.oneof(
        { maxDepth: 4, depthIdentifier: 'wire' },
        fc.constant<number[]>([8, 0]),
        numbers.map((number) => [17, ...number]),
        text.map((content) => sized(3, content, 0)),
        fc.nat(1).map((flag) => [32, flag]),
        tie('value').map((value) => sized(5, sized(1, [10, 1, 97, ...sized(2, value, 0)], 0), 0)),
        tie('value').map((value) => sized(6, sized(1, value, 0), 0)),
      ),
      message: fc
        .array(tie('field'), { maxLength: 6, depthIdentifier: 'wire' })
        .map((fields) => fields.flat()),
      field: fc.oneof(
        { maxDepth: 3, depthIdentifier: 'wire' },
        plainField([...varints, ...packedVarints], 0, anyVarint),
        plainField([...fixed64s, ...packed64s], 1, bytesOf(8)),
        plainField([...fixed32s, ...packed32s], 5, bytesOf(4)),
        sizedField(texts, text),
        sizedField(blobs, bytesOf(3)),
        sizedField(packedVarints, listOf(anyVarint)),
        sizedField(packed64s, listOf(bytesOf(8))),
        sizedField(packed32s, listOf(bytesOf(4))),
        // Nothing is known of it, or not with this wire type; text that is not UTF-8.
        plainField([1000, 9], 0, anyVarint),
        sizedField([9, 29, 1001], bytesOf(3)),
        fc
          .tuple(
            ...boxes.map(([number, value]) => value.map((each) => sized(number, [8, ...varint(each)], 1))),
          )
          .map((all) => all.flat()),
        sizedField(
          [61, 62, 72],
          fc
            .tuple(fc.nat(10 ** 9), fc.nat(2 * 10 ** 9))
            .map(([seconds, nanos]) => [8, ...varint(seconds), 16, ...varint(nanos)]),
        ),
        sizedField([41], numbered(sizedText, 2, sizedText, 2)),
        sizedField([43], numbered(fc.constantFrom([0], [1]), 0, anyVarint, 0)),
        sizedField([44], numbered(anyVarint, 0, bytesOf(8), 1)),
        sizedField([64], tie('value')),
        sizedField(
          [65],
          tie('value').map((value) => sized(1, value, 1)),
        ),
        sizedField(
          [63, 73],
          tie('value').map((value) => sized(1, [10, 1, 98, ...sized(2, value, 0)], 0)),
        ),
        sizedField(messages, tie('message')),
        fc
          .tuple(fc.constantFrom(19, 39, 1002), tie('message'))
          .map(([number, inside]) => [...tag(number, 3), ...inside, ...tag(number, 4)]),
        sizedField(
          [42],
          tie('message').map((inside) => [8, 5, ...sized(2, inside, 1)]),
        ),
        sizedField(
          [66],
          tie('message').map((inside) => [
            ...sized(2, inside, 0),
            ...sized(1, [...Buffer.from('x/test.Message')], 0),
          ]),
        ),
      ),
    }))
    .message.map((bytes) => Buffer.from(bytes));

/** Messages as peculiar senders write them: in any order, longer than need be, more than once, with what no schema knows. */
export const randomWire: fc.Arbitrary<Buffer> = wireOf(
  fc.oneof(bytesOf(8), fc.constant<number[]>([0, 0, 0, 0, 0, 0, 0xf8, 0x7f])),
  0,
);

/** The same, where every `google.protobuf.Value` is one that JSON has. */
export const randomWireWithJson: fc.Arbitrary<Buffer> = wireOf(
  fc.constant([0, 0, 0, 0, 0, 0, 0xf0, 0x3f]),
  1,
);
