import fc from 'fast-check';
import { expect, test } from 'vitest';
import {
  isExactNumber,
  parseJsonText,
  plainJson,
  printJsonText,
  withoutPrototypes,
} from '../../src/hook/json-text.ts';

test('parseJsonText() keeps numbers that a double cannot hold', () => {
  const text =
    '{"id":12345678901234567890,"price":0.1000000000000000055511151231257827,"big":1e400,"small":12}';
  const value = parseJsonText(text);
  expect(value === undefined ? '' : printJsonText(value)).toBe(text);
  expect(plainJson(value)).toEqual({
    id: '12345678901234567890',
    price: '0.1000000000000000055511151231257827',
    big: '1e400',
    small: 12,
  });
});

test('parseJsonText() takes two spellings of one number for the same number', () => {
  expect(parseJsonText('[1.0, 1e3, -0.50, 100000000000000000000, 0.0]')).toEqual([1, 1000, -0.5, 1e20, 0]);
});

test('parseJsonText() tells an exact number from a string of the same digits', () => {
  const value = parseJsonText('[12345678901234567890,"12345678901234567890"]');
  expect(Array.isArray(value) && value.map(isExactNumber)).toEqual([true, false]);
});

test('parseJsonText() leaves numbers inside of strings alone', () => {
  expect(parseJsonText('["12345678901234567890 \\" 98765432109876543210", 1]')).toEqual([
    '12345678901234567890 " 98765432109876543210',
    1,
  ]);
});

test('parseJsonText() gives nothing for what is no JSON, too deep or too large', () => {
  expect(parseJsonText('{"a":')).toBeUndefined();
  expect(parseJsonText('')).toBeUndefined();
  expect(parseJsonText(`${'['.repeat(200)}${']'.repeat(200)}`)).toBeUndefined();
  expect(parseJsonText('[1,2,3,4]', { maxDepth: 8, maxTokens: 5 })).toBeUndefined();
  expect(parseJsonText('["[[[[\\"[[[[","]]]]"]', { maxDepth: 1, maxTokens: 100 })).toEqual([
    '[[[["[[[[',
    ']]]]',
  ]);
  expect(parseJsonText('["[",[[]],1e5]', { maxDepth: 2, maxTokens: 100 })).toBeUndefined();
  expect(parseJsonText('["[",[[]],1]', { maxDepth: 2, maxTokens: 100 })).toBeUndefined();
  expect(parseJsonText('["\\u0000number:1"]')).toBeUndefined();
});

test('withoutPrototypes() leaves no way out of a value', () => {
  const value = withoutPrototypes(parseJsonText('[{"__proto__":{"polluted":true}}]') ?? null);
  const [object] = Array.isArray(value) ? value : [];
  expect(Object.getPrototypeOf(object)).toBeNull();
  expect(printJsonText(value)).toBe('[{"__proto__":{"polluted":true}}]');
  expect(({} as Record<string, unknown>).polluted).toBeUndefined();
});

test('parseJsonText() and printJsonText() give back any JSON value', () => {
  fc.assert(
    fc.property(fc.json({ maxDepth: 4 }), (text) => {
      const value = parseJsonText(text);
      expect(value === undefined ? undefined : JSON.parse(printJsonText(value))).toEqual(JSON.parse(text));
    }),
  );
});
