import { expect, test } from 'vitest';
import type { LivePlan } from '../../src/correlate/live-values.ts';
import type { Job } from '../../src/replay/job.ts';
import { type LateShipment, LateShipments } from '../../src/replay/late-shipments.ts';
import { ManualClock } from '../../src/testing/manual-clock.ts';

const job = (index: number, maxWaitNs?: number): Job => ({
  index,
  exchange: index,
  lane: '1',
  protocol: 'http',
  plannedAt: 0,
  startAt: 0,
  finishedAt: 0,
  timeoutNs: 0,
  shipment: undefined,
  maxWaitNs,
});

/** A plan that needs the answers of `after`, and may be changed by those of `soft` too. */
function made(after: readonly number[], soft: readonly number[] = []) {
  const open = new Set([...after, ...soft]);
  const plan: LivePlan = { after, tells: false, make: undefined, pending: () => [...open] };
  return { plan, over: (index: number) => open.delete(index) };
}

function lates() {
  const clock = new ManualClock();
  const given: LateShipment[] = [];
  const late = new LateShipments(
    clock,
    () => clock.nowNs(),
    (one) => given.push(one),
  );
  const add = (index: number, { plan }: { plan: LivePlan }, maxWaitNs?: number) =>
    late.add(job(index, maxWaitNs), plan, () => ({ skip: `made ${index}` }));
  const indexes = () => given.map(({ index }) => index);
  return { clock, late, add, given, indexes };
}

test('a shipment is made when the last answer is over that may change it, before its turn', () => {
  const { late, add, given } = lates();
  const plan = made([1, 2]);
  add(5, plan);
  plan.over(1);
  late.over(1, 70);
  expect(given).toEqual([]);
  plan.over(2);
  late.over(2, 60);
  expect(given).toEqual([{ index: 5, shipment: { skip: 'made 5' }, freedAt: 70 }]);
  late.wanted(5);
  late.over(1, 80);
  expect(given).toHaveLength(1);
});

test('when its turn comes it waits for the answers that it needs, and for no others', () => {
  const { late, add, given, indexes } = lates();
  const [soft, both] = [made([], [1]), made([2], [1])];
  add(5, soft);
  add(6, both);
  late.wanted(5);
  expect(given).toEqual([{ index: 5, shipment: { skip: 'made 5' }, freedAt: Number.NEGATIVE_INFINITY }]);
  late.wanted(6);
  expect(indexes()).toEqual([5]);
  both.over(2);
  late.over(2, 90);
  expect(indexes()).toEqual([5, 6]);
  expect(given[1]?.freedAt).toBe(90);
});

test('an answer that turns out to be needed later on is looked out for too', () => {
  const { late, add, indexes } = lates();
  const open = [1];
  add(5, { plan: { after: [1], tells: false, make: undefined, pending: () => open } });
  open.splice(0, 1, 3);
  late.over(1, 10);
  expect(indexes()).toEqual([]);
  open.length = 0;
  late.over(3, 20);
  expect(indexes()).toEqual([5]);
});

test('it waits no longer than it may, counted from its turn', () => {
  const { clock, late, add, given, indexes } = lates();
  add(5, made([1]), 8e6);
  clock.advanceMs(20);
  late.wanted(5);
  late.wanted(5);
  clock.advanceMs(7);
  expect(indexes()).toEqual([]);
  clock.advanceMs(1);
  expect(indexes()).toEqual([5]);
  expect(given[0]?.freedAt).toBe(clock.nowNs());
});

test('what is dropped or ended is not made', () => {
  const { clock, late, add, indexes } = lates();
  const plans = [made([1]), made([1])];
  for (const [i, plan] of plans.entries()) add(5 + i, plan, 1e6);
  late.drop(5);
  late.wanted(6);
  late.end();
  clock.advanceMs(10);
  for (const plan of plans) plan.over(1);
  late.over(1, 0);
  late.wanted(5);
  expect(indexes()).toEqual([]);
});

test('many that the same answers may change are not looked at again for each of those', () => {
  const { late, indexes } = lates();
  const count = 500;
  const open = new Set(Array.from({ length: count }, (_, i) => i));
  let looks = 0;
  for (let i = 1; i < count; i++) {
    const plan: LivePlan = {
      ...{ after: [0], tells: true, make: undefined },
      pending() {
        looks++;
        return [...open].filter((index) => index < i);
      },
    };
    late.add(job(i), plan, () => ({ skip: 'made' }));
  }
  for (let i = 0; i < count; i++) {
    open.delete(i);
    late.over(i, i);
  }
  expect(indexes()).toEqual(Array.from({ length: count - 1 }, (_, i) => i + 1));
  expect(looks).toBeLessThan(5 * count);
});

test('one that settles before those that it was looked at with is made when the last of them is over', () => {
  const { late, add, indexes } = lates();
  const soft = made([], [1, 2, 3]);
  add(5, soft);
  for (const index of [3, 1, 2]) {
    expect(indexes()).toEqual([]);
    soft.over(index);
    late.over(index, index);
  }
  expect(indexes()).toEqual([5]);
});
