import fc from 'fast-check';
import { expect, test } from 'vitest';
import { type ComparePath, parsePathPattern, printPath } from '../../src/compare/compare-path.ts';

const body = (...steps: readonly (string | number)[]): ComparePath => ({
  part: 'body',
  steps: steps.map((step) => ({ name: String(step), inList: typeof step === 'number' })),
});
const covers = (text: string, path: ComparePath) => parsePathPattern(text, 'ignore').covers(path);

test.each<[string, ComparePath, boolean]>([
  ['body:$', body(), true],
  ['body:$', body('a', 0), true],
  ['body:$.orders[*].updatedAt', body('orders', 3, 'updatedAt'), true],
  ['body:$.orders[*].updatedAt', body('orders', 3, 'updatedBy'), false],
  ['body:$.orders[*].updatedAt', body('orders', '3', 'updatedAt'), false],
  ['body:$.orders[*].updatedAt', body('orders', 3), false],
  ['body:$.orders[3]', body('orders', 3, 'id'), true],
  ['body:$.orders[3]', body('orders', 4, 'id'), false],
  ['body:$.byId.*.total', body('byId', 'x-1', 'total'), true],
  ['body:$.byId.*.total', body('byId', 1, 'total'), false],
  ["body:$['a.b']['it\\'s']", body('a.b', "it's"), true],
  ['body:$..updatedAt', body('orders', 3, 'updatedAt'), true],
  ['body:$..updatedAt', body('updatedAt'), true],
  ['body:$..updatedAt', body('updatedAt', 'deeper'), true],
  ['body:$..updatedAt', body('orders', 3), false],
  ['body:$.orders..at', body('orders', 3, 'history', 0, 'at'), true],
  ['body:$.orders..at', body('carts', 3, 'at'), false],
  ['body:$..[*].at', body('orders', 3, 'at'), true],
  ['body:$..[*].at', body('orders', 3, 'by', 'at'), false],
  ["body:$..['a b'][0]", body('x', 'a b', 'a b', 0), true],
  ['body:$..*', body(), false],
  ['body:$.Orders', body('orders'), false],
  ['header:X-Foo', { part: 'header', header: 'x-foo', steps: [] }, true],
  ['header:x-foo', { part: 'trailer', header: 'x-foo', steps: [] }, false],
  ['trailer:grpc-message', { part: 'trailer', header: 'grpc-message', steps: [] }, true],
  ['status', { part: 'status', steps: [] }, true],
  ['outcome', { part: 'status', steps: [] }, false],
])('an ignore path covers exactly what it names: %s', (text, path, expected) => {
  expect(covers(text, path)).toBe(expected);
});

test.each([
  ['', 'found ""'],
  ['bodi:$', 'found "bodi:$"'],
  ['status:200', 'status takes nothing behind it'],
  ['header:', 'expected header:NAME'],
  ['header:a b', 'expected header:NAME'],
  ['body:', 'from character 5'],
  ['body:$.a...b', 'from character 8'],
  ['body:$a', 'from character 6'],
  ['body:$.[0]', 'from character 6'],
  ['body:$..', 'from character 6'],
  ['body:$.a[x]', 'from character 8'],
  ['body:$.a[*', 'from character 8'],
  ['body:$.a.**', 'from character 10'],
  ["body:$['a]", 'from character 6'],
])('a path that cannot be read is refused: %s', (text, message) => {
  expect(() => parsePathPattern(text, 'ignore[2]')).toThrow(`ignore[2]: `);
  expect(() => parsePathPattern(text, 'ignore[2]')).toThrow(message);
});

test('a printed path can be pasted into the ignore list', () => {
  const step = fc.oneof(fc.string(), fc.nat(100_000));
  fc.assert(
    fc.property(fc.array(step), (steps) => {
      const path = body(...steps);
      expect(covers(printPath(path), path)).toBe(true);
    }),
  );
});
