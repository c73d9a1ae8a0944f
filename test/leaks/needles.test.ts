import fc from 'fast-check';
import { expect, test } from 'vitest';
import { type CanaryKind, canary, stems } from './canary.ts';
import { haystack, leaksIn, needlesOf, spellingsIn } from './needles.ts';

const rot13 = (text: string) =>
  text.replace(/[a-z]/gi, (c) =>
    String.fromCharCode(((c.charCodeAt(0) - (c <= 'Z' ? 65 : 97) + 13) % 26) + (c <= 'Z' ? 65 : 97)),
  );
const each = (text: string, spell: (byte: number) => string) => [...Buffer.from(text)].map(spell).join('');
const hex = (byte: number) => byte.toString(16).padStart(2, '0');

/** Ways in which a value could be written, by hand and not from the needles. */
const spellings: readonly ((text: string) => string | Buffer)[] = [
  (text) => text,
  (text) => text.toLowerCase(),
  (text) => text.toUpperCase(),
  (text) => Buffer.from(text, 'utf16le'),
  (text) => Buffer.from(text, 'utf16le').swap16(),
  (text) => Buffer.from(text).toString('hex'),
  (text) => Buffer.from(text).toString('hex').toUpperCase(),
  (text) => each(text, (byte) => `%${hex(byte)}`),
  (text) => each(text, (byte) => `%${hex(byte).toUpperCase()}`),
  (text) => each(text, (byte) => `\\u00${hex(byte)}`),
  (text) => each(text, (byte) => `\\u00${hex(byte).toUpperCase()}`),
  (text) => each(text, (byte) => `&#${byte};`),
  (text) => each(text, (byte) => `&#x${hex(byte)};`),
  (text) => each(text, (byte) => `=${hex(byte).toUpperCase()}`),
  (text) => [...text].reverse().join(''),
  rot13,
  (text) => Buffer.from(text).toString('base64'),
  (text) => Buffer.from(text).toString('base64url'),
  (text) => Buffer.from(Buffer.from(text).toString('base64')).toString('base64'),
];

test('a canary of any kind is found wherever and however it is embedded', () => {
  const kinds = Object.keys(canary(1)).filter((name): name is CanaryKind => name !== 'number');
  const around = fc.uint8Array({ maxLength: 40 }).map((bytes) => Buffer.from(bytes).toString('latin1'));
  const inside = fc.string({ maxLength: 7 });
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 9999 }),
      fc.constantFrom(...kinds),
      fc.constantFrom(...spellings),
      inside,
      inside,
      around,
      around,
      (number, kind, spell, before, after, left, right) => {
        const spelled = spell(`${before}${canary(number)[kind]}${after}`);
        const text = left + (typeof spelled === 'string' ? spelled : spelled.toString('latin1')) + right;
        return leaksIn(text).length > 0;
      },
    ),
    { numRuns: 4000 },
  );
});

test('nothing is found where nothing is', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 2000 }), (bytes) => {
      const text = Buffer.from(bytes);
      return leaksIn(text.toString('latin1')).length === 0 && leaksIn(text.toString('base64')).length === 0;
    }),
    { numRuns: 200 },
  );
});

test('there are 31 needles, those that differ in the case of letters counted each', () => {
  const { exact, folded } = needlesOf('Secret-1');
  expect(exact.length).toBe(15);
  expect(folded.length).toBe(12);
  expect(new Set([...exact, ...folded].map(({ text }) => text)).size).toBeGreaterThan(20);
  expect(spellingsIn(haystack(`x${stems.word}x`), stems.word)).toContain('raw');
});
