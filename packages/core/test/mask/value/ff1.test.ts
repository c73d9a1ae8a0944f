import { expect, test } from 'vitest';
import { Ff1 } from '../../../src/mask/value/ff1.ts';

const key128 = '2B7E151628AED2A6ABF7158809CF4F3C';
const key192 = `${key128}EF4359D8D580AA4F`;
const key256 = `${key192}7F036D6F04FC6A94`;
const digits = '0123456789';
const base36 = '0123456789abcdefghi';
const tweak10 = '39383736353433323130';
const tweak36 = '3737373770717273373737';

// NIST, "Block Cipher Modes of Operation FF1 Method for Format-Preserving Encryption", samples 1 to 9.
test.each([
  [key128, 10, '', digits, '2433477484'],
  [key128, 10, tweak10, digits, '6124200773'],
  [key128, 36, tweak36, base36, 'a9tv40mll9kdu509eum'],
  [key192, 10, '', digits, '2830668132'],
  [key192, 10, tweak10, digits, '2496655549'],
  [key192, 36, tweak36, base36, 'xbj3kv35jrawxv32ysr'],
  [key256, 10, '', digits, '6657667009'],
  [key256, 10, tweak10, digits, '1001623463'],
  [key256, 36, tweak36, base36, 'xs8a0azh2avyalyzuwd'],
])('gives the samples of NIST: %s, radix %i, tweak %s', (key, radix, tweak, plain, expected) => {
  const numerals = Array.from(plain, (char) => Number.parseInt(char, 36));
  const encrypted = new Ff1(Buffer.from(key, 'hex')).encrypt(numerals, radix, Buffer.from(tweak, 'hex'));
  expect(encrypted.map((numeral) => numeral.toString(36)).join('')).toBe(expected);
});

test('refuses domains of fewer than a million values', () => {
  const ff1 = new Ff1(Buffer.from(key256, 'hex'));
  expect(() => ff1.encrypt([1, 2, 3, 4, 5], 10)).toThrow(RangeError);
  expect(() => ff1.encrypt([1], 65_536)).toThrow(RangeError);
  expect(ff1.encrypt([1, 2, 3, 4, 5, 6], 10)).toHaveLength(6);
});
