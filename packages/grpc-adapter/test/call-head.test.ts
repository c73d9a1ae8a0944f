import { expect, test } from 'vitest';
import { timeoutText } from '../src/call-head.ts';

test('a timeout that follows the speed has at most eight digits, in the finest unit that holds it', () => {
  expect([0, 1.5, 99_999_999, 1e8, 2.5e9, 1e15, 1e17, 1e23].map(timeoutText)).toEqual([
    '0n',
    '2n',
    '99999999n',
    '100000u',
    '2500000u',
    '1000000S',
    '1666667M',
    '99999999H',
  ]);
});
