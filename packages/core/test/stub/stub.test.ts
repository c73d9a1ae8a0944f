import { expect, test } from 'vitest';
import { type Masker, noMask } from '../../src/mask/masker.ts';
import type { CaptureEvent } from '../../src/model/event.ts';
import type { Exchange } from '../../src/model/exchange.ts';
import { type Line, recordedCall, StubHarness, unaryCall } from './support.ts';

const answers = (log: readonly string[]) =>
  log.filter((line) => line.includes('message')).map((line) => line.split(' ')[2]);

test('a unary call is answered as recorded, after the recorded time', async () => {
  const stub = await StubHarness.over([unaryCall(1, 'tea', '5 left')]);
  expect(stub.unary('tea')).toEqual(['10 head', '10 message 5 left', '10 status 0']);
  expect(stub.stub.summary()).toMatchObject({ calls: 1, matched: 1, verdict: 0, reasons: [], maxLagMs: 0 });
});

test('equal calls take their recordings in order, each once, also while others are under way', async () => {
  const stub = await StubHarness.over([
    unaryCall(1, 'tea', 'one'),
    unaryCall(2, 'tea', 'two'),
    unaryCall(3, 'tea', 'three'),
  ]);
  const calls = [stub.call(), stub.call(), stub.call()];
  for (const { request } of calls) {
    request.message(Buffer.from('tea'), 0);
    request.end();
  }
  stub.clock.advanceMs(10);
  expect(calls.flatMap(({ log }) => answers(log))).toEqual(['one', 'two', 'three']);
  expect(stub.stub.summary()).toMatchObject({ matched: 3, recorded: { unused: 0 }, verdict: 0 });
});

test('different calls are answered in any order', async () => {
  const stub = await StubHarness.over([unaryCall(1, 'tea', 'one'), unaryCall(2, 'milk', 'two')]);
  expect(answers(stub.unary('milk'))).toEqual(['two']);
  expect(answers(stub.unary('tea'))).toEqual(['one']);
});

test('a bidi conversation waits for what the client sends, and then keeps the recorded gap', async () => {
  const stub = await StubHarness.over([
    recordedCall([
      [0, '< head'],
      [5, '>', 'a'],
      [8, '<', 'A'],
      [100, '>', 'b'],
      [103, '<', 'B1'],
      [113, '<', 'B2'],
      [120, '> end'],
      [121, '< status', 0],
    ]),
  ]);
  const { request, log } = stub.call();
  stub.clock.advanceMs(50);
  request.message(Buffer.from('a'), 0);
  stub.clock.advanceMs(500);
  request.message(Buffer.from('b'), 0);
  stub.clock.advanceMs(4);
  request.end();
  stub.clock.advanceMs(100);
  expect(log).toEqual(['0 head', '53 message A', '553 message B1', '563 message B2', '563 status 0']);
});

test('a server that speaks first does so at its time', async () => {
  const stub = await StubHarness.over([
    recordedCall([
      [2, '< head'],
      [20, '<', 'hello'],
      [30, '>', 'you'],
      [31, '> end'],
      [33, '<', 'bye'],
      [33, '< status', 0],
    ]),
  ]);
  const { request, log } = stub.call();
  stub.clock.advanceMs(40);
  expect(log).toEqual(['2 head', '20 message hello']);
  request.message(Buffer.from('you'), 0);
  request.end();
  stub.clock.advanceMs(2);
  expect(log.slice(2)).toEqual(['42 message bye', '42 status 0']);
});

test('which of two recordings a stream is, a later message may tell', async () => {
  const upload = (id: number, parts: readonly string[], answer: string) =>
    recordedCall(
      [
        ...parts.map((part, i) => [i, '>', part] as const),
        [5, '> end'],
        [6, '< head'],
        [6, '<', answer],
        [6, '< status', 0],
      ],
      { id },
    );
  const stub = await StubHarness.over([
    upload(1, ['a', 'b'], 'one'),
    upload(2, ['a', 'c'], 'two'),
    upload(3, ['a'], 'three'),
  ]);
  const send = (...parts: string[]) => {
    const { request, log } = stub.call();
    for (const part of parts) request.message(Buffer.from(part), 0);
    request.end();
    stub.clock.advanceMs(10);
    return answers(log);
  };
  expect(send('a')).toEqual(['three']);
  expect(send('a', 'c')).toEqual(['two']);
  expect(send('a', 'b')).toEqual(['one']);
});

test('a conversation that began alike goes on as the recording that it turns out to be', async () => {
  const chat = (id: number, second: string, answer: string) =>
    recordedCall(
      [
        [0, '< head'],
        [1, '>', 'hello'],
        [2, '<', 'welcome'],
        [3, '>', second],
        [4, '<', answer],
        [5, '> end'],
        [6, '< status', 0],
      ],
      { id },
    );
  const stub = await StubHarness.over([chat(1, 'tea', 'hot'), chat(2, 'milk', 'cold')]);
  const { request, log } = stub.call();
  request.message(Buffer.from('hello'), 0);
  stub.clock.advanceMs(5);
  request.message(Buffer.from('milk'), 0);
  stub.clock.advanceMs(5);
  request.end();
  stub.clock.advanceMs(5);
  expect(answers(log)).toEqual(['welcome', 'cold']);
  expect(stub.stub.summary()).toMatchObject({ matched: 1, recorded: { unused: 1 } });
});

test('a conversation that becomes another ends there, and says where', async () => {
  const stub = await StubHarness.over([
    recordedCall([
      [0, '< head'],
      [1, '>', 'hello'],
      [2, '<', 'welcome'],
      [3, '>', 'tea'],
      [4, '< status', 0],
    ]),
  ]);
  const { request, log } = stub.call();
  request.message(Buffer.from('hello'), 0);
  stub.clock.advanceMs(5);
  request.message(Buffer.from('milk'), 0);
  expect(log.at(-1)).toMatch(
    /^5 miss this request of shop\.Stock\/Get went on otherwise .* exchange 1: body:\$\[1\]/,
  );
  expect(stub.stub.summary()).toMatchObject({ missed: 1, misses: [{ reason: 'diverged' }], verdict: 1 });
});

test('a call of which nothing was recorded is refused, with what was', async () => {
  const stub = await StubHarness.over([unaryCall(1, 'tea', 'one')]);
  expect(stub.unary('tea', '/shop.Stock/Drop')).toEqual([
    '0 miss nothing was recorded of shop.Stock/Drop; the recording has shop.Stock/Get',
  ]);
});

test('a request that is like no recorded one is told the nearest', async () => {
  const json = (id: number, value: object, answer: string) =>
    unaryCall(id, JSON.stringify(value), answer, { request: requestOf(value) });
  const requestOf = (value: object) => ({
    ...recordedCall([
      [0, '>', JSON.stringify(value)],
      [1, '> end'],
    ]).request,
    headers: ['content-type', 'application/grpc+json'],
  });
  const stub = await StubHarness.over([
    json(1, { sku: 'tea', shop: 'north', count: 3 }, 'one'),
    json(2, { sku: 'tea', shop: 'south', count: 1 }, 'two'),
  ]);
  const detail =
    'no recorded request of shop.Stock/Get is like this one; the nearest is exchange 2: body:$[0].count is 2, was recorded as 1';
  expect(stub.unary('{"sku":"tea","shop":"south","count":2}')).toEqual([`0 miss ${detail}`]);
  expect(stub.stub.summary().misses).toEqual([
    {
      operation: 'shop.Stock/Get',
      reason: 'different',
      detail,
      near: [
        { exchange: 2, used: false, path: 'body:$[0].count', recorded: 1, live: 2, differences: 1 },
        {
          exchange: 1,
          used: false,
          path: 'body:$[0].shop',
          recorded: 'north',
          live: 'south',
          differences: 2,
        },
      ],
    },
  ]);
  // Nothing was served, so both can be.
  expect(answers(stub.unary('{"shop":"south","sku":"tea","count":1}'))).toEqual(['two']);
});

test('what is ignored may differ', async () => {
  const request = (at: number) => ({
    ...recordedCall([
      [0, '>', `{"sku":"tea","meta":{"at":${at}}}`],
      [1, '> end'],
    ]).request,
    headers: ['content-type', 'application/grpc+json'],
  });
  const stub = await StubHarness.over(
    [unaryCall(1, '', 'one', { request: request(1) }), unaryCall(2, '', 'two', { request: request(2) })],
    { ignore: ['body:$[*].meta.at'] },
  );
  expect(answers(stub.unary('{"sku":"tea","meta":{"at":77}}'))).toEqual(['one']);
  // One that is equal in all goes before.
  expect(answers(stub.unary('{"sku":"tea","meta":{"at":2}}'))).toEqual(['two']);
  expect(stub.stub.summary().verdict).toBe(0);
});

test('headers that are listed are compared', async () => {
  const withTenant = (tenant: string) => ({
    ...unaryCall(1, 'tea', '').request,
    headers: ['content-type', 'application/grpc', 'x-tenant', tenant],
  });
  const stub = await StubHarness.over(
    [
      unaryCall(1, '', 'one', { request: withTenant('a') }),
      unaryCall(2, '', 'two', { request: withTenant('b') }),
    ],
    { headers: ['X-Tenant'] },
  );
  expect(answers(stub.unary('tea', undefined, ['x-tenant', 'b']))).toEqual(['two']);
  expect(stub.unary('tea', undefined, ['x-tenant', 'c'])[0]).toContain(
    'header:x-tenant is "c", was recorded as "a"',
  );
});

test.each([
  ['fail', ['one', 'two', undefined, undefined]],
  ['last', ['one', 'two', 'two', 'two']],
  ['loop', ['one', 'two', 'one', 'two']],
] as const)('when all recordings were served, onExhausted %s follows', async (onExhausted, expected) => {
  const stub = await StubHarness.over([unaryCall(1, 'tea', 'one'), unaryCall(2, 'tea', 'two')], {
    onExhausted,
  });
  expect(expected.map(() => answers(stub.unary('tea'))[0])).toEqual(expected);
  const { missed, reused, verdict, misses } = stub.stub.summary();
  if (onExhausted === 'fail') {
    expect({ missed, reused, verdict }).toEqual({ missed: 2, reused: 0, verdict: 1 });
    expect(misses[0]?.reason).toBe('exhausted');
  } else expect({ missed, reused, verdict }).toEqual({ missed: 0, reused: 2, verdict: 2 });
});

test('strict asks for the order of the recording, and is closed by what is out of it', async () => {
  const stub = await StubHarness.over(
    [unaryCall(1, 'tea', 'one'), unaryCall(2, 'milk', 'two'), unaryCall(3, 'tea', 'three')],
    {
      match: 'strict',
    },
  );
  expect(answers(stub.unary('tea'))).toEqual(['one']);
  expect(stub.unary('tea')[0]).toMatch(
    /^0 miss a request of shop\.Stock\/Get is out of order: the next of the recording is exchange 2, shop\.Stock\/Get/,
  );
  expect(stub.unary('milk')[0]).toMatch(/^0 miss refused, since an earlier request was not/);
  expect(stub.stub.summary()).toMatchObject({
    matched: 1,
    missed: 2,
    misses: [{ reason: 'out-of-order' }, { reason: 'closed' }],
  });
});

test('strict takes a recording that is asked for in order', async () => {
  const stub = await StubHarness.over([unaryCall(1, 'tea', 'one'), unaryCall(2, 'milk', 'two')], {
    match: 'strict',
  });
  expect([...answers(stub.unary('tea')), ...answers(stub.unary('milk'))]).toEqual(['one', 'two']);
  expect(stub.unary('tea')[0]).toContain('all recordings');
});

test('lenient takes what is most alike, and says that it did', async () => {
  const json = (id: number, value: object, answer: string) =>
    unaryCall(id, '', answer, {
      request: {
        ...recordedCall([
          [0, '>', JSON.stringify(value)],
          [1, '> end'],
        ]).request,
        headers: ['content-type', 'application/grpc+json'],
      },
    });
  const stub = await StubHarness.over(
    [json(1, { name: 'x' }, 'named'), json(2, { sku: 'tea', count: 3 }, 'counted')],
    {
      match: 'lenient',
    },
  );
  expect(answers(stub.unary('{"sku":"milk","count":9}'))).toEqual(['counted']);
  expect(stub.stub.summary()).toMatchObject({ approximate: 1, verdict: 2 });
  expect(stub.unary('{"other":true}')[0]).toContain('miss');
  // Reused by default.
  expect(answers(stub.unary('{"sku":"cake","count":1}'))).toEqual(['counted']);
  expect(stub.stub.summary()).toMatchObject({ matched: 2, reused: 1, missed: 1 });
});

/** A masker that masks nothing, and counts what it is asked. */
function countingMasker(): { readonly masker: Masker; readonly count: () => number } {
  let count = 0;
  const mask = (event: CaptureEvent) => {
    if (event.type === 'message') count++;
    return [event];
  };
  return { masker: { ...noMask, mask }, count: () => count };
}

const upload: readonly Line[] = [
  [0, '>', 'a'],
  [10, '>', 'b'],
  [20, '> end'],
  [25, '< head'],
  [25, '<', 'two parts'],
  [25, '< status', 0],
];

test.each<[string, readonly Line[], Partial<Exchange>]>([
  ['answers at the end', upload, {}],
  ['answers at once', [[0, '< head'], ...upload.filter(([, what]) => what !== '< head')], {}],
  ['has no end of its request', upload.filter(([, what]) => what !== '> end' && what !== '< status'), {}],
  ['has no end of its answer', upload.filter(([, what]) => what !== '< status'), { partial: ['no-end'] }],
])(
  'of a stream without end no more is kept than the recording has, where that %s',
  async (_name, lines, over) => {
    const { masker, count } = countingMasker();
    const stub = await StubHarness.over([recordedCall(lines, over)], { match: 'lenient', mask: masker });
    const { request } = stub.call();
    for (let i = 0; i < 10_000; i++) request.message(Buffer.from(i === 0 ? 'a' : 'b'), 0);
    expect(count()).toBeLessThanOrEqual(3);
    stub.stub.close();
  },
);

test('with lenient, a stream that goes on otherwise than the recording is answered at its end, and counts as approximate', async () => {
  for (const parts of [['a', 'b', 'c', 'd'], ['a', 'x'], ['a']]) {
    const stub = await StubHarness.over(
      [recordedCall([[0, '< head'], ...upload.slice(0, 3), ...upload.slice(4)])],
      {
        match: 'lenient',
      },
    );
    const { request, log } = stub.call();
    for (const part of parts) request.message(Buffer.from(part), 0);
    stub.clock.advanceMs(1_000);
    expect(log).toEqual(['0 head']);
    request.end();
    stub.clock.advanceMs(5);
    expect(log).toEqual(['0 head', '1005 message two parts', '1005 status 0']);
    expect(stub.stub.summary()).toMatchObject({
      matched: 1,
      approximate: 1,
      approximations: [{ why: 'only like the recorded request: it goes on otherwise', count: 1 }],
      verdict: 2,
    });
  }
});

test('a call that was broken off is broken off', async () => {
  const stub = await StubHarness.over([
    recordedCall([
      [0, '>', 'tea'],
      [1, '> end'],
      [3, '< head'],
      [3, '<', 'part'],
      [20, 'server resets'],
    ]),
  ]);
  expect(stub.unary('tea')).toEqual(['2 head', '2 message part', '19 break by server RST_STREAM 2']);
});

test('a status that came alone comes alone', async () => {
  const stub = await StubHarness.over([
    recordedCall([
      [0, '>', 'tea'],
      [1, '> end'],
      [3, '< status', 5],
    ]),
  ]);
  expect(stub.unary('tea')).toEqual(['2 status 5 alone']);
});

test('where the recorded client went away, so may the live one; else the call is ended a second later', async () => {
  const lines = [
    [0, '>', 'tea'],
    [1, '> end'],
    [3, '< head'],
    [3, '<', 'part'],
    [20, 'client gone'],
  ] as const;
  const stub = await StubHarness.over([recordedCall(lines, { id: 1 }), recordedCall(lines, { id: 2 })]);
  const { request, log } = stub.call();
  request.message(Buffer.from('tea'), 0);
  request.end();
  stub.clock.advanceMs(25);
  request.closed();
  stub.clock.advanceMs(60_000);
  expect(log).toEqual(['2 head', '2 message part']);
  expect(stub.stub.summary().verdict).toBe(0);
  expect(stub.unary('tea').at(-1)).toBe('1019 break by client RST_STREAM 8');
  expect(stub.stub.summary().approximations).toEqual([
    { why: 'the recording ends where its client went away', count: 1 },
  ]);
});

test('a call whose recording stops in the middle stays open', async () => {
  const stub = await StubHarness.over([
    recordedCall(
      [
        [0, '>', 'tea'],
        [1, '> end'],
        [3, '< head'],
        [3, '<', 'part'],
      ],
      { partial: ['no-end'] },
    ),
  ]);
  expect(stub.unary('tea')).toEqual(['2 head', '2 message part']);
  expect(stub.stub.summary().underWay).toBe(1);
  stub.stub.close();
  expect(stub.stub.summary()).toMatchObject({ underWay: 0, matched: 1 });
});

test('a client that goes away before the answer has used its recording up', async () => {
  const stub = await StubHarness.over([unaryCall(1, 'tea', 'one'), unaryCall(2, 'tea', 'two')]);
  const { request, log } = stub.call();
  request.message(Buffer.from('tea'), 0);
  request.closed();
  stub.clock.advanceMs(100);
  expect(log).toEqual([]);
  expect(stub.clock.pending).toBe(0);
  expect(answers(stub.unary('tea'))).toEqual(['two']);
});

test('the summary counts by operation, and onCall is told each', async () => {
  const told: unknown[] = [];
  const stub = await StubHarness.over(
    [
      unaryCall(1, 'tea', 'one'),
      unaryCall(2, 'milk', 'two'),
      unaryCall(3, 'x', 'y', { path: '/shop.Other/Do' }),
    ],
    { onCall: ({ operation, exchange, outcome }) => told.push([operation, exchange, outcome]) },
  );
  stub.unary('tea');
  stub.unary('cake');
  stub.unary('x', '/shop.Third/Do');
  expect(told).toEqual([
    ['shop.Stock/Get', 1, 'matched'],
    ['shop.Stock/Get', undefined, 'missed'],
    ['shop.Third/Do', undefined, 'missed'],
  ]);
  expect(stub.stub.summary()).toMatchObject({
    calls: 3,
    reasons: ['2 of 3 calls had no recording'],
    recorded: { exchanges: 3, unused: 2 },
    operations: [
      { operation: 'shop.Stock/Get', recorded: 2, unused: 1, calls: 2, missed: 1 },
      { operation: 'shop.Other/Do', recorded: 1, unused: 1, calls: 0, missed: 0 },
      { operation: 'shop.Third/Do', recorded: 0, unused: 0, calls: 1, missed: 1 },
    ],
  });
});

test('nothing asked is no clean run', async () => {
  const stub = await StubHarness.over([unaryCall(1, 'tea', 'one')]);
  expect(stub.stub.summary()).toMatchObject({ verdict: 2, reasons: ['nothing was asked'] });
});

test('latency can be left out or scaled, and a silence is cut', async () => {
  const call = recordedCall([
    [0, '>', 'tea'],
    [1, '> end'],
    [11, '< head'],
    [11, '<', 'a'],
    [90_011, '<', 'b'],
    [90_021, '< status', 0],
  ]);
  expect((await StubHarness.over([call], { latency: 'none' })).unary('tea').at(-1)).toBe('0 status 0');
  expect((await StubHarness.over([call], { latency: 0.5 })).unary('tea').at(-1)).toBe('15010 status 0');
  expect((await StubHarness.over([call])).unary('tea').at(-1)).toBe('30020 status 0');
  expect((await StubHarness.over([call], { maxSilenceMs: 100 })).unary('tea').at(-1)).toBe('120 status 0');
});

test('many recordings of one operation are all found', async () => {
  const calls = Array.from({ length: 2_500 }, (_, i) => unaryCall(i + 1, `item ${i}`, `answer ${i}`));
  const stub = await StubHarness.over(calls, { latency: 'none' });
  for (let i = 0; i < calls.length; i++) {
    const { request } = stub.call();
    request.message(Buffer.from(`item ${i}`), 0);
    request.end();
  }
  expect(stub.stub.summary()).toMatchObject({ matched: 2_500, missed: 0, verdict: 0 });
});

test('many recordings whose masked values only the kind can be told of are found as quickly', async () => {
  const token = (i: number) => `{"email":"mk_email_${String(i).padStart(16, 'A')}"}`;
  const calls = Array.from({ length: 1_500 }, (_, i) => {
    const call = unaryCall(i + 1, token(i), `answer ${i}`);
    const headers = ['content-type', 'application/grpc+json'];
    const messages = call.request.messages.map((message) => ({ ...message, state: 'masked' as const }));
    return { ...call, request: { ...call.request, headers, messages } };
  });
  const recordedPolicy = { mode: 'masked', name: 'secure', digest: '', keyId: 'gone', disabled: [] } as const;
  const stub = await StubHarness.over(calls, { latency: 'none', recordedPolicy });
  const from = performance.now();
  for (let i = 0; i < calls.length; i++) {
    const { request } = stub.call();
    request.message(Buffer.from(`{"email":"user${i}@example.com"}`), 0);
    request.end();
  }
  expect(stub.stub.summary()).toMatchObject({ matched: 1_500, approximate: 1_500, recorded: { unused: 0 } });
  // Some milliseconds each would be tens of seconds.
  expect(performance.now() - from).toBeLessThan(15_000);
}, 30_000);
