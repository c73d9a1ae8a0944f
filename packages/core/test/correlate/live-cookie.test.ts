import { expect, test } from 'vitest';
import { cookieApplies, type LiveCookie, parseSetCookie } from '../../src/correlate/live-cookie.ts';

const now = Date.UTC(2026, 10, 22);

/** Whether a cookie that was set by `/shop/cart` of shop.test is sent to a target of a host. */
const sent = (header: string, target: string, host = 'shop.test', secure = true) => {
  const cookie = parseSetCookie(header, '/shop/cart', now);
  const request = { target, hosts: [host], secure, nowMs: now + 1_000 };
  return cookie !== undefined && cookieApplies(cookie, request);
};

test('attributes are read as RFC 6265 has them', () => {
  const read: [string, Partial<LiveCookie> | undefined][] = [
    ['a=b', { name: 'a', value: 'b', path: '/shop', domain: undefined, secure: false, expiresAt: Infinity }],
    [
      ' a = b ; PATH=/x; domain=.Shop.Test;SECURE ; HttpOnly',
      { value: 'b', path: '/x', domain: 'shop.test', secure: true },
    ],
    ['a=b; Path=x', { path: '/shop' }],
    ['a=b; Max-Age=10; Expires=Thu, 01 Jan 1970 00:00:00 GMT', { expiresAt: now + 10_000 }],
    ['a=b; Max-Age=-1', { expiresAt: 0 }],
    ['a=b; Max-Age=x; Expires=Mon, 23 Nov 2026 00:00:00 GMT', { expiresAt: now + 86_400_000 }],
    ['a=b; Expires=never', { expiresAt: Infinity }],
    ['a=', { value: '' }],
    ['=b', undefined],
    ['nothing', undefined],
    ['', undefined],
  ];
  for (const [header, cookie] of read) {
    const parsed = parseSetCookie(header, '/shop/cart?x=1', now);
    if (cookie === undefined) expect(parsed, header).toBeUndefined();
    else expect(parsed, header).toMatchObject(cookie);
  }
});

test('a cookie goes to its path and what lies below', () => {
  expect(sent('a=b; Path=/shop', '/shop')).toBe(true);
  expect(sent('a=b; Path=/shop', '/shop/x?y')).toBe(true);
  expect(sent('a=b; Path=/shop/', '/shop')).toBe(false);
  expect(sent('a=b; Path=/shop', '/shopping')).toBe(false);
  expect(sent('a=b; Path=/', '/anything')).toBe(true);
  expect(sent('a=b', '/shop/other')).toBe(true);
  expect(sent('a=b', '/other')).toBe(false);
  expect(sent('a=b; Path=/x', 'http://shop.test/x/y')).toBe(true);
});

test('a cookie of a domain goes to its hosts, and to no address that ends like one', () => {
  expect(sent('a=b; Domain=shop.test; Path=/', '/', 'www.shop.test')).toBe(true);
  expect(sent('a=b; Domain=shop.test; Path=/', '/', 'myshop.test')).toBe(false);
  expect(sent('a=b; Domain=0.0.1; Path=/', '/', '127.0.0.1')).toBe(false);
  expect(sent('a=b; Path=/', '/', 'any.host')).toBe(true);
});

test('a cookie is sent until it is over, and a secure one only where it may be', () => {
  expect(sent('a=b; Path=/; Max-Age=1', '/')).toBe(false);
  expect(sent('a=b; Path=/; Max-Age=2', '/')).toBe(true);
  expect(sent('a=b; Path=/; Secure', '/')).toBe(true);
  expect(sent('a=b; Path=/; Secure', '/', 'shop.test', false)).toBe(false);
});
