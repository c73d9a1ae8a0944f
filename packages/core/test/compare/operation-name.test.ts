import { expect, test } from 'vitest';
import { operationName } from '../../src/compare/operation-name.ts';
import { anExchange } from '../../src/testing/factories.ts';

const nameOf = (target: string) => operationName(anExchange({ request: { target } }));

test('operationName() is the route template or method where one is known', () => {
  expect(operationName(anExchange({ operation: 'GET /orders/:id' }))).toBe('GET /orders/:id');
  const marks = [
    { name: 'operation', value: 'first' },
    { name: 'operation', value: 'GET /late/:id' },
  ];
  expect(operationName(anExchange({ marks }))).toBe('GET /late/:id');
});

test('operationName() puts {id} for segments that name one thing', () => {
  expect(nameOf('/orders/7?full=1')).toBe('GET /orders/{id}');
  expect(nameOf('/orders/7b1c7a52-7b4e-4f0f-9f55-2f8f6f0a1a11/items')).toBe('GET /orders/{id}/items');
  expect(nameOf('/u/mk_user_abcdefghijklmnop')).toBe('GET /u/{id}');
  expect(nameOf('/o/507f1f77bcf86cd799439011/01ARZ3NDEKTSV4RRFFQ69G5FAV')).toBe('GET /o/{id}/{id}');
  expect(nameOf('http://shop.test/orders/7')).toBe('GET /orders/{id}');
});

test('operationName() keeps words, and bounds what it gives', () => {
  expect(nameOf('/api/v2/decade/feedface/orders-7')).toBe('GET /api/v2/decade/feedface/orders-7');
  expect(nameOf(`/${'x/'.repeat(5_000)}`).length).toBe(256);
});
