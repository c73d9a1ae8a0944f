import { expect, test } from 'vitest';
import { compareExchange } from '../../src/compare/compare.ts';
import { createMasker } from '../../src/mask/create-masker.ts';
import { maskExchange } from '../../src/mask/mask-exchange.ts';
import type { Exchange } from '../../src/model/exchange.ts';
import { anExchange } from '../../src/testing/factories.ts';
import { int, schemaOf, sized } from '../protobuf/support.ts';

const { schema } = schemaOf(`syntax = "proto3"; package shop;
  message Missing { string order = 1; string email = 2; int32 stock = 3; }`);
const schemas = [schema];

/** A call that failed with these trailers. */
const failed = (...trailers: readonly string[]): Exchange =>
  anExchange({
    protocol: 'grpc',
    response: { chunks: [], headers: [], trailers: ['grpc-status', '5', ...trailers] },
  });
const base64 = (...fields: readonly (readonly number[])[]) => Buffer.from(fields.flat()).toString('base64');
const details = (...fields: readonly (readonly number[])[]) =>
  failed('grpc-status-details-bin', base64(int(1, 5), ...fields));
const any = (type: string, content: readonly number[]) =>
  sized(3, [...sized(1, `t/${type}`), ...sized(2, content)]);
const told = (recorded: Exchange, replayed: Exchange, options = {}) =>
  compareExchange(recorded, replayed, { schemas, ...options }).differences.map(
    ({ verdict, kind, path }) => `${verdict} ${kind} ${path}`,
  );
const changed = ['changed value trailer:grpc-status-details-bin'];

test('details of a status are compared as fields, however they are written', () => {
  const missing = any('shop.Missing', [...sized(1, 'a1'), ...int(3, 0)]);
  const recorded = details(sized(2, 'no stock'), missing);
  const again = failed(
    'grpc-status-details-bin',
    base64(any('shop.Missing', sized(1, 'a1')), sized(2, 'no stock'), int(1, 5)).replace(/=+$/, ''),
  );
  expect(told(recorded, again)).toEqual([]);
  const other = any('shop.Missing', sized(1, 'b2'));
  expect(told(recorded, details(sized(2, 'no stock'), other))).toEqual(changed);
  expect(compareExchange(recorded, again, { schemas: [] }).differences).toHaveLength(1);
});

test('a time within details makes them suspect, and details that are none are compared as they are', () => {
  const at = (time: string) => details(sized(2, `not before ${time}`));
  expect(told(at('2026-01-02T03:04:05Z'), at('2026-01-02T03:04:06Z'))).toEqual([
    'suspect value trailer:grpc-status-details-bin',
  ]);
  const garbage = (...bytes: readonly number[]) => failed('grpc-status-details-bin', base64(bytes));
  expect(told(garbage(0xff, 0xfe), garbage(0xff, 0xfe))).toEqual([]);
  expect(told(garbage(0xff, 0xfe), garbage(0xff, 0xfd))).toEqual(changed);
  expect(told(details(), details(sized(9, 'unknown')))).toEqual(changed);
});

test('beneath another key, masked details are unverified where nothing else changed', () => {
  const missing = (email: string, stock: number) =>
    details(any('shop.Missing', [...sized(2, email), ...int(3, stock)]));
  const recording = createMasker({ version: 1 });
  recording.mask({ type: 'schema', seq: 1, at: 1, format: 'protobuf', data: schema });
  const recorded = maskExchange(recording, missing('ann@shop.test', 1));
  const options = { recordedPolicy: recording.summary, masker: createMasker({ version: 1 }) };
  expect(told(recorded, missing('ann@shop.test', 1), options)).toEqual([
    'unverified value trailer:grpc-status-details-bin',
  ]);
  expect(told(recorded, missing('ann@shop.test', 2), options)).toEqual(changed);
});

test('binary metadata may have its padding or not, and several values behind each other', () => {
  expect(told(failed('x-bin', 'AQI='), failed('x-bin', 'AQI'))).toEqual([]);
  expect(told(failed('x-bin', 'AQI=', 'x-bin', 'AQ=='), failed('x-bin', 'AQI,AQ'))).toEqual([]);
  expect(told(failed('x-bin', 'AQI='), failed('x-bin', 'AQM='))).toEqual(['changed value trailer:x-bin']);
  expect(told(failed('x-text', 'a,b='), failed('x-text', 'a,b'))).toEqual(['changed value trailer:x-text']);
});
