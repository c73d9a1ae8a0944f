import { expect, test } from 'vitest';
import {
  fitsAround,
  holdsMasked,
  holdsToken,
  sameTokenTypes,
  withoutChangingTokens,
} from '../../src/compare/masked-value.ts';

const a = 'abcdefghijklmnop';
const b = 'ponmlkjihgfedcba';

test('tokens are found as whole values and within texts, and nothing else is taken for one', () => {
  expect(holdsToken(`mk_email_${a}`)).toBe(true);
  expect(holdsToken(`Bearer mk_secret_${a}`)).toBe(true);
  expect(holdsToken(`sid=mk_secret_${a}; Path=/`)).toBe(true);
  expect(holdsToken(`xmk_email_${a}`)).toBe(false);
  expect(holdsToken('mk_email_short')).toBe(false);
  expect(holdsToken('[REDACTED]')).toBe(false);
  expect(holdsMasked('x [REDACTED] y')).toBe(true);
  expect(holdsMasked('plain')).toBe(false);
});

test('sameTokenTypes() asks for the same types in the same places', () => {
  expect(sameTokenTypes(`to mk_email_${a}!`, `to mk_email_${b}!`)).toBe(true);
  expect(sameTokenTypes(`to mk_email_${a}!`, `to mk_user_${b}!`)).toBe(false);
  expect(sameTokenTypes(`to mk_email_${a}!`, `by mk_email_${b}!`)).toBe(false);
  expect(sameTokenTypes(`mk_email_${a}`, `mk_email_${a} mk_email_${b}`)).toBe(false);
});

test('fitsAround() asks for what stands around the tokens, in order and without overlap', () => {
  const masked = `a=mk_user_${a}&b=mk_user_${b}&c`;
  expect(fitsAround(masked, 'a=ann&b=bob&c')).toBe(true);
  expect(fitsAround(masked, 'a=ann&c')).toBe(false);
  expect(fitsAround(masked, 'x=ann&b=bob&c')).toBe(false);
  expect(fitsAround(masked, 'a=ann&b=bob&d')).toBe(false);
  expect(fitsAround(`xmk mk_user_${a} x`, 'xmk x')).toBe(false);
});

test('withoutChangingTokens() takes out secrets alone', () => {
  expect(withoutChangingTokens(`sid=mk_secret_${a}; user=mk_user_${b}`)).toBe(
    `sid=\u0000secret\u0000; user=mk_user_${b}`,
  );
});
