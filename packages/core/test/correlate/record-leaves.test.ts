import { gzipSync } from 'node:zlib';
import { expect, test } from 'vitest';
import type { Binding } from '../../src/correlate/binding.ts';
import { learnBindings } from '../../src/correlate/learn.ts';
import { LiveValues } from '../../src/correlate/live-values.ts';
import { aChunk } from '../../src/testing/factories.ts';
import { type Spoken, traffic } from './traffic.ts';

const id = (n: number) => `ord_${n.toString(16)}8f3a2b1c9d`;
const lines = (...text: readonly string[]) => ({ type: 'application/x-ndjson', text: text.join('\n') });
const events = (...text: readonly string[]) => ({
  type: 'text/event-stream; charset=utf-8',
  text: text.map((event) => `${event}\n\n`).join(''),
});
const shown = ({ from, to }: Binding) => `${from.operation} ${from.place} → ${to.operation} ${to.place}`;

async function found(spoken: readonly Spoken[]): Promise<string[]> {
  const { bindings } = await learnBindings(traffic(spoken));
  return bindings.map(shown);
}

/** The targets that are sent where the first exchange is answered by another text. */
async function sent(spoken: readonly Spoken[], live: Spoken['told']): Promise<string[]> {
  const recorded = traffic(spoken);
  const values = new LiveValues(await learnBindings(recorded));
  const [now] = traffic([{ target: '/', ...(live === undefined ? {} : { told: live }) }]);
  return recorded.map((exchange, i) => {
    const made = values.plan(i, exchange).make?.().exchange ?? exchange;
    values.told(i, i === 0 ? { ...exchange, response: now?.response } : exchange);
    return made.request.target;
  });
}

test('values in lines of JSON, and in sequences of JSON, bind as those of a list', async () => {
  const next = { target: `/orders/${id(2)}` };
  const binding = ['GET /export body.$[*].order.id → GET /orders/:id path[1]'];
  const all = [1, 2].map((n) => JSON.stringify({ order: { id: id(n) } }));
  expect(await found([{ target: '/export', told: lines(...all, '') }, next])).toEqual(binding);
  expect(await found([{ target: '/export', told: lines('', `${all[1]}\r`) }, next])).toEqual(binding);
  const text = all.map((one) => `\u001e${one}\n`).join('');
  expect(await found([{ target: '/export', told: { type: 'application/json-seq', text } }, next])).toEqual(
    binding,
  );
});

test('values in server-sent events bind: in JSON, in links, as a text, and their ids', async () => {
  const told = events(
    ': welcome',
    `event: endpoint\ndata: /messages?session=${id(1)}`,
    `data: {"order":\ndata: {"id":"${id(2)}"}}`,
    `event: token\ndata: ${id(3)}`,
    `id: ${id(4)}\nevent: price\ndata: 7`,
  );
  expect(
    await found([
      { target: '/stream', told },
      { method: 'POST', target: `/messages?session=${id(1)}` },
      { target: `/orders/${id(2)}` },
      { target: '/me', headers: ['Authorization', `Bearer ${id(3)}`] },
      { target: '/stream', headers: ['Last-Event-ID', id(4)] },
    ]),
  ).toEqual([
    'GET /stream event.token.$ → * header.authorization',
    'GET /stream event.price.id → * header.last-event-id',
    'GET /stream event.message.$.order.id → GET /orders/:id path[1]',
    'GET /stream event.endpoint.$#query.session → POST /messages query.session',
  ]);
});

test('what comes up by chance in lines and events does not bind', async () => {
  const words = {
    state: 'pending',
    at: '2026-11-22T10:00:00Z',
    n: 7,
    price: 12.5,
    city: 'Amsterdam',
    ok: true,
  };
  const asked = {
    target: '/list?state=pending&n=7&price=12.5&city=Amsterdam&ok=true&at=2026-11-22T10:00:00Z',
  };
  const told = JSON.stringify(words);
  for (const answer of [lines(told, told), events(`id: 7\nevent: pending\ndata: ${told}`, 'data: Amsterdam')])
    expect(await found([{ target: '/all', told: answer }, asked])).toEqual([]);
});

test('comments, names, waits, what is not finished and what is broken tell nothing', async () => {
  const ask = [1, 2, 3, 4, 5, 6].map((n) => ({ target: `/orders/${id(n)}` }));
  const stream = events(`: ${id(1)}`, `event: ${id(2)}`, `retry: 10\nnote: ${id(3)}`, 'data: [DONE]');
  const cut = { ...stream, text: `${stream.text}data: {"id":"${id(4)}"}\n` };
  expect(await found([{ target: '/stream', told: cut }, ...ask])).toEqual([]);
  // What stands before and behind a line that is broken tells what it tells.
  const broken = lines(`{"id":"${id(1)}"}`, `{"id":"${id(2)}"`, `id ${id(3)}`, `{"id":"${id(4)}"}`);
  const { bindings } = await learnBindings(traffic([{ target: '/export', told: broken }, ...ask]));
  expect(bindings.map((binding) => [shown(binding), binding.evidence])).toEqual([
    ['GET /export body.$[*].id → GET /orders/:id path[1]', { matched: 2, values: 2, contradicted: 4 }],
  ]);
});

test('a value that a client sent first, or while the stream went on, does not bind to it', async () => {
  const told = events(`data: {"id":"${id(1)}"}`);
  const use = { target: `/orders/${id(1)}` };
  expect(await found([use, { target: '/stream', told }, use])).toEqual([]);
  expect(await found([{ target: '/stream', told, at: 0, takes: 50 }, { ...use, at: 20 }, use])).toEqual([]);
});

test('lines and events are looked into as far as JSON is', async () => {
  const use = { target: `/orders/${id(1)}` };
  const one = `{"id":"${id(1)}"}`;
  const deep = `${'['.repeat(65)}${JSON.stringify(id(1))}${']'.repeat(65)}`;
  const large = 'x'.repeat(4 * 1024 * 1024);
  for (const told of [
    lines(deep),
    events(`data: ${deep}`),
    lines(JSON.stringify(large), one),
    events(`data: ${large}`, `data: ${one}`),
    lines(...Array<string>(20_000).fill('1'), one),
    events(...Array<string>(20_000).fill('data: 1'), `data: ${one}`),
    lines(...Array<string>(20_000).fill('[]'), one),
    events(...Array<string>(20_000).fill('data: []'), `data: ${one}`),
  ])
    expect(await found([{ target: '/all', told }, use])).toEqual([]);
});

test('a stream that is compressed is read', async () => {
  const { type, text } = events(`data: {"id":"${id(1)}"}`);
  const [stream, ...rest] = traffic([
    { target: '/stream', told: { type, text }, answerHeaders: ['Content-Encoding', 'gzip'] },
    { target: `/orders/${id(1)}` },
  ]);
  if (stream?.response === undefined) throw new Error('no answer');
  const data = gzipSync(text);
  const response = { ...stream.response, chunks: [{ ...aChunk('', stream.endAt), data, size: data.length }] };
  const { bindings } = await learnBindings([{ ...stream, response }, ...rest]);
  expect(bindings).toHaveLength(1);
});

test('at replay a line tells what stands in its place, or the same value wherever it is', async () => {
  const line = (n: number) => JSON.stringify({ id: id(n) });
  const spoken = [
    { target: '/export', told: lines(line(1), line(2)) },
    { target: `/orders/${id(1)}` },
    { target: `/orders/${id(2)}` },
  ];
  expect(await sent(spoken, lines(line(8), line(9)))).toEqual([
    '/export',
    `/orders/${id(8)}`,
    `/orders/${id(9)}`,
  ]);
  expect(await sent(spoken, lines(line(2), line(9), line(1)))).toEqual(spoken.map(({ target }) => target));
});

test('at replay events of one name count by themselves: others in between change nothing', async () => {
  const order = (n: number) => `event: order\ndata: {"id":"${id(n)}"}`;
  const price = 'event: price\ndata: {"id":"none-of-them-1"}';
  const spoken = [
    { target: '/stream', told: events(order(1), price, order(2)) },
    { target: `/orders/${id(1)}` },
    { target: `/orders/${id(2)}` },
  ];
  const live = events(': beat', price, price, order(8), ': beat', order(9), price);
  expect(await sent(spoken, live)).toEqual(['/stream', `/orders/${id(8)}`, `/orders/${id(9)}`]);
});
