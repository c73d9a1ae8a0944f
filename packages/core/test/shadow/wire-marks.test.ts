import fc from 'fast-check';
import { expect, test } from 'vitest';
import {
  hasMarks,
  marksToPassOn,
  readMarks,
  shadowHeaderNames,
  withoutMarks,
} from '../../src/shadow/wire-marks.ts';

test('marks are read from headers, or from baggage alone', () => {
  const full = [
    'X-Shadow-Traffic',
    'true',
    'x-shadow-run',
    'r1',
    'X-Shadow-Seq',
    '7',
    'x-shadow-signature',
    's',
  ];
  expect(readMarks(full)).toEqual({ runId: 'r1', seq: 7, signature: 's' });
  expect(readMarks(['baggage', 'a=b, shadow = true;p=1 , shadow.run= r2;q'])).toMatchObject({ runId: 'r2' });
  expect(readMarks(['baggage', 'a=b', 'Baggage', 'shadow=true'])).toMatchObject({ runId: undefined });
  expect(readMarks(['baggage', 'shadow=false'])).toBeUndefined();
  expect(readMarks(['baggage', 'myshadow=true,shadows=true'])).toBeUndefined();
});

test('what could not be passed on is not read', () => {
  const odd = ['x-shadow-traffic', 'true', 'x-shadow-run', 'a\r\nb', 'x-shadow-seq', '1e9'];
  expect(readMarks(odd)).toMatchObject({ runId: undefined, seq: undefined });
  const long = { runId: 'r', seq: 1, signature: 's'.repeat(1_000) };
  expect(marksToPassOn(long)).toEqual(['x-shadow-traffic', 'true', 'x-shadow-run', 'r', 'x-shadow-seq', '1']);
});

test('without marks, all else is as it was', () => {
  const name = fc.oneof(
    fc.constantFrom(...shadowHeaderNames, 'X-Shadow-Run', 'BAGGAGE', 'baggage', 'x-shadow-other', 'host'),
    fc.stringMatching(/^[a-z-]{1,12}$/),
  );
  const value = fc.oneof(
    fc.constantFrom('shadow=true', 'a=b', 'a=b,shadow=true,c=d', ' shadow.run = r1', '', 'a=b,,shadow=1'),
    fc.string({ maxLength: 10 }),
  );
  fc.assert(
    fc.property(fc.array(fc.tuple(name, value), { maxLength: 12 }), (fields) => {
      const headers = fields.flat();
      const bare = withoutMarks(headers);
      expect(hasMarks(bare)).toBe(false);
      expect(readMarks(bare)).toBeUndefined();
      expect(withoutMarks(bare)).toBe(bare);
      const isOther = (one: string) => !/^(?:baggage|x-shadow-(?!other))/i.test(one);
      const others = (list: readonly string[]) =>
        list.flatMap((one, i) => (i % 2 === 0 && isOther(one) ? [one, list[i + 1]] : []));
      expect(others(bare)).toEqual(others(headers));
      if (!hasMarks(headers)) expect(bare).toBe(headers);
    }),
    { numRuns: 200 },
  );
});
