import { expect, test } from 'vitest';
import { isShadow, runWithMarks, shadowOf, unlessShadow } from '../../src/shadow/context.ts';

const marks = { runId: 'r1', seq: 2, signature: 's' };

test('code knows what it runs for, and what comes of it too', async () => {
  expect([isShadow(), shadowOf()]).toEqual([false, undefined]);
  const later = runWithMarks(marks, async () => {
    await new Promise((resolve) => setImmediate(resolve));
    return [isShadow(), shadowOf()];
  });
  expect(isShadow()).toBe(false);
  expect(await later).toEqual([true, { runId: 'r1', seq: 2 }]);
  expect(runWithMarks(marks, () => runWithMarks(undefined, isShadow))).toBe(false);
});

test('unlessShadow() runs what it is given for users alone, and the other thing else', () => {
  const done: string[] = [];
  const both = () =>
    unlessShadow(
      () => done.push('real'),
      () => done.push('rehearsed'),
    );
  both();
  runWithMarks(marks, both);
  expect(runWithMarks(marks, () => unlessShadow(() => done.push('real')))).toBeUndefined();
  expect(done).toEqual(['real', 'rehearsed']);
});

test('what unlessShadow() runs may throw', () => {
  const fail = () => {
    throw new RangeError('no');
  };
  expect(() => unlessShadow(fail)).toThrow(RangeError);
  expect(runWithMarks(marks, () => unlessShadow(fail))).toBeUndefined();
});
