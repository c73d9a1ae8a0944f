import fc from 'fast-check';
import { expect, test } from 'vitest';
import { compilePattern, LinearPattern } from '../../../src/mask/rules/linear-pattern.ts';
import { processorMs } from '../linear.ts';
import { maskJson, maskMessage } from '../support.ts';

function compiled(pattern: string, maxLength = 256): LinearPattern {
  const ready = compilePattern({ pattern, maxLength });
  if (typeof ready === 'string') throw new Error(ready);
  return ready;
}

function finds(pattern: string, text: string, maxLength = 256): string[] {
  const bytes = Buffer.from(text);
  const ready = compiled(pattern, maxLength);
  const found: string[] = [];
  for (let from = 0; ; from = ready.end) {
    const start = ready.find(bytes, from, bytes.length);
    if (start < 0) return found;
    found.push(bytes.toString('utf8', start, ready.end));
  }
}

test.each([
  ['ACME-[0-9]{8}', 'x ACME-12345678, ACME-1234567 ACME-123456789', ['ACME-12345678', 'ACME-12345678']],
  ['(?:cat|catalogue)s?', 'a catalogues, cats', ['catalogues', 'cats']],
  ['abcd|c', 'abcd c abc', ['abcd', 'c', 'c']],
  ['\\w+@corp', 'é bob_1@corp!', ['bob_1@corp']],
  ['"[^"\\n]{1,5}"', '"été" "x\n" "abcdef"', ['"été"', '" "']],
  ['ü{2,}.', 'üü😀 ü', ['üü😀']],
  ['\\u00e9\\x41\\.\\/[\\]\\-a]', 'éA./- éA.//', ['éA./-']],
  ['[^\\d\\s]\\D', '1 ab 2c', ['ab']],
  ['[a-f0-9]{4}(-[a-f0-9]{2}){1,2}', 'beef-00-ff-aa', ['beef-00-ff']],
  ['(a|b)?c{0,2}d*e', 'ace bcce dde e', ['ace', 'bcce', 'dde', 'e']],
])('finds %s', (pattern, text, expected) => {
  expect(finds(pattern, text)).toEqual(expected);
});

test('takes none that is longer than said, and looks on behind it', () => {
  expect(finds('\\d{4,}', '12345678 1234 123456é', 6)).toEqual(['1234', '123456']);
  expect(finds('é+', 'ééé éé', 2)).toEqual(['éé']);
});

test('begins where the expression of JavaScript begins, and ends there or further', () => {
  const piece = fc.constantFrom(
    'a',
    'b',
    'ab',
    '[ab]',
    '[^a]',
    '.',
    '\\d',
    '1',
    'é',
    '(?:a|b1)',
    '(ab|a)',
    '\\W',
  );
  const repeat = fc.constantFrom('', '', '?', '*', '+', '{2}', '{1,3}', '{2,}');
  const pattern = fc
    .array(fc.tuple(piece, repeat), { minLength: 1, maxLength: 3 })
    .map((parts) => parts.map((part) => part.join('')).join(''));
  const text = fc.string({ unit: fc.constantFrom('a', 'b', '1', 'é', '😀', ' ', '\n'), maxLength: 24 });
  let compared = 0;
  fc.assert(
    fc.property(pattern, text, (source, subject) => {
      const ready = compilePattern({ pattern: source, maxLength: 256 });
      const native = new RegExp(source, 'u').exec(subject);
      fc.pre(typeof ready !== 'string');
      if (!(ready instanceof LinearPattern)) return;
      const bytes = Buffer.from(subject);
      const start = ready.find(bytes, 0, bytes.length);
      expect(start).toBe(native === null ? -1 : Buffer.byteLength(subject.slice(0, native.index)));
      if (native === null) return;
      compared++;
      expect(ready.end - start).toBeGreaterThanOrEqual(Buffer.byteLength(native[0]));
      const found = bytes.toString('utf8', start, ready.end);
      expect(new RegExp(`^(?:${source})$`, 'u').test(found)).toBe(true);
    }),
    { numRuns: 3000 },
  );
  expect(compared).toBeGreaterThan(500);
});

test.each([
  ['(a', 'lacks a ), at character 3'],
  ['a)', 'has a ) too many, at character 2'],
  ['(?=a)', 'has a group that is not (…) or (?:…)'],
  ['(?<n>a)', 'has a group that is not (…) or (?:…)'],
  ['^a', 'has a ^: patterns are looked for anywhere'],
  ['a\\b', 'has \\b, which cannot be used here'],
  ['(a)\\1', 'has \\1, which cannot be used here'],
  ['a+?', 'repeats what is repeated'],
  ['+', 'has a + with nothing to repeat'],
  ['a{2,1}', 'repeats out of order'],
  ['a{x}', 'has a { that is no repeat'],
  ['[b-a]', 'has a range out of order'],
  ['[ä]', 'is not ASCII'],
  ['[a', 'lacks a ]'],
  ['[]', 'can match no text'],
  ['a*', 'matches the empty text'],
  ['\\ud800', 'has half a character'],
  ['(((a{99}){99}){99})', 'is too large'],
  ['[ab]*a[ab]{14}', 'is too large'],
  [`${'('.repeat(30)}a${')'.repeat(30)}`, 'has groups nested too deep'],
  ['a'.repeat(2000), 'is longer than 1000 characters'],
])('refuses %s and says why', (pattern, problem) => {
  expect(compilePattern({ pattern, maxLength: 9 })).toContain(problem);
});

test.each([
  ['(a+)+b', 'a'],
  ['(a|a)*b', 'a'],
  ['(?:a|aa)+b', 'a'],
  ['\\w+@\\w+\\.corp', 'a@a.'],
  ['a.*b.*c', 'ab'],
])('takes time in proportion to the length with %s, which backtracking would not', (pattern, piece) => {
  const ready = compiled(pattern, 64);
  const bytes = Buffer.from(piece.repeat(1 << 18));
  // By the square of the length, it would take an hour.
  expect(processorMs(() => ready.find(bytes, 0, bytes.length))).toBeLessThan(2000);
});

test('masks what a pattern of the policy finds, in JSON, in numbers, in names, in text and in addresses', () => {
  const rules = [
    { id: 'badge', value: { pattern: 'B-\\d{3}', maxLength: 5 }, mask: { do: 'token', type: 'badge' } },
    { id: 'staff', value: { pattern: '77\\d{2}', maxLength: 4 }, mask: 'redact' },
  ] as const;
  expect(maskJson('{"a":"B-123","B-456":1,"n":7712,"m":77123,"t":"x\\tB-789","s":"no"}', { rules })).toMatch(
    /^\{"a":"mk_badge_.{16}","mk_badge_.{16}":1,"n":0,"m":77123,"t":"x\\tmk_badge_.{16}","s":"no"\}$/,
  );
  const masked = maskMessage(
    { target: '/staff/B-123?who=B-456', type: 'text/plain', body: 'B-123 and B-1234', response: '["B-123"]' },
    { rules },
  );
  expect(masked.request.body).toMatch(/^mk_badge_.{16} and mk_badge_.{16}4$/);
  expect(masked.target).not.toMatch(/B-\d/);
  expect(masked.rules).toContain('badge');
});

test('takes finds that overlap as one, and the outer of two', () => {
  const rule = (pattern: string, mask: 'redact' | 'keep') =>
    [{ id: 'r', value: { pattern, maxLength: 60 }, mask }] as const;
  const text = (body: string, rules: ReturnType<typeof rule>) =>
    maskMessage({ type: 'text/plain', body }, { rules }).request.body;
  // Within an address; around one; and across its end.
  expect(text('(bob@example.com)', rule('example', 'redact'))).toMatch(/^\(mk_email_.{16}\)$/);
  expect(text('(bob@example.com)', rule('\\([^)]*\\)', 'redact'))).toBe('[REDACTED]');
  expect(text('bob@example.com 12', rule('com \\d+', 'redact'))).toBe('[REDACTED]');
  // What a rule keeps stays, but for what reaches beyond it.
  expect(text('order 4242424242424242', rule('order \\d+', 'keep'))).toBe('order 4242424242424242');
  expect(text('bob@example.com', rule('example\\.com', 'keep'))).toMatch(/^mk_email_.{16}$/);
});
