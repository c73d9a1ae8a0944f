import { expect, test } from 'vitest';
import { learnBindings } from '../../src/correlate/learn.ts';
import { LiveValues } from '../../src/correlate/live-values.ts';
import type { Exchange } from '../../src/model/exchange.ts';
import { SchemaRegistry } from '../../src/protobuf/schema-registry.ts';
import { AwaitedJobs, type WaitingJob } from '../../src/replay/awaited-jobs.ts';
import type { Job } from '../../src/replay/job.ts';
import { MemorySender } from '../../src/testing/index.ts';
import { traffic } from '../correlate/traffic.ts';
import { drive } from './drive.ts';

const job = (index: number, over: Partial<Job> = {}): Job => ({
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
const waiting = (index: number, after: readonly number[]): WaitingJob => ({
  job: job(index, { after }),
  awaits: 0,
});

test('a job waits until all are over that it needs and that are here', () => {
  const jobs = new AwaitedJobs<WaitingJob>();
  for (const index of [1, 2]) jobs.add(job(index, { awaited: true }));
  jobs.add(job(3));
  const both = waiting(4, [1, 2, 3, 99]);
  const one = waiting(5, [2]);
  expect([both, one, waiting(6, [3]), waiting(7, [])].map((each) => jobs.take(each))).toEqual([
    true,
    true,
    false,
    false,
  ]);
  expect(jobs.over(1)).toEqual([]);
  expect(jobs.over(2)).toEqual([both, one]);
  expect(jobs.over(2)).toEqual([]);
  expect(jobs.take(waiting(8, [1, 2]))).toBe(false);
});

test('one that waits no longer is not let go again, and those that wait can be taken out', () => {
  const jobs = new AwaitedJobs<WaitingJob>();
  jobs.add(job(1, { awaited: true }));
  const [gone, left] = [waiting(2, [1]), waiting(3, [1])];
  for (const each of [gone, left]) jobs.take(each);
  expect([jobs.leave(gone), jobs.leave(gone)]).toEqual([true, false]);
  expect(jobs.drain()).toEqual([left]);
  expect(jobs.over(1)).toEqual([]);
});

test('a job without a shipment waits for it, and one whose shipment came first need not', () => {
  const jobs = new AwaitedJobs<WaitingJob>();
  const bare = (index: number): WaitingJob => ({ job: job(index, { shipment: undefined }), awaits: 0 });
  const late = (index: number) => ({ index, shipment: { skip: 'late' }, freedAt: 7 });
  const [first, second, third] = [bare(1), bare(2), bare(3)];
  expect(jobs.take(first)).toBe(true);
  expect(jobs.supply(late(2))).toBeUndefined();
  expect(jobs.take(second)).toBe(false);
  expect(second.late).toEqual(late(2));
  expect(jobs.supply(late(1))).toBe(first);
  expect(first.late).toEqual(late(1));
  expect(jobs.take(third)).toBe(true);
  expect(jobs.drain()).toEqual([third]);
  expect(jobs.supply(late(3))).toBeUndefined();
});

const ms = 1e6;
/** An order that one lane makes and two others ask for. */
const shared: readonly Exchange[] = traffic([
  { lane: 'a', method: 'POST', target: '/orders', at: 0, takes: 5, answer: { id: 'ord_18f3a2b1c9d' } },
  { lane: 'b', target: '/orders/ord_18f3a2b1c9d', at: 10 },
  { lane: 'b', target: '/after', at: 20 },
  { lane: 'c', target: '/orders/ord_18f3a2b1c9d', at: 30 },
  { lane: 'd', target: '/other', at: 12 },
]).toSorted((a, b) => a.startAt - b.startAt);

const live = async (maxWaitMs?: number) => new LiveValues(await learnBindings(shared), { maxWaitMs });

test('an exchange waits for the answer of another lane that it needs, as blocked and not as lag; its own lane waits behind it', async () => {
  const sender = new MemorySender(({ id }) => ({ delayNs: id === 1 ? 25 * ms : 0 }));
  const values = await live();
  const { of } = await drive(shared, sender, { live: values });
  expect(of(2).entry).toMatchObject({ plannedAt: 10 * ms, blockedNs: 15 * ms, sentAt: 25 * ms });
  expect(of(3).entry).toMatchObject({ plannedAt: 20 * ms, blockedNs: 5 * ms, sentAt: 25 * ms });
  expect(of(4).entry).toMatchObject({ plannedAt: 30 * ms, blockedNs: 0, sentAt: 30 * ms });
  expect(of(5).entry).toMatchObject({ plannedAt: 12 * ms, blockedNs: 0, sentAt: 12 * ms });
  expect(values.uses()).toMatchObject([{ used: 2, unresolved: 0, blocked: 1 }]);
});

test('it waits no longer than it may', async () => {
  const sender = new MemorySender(({ id }) => ({ delayNs: id === 1 ? 25 * ms : 0 }));
  const values = await live(8);
  const { of } = await drive(shared, sender, { live: values });
  expect(of(2).entry).toMatchObject({ blockedNs: 8 * ms, sentAt: 18 * ms });
  expect(values.uses()).toMatchObject([{ used: 1, unresolved: 1, blocked: 1 }]);
});

test('what waits when a run is stopped is skipped, and the run ends', async () => {
  const stop = new AbortController();
  const sender = new MemorySender(({ id }) => ({ never: id === 1 }));
  const { of } = await drive(
    shared,
    sender,
    { live: await live(), signal: stop.signal, drainMs: 5 },
    (step) => {
      if (step === 15) stop.abort();
    },
  );
  expect(of(2).entry).toMatchObject({ outcome: 'skipped', skip: 'aborted' });
  expect(of(1).entry).toMatchObject({ outcome: 'failed' });
});

test('at once, whatever the limit on exchanges under way, each is sent when what it needs is there', async () => {
  const many = traffic(
    Array.from({ length: 40 }, (_, i) =>
      i < 20
        ? { lane: `m${i}`, method: 'POST', target: '/orders', answer: { id: `ord_${i}8f3a2b1c9d` } }
        : { lane: `u${i}`, target: `/orders/ord_${39 - i}8f3a2b1c9d` },
    ),
  );
  const values = new LiveValues(await learnBindings(many));
  const sender = new MemorySender(({ id }) => ({ delayNs: (id % 7) * ms }));
  const { results } = await drive(many, sender, { live: values, pace: 'asap', guard: { maxInFlight: 3 } });
  expect(results.every(({ entry }) => entry.outcome === 'answered')).toBe(true);
  expect(values.uses()).toMatchObject([{ used: 20, unresolved: 0 }]);
});

/** Live values that throw once when a test says so: at the schemas, which they ask for at each step. */
async function brittle() {
  const registry = new SchemaRegistry();
  const state = { broken: false };
  const schemas = () => {
    if (!state.broken) return registry;
    state.broken = false;
    throw new RangeError('s3cret');
  };
  return { state, live: new LiveValues(await learnBindings(shared), { schemas }) };
}

test('a request that live values throw for is not sent and says why, and the run goes on', async () => {
  const { state, live: values } = await brittle();
  const sender = new MemorySender(() => ({}));
  const { run, of, results } = await drive(shared, sender, { live: values }, (step) => {
    if (step === 9) state.broken = true;
  });
  expect(of(2).entry).toMatchObject({
    ...{ outcome: 'skipped', skip: 'request-invalid' },
    error: { code: 'request-invalid', message: expect.stringContaining('RangeError') },
  });
  expect(JSON.stringify(results)).not.toContain('s3cret');
  expect([1, 3, 4, 5].map((id) => of(id).entry.outcome)).toEqual(Array(4).fill('answered'));
  expect(run.progress()).toMatchObject({ open: 0, answered: 4 });
});

test('an answer that live values throw for is told of as it is with a mark, and what waits for it goes without', async () => {
  const { state, live: values } = await brittle();
  const sender = new MemorySender(({ id }) => {
    if (id === 1) state.broken = true;
    return { delayNs: id === 1 ? 15 * ms : 0 };
  });
  const { of } = await drive(shared, sender, { live: values });
  expect(of(1).entry).toMatchObject({ outcome: 'answered' });
  expect(of(1).replayed?.marks).toEqual([{ name: 'live-failed', value: 'RangeError' }]);
  expect(of(4).entry).toMatchObject({ outcome: 'answered', blockedNs: 0 });
  expect(values.uses()).toMatchObject([{ used: 0, unresolved: 2 }]);
});

test('an exchange that live values cannot plan is not sent, and nobody waits for it', async () => {
  const { state, live: values } = await brittle();
  state.broken = true;
  const { of } = await drive(shared, new MemorySender(() => ({})), { live: values });
  expect(of(1).entry).toMatchObject({ outcome: 'skipped', error: { code: 'request-invalid' } });
  expect(of(2).entry).toMatchObject({ outcome: 'answered', blockedNs: 0 });
});

test('what a sender throws as it makes a request ready costs that request alone', async () => {
  const sender = new MemorySender(() => ({}));
  const prepare = sender.prepare.bind(sender);
  sender.prepare = (exchange) => {
    if (exchange.id === 2) throw new TypeError('s3cret');
    return prepare(exchange);
  };
  const { of } = await drive(shared, sender, { live: await live() });
  expect(of(2).entry).toMatchObject({ outcome: 'skipped', error: { code: 'request-invalid' } });
  expect(of(4).entry).toMatchObject({ outcome: 'answered' });
});
