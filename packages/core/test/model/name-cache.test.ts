import { expect, test } from 'vitest';
import { nameCache } from '../../src/model/name-cache.ts';

test('what is told of a name is kept, of long ones and beyond a thousand it is told anew', () => {
  let asked = 0;
  const length = nameCache((name) => {
    asked++;
    return name.length;
  });
  expect([length('Host'), length('Host'), length('host')]).toEqual([4, 4, 4]);
  expect(asked).toBe(2);
  const long = 'x'.repeat(65);
  length(long);
  length(long);
  expect(asked).toBe(4);
  for (let i = 0; i < 2_000; i++) length(`x-${i}`);
  length('x-0');
  expect(asked).toBe(2_004);
  length('x-1999');
  expect(asked).toBe(2_005);
});
