import { expect, test } from 'vitest';
import { flagOption, invalidOption, originOption, wholeOption } from '../../src/model/option-values.ts';

test('a value that is left out is the default', () => {
  expect(wholeOption('maxLanes', undefined, 7)).toBe(7);
  expect(flagOption('recordShadow', undefined, true)).toBe(true);
});

test('what is refused is told by name, with what was found', () => {
  expect(() => wholeOption('maxLanes', 1.5, 7)).toThrow('maxLanes must be a whole number over 0, got 1.5');
  expect(() => originOption('to', 'ftp://files.example')).toThrow(
    "to must be an origin such as http://127.0.0.1:3000, got 'ftp://files.example'",
  );
  expect(() => originOption('to', 'http://a.example/v1', '; a hook can rewrite paths')).toThrow(
    "to must be an origin without a path, got 'http://a.example/v1'; a hook can rewrite paths",
  );
  expect(invalidOption('drainMs', 'must be a number')).toMatchObject({
    code: 'invalid-option',
    place: { subject: 'drainMs' },
  });
});

test('a password in an origin is refused and not repeated', () => {
  const refused = () => originOption('to', 'http://user:hunter2@a.example');
  expect(refused).toThrow('to must be an origin without a user name or password');
  expect(refused).not.toThrow('hunter2');
});
