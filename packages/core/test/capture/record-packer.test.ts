import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type Packable, pack } from '../../src/capture/packing.ts';
import { RecordPacker } from '../../src/capture/record-packer.ts';

/** A call of the packer, and the value that the record must then hold. */
type Call = readonly [(to: RecordPacker) => void, Packable];

const latin1Text = fc.string({
  unit: fc.integer({ min: 0, max: 255 }).map((code) => String.fromCharCode(code)),
  maxLength: 400,
});
const anyText = fc.oneof(latin1Text, fc.string({ unit: 'binary', maxLength: 400 }));
const isAscii = (text: string): boolean => Buffer.byteLength(text) === text.length;
const whole = fc.oneof(fc.nat(300), fc.nat(70_000), fc.maxSafeNat(), fc.constantFrom(2 ** 32 - 1, 2 ** 32));
const asInteger = (value: number): number | bigint => (value > 0xffff_ffff ? BigInt(value) : value);

const wire = (text: string): Packable =>
  isAscii(text) || /[^\0-\xff]/.test(text) ? text : Buffer.from(text, 'latin1');

const call: fc.Arbitrary<Call> = fc.oneof(
  whole.map((value): Call => [(to) => to.uint(value, 'x'), asInteger(value)]),
  fc
    .double({ min: 0, noNaN: true, noDefaultInfinity: true })
    .map(
      (value): Call => [(to) => to.real(value, 'x'), Number.isSafeInteger(value) ? asInteger(value) : value],
    ),
  fc.boolean().map((value): Call => [(to) => to.bool(value), value]),
  fc.constant<Call>([(to) => to.nil(), null]),
  anyText.map((value): Call => [(to) => to.text(value, 'x'), value]),
  anyText.map((value): Call => [(to) => to.wire(value, 'x'), wire(value)]),
  fc
    .array(fc.tuple(anyText, anyText), { maxLength: 20 })
    .map((pairs): Call => [(to) => to.wireList(pairs.flat(), 'x'), pairs.flat().map(wire)]),
  fc.uint8Array({ maxLength: 70_000 }).map((value): Call => [(to) => to.bytes(value, 'x'), value]),
  fc
    .constantFrom('a', 'b', 'c')
    .map((value): Call => [(to) => to.oneOf(['a', 'b', 'c'], value, 'x'), ['a', 'b', 'c'].indexOf(value)]),
);

test('packs the same bytes as a MessagePack library', () => {
  fc.assert(
    fc.property(fc.array(call, { maxLength: 40 }), fc.nat(3000), (calls, usualBytes) => {
      const packer = new RecordPacker(usualBytes);
      packer.list(calls.length);
      for (const [write] of calls) write(packer);
      expect(Buffer.from(packer.take())).toEqual(Buffer.from(pack(calls.map(([, value]) => value))));
    }),
  );
});

test('takes any length of string, list and bytes', () => {
  for (const length of [0, 28, 29, 31, 32, 255, 256, 65_535, 65_536, 70_000]) {
    const text = 'x'.repeat(length);
    const bytes = Buffer.alloc(length, 7);
    const packer = new RecordPacker(0);
    packer.list(3);
    packer.text(text, 'x');
    packer.bytes(bytes, 'x');
    packer.list(length);
    for (let i = 0; i < length; i++) packer.nil();
    const expected = pack([text, bytes, Array.from({ length }, () => null)]);
    expect(Buffer.compare(packer.take(), expected), `length ${length}`).toBe(0);
  }
});

test('begins again after what it has written was taken, or was forgotten', () => {
  const packer = new RecordPacker(16);
  packer.text('one', 'x');
  expect(Buffer.from(packer.take()).toString('latin1')).toBe('\xa3one');
  packer.text('two', 'x');
  const mark = packer.at;
  packer.bytes(Buffer.alloc(100_000), 'x');
  packer.at = mark;
  expect(Buffer.from(packer.take()).toString('latin1')).toBe('\xa3two');
});

describe('refuses', () => {
  const refused: readonly (readonly [string, (to: RecordPacker) => void])[] = [
    ['a negative number', (to) => to.uint(-1, 'x')],
    ['a fraction where a whole number must stand', (to) => to.uint(1.5, 'x')],
    ['a number of 2^53', (to) => to.uint(2 ** 53, 'x')],
    ['no number', (to) => to.uint(Number.NaN, 'x')],
    ['an endless number', (to) => to.real(Number.POSITIVE_INFINITY, 'x')],
    ['a value that is none of those listed', (to) => to.oneOf(['a'], 'b', 'x')],
    ['a header list with a name alone', (to) => to.wireList(['a'], 'x')],
  ];
  test.each(refused)('%s', (_, write) => {
    expect(() => write(new RecordPacker(16))).toThrow(expect.objectContaining({ code: 'event-invalid' }));
  });

  test('a string, and a header list, longer than the format allows', () => {
    const packer = new RecordPacker(16);
    for (const write of [
      () => packer.text('x'.repeat(2 ** 20 + 1), 'x'),
      () => packer.wire('\xe9'.repeat(2 ** 20), 'x'),
      () =>
        packer.wireList(
          Array.from({ length: 4098 }, () => ''),
          'x',
        ),
    ]) {
      expect(write).toThrow(expect.objectContaining({ code: 'capture-limit' }));
    }
  });
});
