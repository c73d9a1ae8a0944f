import fc from 'fast-check';
import { expect, test } from 'vitest';
import { matchesGlob, readPathRewrite, splitTarget } from '../../src/hook/path-pattern.ts';

const rewritten = (from: string, to: string, path: string) => {
  const rewrite = readPathRewrite(from, to);
  return typeof rewrite === 'string' ? rewrite : rewrite.rewrite(path);
};

test('matchesGlob() lets * stop at a slash and ** go on', () => {
  expect(matchesGlob('/orders/*', '/orders/7')).toBe(true);
  expect(matchesGlob('/orders/*', '/orders/7/items')).toBe(false);
  expect(matchesGlob('/orders/**', '/orders/7/items')).toBe(true);
  expect(matchesGlob('**.js', '/a/b/app.js')).toBe(true);
  expect(matchesGlob('/orders/*/items', '/orders/7/items')).toBe(true);
  expect(matchesGlob('/orders', '/orders/')).toBe(false);
  expect(matchesGlob('', '')).toBe(true);
  expect(matchesGlob('a.c', 'abc')).toBe(false);
});

test('matchesGlob() agrees with a regular expression on any pattern', () => {
  const letters = fc
    .array(fc.constantFrom('a', 'b', '/', '*'), { maxLength: 8 })
    .map((list) => list.join(''));
  const texts = fc.array(fc.constantFrom('a', 'b', '/'), { maxLength: 10 }).map((list) => list.join(''));
  fc.assert(
    fc.property(letters, texts, (pattern, text) => {
      const source = pattern.replace(/\*{2,}|\*/g, (stars) => (stars.length > 1 ? '.*' : '[^/]*'));
      expect(matchesGlob(pattern, text)).toBe(new RegExp(`^${source}$`).test(text));
    }),
  );
});

test('matchesGlob() stays quick on a pattern made to be slow', () => {
  expect(matchesGlob(`${'*a'.repeat(200)}b`, 'a'.repeat(5_000))).toBe(false);
});

test('readPathRewrite() moves a prefix', () => {
  expect(rewritten('/v1/*', '/v2/*', '/v1/orders/7')).toBe('/v2/orders/7');
  expect(rewritten('/v1/*', '/*', '/v1/orders/7')).toBe('/orders/7');
  expect(rewritten('/*', '/api/*', '/orders')).toBe('/api/orders');
  expect(rewritten('/v1/*', '/v2/*', '/v11/orders')).toBeUndefined();
});

test('readPathRewrite() puts named segments in their new place', () => {
  expect(rewritten('/users/:user/orders/:id', '/orders/:id/of/:user', '/users/ann/orders/7')).toBe(
    '/orders/7/of/ann',
  );
  expect(rewritten('/users/:user', '/people/:user', '/users/a%2Fb')).toBe('/people/a%2Fb');
  expect(rewritten('/users/:user', '/people/:user', '/users/')).toBeUndefined();
});

test('readPathRewrite() says what is wrong with its templates', () => {
  expect(rewritten('v1', '/v2', '')).toMatch(/^from must be a path/);
  expect(rewritten('/v1', '/v2?x=1', '')).toMatch(/^to must be a path/);
  expect(rewritten('/v1', '/v2\r\nX: y', '')).toMatch(/^to must be a path/);
  expect(rewritten('/*/a', '/b', '')).toMatch(/last segment/);
  expect(rewritten('/:a', '/:b', '')).toMatch(/:b, which from does not name/);
  expect(rewritten('/:a/:a', '/:a', '')).toMatch(/twice/);
  expect(rewritten('/a', '/*', '')).toMatch(/from does not/);
});

test('splitTarget() finds the path of every form of target', () => {
  expect(splitTarget('/a/b?c=/d')).toEqual({ before: '', path: '/a/b', after: '?c=/d' });
  expect(splitTarget('http://shop.test:80/a?b')).toEqual({
    before: 'http://shop.test:80',
    path: '/a',
    after: '?b',
  });
  expect(splitTarget('*')).toEqual({ before: '', path: '*', after: '' });
});
