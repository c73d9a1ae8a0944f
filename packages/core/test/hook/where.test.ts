import { expect, test } from 'vitest';
import type { Where } from '../../src/hook/rule.ts';
import { type Facts, whereMatches } from '../../src/hook/where.ts';

const facts: Facts = {
  direction: 'inbound',
  protocol: 'http',
  method: 'POST',
  target: '/orders/7?full=1',
  operation: 'POST /orders/:id',
  headers: ['Host', 'shop.test', 'X-Tenant', 'a', 'x-tenant', 'garden-7'],
  status: 503,
  marks: [{ name: 'tenant', value: 'garden' }],
};
const cases: readonly (readonly [Where, boolean])[] = [
  [{ direction: 'inbound', protocol: 'http' }, true],
  [{ direction: 'outbound' }, false],
  [{ protocol: 'grpc' }, false],
  [{ method: 'post' }, true],
  [{ method: ['GET', 'POST'] }, true],
  [{ method: 'GET' }, false],
  [{ path: '/orders/*' }, true],
  [{ path: ['/cart', '/orders/7'] }, true],
  [{ path: '/orders' }, false],
  [{ operation: 'POST **' }, true],
  [{ operation: 'GET **' }, false],
  [{ header: { name: 'x-tenant' } }, true],
  [{ header: { name: 'x-tenant', equals: 'a' } }, true],
  [{ header: { name: 'x-tenant', matches: 'garden-*' } }, true],
  [{ header: { name: 'x-tenant', equals: 'a', matches: 'garden-*' } }, false],
  [{ header: { name: 'x-other' } }, false],
  [{ status: 503 }, true],
  [{ status: '5xx' }, true],
  [{ status: ['4xx', 503] }, true],
  [{ status: '4xx' }, false],
  [{ mark: { name: 'tenant' } }, true],
  [{ mark: { name: 'tenant', value: 'other' } }, false],
  [{ method: 'POST', status: 200 }, false],
];

test.each(cases)('whereMatches() asks all that is given: %j is %s', (where, expected) => {
  expect(whereMatches(where, facts)).toBe(expected);
});

test('whereMatches() does not match what is not known', () => {
  expect(whereMatches({ status: '5xx' }, { ...facts, status: undefined })).toBe(false);
  expect(whereMatches({ operation: '**' }, { ...facts, operation: undefined })).toBe(false);
  expect(whereMatches(undefined, facts)).toBe(true);
});
