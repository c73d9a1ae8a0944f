import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { Exchange } from '../../src/model/exchange.ts';
import { headerValue } from '../../src/model/headers.ts';
import type { ReplayOrder } from '../../src/replay/order.ts';
import { replayExchanges } from '../../src/replay/replay-exchanges.ts';
import { aChunk, anExchange, MemorySender } from '../../src/testing/index.ts';
import { drive, settle } from './drive.ts';

const ms = 1e6;

/** An exchange that was recorded from `from` to `to`, in milliseconds. */
const recorded = (id: number, lane: string, from: number, to: number): Exchange =>
  anExchange({ id, lane, startAt: from * ms, endAt: to * ms, response: { at: to * ms, endAt: to * ms } });

test('each exchange is sent at its recorded offset from the first', async () => {
  const sender = new MemorySender();
  const { results, run } = await drive(
    [recorded(1, 'a', 100, 101), recorded(2, 'b', 103, 104), recorded(3, 'a', 110, 111)],
    sender,
  );
  expect(sender.sent.map(({ exchange, sentAt }) => [exchange, sentAt / ms])).toEqual([
    [1, 0],
    [2, 3],
    [3, 10],
  ]);
  expect(results.map(({ entry }) => entry.outcome)).toEqual(['answered', 'answered', 'answered']);
  expect(results.every(({ entry }) => entry.sentAt === entry.plannedAt && entry.blockedNs === 0)).toBe(true);
  expect(run.progress()).toMatchObject({
    thread: 'inline',
    read: 3,
    answered: 3,
    failed: 0,
    open: 0,
    elapsedMs: 10,
  });
});

test('a slow lane delays no other lane, and its wait counts as blocked, not as lag', async () => {
  const sender = new MemorySender(({ id }) => ({ delayNs: id === 1 ? 50 * ms : 0 }));
  const { of } = await drive(
    [recorded(1, 'a', 0, 1), recorded(2, 'a', 2, 3), recorded(3, 'b', 4, 5), recorded(4, 'a', 60, 61)],
    sender,
  );
  expect(of(2).entry).toMatchObject({ plannedAt: 2 * ms, blockedNs: 48 * ms, sentAt: 50 * ms });
  expect(of(3).entry).toMatchObject({ plannedAt: 4 * ms, blockedNs: 0, sentAt: 4 * ms });
  expect(of(4).entry).toMatchObject({ plannedAt: 60 * ms, blockedNs: 0, sentAt: 60 * ms });
});

test('what is read too late is late, whatever else it then waits for', async () => {
  let give = () => {};
  const given = new Promise<void>((resolve) => {
    give = resolve;
  });
  async function* source() {
    yield recorded(1, 'a', 0, 1);
    await given;
    yield recorded(2, 'a', 300, 301);
  }
  // It is planned at 300 ms, read at 400 ms, and the answer that it waits for comes at 500 ms.
  const sender = new MemorySender(({ id }) => ({ delayNs: id === 1 ? 500 * ms : 0 }));
  const { of } = await drive(source(), sender, {}, (at) => {
    if (at === 650) give();
  });
  const { plannedAt, sentAt = Number.NaN, blockedNs } = of(2).entry;
  const zeroAt = 250;
  expect(plannedAt).toBe(300 * ms);
  expect(sentAt).toBe(500 * ms);
  const readAt = (650 - zeroAt) * ms;
  expect(blockedNs).toBeLessThanOrEqual(sentAt - readAt);
  expect(sentAt - plannedAt - blockedNs).toBeGreaterThanOrEqual(readAt - plannedAt);
});

test('the plan does not drift, however late each send is', async () => {
  const exchanges = Array.from({ length: 200 }, (_, i) => recorded(i + 1, `l${i}`, i * 0.7, i * 0.7 + 0.1));
  const { results } = await drive(exchanges, new MemorySender());
  for (const { entry } of results) {
    expect(entry.plannedAt).toBeCloseTo((entry.exchange - 1) * 0.7 * ms, 3);
    expect((entry.sentAt ?? 0) - entry.plannedAt).toBeLessThanOrEqual(ms);
  }
});

test('in causal order, recorded overlap stays overlap', async () => {
  const sender = new MemorySender(() => ({ delayNs: 20 * ms }));
  await drive([recorded(1, 'a', 0, 10), recorded(2, 'a', 5, 12), recorded(3, 'a', 11, 13)], sender);
  // The second overlapped the first; the third started after the first had finished, but before the second had.
  expect(
    sender.sent.map(({ exchange, sentAt, overlapsPrevious }) => [exchange, sentAt / ms, overlapsPrevious]),
  ).toEqual([
    [1, 0, false],
    [2, 5, true],
    [3, 20, true],
  ]);
});

const anyCapture = fc.array(
  fc.record({
    lane: fc.constantFrom('a', 'b', 'c'),
    gap: fc.nat(4),
    took: fc.nat(12),
    // The clock moves a millisecond at a time, and an answer takes one.
    delay: fc.integer({ min: 1, max: 15 }),
  }),
  { minLength: 1, maxLength: 25 },
);

test.each<ReplayOrder>(['causal', 'lane', 'none', 'serial'])(
  'in %s order, exactly the waits of its rule are kept, against any delays',
  async (order) => {
    await fc.assert(
      fc.asyncProperty(anyCapture, async (shapes) => {
        let at = 0;
        const exchanges = shapes.map(({ lane, gap, took }, i) => {
          at += gap;
          return recorded(i + 1, lane, at, at + took);
        });
        const sender = new MemorySender(({ id }) => ({ delayNs: (shapes[id - 1]?.delay ?? 0) * ms }));
        const { of } = await drive(exchanges, sender, { order });
        const [first] = exchanges;
        for (const [i, later] of exchanges.entries()) {
          const mustWait = (earlier: Exchange) =>
            order === 'serial' ||
            (order !== 'none' &&
              earlier.lane === later.lane &&
              (order === 'lane' || earlier.endAt <= later.startAt));
          const answers = exchanges.slice(0, i).filter(mustWait);
          const ends = answers.map(({ id }) => of(id).entry.endAt ?? 0);
          const planned = later.startAt - (first?.startAt ?? 0);
          // Sent at its time, or at once when the last answer it waits for is there: no earlier, and no later.
          expect(of(later.id).entry.sentAt).toBe(Math.max(planned, ...ends));
          expect(of(later.id).entry.blockedNs).toBe(Math.max(0, ...ends.map((end) => end - planned)));
        }
      }),
      { numRuns: 40 },
    );
  },
);

test.each<ReplayOrder>(['causal', 'lane'])(
  'in %s order, a limit on exchanges under way turns no order of a lane around',
  async (order) => {
    await fc.assert(
      fc.asyncProperty(anyCapture, fc.integer({ min: 1, max: 4 }), async (shapes, maxInFlight) => {
        let at = 0;
        const exchanges = shapes.map(({ lane, gap, took }, i) => {
          at += gap;
          return recorded(i + 1, lane, at, at + took);
        });
        const sender = new MemorySender(({ id }) => ({ delayNs: (shapes[id - 1]?.delay ?? 0) * ms }));
        const { of } = await drive(exchanges, sender, { order, guard: { maxInFlight } });
        for (const [i, later] of exchanges.entries()) {
          const sent = of(later.id).entry.sentAt ?? Number.NaN;
          for (const earlier of exchanges.slice(0, i).filter(({ lane }) => lane === later.lane)) {
            const { sentAt, endAt } = of(earlier.id).entry;
            expect(sent).toBeGreaterThanOrEqual(sentAt ?? Number.NaN);
            expect(sender.sent.findIndex(({ exchange }) => exchange === earlier.id)).toBeLessThan(
              sender.sent.findIndex(({ exchange }) => exchange === later.id),
            );
            if (order === 'lane' || earlier.endAt <= later.startAt)
              expect(sent).toBeGreaterThanOrEqual(endAt ?? Number.NaN);
          }
        }
      }),
      { numRuns: 40 },
    );
  },
);

test('asap sends as soon as order lets it', async () => {
  const sender = new MemorySender(() => ({ delayNs: 5 * ms }));
  const { of } = await drive(
    [recorded(1, 'a', 0, 1), recorded(2, 'a', 900, 901), recorded(3, 'b', 950, 951)],
    sender,
    {
      pace: 'asap',
    },
  );
  expect(of(1).entry.sentAt).toBe(0);
  expect(of(2).entry.sentAt).toBe(5 * ms);
  expect(of(3).entry.sentAt).toBe(0);
});

test('speed and rate change the plan', async () => {
  const exchanges = [recorded(1, 'a', 0, 1), recorded(2, 'b', 40, 41)];
  expect((await drive(exchanges, new MemorySender(), { speed: 4 })).of(2).entry.sentAt).toBe(10 * ms);
  expect((await drive(exchanges, new MemorySender(), { pace: { rate: 200 } })).of(2).entry.sentAt).toBe(
    5 * ms,
  );
});

test('no more are under way than the guard allows, and the wait of the rest is lag: no order asked for it', async () => {
  const sender = new MemorySender(() => ({ delayNs: 10 * ms }));
  const exchanges = [1, 2, 3, 4].map((id) => recorded(id, `l${id}`, 0, 1));
  const { of } = await drive(exchanges, sender, { guard: { maxInFlight: 2 } });
  expect([1, 2, 3, 4].map((id) => of(id).entry.sentAt)).toEqual([0, 0, 10 * ms, 10 * ms]);
  const { plannedAt, sentAt = 0, blockedNs } = of(4).entry;
  expect([blockedNs, sentAt - plannedAt]).toEqual([0, 10 * ms]);
});

test('what cannot be sent is skipped with its reason and holds nothing up', async () => {
  const sender = new MemorySender();
  sender.unsendable.set(4, 'body-not-kept');
  const { results, run } = await drive(
    [
      anExchange({ id: 1, direction: 'outbound' }),
      anExchange({ id: 2, partial: ['no-end'] }),
      anExchange({ id: 3, request: { method: 'POST' } }),
      anExchange({ id: 4 }),
      anExchange({ id: 5 }),
    ],
    sender,
    { guard: { allowMutations: false } },
  );
  expect(results.map(({ entry }) => [entry.exchange, entry.skip ?? entry.outcome])).toEqual([
    [1, 'outbound'],
    [2, 'partial'],
    [3, 'mutation'],
    [4, 'body-not-kept'],
    [5, 'answered'],
  ]);
  expect([...run.progress().skipped]).toEqual([
    ['outbound', 1],
    ['partial', 1],
    ['mutation', 1],
    ['body-not-kept', 1],
  ]);
});

test('an empty capture ends at once', async () => {
  const { results, run } = await drive([], new MemorySender());
  expect(results).toEqual([]);
  expect(run.progress()).toMatchObject({ read: 0, open: 0 });
});

test('mutations are sent to a loopback target, and counted', async () => {
  const { run } = await drive(
    [anExchange({ request: { method: 'POST' } }), anExchange({ id: 2 })],
    new MemorySender(),
  );
  expect(run.progress()).toMatchObject({ mutationsSent: 1, answered: 2 });
});

test('recorded credentials are not sent, those of a hook are', async () => {
  const headers = ['Host', 'a', 'Authorization', 'Bearer gh_token', 'Cookie', 'sid=gh_token'];
  const { of } = await drive(
    [anExchange({ id: 1, request: { headers } }), anExchange({ id: 2, lane: 'b', request: { headers } })],
    new MemorySender(),
    {
      mark: false,
      hooks: {
        onSend(exchange) {
          if (exchange.id === 1) return undefined;
          const { request } = exchange;
          return {
            ...exchange,
            request: { ...request, headers: [...request.headers, 'Cookie', 'sid=live'] },
          };
        },
      },
    },
  );
  expect(of(1).replayed?.request.headers).toEqual(['Host', 'a']);
  expect(of(2).replayed?.request.headers).toEqual(['Host', 'a', 'Cookie', 'sid=live']);
  const kept = await drive([anExchange({ request: { headers } })], new MemorySender(), {
    mark: false,
    guard: { keepCredentials: true },
  });
  expect(kept.of(1).replayed?.request.headers).toEqual(headers);
});

test('requests are marked as shadow traffic of their run, unless that is turned off', async () => {
  const { of } = await drive([anExchange()], new MemorySender(), { mark: { runId: 'run-7' } });
  const headers = of(1).replayed?.request.headers ?? [];
  expect(headerValue(headers, 'x-shadow-run')).toBe('run-7');
  expect(headerValue(headers, 'x-shadow-seq')).toBe('0');
  const plain = await drive([anExchange()], new MemorySender(), { mark: false });
  expect(plain.of(1).replayed?.request.headers).toEqual(anExchange().request.headers);
});

test('hooks run just before the send and after the answer, and share what a lane learnt', async () => {
  const log: string[] = [];
  const { of } = await drive(
    [recorded(1, 'a', 0, 1), recorded(2, 'a', 10, 11), recorded(3, 'b', 10, 11)],
    new MemorySender(({ id }) => ({ status: 200 + id })),
    {
      hooks: {
        onSend(exchange, { lane, mark }) {
          log.push(`send ${exchange.id} knowing ${String(lane.get('status'))}`);
          mark('hooked', 'yes');
        },
        onOutcome(exchange, { replayed }, { lane }) {
          log.push(`outcome ${exchange.id}`);
          lane.set('status', replayed.response?.status);
        },
      },
    },
  );
  expect(log).toEqual([
    'send 1 knowing undefined',
    'outcome 1',
    'send 2 knowing 201',
    'send 3 knowing undefined',
    'outcome 2',
    'outcome 3',
  ]);
  expect(of(1).replayed?.marks).toEqual([{ name: 'hooked', value: 'yes' }]);
});

test('a hook that drops or throws takes its exchange out and nothing else', async () => {
  const { of, run } = await drive(
    [recorded(1, 'a', 0, 1), recorded(2, 'a', 5, 6), recorded(3, 'a', 8, 9)],
    new MemorySender(),
    {
      hooks: {
        onSend(exchange, { drop }) {
          if (exchange.id === 1) drop();
          if (exchange.id === 2) throw new TypeError('secret value');
        },
        onOutcome() {
          throw new Error('late');
        },
      },
    },
  );
  expect(of(1).entry).toMatchObject({ outcome: 'skipped', skip: 'hook', error: undefined });
  expect(of(2).entry).toMatchObject({
    outcome: 'skipped',
    skip: 'hook',
    error: { code: 'hook-failed', message: 'The hook onSend threw (TypeError)' },
  });
  expect(of(3).entry.outcome).toBe('answered');
  expect(run.progress().hookFailures).toBe(1);
});

test('a hook cannot turn a read into a mutation that the guard forbids', async () => {
  const { of } = await drive([anExchange()], new MemorySender(), {
    guard: { allowMutations: false },
    hooks: { onSend: (exchange) => ({ ...exchange, request: { ...exchange.request, method: 'DELETE' } }) },
  });
  expect(of(1).entry.skip).toBe('mutation');
});

test('an answer that never comes ends in its time, and those behind it go on', async () => {
  const sender = new MemorySender(({ id }) => ({ never: id === 1 }));
  const { of } = await drive([recorded(1, 'a', 0, 4), recorded(2, 'a', 5, 6)], sender, {
    guard: { timeoutMs: 200 },
  });
  expect(of(1).entry).toMatchObject({ outcome: 'failed', error: { code: 'response-timeout' } });
  expect(of(1).replayed).toMatchObject({
    response: undefined,
    abort: { by: 'client', code: 'response-timeout' },
  });
  const endAt = of(1).entry.endAt ?? 0;
  // The limit begins where the recorded answer ended; it is looked at every 50 ms.
  expect(endAt).toBeGreaterThanOrEqual(204 * ms);
  expect(endAt).toBeLessThanOrEqual(254 * ms);
  expect(of(2).entry.sentAt).toBe(endAt);
});

test('a client that had gone away goes away again, at its time', async () => {
  const gone = anExchange({
    id: 1,
    startAt: 0,
    endAt: 30 * ms,
    abort: { at: 30 * ms, by: 'client', code: 'ECONNRESET' },
  });
  const sender = new MemorySender(() => ({ never: true }));
  const { of } = await drive([gone], sender, { speed: 2 });
  expect(of(1).entry).toMatchObject({ outcome: 'answered', endAt: 15 * ms });
  expect(of(1).replayed?.abort).toEqual({ at: 15 * ms, by: 'client', code: 'ECONNRESET' });
});

test('a target that cannot be connected refuses the run before anything is sent', async () => {
  const sender = new MemorySender();
  sender.unreachable = { code: 'target-unreachable', message: 'Nothing listens' };
  await expect(drive([anExchange()], sender)).rejects.toMatchObject({ code: 'target-unreachable' });
  expect(sender.sent).toEqual([]);
});

test('a forbidden target is refused at once, and a recorded one before its exchange is sent', async () => {
  const target = 'https://shop.test';
  expect(() => replayExchanges([anExchange()], new MemorySender(undefined, target))).toThrow(
    /https:\/\/shop.test is not a loopback address/,
  );
  const sender = new MemorySender(undefined, target);
  await expect(
    drive([anExchange()], sender, { guard: { allow: [target], resolve: async () => [] } }),
  ).rejects.toMatchObject({
    code: 'target-refused',
  });
  expect(sender.sent).toEqual([]);
});

test('a signal stops the run: nothing more is sent, what is under way may end, the rest is told', async () => {
  const stop = new AbortController();
  const exchanges = [
    recorded(1, 'a', 0, 1),
    recorded(2, 'b', 5, 6),
    recorded(3, 'a', 8, 9),
    recorded(4, 'c', 50, 51),
  ];
  const sender = new MemorySender(() => ({ delayNs: 20 * ms }));
  const { of, run } = await drive(exchanges, sender, { signal: stop.signal }, (at) => {
    if (at === 12) stop.abort();
  });
  expect([1, 2].map((id) => of(id).entry.outcome)).toEqual(['answered', 'answered']);
  expect([3, 4].map((id) => of(id).entry.skip)).toEqual(['aborted', 'aborted']);
  expect(run.progress()).toMatchObject({ stopped: 'signal', answered: 2, open: 0 });
});

test('what does not end after a stop is given up', async () => {
  const stop = new AbortController();
  const sender = new MemorySender(() => ({ never: true }));
  const { of, clock } = await drive([anExchange()], sender, { signal: stop.signal, drainMs: 30 }, (at) => {
    if (at === 10) stop.abort();
  });
  expect(of(1).entry).toMatchObject({ outcome: 'failed', error: { code: 'replay-aborted' } });
  expect(clock.nowNs() / ms).toBeLessThanOrEqual(45);
});

test('a signal that was given before sends nothing', async () => {
  const sender = new MemorySender();
  const { results } = await drive([anExchange()], sender, { signal: AbortSignal.abort() });
  expect(results).toEqual([]);
  expect(sender.sent).toEqual([]);
});

test('a run is stopped at its longest duration', async () => {
  const exchanges = Array.from({ length: 100 }, (_, i) => recorded(i + 1, 'a', i * 10, i * 10 + 1));
  const { run, results } = await drive(exchanges, new MemorySender(), { guard: { maxDurationMs: 95 } });
  expect(run.progress()).toMatchObject({ stopped: 'max-duration', answered: 10 });
  expect(results).toHaveLength(100);
});

test('the source is read a bounded way ahead', async () => {
  let read = 0;
  function* endless(): Generator<Exchange> {
    for (;;) yield recorded(++read, `l${read % 8}`, read * 10, read * 10 + 1);
  }
  const stop = new AbortController();
  await drive(endless(), new MemorySender(), { signal: stop.signal }, (at) => {
    // Ten a second's hundredth: two seconds ahead and a batch.
    expect(read).toBeLessThanOrEqual(at / 10 + 270);
    if (at === 500) stop.abort();
  });
});

test('results that nobody reads hold up the reading of the source', async () => {
  let read = 0;
  async function* endless(): AsyncGenerator<Exchange> {
    for (;;) yield recorded(++read, `l${read % 8}`, read, read);
  }
  const run = replayExchanges(endless(), new MemorySender(), { pace: 'asap', thread: 'inline' });
  for (let i = 0; i < 10; i++) await run.results.next();
  for (let i = 0; i < 2_000; i++) await new Promise((resolve) => setImmediate(resolve));
  expect(read).toBeLessThanOrEqual(6_000);
  await run.results.return();
  const after = read;
  for (let i = 0; i < 10; i++) await new Promise((resolve) => setImmediate(resolve));
  expect(read).toBe(after);
});

test('a slow source is replayed as it comes', async () => {
  const sender = new MemorySender();
  const gate: (() => void)[] = [];
  async function* live(): AsyncGenerator<Exchange> {
    yield recorded(1, 'a', 0, 1);
    await new Promise<void>((resolve) => gate.push(resolve));
    yield recorded(2, 'a', 400, 401);
  }
  await drive(live(), sender, {}, (at) => {
    if (at !== 300) return;
    expect(sender.sent.map(({ exchange }) => exchange)).toEqual([1]);
    gate[0]?.();
  });
  expect(sender.sent.map(({ exchange }) => exchange)).toEqual([1, 2]);
});

test('a source that waits for input does not keep a stopped run from ending', async () => {
  async function* stuck(): AsyncGenerator<Exchange> {
    yield recorded(1, 'a', 0, 1);
    await new Promise(() => {});
  }
  const stop = new AbortController();
  const { results } = await drive(stuck(), new MemorySender(), { signal: stop.signal }, (at) => {
    if (at === 400) stop.abort();
  });
  expect(results.map(({ entry }) => entry.outcome)).toEqual(['answered']);
  const run = replayExchanges(stuck(), new MemorySender(), { pace: 'asap' });
  expect((await run.results.next()).value).toMatchObject({ entry: { exchange: 1 } });
  await run.results.return();
});

test('a source is told when it is not read to its end', async () => {
  let closed = false;
  async function* endless(): AsyncGenerator<Exchange> {
    try {
      for (let id = 1; ; id++) yield recorded(id, 'a', id, id);
    } finally {
      closed = true;
    }
  }
  const run = replayExchanges(endless(), new MemorySender(), { pace: 'asap' });
  await run.results.next();
  await run.results.return();
  await settle();
  expect(closed).toBe(true);
});

test('a source that fails ends the run with its error', async () => {
  async function* broken(): AsyncGenerator<Exchange> {
    yield recorded(1, 'a', 0, 1);
    throw new Error('disk');
  }
  await expect(drive(broken(), new MemorySender())).rejects.toThrow('disk');
});

test('lanes of a session key are ordered by it and not pipelined', async () => {
  const sender = new MemorySender(() => ({ delayNs: 20 * ms }));
  const { of } = await drive([recorded(1, 'a', 0, 1), recorded(2, 'b', 5, 6)], sender, {
    lanes: () => 'session',
  });
  expect(of(2).entry).toMatchObject({ lane: 'b', sentAt: 20 * ms });
});

test('lanes beyond the limit are closed when they are idle', async () => {
  const exchanges = Array.from({ length: 30 }, (_, i) => recorded(i + 1, `l${i}`, i * 300, i * 300 + 1));
  const sender = new MemorySender();
  await drive(exchanges, sender, { maxLanes: 4 });
  expect(sender.lanesOpened).toBe(30);
  expect(sender.lanesClosed).toBe(30);
});

test('progress is told while the run goes on and at its end', async () => {
  const seen: number[] = [];
  const exchanges = Array.from({ length: 11 }, (_, i) => recorded(i + 1, 'a', i * 100, i * 100 + 1));
  await drive(exchanges, new MemorySender(), { onProgress: ({ answered }) => seen.push(answered) });
  expect(seen.length).toBeGreaterThanOrEqual(5);
  expect(seen).toEqual(seen.toSorted((a, b) => a - b));
  expect(seen.at(-1)).toBe(11);
});

test('thousands of dropped exchanges of one lane are no deep recursion', async () => {
  const exchanges = Array.from({ length: 4_000 }, (_, i) => recorded(i + 1, 'a', 0, 0));
  const { results } = await drive(exchanges, new MemorySender(), {
    order: 'serial',
    pace: 'asap',
    hooks: { onSend: ({ id }, { drop }) => void (id > 1 && drop()) },
  });
  expect(results).toHaveLength(4_000);
});

test('pieces of a body are planned at their own offsets', async () => {
  const seen: number[] = [];
  const sender = new MemorySender();
  const { openLane } = sender;
  sender.openLane = (lane, timer) => {
    const made = openLane.call(sender, lane, timer);
    const { send } = made;
    made.send = (shipment, overlaps) => {
      seen.push(...shipment.parts.map(({ offsetNs }) => offsetNs));
      return send(shipment, overlaps);
    };
    return made;
  };
  const upload = anExchange({
    startAt: 0,
    request: { chunks: [aChunk('a', 10 * ms), aChunk('b', 30 * ms)] },
  });
  await drive([upload], sender, { speed: 2 });
  expect(seen).toEqual([0, 5 * ms, 15 * ms]);
});

test('options are checked at once', () => {
  const start = (options: object) => () => replayExchanges([], new MemorySender(), options);
  expect(start({ thread: 'worker' })).toThrow(
    /thread cannot be 'worker': the sender cannot leave this thread/,
  );
  expect(start({ thread: 'worker', hooks: {} })).toThrow(
    /thread cannot be 'worker': hooks run in this thread/,
  );
  expect(start({ thread: 'other' })).toThrow(/thread must be/);
  expect(start({ lanes: 'pool' })).toThrow(/lanes must be/);
  expect(start({ drainMs: -1 })).toThrow(/drainMs/);
  expect(start({ maxLanes: 0 })).toThrow(/maxLanes/);
  expect(start({ order: 'other' })).toThrow(/order/);
  expect(start({ mark: { runId: 'a b' } })).toThrow(/mark.runId/);
});
