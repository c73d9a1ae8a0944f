import { expect, test } from 'vitest';
import type { Policy } from '../../../src/mask/policy/policy.ts';
import { fakeKinds } from '../../../src/mask/policy/policy.ts';
import { maskJson } from '../support.ts';

const masked = (value: string, kind: string, over: Partial<Policy> = {}): string =>
  JSON.parse(
    maskJson(JSON.stringify({ v: value }), {
      ...over,
      rules: JSON.parse(JSON.stringify([{ id: 'r', at: 'key:v', mask: { do: 'fake', kind } }])),
    }),
  ).v;

test('makes up the same value for the same value', () => {
  for (const kind of fakeKinds) {
    expect(masked('Grace Hopper', kind)).toBe(masked(' grace HOPPER', kind));
    expect(masked('Grace Hopper', kind)).not.toBe('Grace Hopper');
  }
});

test('makes up other values under another key', () => {
  const other = { key: { base64: Buffer.alloc(32, 8).toString('base64') } };
  for (const kind of fakeKinds) {
    const values = Array.from({ length: 20 }, (_, i) => `value ${i}`);
    const differ = values.filter((value) => masked(value, kind) !== masked(value, kind, other));
    expect([kind, differ.length > 10]).toEqual([kind, true]);
  }
});

test.each([
  ['first-name', /^[A-Z][a-z]+$/],
  ['last-name', /^[A-Z][a-z]+$/],
  ['full-name', /^[A-Z][a-z]+ [A-Z][a-z]+$/],
  ['user-name', /^[a-z]+\d{1,4}$/],
  ['email', /^[a-z]+\.[a-z]+\d{1,4}@example\.(?:com|net|org)$/],
  ['phone', /^\+1[2-9]\d\d55501\d\d$/],
  ['street', /^\d{1,3} [A-Z][a-z]+ Street$/],
  ['city', /^[A-Z][a-z]+$/],
  ['postal-code', /^[1-9]\d{4}$/],
  ['country', /^[A-Z][a-z]+$/],
  ['company', /^[A-Z][a-z]+ \w+$/],
  ['word', /^[a-z]+$/],
])('makes up a %s that looks like one', (kind, shape) => {
  for (let i = 0; i < 200; i++) expect(masked(`value ${i}`, kind)).toMatch(shape);
});

test('gives spellings of a phone number one fake', () => {
  expect(masked('+1 (415) 555-2671', 'phone')).toBe(masked('+14155552671', 'phone'));
});

test('says nothing of a number but its length', () => {
  const rules = [{ id: 'r', at: 'key:v', mask: { do: 'fake', kind: 'city' } }] as const;
  expect(maskJson('{"v":12345}', { rules })).toMatch(/^\{"v":[1-9]\d{4}\}$/);
});
