import { expect, test } from 'vitest';
import { LaneOrderCheck } from '../../src/report/lane-order.ts';

type Times = readonly [recordedStart: number, recordedEnd: number, sentAt: number, endAt: number];
const check = (...exchanges: readonly Times[]) => {
  const order = new LaneOrderCheck();
  for (const [recordedStart, recordedEnd, sentAt, endAt] of exchanges) {
    order.add({ lane: 'a', recordedStart, recordedEnd, sentAt, endAt });
  }
  return order.result();
};

test('LaneOrderCheck finds nothing when order and overlap were as recorded', () => {
  expect(check([0, 5, 0, 9], [5, 8, 9, 12], [6, 9, 10, 11])).toEqual({
    lanes: 1,
    pairs: 3,
    sendInversions: 0,
    answerInversions: 0,
    unchecked: 0,
  });
});

test('LaneOrderCheck finds an exchange that was sent before an earlier one', () => {
  expect(check([10, 15, 8, 9], [0, 20, 9, 30])).toMatchObject({
    pairs: 1,
    sendInversions: 1,
    answerInversions: 0,
  });
});

test('LaneOrderCheck finds an exchange that did not wait for an answer that was there when it was recorded', () => {
  expect(check([0, 5, 0, 9], [5, 8, 8, 12])).toMatchObject({ sendInversions: 0, answerInversions: 1 });
  expect(check([0, 6, 0, 9], [5, 8, 8, 12])).toMatchObject({ sendInversions: 0, answerInversions: 0 });
});

test('LaneOrderCheck compares within lanes only, and looks back a bounded way', () => {
  const order = new LaneOrderCheck();
  for (let i = 0; i < 100; i++) {
    order.add({ lane: 'a', recordedStart: i, recordedEnd: i, sentAt: i, endAt: i });
    order.add({ lane: 'b', recordedStart: i, recordedEnd: i, sentAt: i, endAt: i });
  }
  const perLane = (32 * 31) / 2 + (100 - 32) * 32;
  expect(order.result()).toMatchObject({
    lanes: 2,
    pairs: 2 * perLane,
    sendInversions: 0,
    answerInversions: 0,
  });
});

test('LaneOrderCheck says how much it did not check', () => {
  const order = new LaneOrderCheck();
  for (let i = 0; i < 20_005; i++) {
    order.add({ lane: String(i), recordedStart: 0, recordedEnd: 1, sentAt: 0, endAt: 1 });
  }
  expect(order.result()).toMatchObject({ lanes: 20_000, unchecked: 5 });
});
