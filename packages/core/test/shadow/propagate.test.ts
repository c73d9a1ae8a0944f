import { expect, test } from 'vitest';
import { type PropagateTo, propagatesTo } from '../../src/shadow/propagate.ts';

const to = (host: string, option?: PropagateTo) => propagatesTo(option)(host);

test.each([
  ...['127.0.0.1', '::1', '[::1]', 'localhost', '10.0.0.1', '192.168.0.1', 'fd12::1', 'orders', 'ORDERS.'],
  ...['orders.shop.svc', 'orders.shop.svc.cluster.local', 'db.internal', 'a.home.arpa', 'shop.test'],
])('by default marks go on to %s', (host) => expect(to(host)).toBe(true));

test.each([
  ...['8.8.8.8', '2606:4700::1', 'api.example.com', 'localhost.example.com', 'evil-internal.com'],
  ...['169.254.169.254', 'metadata.google.com', '', 'a b', '134744072', '0x08080808'],
])('by default marks do not go on to %s', (host) => expect(to(host)).toBe(false));

test('a list names all there are', () => {
  const list = ['.shop.example', 'partner.example', '10.0.0.1'];
  for (const host of ['a.shop.example', 'b.a.SHOP.example', 'partner.example', '::ffff:10.0.0.1']) {
    expect(to(host, list)).toBe(true);
  }
  for (const host of ['shop.example', 'myshop.example', 'a.partner.example', '127.0.0.1', 'orders']) {
    expect(to(host, list)).toBe(false);
  }
  expect(to('127.0.0.1', 'none')).toBe(false);
});

test('what would name half the internet is refused', () => {
  for (const entry of ['.com', '.', '', 'a b', 'https://x']) {
    expect(() => propagatesTo([entry])).toThrow(/shadow.propagateTo must hold/);
  }
  expect(() => propagatesTo(JSON.parse('"everyone"'))).toThrow(/shadow.propagateTo must be/);
});
