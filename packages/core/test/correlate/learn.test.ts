import { randomBytes } from 'node:crypto';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { Binding } from '../../src/correlate/binding.ts';
import { learnBindings } from '../../src/correlate/learn.ts';
import { anExchange, aSchema } from '../../src/testing/factories.ts';
import { type Spoken, traffic } from './traffic.ts';

const shown = ({ from, to }: Binding) => `${from.operation} ${from.place} → ${to.operation} ${to.place}`;

async function found(spoken: readonly Spoken[]): Promise<string[]> {
  const { bindings } = await learnBindings(traffic(spoken));
  return bindings.filter(({ enabled }) => enabled).map(shown);
}

const id = (n: number) => `ord_${n.toString(16)}8f3a2b1c9d`;

test('an id that an answer told is found where later requests send it', async () => {
  expect(
    await found([
      { method: 'POST', target: '/orders', answer: { id: id(1) } },
      { target: `/orders/${id(1)}` },
      { target: `/search?near=${id(1)}` },
      { method: 'POST', target: '/baskets', body: { lines: [{ order: id(1), quantity: 2 }] } },
      { method: 'POST', target: '/pay', form: `order=${id(1)}&amount=5` },
      { target: '/me', headers: ['X-Order', id(1)] },
    ]),
  ).toEqual([
    'POST /orders body.$.id → * header.x-order',
    'POST /orders body.$.id → GET /orders/:id path[1]',
    'POST /orders body.$.id → GET /search query.near',
    'POST /orders body.$.id → POST /baskets body.$.lines[*].order',
    'POST /orders body.$.id → POST /pay form.order',
  ]);
});

test('credentials, cookies and validators are found', async () => {
  const token = randomBytes(24).toString('base64url');
  expect(
    await found([
      {
        method: 'POST',
        target: '/login',
        answer: { token: `${token}9x` },
        answerHeaders: ['Set-Cookie', 'sid=s%3Aab12cd34.ef56; Path=/; HttpOnly', 'Set-Cookie', 'lang=en'],
      },
      {
        target: '/me',
        headers: ['Authorization', `Bearer ${token}9x`, 'Cookie', 'sid=s%3Aab12cd34.ef56; lang=en'],
      },
      {
        target: '/orders/7',
        answerHeaders: ['ETag', 'W/"3"', 'Last-Modified', 'Sun, 22 Nov 2026 01:00:00 GMT'],
      },
      { target: '/orders/7', headers: ['If-None-Match', 'W/"3"'] },
      { target: '/orders/7', headers: ['If-Modified-Since', 'Sun, 22 Nov 2026 01:00:00 GMT'] },
      { target: '/orders/8', headers: ['If-None-Match', 'W/"3"'] },
    ]),
  ).toEqual(
    [
      '* set-cookie.lang → * cookie.lang',
      '* set-cookie.sid → * cookie.sid',
      'POST /login body.$.token → * header.authorization',
      '* header.last-modified → * header.if-modified-since',
      '* header.etag → * header.if-none-match',
    ].sort((a, b) => (a.split('→')[1] ?? '').localeCompare(b.split('→')[1] ?? '')),
  );
});

test('links, Location, hidden fields and meta tags are read', async () => {
  expect(
    await found([
      {
        method: 'POST',
        target: '/orders',
        status: 201,
        answerHeaders: ['Location', `https://shop.test/orders/${id(2)}?view=a1b2c3d4e5`],
      },
      {
        target: `/orders/${id(2)}?view=a1b2c3d4e5`,
        answer: { next: '/orders?cursor=b2Zmc2V0OjEwMHxhYmM%3D' },
      },
      { target: '/orders?cursor=b2Zmc2V0OjEwMHxhYmM%3D' },
      {
        target: '/form',
        html: '<meta name="csrf-token" content="m1n2o3p4q5r6"><form><input type="hidden" name="_csrf" value="t0k3n&#x2B;f0rm77">',
      },
      {
        method: 'POST',
        target: '/form',
        form: '_csrf=t0k3n%2Bf0rm77',
        headers: ['X-CSRF-Token', 'm1n2o3p4q5r6'],
      },
    ]),
  ).toEqual([
    'GET /form html.csrf-token → * header.x-csrf-token',
    'GET /orders/:id body.$.next#query.cursor → GET /orders query.cursor',
    'POST /orders header.location#path[1] → GET /orders/:id path[1]',
    'POST /orders header.location#query.view → GET /orders/:id query.view',
    'GET /form html._csrf → POST /form form._csrf',
  ]);
});

test('the first answer that told a value is where it came from, and its surest place', async () => {
  expect(
    await found([
      { method: 'POST', target: '/orders', answer: { self: `/orders/${id(3)}`, id: id(3), log: [id(3)] } },
      { target: '/orders', answer: { items: [{ id: id(3) }] } },
      { target: `/orders/${id(3)}` },
    ]),
  ).toEqual(['POST /orders body.$.id → GET /orders/:id path[1]']);
});

test('a value that a request sent first is its client’s own', async () => {
  expect(
    await found([
      {
        method: 'POST',
        target: '/orders',
        headers: ['Idempotency-Key', 'k3y-9a8b7c6d'],
        answer: { key: 'k3y-9a8b7c6d' },
      },
      { method: 'POST', target: '/orders', headers: ['Idempotency-Key', 'k3y-9a8b7c6d'] },
    ]),
  ).toEqual([]);
});

test('an answer that was not over yet told nothing', async () => {
  expect(
    await found([
      { lane: 'a', target: '/slow', at: 0, takes: 100, answer: { id: id(4) } },
      { lane: 'b', target: `/orders/${id(4)}`, at: 50 },
    ]),
  ).toEqual([]);
});

test('an answer has told what it holds when its content has passed, before its end is noted', async () => {
  const [first, second] = traffic([
    { lane: 'a', target: '/make', at: 0, takes: 10, answer: { id: id(4) } },
    { lane: 'b', target: `/orders/${id(4)}`, at: 11 },
  ]);
  if (first?.response === undefined || second === undefined) throw new TypeError();
  const late = { ...first, endAt: 12e6, response: { ...first.response, endAt: 12e6 } };
  expect((await learnBindings([late, second])).bindings).toHaveLength(1);
});

test('values that say little need several that agree and none that does not', async () => {
  const ids = [483_920, 573_821, 918_273];
  const spoken = (some: readonly number[]): Spoken[] =>
    some.flatMap((order) => [
      { method: 'POST', target: '/orders', answer: { id: order } },
      { target: `/orders/${order}` },
    ]);
  expect(await found(spoken(ids))).toEqual(['POST /orders body.$.id → GET /orders/:id path[1]']);
  expect(await found(spoken(ids.slice(1)))).toEqual([]);
  expect(await found([...spoken(ids), { target: '/orders/394857' }])).toEqual([]);
  const { bindings } = await learnBindings(traffic([...spoken(ids), { target: '/orders/394857' }]));
  expect(bindings).toEqual([
    {
      from: { operation: 'POST /orders', place: 'body.$.id' },
      to: { operation: 'GET /orders/:id', place: 'path[1]' },
      enabled: false,
      evidence: { matched: 3, values: 3, contradicted: 1 },
      confidence: 0.667,
    },
  ]);
});

test('no recorded value stands in what was found', async () => {
  const secret = 'S3cr3tK3yN0b0dyS33s';
  const { bindings } = await learnBindings(
    traffic([
      { target: '/all', answer: { byId: { [secret]: { token: id(5) } } } },
      { target: `/x/${secret}/y`, headers: ['X-Token', id(5)], answer: {} },
      { target: `/x/${secret}/y?${secret}=${id(5)}` },
    ]),
  );
  expect(bindings.map(shown)).toContain('GET /all body.$.byId.*.token → * header.x-token');
  expect(JSON.stringify(bindings)).not.toContain(secret);
});

test('exchanges that are not replayed tell nothing', async () => {
  const [first, second] = traffic([
    { method: 'POST', target: '/orders', answer: { id: id(6) } },
    { target: `/orders/${id(6)}` },
  ]);
  if (first === undefined || second === undefined) throw new TypeError();
  expect((await learnBindings([{ ...first, direction: 'outbound' }, second])).bindings).toEqual([]);
  expect((await learnBindings([{ ...first, partial: ['events-lost'] }, second])).bindings).toEqual([]);
});

test('messages of gRPC bind by their fields, and calls by their metadata', async () => {
  const message = Buffer.from('\n\x0eord_8f3a2b1c9d');
  const call = (startAt: number, path: string, metadata: string[]) =>
    anExchange({
      id: startAt,
      protocol: 'grpc',
      operation: path.slice(1),
      startAt,
      endAt: startAt + 1,
      request: {
        method: 'POST',
        target: path,
        version: '2',
        headers: ['content-type', 'application/grpc', ...metadata],
        messages: [{ at: startAt, seq: 0, kind: 0, size: 16, state: 'kept', data: message }],
      },
      response: {
        at: startAt,
        headers: ['content-type', 'application/grpc', 'x-session', 's3ss10n-a1b2c3'],
        chunks: [],
        messages: [{ at: startAt, seq: 0, kind: 0, size: 16, state: 'kept', data: message }],
        trailers: ['grpc-status', '0'],
        endAt: startAt + 1,
      },
    });
  const place = { ...call(10, '/shop.Orders/Get', []) };
  const first = { ...place, request: { ...place.request, messages: [] } };
  const second = call(20, '/shop.Orders/Get', ['x-session', 's3ss10n-a1b2c3']);
  const { bindings } = await learnBindings([first, second], { schemas: [aSchema().data] });
  expect(bindings.map(shown)).toEqual([
    'shop.Orders/Get header.x-session → * header.x-session',
    'shop.Orders/Get message.$.id → shop.Orders/Get message.$.id',
  ]);
});

const aRandomId = fc.oneof(
  fc.uuid(),
  fc
    .integer({ min: 200_000_000, max: 999_999_999 })
    .filter((n) => new Set(String(n)).size > 3)
    .map(String),
  fc
    .uint8Array({ minLength: 16, maxLength: 24 })
    .map((bytes) => `t${Buffer.from(bytes).toString('hex')}0a1b2c`),
  fc
    .uint8Array({ minLength: 12, maxLength: 12 })
    .map((bytes) => `mk_secret_${Buffer.from(bytes).toString('base64url')}`),
);

const manyIds = fc.array(aRandomId, { minLength: 8, maxLength: 30 });
const commonWords = fc.array(fc.constantFrom('true', '7', 'en', 'active', '2026-11-22', '19.90'));

test('independent random values bind nothing, however many common ones they share', async () => {
  const bindNothing = async (ids: readonly string[], words: readonly string[]) => {
    const spoken = [...new Set(ids)].map((value, i): Spoken => {
      const word = words[i % Math.max(1, words.length)] ?? 'x';
      return i % 2 === 0
        ? { target: `/made/${word}`, answer: { id: value, word, list: [word] } }
        : { target: `/used/${encodeURIComponent(value)}`, body: { value, word }, headers: ['X-Word', word] };
    });
    const { bindings } = await learnBindings(traffic(spoken));
    expect(bindings).toEqual([]);
  };
  await fc.assert(fc.asyncProperty(manyIds, commonWords, bindNothing), { numRuns: 60 });
});

const letters = 'abcdefghijkl';
const made: Record<string, (value: string) => Omit<Spoken, 'target'>> = {
  body: (value) => ({ answer: { deep: [{ er: { id: value } }], noise: 7 } }),
  header: (value) => ({ answerHeaders: ['X-Made', value] }),
  location: (value) => ({ answerHeaders: ['Location', `/things/${encodeURIComponent(value)}`] }),
  cookie: (value) => ({ answerHeaders: ['Set-Cookie', `made=${encodeURIComponent(value)}; Path=/`] }),
  list: (value) => ({ answer: ['other', value] }),
};
const used: Record<string, (target: string, value: string) => Spoken> = {
  path: (target, value) => ({ target: `${target}/${encodeURIComponent(value)}` }),
  query: (target, value) => ({ target: `${target}?a=1&v=${encodeURIComponent(value)}` }),
  header: (target, value) => ({ target, headers: [`X-Used-${target.slice(-1)}`, value] }),
  json: (target, value) => ({ target, method: 'POST', body: { is: { here: value } } }),
  form: (target, value) => ({ target, method: 'POST', form: `v=${encodeURIComponent(value)}` }),
};
const planted = fc.record({
  value: aRandomId,
  maker: fc.constantFrom(...Object.keys(made)),
  user: fc.constantFrom(...Object.keys(used)),
});

test('every planted value is found where it was planted, whatever stands between', async () => {
  const findAll = async (all: readonly { value: string; maker: string; user: string }[]) => {
    const unique = all.filter(({ value }, i) => all.findIndex((one) => one.value === value) === i);
    const spoken = [
      ...unique.map(({ value, maker }, i) => ({ target: `/make/${letters[i]}`, ...made[maker]?.(value) })),
      ...unique.flatMap(({ value, user }, i) => used[user]?.(`/use/${letters[i]}`, value) ?? []),
    ];
    const { bindings } = await learnBindings(traffic(spoken));
    expect(bindings.filter(({ enabled }) => enabled)).toHaveLength(unique.length);
    for (const { evidence } of bindings) expect(evidence).toMatchObject({ matched: 1, contradicted: 0 });
  };
  const some = fc.array(planted, { minLength: 1, maxLength: letters.length });
  await fc.assert(fc.asyncProperty(some, findAll), { numRuns: 100 });
});
