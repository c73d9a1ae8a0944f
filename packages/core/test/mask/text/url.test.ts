import { expect, test } from 'vitest';
import type { Policy } from '../../../src/mask/policy/policy.ts';
import { expectLinear } from '../linear.ts';
import { aTextMasker, maskMessage } from '../support.ts';

const masked = (target: string, policy: Partial<Policy> = {}) => maskMessage({ target }, policy).target;
const rule = (at: string, mask: unknown = 'redact'): Partial<Policy> =>
  JSON.parse(JSON.stringify({ rules: [{ id: 'r', at, mask }] }));

test('leaves words and numbers of paths and queries alone, and reads everything else', () => {
  for (const target of ['/', '*', '/orders/17/items?page=2&sort=asc', '/a//b/?&x&=1', '/notifications?q=']) {
    expect(masked(target)).toBe(target);
    // Words that were seen before are not read again.
    expect(masked(target)).toBe(target);
  }
  expect(masked('/a/bob@example.com/c')).toMatch(/^\/a\/mk_email_.{16}\/c$/);
  expect(masked('/a/1.2.3.4')).toMatch(/^\/a\/mk_ip_/);
  expect(masked('/4242424242424242/x/4242424242424242')).toMatch(/^\/mk_card_.{16}\/x\/mk_card_.{16}$/);
});

test('masks what stands before @ however the slashes are written, and looks at the host', () => {
  for (const [target, shown] of [
    ['https://bob:hunter2@shop.test/a', /^https:\/\/mk_secret_.{16}@shop\.test\/a$/],
    ['https:\\\\bob:hunter2@shop.test/a', /^https:\\\\mk_secret_.{16}@shop\.test\/a$/],
    ['http:bob:hunter2@shop.test', /^http:mk_secret_.{16}@shop\.test$/],
    ['bob:hunter2@shop.test:443', /^mk_secret_.{16}@shop\.test:443$/],
    ['u:hunter2@10.0.0.1:443', /^mk_secret_.{16}@10\.0\.0\.1:443$/],
    ['https://4242424242424242.shop.test/', /^https:\/\/mk_card_.{16}\.shop\.test\/$/],
    ['http://10.0.0.1:80/a', /^http:\/\/10\.0\.0\.1:80\/a$/],
  ] as const) {
    expect(masked(target)).toMatch(shown);
    const { response } = maskMessage({ responseHeaders: ['Location', target] });
    expect(response.headers[1]).not.toContain('42424242');
    if (/^(?:https?:|\/\/)/.test(target)) expect(response.headers[1]).not.toContain('hunter2');
  }
});

test('masks what stands before @ in a URL within a path, as proxies are asked for it', () => {
  for (const [target, shown] of [
    ['/proxy/http://bob:hunter2@shop.test/a', /^\/proxy\/http:\/\/mk_secret_.{16}@shop\.test\/a$/],
    ['/proxy/https:/hunter2@shop.test/a?b', /^\/proxy\/https:\/mk_secret_.{16}@shop\.test\/a\?b$/],
    [
      'http://x.test/git+ssh://bob:hunter2@shop.test',
      /^http:\/\/x\.test\/git\+ssh:\/\/mk_secret_.{16}@shop\.test$/,
    ],
    ['//bob:hunter2@shop.test/a', /^\/\/mk_secret_.{16}@shop\.test\/a$/],
    ['/a//bob:hunter2@10.0.0.1:80', /^\/a\/\/mk_secret_.{16}@/],
    [
      '/proxy/http%3A%2F%2Fbob:hunter2@shop.test/a',
      /^\/proxy\/http%3A%2F%2Fmk_secret_.{16}%40shop\.test\/a$/,
    ],
    ['/proxy/http%3A%2F%2Fbob%3Ahunter2%40shop.test', /^\/proxy\/http%3A%2F%2Fmk_secret_.{16}%40shop\.test$/],
  ] as const) {
    expect(masked(target)).toMatch(shown);
    const { response } = maskMessage({ responseHeaders: ['Location', target] });
    expect(response.headers[1]).not.toContain('hunter2');
  }
  // Versions of packages, and scopes.
  for (const target of [
    '/npm:react@18',
    '/gh/a/b@1.2/c',
    '/-//@scope/a',
    '/http://shop.test/a@2',
    '/a//b@2',
  ]) {
    expect(masked(target)).toBe(target);
  }
});

test('finds patterns of the user in texts of any length', () => {
  const rules = [{ id: 'r', value: { pattern: 'A\\d', maxLength: 2 }, mask: 'redact' }] as const;
  expect(masked('/A1/x?q=A2&A3=1', { rules })).toBe('/[REDACTED]/x?q=[REDACTED]&[REDACTED]=1');
});

test('takes removed pairs out with one ampersand each', () => {
  const remove = rule('query:r*', 'remove');
  expect(masked('/?r1=1&r2=2', remove)).toBe('/?');
  expect(masked('/?r1=1&a=1', remove)).toBe('/?a=1');
  expect(masked('/?a=1&r1=1&b=2&r2', remove)).toBe('/?a=1&b=2&r2');
  expect(masked('/?a=1&&r1=1&b=2', remove)).toBe('/?a=1&&b=2');
  expect(masked('/?a=1;r1=2', remove)).toBe('/?a=1;');
});

test('knows a name however it is encoded', () => {
  expect(masked('/?%70assword=x')).toMatch(/^\/\?%70assword=mk_secret_/);
  expect(masked('/?%2570assword=x')).toMatch(/=mk_secret_/);
  expect(masked('/?user%5Bname%5D=x', rule('query:user[name]'))).toBe('/?user%5Bname%5D=%5BREDACTED%5D');
});

test('knows `a[b][0]` as the path a.b, and as a.b[0]', () => {
  const form = (body: string, policy: Partial<Policy>) =>
    maskMessage({ type: 'application/x-www-form-urlencoded', body }, policy).request.body;
  for (const at of ['form:user.tags', 'form:user.tags[0]', 'form:user[tags][0]', 'key:tags']) {
    expect(form('user[tags][0]=x&user[other]=y', rule(at))).toBe(
      'user[tags][0]=%5BREDACTED%5D&user[other]=y',
    );
  }
  expect(masked('/?a[b][]=x', rule('query:a.b'))).toBe('/?a[b][]=%5BREDACTED%5D');
  expect(masked('/?a[b]=x', rule('query:a.c'))).toBe('/?a[b]=x');
});

test('reads any number of parameters in one pair', () => {
  const text = `${'a=1;'.repeat(100_000)}password=hunter2`;
  expect(masked(`/?${text}`)).toMatch(/;password=mk_secret_.{16}$/);
  expect(masked(`/x;${text}`)).toMatch(/;password=mk_secret_.{16}$/);
});

test('reads URLs in time that grows with their length, whatever is in them', () => {
  const { text } = aTextMasker();
  for (const seed of [
    '/',
    '//',
    '/a',
    ':',
    'a:',
    '@',
    '%',
    '%25',
    '%41',
    '&',
    ';',
    'a=',
    'a=1;',
    '[',
    ']',
    '#',
    '?',
    '+',
    '=',
  ]) {
    for (const before of ['/', '/?', '/?a=', 'http://', '#']) {
      expectLinear(`${before}${seed}`, before, seed, (url) => text.urls.mask(url, 0, true));
    }
  }
}, 60_000);
