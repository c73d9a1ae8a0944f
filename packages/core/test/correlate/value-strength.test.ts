import { randomBytes, randomUUID } from 'node:crypto';
import { expect, test } from 'vitest';
import { strengthOf } from '../../src/correlate/value-strength.ts';

test('values that may stand anywhere say nothing', () => {
  const common = [
    ...[
      '',
      'true',
      'false',
      'null',
      '1',
      '200',
      '12345',
      '-7',
      'en',
      'en-US',
      'active',
      'PENDING',
      'standard',
    ],
    ...[
      'order_created',
      'us-east-1',
      'utf-8',
      'application/json',
      'http2',
      'v1.2.3-beta',
      'jo.doe@shop.example',
    ],
    ...[
      '2026-11-22',
      '2026-11-22T01:02:03.456Z',
      '20261122',
      '12:30:45',
      '129.90',
      '1e10',
      '10.0.0.1',
      '192.168.100.200',
    ],
    ...['Sun, 22 Nov 2026 01:02:03 GMT', '1795309323', '1795309323000', '100000', '1000000000000'],
    ...['getOrderDetails', 'shipping-address', 'a b c d e f g h', '--------', '[REDACTED]', 'deadbeef'],
  ];
  expect(common.filter((text) => strengthOf(text) !== 'none')).toEqual([]);
});

test('random ids and tokens say where they came from', () => {
  const random = [
    ...[
      '8f3a2b1c',
      'ord_8f3a2b1c',
      'V1StGXR8_Z5jdHi6B-myT',
      'b2Zmc2V0OjEwMHxhYmM=',
      's:abc123.XYZ789qrs',
      '937450182',
    ],
    ...[
      'mk_secret_AbCdEfGhIjKlMnOp',
      '01ARZ3NDEKTSV4RRFFQ69G5FAV',
      '1234567890123456789',
      'eyJhbGciOiJIUzI1NiJ9.e30.abc',
    ],
    ...[
      randomUUID(),
      `${randomBytes(16).toString('hex')}a1b2`,
      `x9-${randomBytes(18).toString('base64url')}-9a1b2c`,
    ],
  ];
  expect(random.filter((text) => strengthOf(text) !== 'strong')).toEqual([]);
});

test('numbers of six to eight digits and random texts of six or seven characters say a little', () => {
  expect(['483920', '4839201', '48392011', 'a1b2c3'].map(strengthOf)).toEqual([
    'weak',
    'weak',
    'weak',
    'weak',
  ]);
});

test('a value that is too long to be one says nothing', () => {
  expect(strengthOf('a1b2'.repeat(5_000))).toBe('none');
});
