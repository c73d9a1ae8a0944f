import fc from 'fast-check';
import { expect, test } from 'vitest';
import { printable, printableLines } from '../src/printable.ts';

test.each([
  ['\x1b[31mred', '\\x1b[31mred'],
  ['a\r\nb\tc', 'a\\r\\nb\\tc'],
  ['\x9b2J', '\\x9b2J'],
  ['user\u202egpj.exe', 'user\\u{202e}gpj.exe'],
  ['zero\u200bwidth\ufeff', 'zero\\u{200b}width\\u{feff}'],
  ['half \ud800 pair', 'half \\u{d800} pair'],
  ['tag \u{e0041}', 'tag \\u{e0041}'],
  ['line\u2028para\u2029', 'line\\u{2028}para\\u{2029}'],
  ['Grüße 水 🌱', 'Grüße 水 🌱'],
])('%j is shown as %s', (text, shown) => {
  expect(printable(text)).toBe(shown);
});

test('a long text is cut off and its length told', () => {
  expect(printable('x'.repeat(100), 5)).toBe('xxxxx… (100 characters)');
});

test('lines keep their ends and nothing else', () => {
  expect(printableLines('one\ntwo\r\x07')).toBe('one\ntwo\\r\\x07');
});

test('nothing that a terminal acts on is left', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), (text) => {
      expect(printable(text)).not.toMatch(/[\p{Cc}\u200b-\u200f\u202a-\u202e\u2066-\u2069\p{Cs}]/u);
    }),
  );
});
