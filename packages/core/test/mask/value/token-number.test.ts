import fc from 'fast-check';
import { expect, test } from 'vitest';
import { looksLikeCard, passesLuhnText } from '../../../src/mask/value/checksums.ts';
import { isNumberOfToken, numberOfToken } from '../../../src/mask/value/token-number.ts';
import { Tokens } from '../../../src/mask/value/tokens.ts';
import { key, maskJson } from '../support.ts';

const tokens = new Tokens(key, 100);
const rules = [{ id: 'r', at: 'key:order', mask: { do: 'token', type: 'order' } }] as const;
const maskedOrder = (json: string) => maskJson(`{"order":${json}}`, { rules }).slice(9, -1);

test('gives a number of JSON the same length, sign and point, no leading zero and no exponent', () => {
  fc.assert(
    fc.property(fc.double({ noNaN: true, noDefaultInfinity: true }), fc.nat(), (number, seed) => {
      const like = JSON.stringify(number);
      const masked = numberOfToken(tokens.token('value', String(seed)), like, false);
      expect(masked).toHaveLength(like.length);
      if (!like.includes('e')) expect(masked.replace(/\d/g, '0')).toBe(like.replace(/\d/g, '0'));
      expect(JSON.parse(`[${masked}]`)).toHaveLength(1);
    }),
  );
});

test('joins a number of JSON with the same value in a text: the number follows from its token', () => {
  const number = maskedOrder('4711001');
  const token = JSON.parse(maskedOrder('"4711001"'));
  expect(number).toMatch(/^[1-9]\d{6}$/);
  expect(token).toBe(tokens.token('order', '4711001'));
  expect(isNumberOfToken(token, number)).toBe(true);
  expect(isNumberOfToken(tokens.token('order', '4711001', 64), number)).toBe(true);
  expect(isNumberOfToken(tokens.token('order', '4711002'), number)).toBe(false);
  expect(isNumberOfToken('no token', number)).toBe(false);
});

test('joins the spellings of a number', () => {
  const token = tokens.token('order', '47110010');
  for (const spelling of ['47110010', '47110010.0', '4.711001e7', '471100100E-1']) {
    expect(isNumberOfToken(token, maskedOrder(spelling))).toBe(true);
  }
  expect(isNumberOfToken(tokens.token('order', '0'), maskedOrder('-0'))).toBe(true);
});

test('keeps the Luhn check of a card in a number, and no issuer', () => {
  const masked = maskJson('{"cardNumber":4242424242424242}').slice(14, -1);
  expect(masked).toMatch(/^9\d{15}$/);
  expect(passesLuhnText(masked)).toBe(true);
  expect(isNumberOfToken(tokens.token('card', '4242 4242 4242 4242'), masked)).toBe(true);
  const wrong = maskJson('{"cardNumber":4242424242424241}').slice(14, -1);
  expect(wrong).toMatch(/^[1-9]\d{15}$/);
});

test('makes no number that looks like one of a card', () => {
  for (let i = 0; i < 3000; i++) {
    const masked = numberOfToken(tokens.token('value', String(i)), '1234567890123456', false);
    expect(looksLikeCard(masked)).toBe(false);
  }
});

test('gives numbers of thousands of digits in time', () => {
  expect(maskedOrder('1'.repeat(100_000)).length).toBe(4096);
});
