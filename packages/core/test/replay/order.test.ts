import { expect, test } from 'vitest';
import { finishedAt, orderRule } from '../../src/replay/order.ts';
import { anExchange } from '../../src/testing/index.ts';

const waits = (order: Parameters<typeof orderRule>[0], finished: number, start: number) =>
  orderRule(order).holdsFrom(finished) <= start;

test('causal order waits for what had finished before, at the same moment too', () => {
  expect(waits('causal', 100, 101)).toBe(true);
  expect(waits('causal', 100, 100)).toBe(true);
  expect(waits('causal', 100, 99)).toBe(false);
});

test('lane and serial order wait for all that came before, none for nothing', () => {
  expect(waits('lane', 1_000, 0)).toBe(true);
  expect(waits('serial', 1_000, 0)).toBe(true);
  expect(waits('none', 0, 1_000)).toBe(false);
});

test('all lanes are one group in serial order, each its own in the others', () => {
  expect(orderRule('serial').group('a')).toBe(orderRule('serial').group('b'));
  expect(orderRule('causal').group('a')).not.toBe(orderRule('causal').group('b'));
});

test('an unknown order is refused', () => {
  expect(() => orderRule(JSON.parse('"random"'))).toThrow(
    /order must be one of causal, lane, none, serial, got 'random'/,
  );
});

test('an exchange is finished with its answer, whatever was noted later', () => {
  expect(finishedAt(anExchange({ startAt: 0, endAt: 9e6 }))).toBe(1_000_000);
  expect(finishedAt(anExchange({ startAt: 0, endAt: 9e6, response: null }))).toBe(9e6);
  expect(finishedAt(anExchange({ startAt: 0, abort: { at: 77, by: 'client', code: 'x' } }))).toBe(77);
});
