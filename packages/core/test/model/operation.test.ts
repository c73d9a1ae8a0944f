import { expect, test } from 'vitest';
import { operationOf } from '../../src/model/operation.ts';
import { anExchange } from '../../src/testing/index.ts';

const asking = (method: string, target: string) =>
  operationOf({
    ...anExchange(),
    operation: undefined,
    request: { ...anExchange().request, method, target },
  });

test('a route template that is known is the operation', () => {
  expect(operationOf({ ...anExchange(), operation: 'GET /users/:user' })).toBe('GET /users/:user');
});

test('two methods of one route are two operations', () => {
  const post = { ...anExchange().request, method: 'POST' };
  expect(operationOf({ ...anExchange(), operation: '/users/:user' })).toBe('GET /users/:user');
  expect(operationOf({ ...anExchange(), operation: '/users/:user', request: post })).toBe(
    'POST /users/:user',
  );
  expect(operationOf({ ...anExchange(), operation: '/shop.Orders/Get', protocol: 'grpc' })).toBe(
    '/shop.Orders/Get',
  );
});

test('segments that look like identifiers are one operation, whatever they are', () => {
  expect(asking('GET', '/orders/4711/items')).toBe('GET /orders/:id/items');
  expect(asking('GET', '/orders/0b6fd3e4-38c4-4bfc-a0c3-5d9ab2f1c1de')).toBe('GET /orders/:id');
  expect(asking('GET', '/users/mk_email_abcdefghijklmnop')).toBe('GET /users/:id');
  expect(asking('GET', `/blobs/${'x'.repeat(41)}`)).toBe('GET /blobs/:id');
});

test('the version of an interface is a name and no identifier', () => {
  expect(asking('GET', '/v1/orders')).toBe('GET /v1/orders');
});

test('the query is no part of the operation', () => {
  expect(asking('GET', '/orders?email=a@example.com&next=/9')).toBe('GET /orders');
});

test('targets without a path stay as they are', () => {
  expect(asking('OPTIONS', '*')).toBe('OPTIONS *');
});

test('the host of an absolute target is no part of the operation', () => {
  expect(asking('GET', 'http://127.0.0.1:8080/orders/7')).toBe('GET /orders/:id');
});

test('an operation is never longer than 256 characters', () => {
  expect(asking('GET', '/a'.repeat(5000))).toHaveLength(256);
});
