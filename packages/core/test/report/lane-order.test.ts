import fc from 'fast-check';
import { expect, test } from 'vitest';
import { LaneOrderCheck, type OrderedExchange } from '../../src/report/lane-order.ts';

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

test('LaneOrderCheck looks at what the order of the run promised', () => {
  const order = new LaneOrderCheck();
  // Recorded side by side, and sent so again; another lane besides.
  order.add({ lane: 'a', recordedStart: 0, recordedEnd: 10, sentAt: 0, endAt: 5 });
  order.add({ lane: 'a', recordedStart: 5, recordedEnd: 11, sentAt: 3, endAt: 8 });
  order.add({ lane: 'b', recordedStart: 6, recordedEnd: 11, sentAt: 7, endAt: 9 });
  const found = (name?: string) => order.result(name).answerInversions;
  expect([undefined, 'causal', 'none', 'lane', 'serial'].map(found)).toEqual([0, 0, 0, 1, 2]);
});

const anyExchange = fc.record({
  lane: fc.constantFrom('a', 'b'),
  recordedStart: fc.nat(30),
  took: fc.nat(10),
  sentAt: fc.nat(30),
  takes: fc.nat(10),
});

test('LaneOrderCheck counts what the definition of causal order forbids, and nothing else', () => {
  fc.assert(
    fc.property(fc.array(anyExchange, { maxLength: 30 }), (shapes) => {
      const all = shapes.map(
        ({ lane, recordedStart, took, sentAt, takes }): OrderedExchange => ({
          ...{ lane, recordedStart, sentAt },
          ...{ recordedEnd: recordedStart + took, endAt: sentAt + takes },
        }),
      );
      const order = new LaneOrderCheck();
      for (const exchange of all.toSorted((a, b) => a.endAt - b.endAt)) order.add(exchange);
      let sends = 0;
      let answers = 0;
      for (const earlier of all) {
        for (const later of all) {
          if (earlier.lane !== later.lane || earlier.recordedStart >= later.recordedStart) continue;
          const depends = earlier.recordedEnd <= later.recordedStart;
          if (later.sentAt < earlier.sentAt) sends++;
          else if (depends && later.sentAt < earlier.endAt) answers++;
        }
      }
      expect(order.result('causal')).toMatchObject({ sendInversions: sends, answerInversions: answers });
    }),
    { numRuns: 200 },
  );
});
