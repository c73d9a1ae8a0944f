import { expect, test } from 'vitest';
import type { Job } from '../../src/replay/job.ts';
import { SettledPost } from '../../src/replay/settled-post.ts';

const ms = 1e6;

const job = (index: number, over: Partial<Job>): Job => ({
  index,
  exchange: index,
  lane: '1',
  protocol: 'http',
  plannedAt: 0,
  startAt: 0,
  finishedAt: 0,
  timeoutNs: 0,
  shipment: () => ({ skip: 'test' }),
  ...over,
});

function posting({ eager = false } = {}) {
  let now = 0;
  const chores: { atNs: number; run: () => void }[] = [];
  const posted: number[][] = [];
  const engine = {
    inFlight: 1,
    nowNs: () => now,
    later: (atNs: number, run: () => void) => void chores.push({ atNs, run }),
  };
  const post = new SettledPost(engine, (all) => posted.push(all.map(({ index }) => index)), eager);
  /** Lets time pass, with what is due then. */
  const pass = (toNs: number, slackNs: number) => {
    now = toNs;
    for (const chore of chores.splice(0)) {
      if (chore.atNs <= now) chore.run();
      else chores.push(chore);
    }
    post.idle(slackNs);
  };
  const settle = (index: number) => post.settled({ index, plannedAt: 0, blockedNs: 0 });
  return { post, posted, pass, settle };
}

test('answers are posted together, when nothing is due for a while, and no later than 50 ms after the first', () => {
  const { posted, pass, settle } = posting();
  for (let i = 0; i < 9; i++) settle(i);
  pass(1 * ms, 0.2 * ms);
  expect(posted).toEqual([]);
  pass(1 * ms, 0.6 * ms);
  expect(posted.map((one) => one.length)).toEqual([9]);
  settle(10);
  pass(40 * ms, 0.2 * ms);
  expect(posted).toHaveLength(1);
  pass(51 * ms, 0);
  expect(posted[1]).toEqual([10]);
});

test('an answer that a request is made of is posted in time for that, and at once where there is little', () => {
  const { post, posted, pass, settle } = posting();
  post.add(job(1, { awaited: true }));
  post.add(job(2, { awaited: true }));
  post.add(job(3, { shipment: undefined, plannedAt: 30 * ms }));
  settle(1);
  pass(15 * ms, 0.2 * ms);
  expect(posted).toEqual([]);
  pass(22 * ms, 0.2 * ms);
  expect(posted).toEqual([[1]]);
  settle(2);
  pass(22 * ms, 0.05 * ms);
  expect(posted).toHaveLength(1);
  pass(22 * ms, 0.2 * ms);
  expect(posted).toEqual([[1], [2]]);
});

test('one that nothing is made of, or whose request has been made, waits for others', () => {
  const { post, posted, pass, settle } = posting();
  for (const index of [1, 2]) post.add(job(index, { awaited: index === 1 }));
  post.add(job(3, { shipment: undefined, plannedAt: 2 * ms }));
  settle(2);
  pass(1 * ms, 0.3 * ms);
  expect(posted).toEqual([]);
  post.supplied(3);
  settle(1);
  pass(2 * ms, 0.3 * ms);
  expect(posted).toEqual([]);
});

test('a request that comes to be known after the answer counts, as does one that is due at once', () => {
  const { post, posted, pass, settle } = posting();
  post.add(job(1, { awaited: true }));
  settle(1);
  pass(1 * ms, 0.3 * ms);
  expect(posted).toEqual([]);
  post.add(job(2, { shipment: undefined, plannedAt: Number.NaN }));
  pass(1 * ms, 0.3 * ms);
  expect(posted).toEqual([[1]]);
});

test('where other threads may need it, an awaited answer is posted at once', () => {
  const { post, posted, pass, settle } = posting({ eager: true });
  post.add(job(1, { awaited: true }));
  settle(1);
  pass(0, 0.3 * ms);
  expect(posted).toEqual([[1]]);
});
