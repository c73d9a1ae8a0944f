import { randomBytes } from 'node:crypto';
import { expect, test } from 'vitest';
import { type Zstd, zstd } from '../../../src/mask/body/zstd.ts';

/** Of the sizes at which zstd changes its header, in one block of each kind and in several. */
const texts: Buffer[] = [0, 1, 255, 256, 66_000, 300_000].flatMap((size) => [
  Buffer.alloc(size, 'x'),
  randomBytes(size),
  Buffer.from(Array.from({ length: size }, (_, i) => (i * i) % 251)),
]);

// Node 20 has none.
const testWith = test.runIf(zstd !== undefined);

function codec(): Zstd {
  if (zstd === undefined) throw new Error('this version of Node has no zstd');
  return zstd;
}

testWith('what was encoded is decoded, also in several frames', () => {
  const { encode, decode } = codec();
  for (const text of texts) {
    expect(decode(encode(text), 1 << 20).equals(text)).toBe(true);
    const twice = Buffer.concat([encode(text), encode(text)]);
    expect(decode(twice, 1 << 20).equals(Buffer.concat([text, text]))).toBe(true);
  }
});

testWith('what is cut is refused, wherever it is cut', () => {
  const { encode, decode } = codec();
  for (const text of texts) {
    const whole = encode(text);
    const step = Math.max(1, Math.floor(whole.length / 200));
    for (let length = whole.length - 1; length > 0; length -= step) {
      expect(() => decode(whole.subarray(0, length), 1 << 20), `${length} of ${whole.length}`).toThrow();
    }
    expect(() => decode(Buffer.concat([whole, Buffer.from('more')]), 1 << 20)).toThrow();
  }
});

testWith('what grows beyond the limit is refused', () => {
  const { encode, decode } = codec();
  expect(() => decode(encode(Buffer.alloc(100_000)), 99_999)).toThrow();
});
