import { expect, test } from 'vitest';
import { GardenhoseError, isGardenhoseError } from '../src/errors.ts';

test('an error carries its code, its place and its cause', () => {
  const cause = new Error('why');
  const error = new GardenhoseError('io', 'x.hose: no space', { subject: 'x.hose', offset: 72, cause });
  expect(error).toMatchObject({ name: 'GardenhoseError', code: 'io', message: 'x.hose: no space', cause });
  expect(error.place).toEqual({ subject: 'x.hose', offset: 72 });
  expect(new GardenhoseError('io', 'x')).not.toHaveProperty('cause');
});

test('isGardenhoseError() asks for the code where one is given', () => {
  const error: unknown = new GardenhoseError('io', 'x');
  expect(isGardenhoseError(error)).toBe(true);
  expect(isGardenhoseError(error, 'io')).toBe(true);
  expect(isGardenhoseError(error, 'not-a-capture')).toBe(false);
});

test('isGardenhoseError() knows an error of another copy of the library, and no other error', () => {
  const copy = Object.assign(new Error('x'), { name: 'GardenhoseError', code: 'io' });
  expect(isGardenhoseError(copy)).toBe(true);
  for (const other of [new Error('x'), { name: 'GardenhoseError', code: 'io' }, null, undefined, 'io']) {
    expect(isGardenhoseError(other)).toBe(false);
  }
});
