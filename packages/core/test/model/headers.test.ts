import fc from 'fast-check';
import { expect, test } from 'vitest';
import {
  headerEntries,
  headerValue,
  headerValues,
  withHeader,
  withoutHeader,
} from '../../src/model/headers.ts';

const list = ['Host', 'shop.test', 'Set-Cookie', 'a=1', 'SET-COOKIE', 'b=2'];

test('values are found whatever the case of their name, in order', () => {
  expect(headerValues(list, 'set-cookie')).toEqual(['a=1', 'b=2']);
  expect(headerValue(list, 'HOST')).toBe('shop.test');
  expect(headerValue(list, 'accept')).toBeUndefined();
});

test('a name without a value is left out', () => {
  expect([...headerEntries([...list, 'Dangling'])]).toHaveLength(3);
});

test('names of the language are no headers', () => {
  expect(headerValues(list, '__proto__')).toEqual([]);
  expect(headerValue(list, 'constructor')).toBeUndefined();
});

test('withHeader() sets once, in the place and the case of the first', () => {
  expect(withHeader(list, 'set-cookie', 'c=3')).toEqual(['Host', 'shop.test', 'Set-Cookie', 'c=3']);
  expect(withHeader(list, 'Accept', '*/*')).toEqual([...list, 'Accept', '*/*']);
});

test('withoutHeader() takes away all of a name and nothing else', () => {
  expect(withoutHeader(list, 'Set-cookie')).toEqual(['Host', 'shop.test']);
});

test('setting and taking away agree for any list', () => {
  const names = fc.constantFrom('A', 'a', 'B', '__proto__', '');
  const headers = fc.array(fc.tuple(names, fc.string())).map((pairs) => pairs.flat());
  fc.assert(
    fc.property(headers, names, fc.string(), (any, name, value) => {
      expect(headerValues(withHeader(any, name, value), name)).toEqual([value]);
      expect(headerValues(withoutHeader(any, name), name)).toEqual([]);
      expect(withoutHeader(withHeader(any, name, value), name)).toEqual(withoutHeader(any, name));
    }),
  );
});
