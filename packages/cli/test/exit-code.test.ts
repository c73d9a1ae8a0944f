import { errorCodes, GardenhoseError } from '@gardenhose/core';
import { expect, test } from 'vitest';
import { exitCodeOf, exitCodes } from '../src/exit-code.ts';

test.each([
  ['invalid-option', exitCodes.usage],
  ['not-a-capture', exitCodes.badInput],
  ['capture-version', exitCodes.badInput],
  ['capture-damaged', exitCodes.badInput],
  ['target-refused', exitCodes.refused],
  ['target-unreachable', exitCodes.io],
  ['io', exitCodes.io],
] as const)('%s ends with %i', (code, exit) => {
  expect(exitCodeOf(new GardenhoseError(code, 'x'))).toBe(exit);
});

test('every code of the library has an exit code other than 0 and internal', () => {
  for (const code of errorCodes) {
    expect([2, 3, 64, 65, 74]).toContain(exitCodeOf(new GardenhoseError(code, 'x')));
  }
});

test('what the system refuses is I/O, and anything else is a fault of ours', () => {
  expect(exitCodeOf(Object.assign(new Error('x'), { code: 'ENOSPC', syscall: 'write' }))).toBe(exitCodes.io);
  expect(exitCodeOf(new TypeError('x'))).toBe(exitCodes.internal);
  expect(exitCodeOf('x')).toBe(exitCodes.internal);
});
