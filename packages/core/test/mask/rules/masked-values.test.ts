import { expect, test } from 'vitest';
import { tokenRule } from '../../../src/mask/policy/mask-rule.ts';
import { MaskedValues } from '../../../src/mask/rules/masked-values.ts';
import { aTextMasker } from '../support.ts';

const rule = tokenRule('r', 'secret');

function find(values: MaskedValues, text: string, by = rule): string | undefined {
  const bytes = Buffer.from(`<${text}>`);
  if (!values.find(by, bytes, 1, bytes.length - 1)) return undefined;
  return Buffer.from(values.store.subarray(values.from, values.to)).toString();
}

function add(values: MaskedValues, text: string, masked: string): void {
  values.add(rule, Buffer.from(text), 0, Buffer.byteLength(text), masked);
}

test('remembers what stands for a value by its bytes and its rule', () => {
  const values = new MaskedValues(100);
  expect(find(values, 'bob')).toBeUndefined();
  add(values, 'bob', 'mk_1');
  add(values, 'bö', 'mk_2');
  expect(find(values, 'bob')).toBe('mk_1');
  expect(find(values, 'bö')).toBe('mk_2');
  expect(find(values, 'bo')).toBeUndefined();
  expect(find(values, 'bob', tokenRule('other', 'secret'))).toBeUndefined();
});

test('remembers no long values, none whose form differs within JSON, and none at all when told so', () => {
  const values = new MaskedValues(100);
  add(values, 'x'.repeat(129), 'mk_1');
  add(values, 'quote', 'a"b');
  add(values, 'umlaut', 'ö');
  for (const text of ['x'.repeat(129), 'quote', 'umlaut']) expect(find(values, text)).toBeUndefined();
  const off = new MaskedValues(0);
  add(off, 'bob', 'mk_1');
  expect(find(off, 'bob')).toBeUndefined();
});

test('starts anew when it is full', () => {
  const values = new MaskedValues(10);
  for (let i = 0; i < 95; i++) add(values, `value ${i}`, `mk_${i}`);
  expect(find(values, 'value 94')).toBe('mk_94');
  expect(find(values, 'value 80')).toBeUndefined();
});

test('leaves no value in memory when it forgets, also of those from before it started anew', () => {
  const values = new MaskedValues(10);
  for (let i = 0; i < 11; i++) add(values, `hunter ${i}`, `mk_${i}`);
  expect(Buffer.from(values.store).toString()).toContain('hunter 10');
  values.forget();
  expect(values.store.some((byte) => byte !== 0)).toBe(false);
  expect(find(values, 'hunter 10')).toBeUndefined();
});

test('masks a document the second time as the first, and with nothing remembered', () => {
  const document = JSON.stringify({
    password: 'hunter2',
    mail: 'Bob@example.com',
    text: 'ask bob@example.com or +14155552671',
    'a"b@example.com': 'é',
    pin: ['1', 'p\\q', 'mk_secret_abcdefghijklmnop'],
    list: [{ name: 'token', value: 'abc' }],
  });
  const bytes = Buffer.from(document);
  const results = [10_000, 0].flatMap((cachedTokens) => {
    const { scanner, scope } = aTextMasker({ limits: { cachedTokens } });
    return [1, 2, 3].map((time) => {
      expect(scanner.scan(bytes, 0, bytes.length, 0)).toBe('');
      const counted = scope.audit.entries().reduce((sum, { count }) => sum + count, 0);
      expect(counted % time).toBe(0);
      return `${counted / time} ${scanner.edits.applyToBytes(bytes)}`;
    });
  });
  expect(new Set(results).size).toBe(1);
  expect(results[0]).not.toMatch(/hunter2|example|1415555/);
});

test('leaves nothing of the values when it forgets', () => {
  let begun = 0;
  const values = new MaskedValues(10, () => begun++);
  add(values, 'bob', 'mk_1');
  add(values, 'eve', 'mk_2');
  expect(begun).toBe(1);
  values.forget();
  expect(find(values, 'bob')).toBeUndefined();
  expect(values.store.every((byte) => byte === 0)).toBe(true);
  add(values, 'bob', 'mk_1');
  expect([begun, find(values, 'bob')]).toEqual([2, 'mk_1']);
});
