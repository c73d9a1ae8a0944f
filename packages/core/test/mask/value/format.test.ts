import fc from 'fast-check';
import { expect, test } from 'vitest';
import { passesLuhnText } from '../../../src/mask/value/checksums.ts';
import { Formatter } from '../../../src/mask/value/format.ts';
import { Tokens, tokenType } from '../../../src/mask/value/tokens.ts';
import { key, maskJson } from '../support.ts';

const formatter = new Formatter(new Tokens(key, 100));
const look = (text: string) => text.replace(/\d/g, '0').replace(/[A-Z]/g, 'A').replace(/[a-z]/g, 'a');
const injective = (text: string, kind: 'digits' | 'alnum' | 'card' | 'phone' | 'uuid' = 'alnum') =>
  formatter.injective('t', kind, text);
const masked = (value: unknown, mask: object) =>
  maskJson(JSON.stringify({ v: value }), {
    rules: JSON.parse(JSON.stringify([{ id: 'r', at: 'key:v', mask }])),
  }).slice(5, -1);

test('gives the spellings of a phone or card number the same digits', () => {
  const digits = (kind: 'phone' | 'card', text: string) => formatter.text('t', kind, text).replace(/\D/g, '');
  expect(digits('phone', '+1 (415) 555/26-71')).toBe(digits('phone', '+14155552671'));
  expect(digits('card', '4242 4242-4242 4242')).toBe(digits('card', '4242424242424242'));
  expect(formatter.text('t', 'phone', '+1 (415) 555/26-71')).toMatch(/^\+\d \(\d{3}\) \d{3}\/\d\d-\d\d$/);
});

test('gives a number in JSON and in a text the same digits', () => {
  for (const mask of [
    { do: 'format', kind: 'digits' },
    { do: 'format', injective: true },
    'format',
  ] as const) {
    const rule = typeof mask === 'string' ? { do: mask } : mask;
    const number = masked(47_110_815, rule);
    expect(number).toMatch(/^[1-9]\d{7}$/);
    expect(masked('47110815', rule)).toBe(`"${number}"`);
  }
});

test('makes cards that pass the Luhn check and are of no issuer', () => {
  for (const card of ['4242 4242 4242 4242', '378282246310005']) {
    const text = formatter.text('t', 'card', card);
    expect(text).toMatch(/^9/);
    expect(passesLuhnText(text)).toBe(true);
    expect(look(text)).toBe(look(card));
  }
});

test('keeps version and variant of a UUID, and joins its spellings', () => {
  const text = '3F2504E0-4F89-11D3-9A0C-0305E82C3301';
  for (const one of [formatter.text('t', 'uuid', text), injective(text, 'uuid') ?? '']) {
    expect(one).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-1[0-9a-f]{3}-9[0-9a-f]{3}-[0-9a-f]{12}$/);
    expect(one).not.toBe(text.toLowerCase());
  }
  expect(injective(text, 'uuid')).toBe(injective(text.toLowerCase(), 'uuid'));
  expect(formatter.text('t', 'uuid', text)).toBe(formatter.text('t', 'uuid', text.toLowerCase()));
});

test('keeps the look of every text it permutes', () => {
  fc.assert(
    fc.property(fc.stringMatching(/^[0-9A-Za-z._ -]{6,30}$/), (text) => {
      const permuted = injective(text);
      if (permuted === undefined) return;
      expect(look(permuted)).toBe(look(text));
      expect(injective(text)).toBe(permuted);
    }),
  );
});

test.each([
  ['digits', (i: number) => String(100_000 + i)],
  ['digits with zeros in front', (i: number) => `0${1_000_000 + i}`],
  [
    'letters',
    (i: number) =>
      `zz${i
        .toString(26)
        .padStart(4, '0')
        .replace(/\d/g, (d) => 'qrstuvwxyz'.charAt(Number(d)))}`,
  ],
  ['letters and digits', (i: number) => `Ab-${String(i).padStart(5, '0')}`],
] as const)('gives different %s different looks', (_, make) => {
  const inputs = new Set(Array.from({ length: 3000 }, (__, i) => make(i)));
  const outputs = new Set([...inputs].map((text) => injective(text)));
  expect(outputs.size).toBe(inputs.size);
  expect(outputs.has(undefined)).toBe(false);
});

test('permutes the whole of a small domain onto itself', () => {
  // All plates of one letter and five digits that begin alike: 10^5 of 2.6 * 10^6 would take a minute.
  const seen = new Set<string>();
  for (let i = 0; i < 5000; i++) seen.add(injective(`K${String(i * 20).padStart(5, '0')}`) ?? '');
  expect(seen.size).toBe(5000);
});

test('keeps cards apart, right ones and wrong ones', () => {
  const one = injective('4242 4242 4242 4242', 'card') ?? '';
  const other = injective('4242 4242 4242 4241', 'card') ?? '';
  expect(passesLuhnText(one)).toBe(true);
  expect(passesLuhnText(other)).toBe(false);
  expect(one.slice(0, -1)).toBe(other.slice(0, -1));
});

test('makes a token where there are too few values of the look, or FF1 has no numerals for them', () => {
  for (const text of ['4711', 'Zoë-123456', 'x'.repeat(129), '0004711'])
    expect(injective(text)).toBeUndefined();
  expect(tokenType(JSON.parse(masked('4711', { do: 'format', injective: true })))).toBe('value');
  expect(masked(4711, { do: 'format', injective: true })).toMatch(/^[1-9]\d{3}$/);
});

test('shows no half of a character', () => {
  const partial = { do: 'partial', first: 1, last: 2 };
  expect(masked('ab12345678cd', partial)).toBe('"a***cd"');
  expect(masked('\u{1f600}12345678cd', partial)).toBe('"[REDACTED]"');
  expect(masked('ab12345678c\u{1f600}', { ...partial, last: 2 })).toBe('"a***\u{1f600}"');
});

test('leaves an email that it made alone', () => {
  const made = formatter.text('t', 'email', 'bob@example.com');
  expect(formatter.text('t', 'email', made)).toBe(made);
});
