import { isGardenhoseError } from '@gardenhose/core';
import { anExchange } from '@gardenhose/core/testing';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { compileWhere, whereFields } from '../src/where.ts';

const exchange = anExchange({
  id: 7,
  lane: 'c1',
  startAt: 2_000_000,
  endAt: 302_000_000,
  operation: 'GET /orders/:id',
  marks: [{ name: 'tenant', value: 'garden' }],
  request: { target: '/orders/7?full=1', headers: ['Host', 'shop.test', 'Accept', 'text/html'] },
  response: { status: 503 },
});
const routed = { ...exchange, operation: '/orders/:id' };
const call = anExchange({ protocol: 'grpc', response: { status: 200, trailers: ['grpc-status', '5'] } });
const holds = (expression: string) => compileWhere(expression)(exchange);

test.each([
  'status = 503',
  'status = 5xx',
  'status >= 500 and status < 600',
  'method = GET',
  'path = /orders/7',
  'path = /orders/*',
  'target ~ "full=1"',
  'operation = "GET /orders/:id"',
  "operation ~ '/orders'",
  'duration > 250ms and duration < 0.5s',
  'duration >= 300 and duration <= 300ms',
  'at = 2',
  'header.accept = text/**',
  'header.ACCEPT ~ HTML',
  'not header.x-test',
  '!header.x-test',
  'header.x-test != 1',
  'mark.tenant = garden',
  'mark.tenant',
  'abort or status = 503',
  'not (abort or status = 200)',
  'status = 200 or lane = c1 and id = 7',
])('%s holds for an exchange that it describes', (expression) => {
  expect(holds(expression)).toBe(true);
});

test('grpc-status is the status of a call, which other exchanges have not', () => {
  expect(compileWhere('grpc-status = 5')(call)).toBe(true);
  expect(compileWhere('grpc-status > 5')(call)).toBe(false);
  expect(holds('grpc-status')).toBe(false);
});

test.each([
  'status = 500',
  'status != 5xx',
  'status > 5xx',
  'method = get',
  'path = /orders',
  'path = /*',
  'target !~ full',
  'partial',
  'abort',
  'header.x-test',
  'mark.tenant = other',
  'status = 503 and not path = /orders/**',
  '(status = 200 or lane = c1) and id = 8',
  'parent',
])('%s does not hold for an exchange that it does not describe', (expression) => {
  expect(holds(expression)).toBe(false);
});

test.each([
  ['', 'ends where a field was expected'],
  ['status =', 'ends where a value after "="'],
  ['statsu = 3', 'names the field "statsu", expected one of direction'],
  ['constructor = 3', 'names the field "constructor"'],
  ['header. = 3', 'names the field "header."'],
  ['status = abc', 'expected a status such as 404 or 5xx'],
  ['status = 5ms', 'expected a status'],
  ['duration = soon', 'expected a time such as 250ms'],
  ['path < 3', 'compares the text "path" with "<"'],
  ['status ~ 3', 'compares the number "status" with "~"'],
  ['(status = 3', 'parenthesis that is never closed'],
  ['path = "x', 'quote at character 8'],
  ['status = 3 status = 4', 'has "status" where "and", "or" or the end was expected'],
  ['= 3', 'has "=" where a field was expected'],
  [`${'('.repeat(60)}status`, 'nests deeper than 50'],
  ['x'.repeat(5000), 'is 5000 characters long'],
])('%.20s is refused with the reason', (expression, reason) => {
  expect(() => compileWhere(expression)).toThrow(reason);
});

test('every field can be asked for', () => {
  for (const field of whereFields) {
    expect(() => compileWhere(field.replace('NAME', 'x-name'))).not.toThrow();
  }
});

test('any text is either a filter or refused as an invalid option', () => {
  const words = fc.constantFrom(
    'status',
    'and',
    'or',
    'not',
    '(',
    ')',
    '=',
    '!=',
    '~',
    '5xx',
    '"',
    'header.x',
    '9ms',
  );
  fc.assert(
    fc.property(
      fc.oneof(
        fc.string(),
        fc.array(words).map((list) => list.join(' ')),
      ),
      (expression) => {
        try {
          expect(typeof compileWhere(expression)(exchange)).toBe('boolean');
        } catch (error) {
          expect(isGardenhoseError(error, 'invalid-option')).toBe(true);
        }
      },
    ),
  );
});

test('an operation can be named by what is shown, or by its route alone', () => {
  for (const operation of ['GET /orders/:id', '/orders/:id']) {
    expect(compileWhere(`operation = "${operation}"`)(routed), operation).toBe(true);
  }
  expect(compileWhere('operation = "POST /orders/:id"')(routed)).toBe(false);
});
