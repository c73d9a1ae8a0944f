import { expect, test } from 'vitest';
import { planReplay } from '../../src/replay/plan.ts';
import { anExchange, MemorySender } from '../../src/testing/index.ts';

const ms = 1e6;

test('a plan says what a run would do, and sends nothing', async () => {
  const sender = new MemorySender();
  sender.unsendable.set(5, 'body-not-kept');
  let asked = 0;
  const plan = await planReplay(
    [
      anExchange({ id: 1, lane: 'a', startAt: 100 * ms }),
      anExchange({ id: 2, lane: 'b', startAt: 200 * ms, request: { method: 'POST' } }),
      anExchange({ id: 3, lane: 'a', startAt: 300 * ms }),
      anExchange({ id: 4, lane: 'a', startAt: 400 * ms, direction: 'outbound' }),
      anExchange({ id: 5, lane: 'a', startAt: 500 * ms }),
      anExchange({ id: 6, lane: 'a', startAt: 2_500 * ms }),
    ],
    sender,
    { speed: 2, hooks: { onSend: () => void asked++ } },
  );
  expect(plan).toEqual({
    target: 'in-process',
    addresses: new Map(),
    thread: 'inline',
    threads: 1,
    pace: 'recorded x2',
    exchanges: 6,
    toSend: 4,
    mutations: 1,
    methods: new Map([
      ['GET', 3],
      ['POST', 1],
    ]),
    skipped: new Map([
      ['outbound', 1],
      ['body-not-kept', 1],
    ]),
    lanes: 2,
    durationMs: 1_200,
    peakPerSecond: 3,
    budget: { maxInFlight: 256 },
  });
  expect(asked).toBe(0);
  expect(sender.sent).toEqual([]);
  expect(sender.lanesOpened).toBe(0);
});

test('a plan counts the mutations that a guard keeps back', async () => {
  const posts = [1, 2].map((id) => anExchange({ id, request: { method: 'POST' } }));
  const plan = await planReplay(posts, new MemorySender(), { guard: { allowMutations: false } });
  expect(plan).toMatchObject({ toSend: 0, mutations: 0, skipped: new Map([['mutation', 2]]), durationMs: 0 });
});

test('a plan is refused as the run would be', async () => {
  const target = 'https://shop.test';
  await expect(planReplay([], new MemorySender(undefined, target))).rejects.toMatchObject({
    code: 'target-refused',
  });
  const replay = planReplay([anExchange()], new MemorySender(undefined, target), {
    guard: { allow: [target], resolve: async () => ['203.0.113.7'] },
  });
  await expect(replay).rejects.toMatchObject({ code: 'target-refused' });
});

test('a plan names no more methods than can be read', async () => {
  const many = Array.from({ length: 500 }, (_, i) => anExchange({ id: i + 1, request: { method: `M${i}` } }));
  const { methods } = await planReplay(many, new MemorySender());
  expect(methods.size).toBe(51);
  expect(methods.get('(other)')).toBe(450);
});
