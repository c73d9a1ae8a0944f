import type { HeaderList } from '@gardenhose/core';
import fastify from 'fastify';
import { expect, test } from 'vitest';
import { attach } from '../src/attach.ts';
import { fastifyTap } from '../src/middleware.ts';
import { type App, apps } from './support/apps.ts';
import { MemoryTarget, type Seen } from './support/memory-target.ts';
import { listening, RawClient } from './support/servers.ts';

/** What is not compared: the time, and the content-type that Hono's node-server gives to an answer without a body. */
function isFrameworks(name: string, status: number): boolean {
  return name === 'date' || (name === 'content-type' && status === 204);
}

const head = 'host: shop.example\r\nX-Own-Case: 1\r\nx-own-case: 2\r\n';
const requests: readonly (readonly [request: string, answered: RegExp])[] = [
  [`GET /items/42 HTTP/1.1\r\n${head}\r\n`, /Größe"}$/],
  [`POST /echo HTTP/1.1\r\n${head}content-type: text/plain\r\ncontent-length: 5\r\n\r\nhello`, /hello$/],
  [
    `POST /echo HTTP/1.1\r\n${head}content-type: text/plain\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\nX-Sum: 5\r\n\r\n`,
    /abcde$/,
  ],
  [`GET /stream HTTP/1.1\r\n${head}\r\n`, /three\r\n0\r\n\r\n$/],
  [`GET /empty HTTP/1.1\r\n${head}\r\n`, /204 No Content\r\n[\s\S]*\r\n\r\n$/],
  [`GET /fail HTTP/1.1\r\n${head}\r\n`, /failed$/],
];

/** Drives the app over one connection and returns what was recorded. */
async function record(app: App, how: 'attach' | 'middleware'): Promise<MemoryTarget> {
  const target = new MemoryTarget();
  await using server = await listening(await app.create(how === 'middleware' ? target : undefined));
  const detach = how === 'attach' ? attach(target) : undefined;
  using client = await RawClient.open(server.port);
  let done = 0;
  for (const [request, answered] of requests) {
    client.write(request);
    const whole = (): string => Buffer.from(client.text, 'latin1').toString();
    while (!answered.test(whole())) await client.more();
    done += 1;
    await target.ended(done);
  }
  detach?.();
  expect(target.failures).toEqual([]);
  return target;
}

/** A head without what is not the application's, in an order that does not depend on who set it. */
function comparable(headers: HeaderList, status: number): string[] {
  const lines: string[] = [];
  for (let i = 0; i < headers.length; i += 2) {
    const name = (headers[i] ?? '').toLowerCase();
    if (!isFrameworks(name, status)) lines.push(`${name}: ${headers[i + 1]}`);
  }
  return lines.sort();
}

function events(target: MemoryTarget): unknown[] {
  return target.events
    .filter((event) => event.type !== 'mark')
    .map((event: Seen) => {
      if (event.type === 'headers') return { ...event, headers: comparable(event.headers, event.status) };
      if (event.type === 'start') return { ...event, lane: 'c', peer: 'p' };
      if (event.type === 'chunk') return { ...event, data: event.data.toString() };
      return event;
    });
}

for (const how of ['attach', 'middleware'] as const) {
  test(`by ${how}, every framework gives the same capture, but for times and the case and order of response headers`, async () => {
    const [bare, ...others] = apps;
    if (bare === undefined) throw new Error('no app');
    const expected = events(await record(bare, how));
    expect(expected).toHaveLength(
      6 /* starts */ + 12 /* ends */ + 6 /* heads */ + 10 /* chunks */ + 1 /* trailers */,
    );
    for (const app of others) {
      expect({ app: app.name, events: events(await record(app, how)) }).toEqual({
        app: app.name,
        events: expected,
      });
    }
  });
}

test('middleware tells the route template as a mark named operation', async () => {
  for (const app of apps.filter(({ namesOperations }) => namesOperations)) {
    const target = await record(app, 'middleware');
    expect({ app: app.name, mark: target.last(1, 'mark') }).toEqual({
      app: app.name,
      mark: { type: 'mark', exchange: 1, name: 'operation', value: '/items/:id' },
    });
  }
});

test('attach() tells the route template of Express, where it stands on the request', async () => {
  for (const app of apps.filter(({ name }) => name.startsWith('Express'))) {
    const target = await record(app, 'attach');
    expect(target.last(1, 'mark')).toMatchObject({ name: 'operation', value: '/items/:id' });
  }
});

test('attach() and middleware for one target record an exchange once', async () => {
  for (const app of apps) {
    const target = new MemoryTarget();
    await using server = await listening(await app.create(target));
    const detach = attach(target);
    await (await fetch(`${server.origin}/items/1`)).text();
    await target.ended(1);
    detach();
    expect({ app: app.name, starts: target.starts.length }).toEqual({ app: app.name, starts: 1 });
    if (app.namesOperations) expect(target.last(1, 'mark')?.value).toBe('/items/:id');
  }
});

test('fastifyTap() records what comes by inject(), whole or not read', async () => {
  const target = new MemoryTarget();
  const app = fastify();
  await app.register(fastifyTap(target));
  app.post('/echo', async (request, reply) => reply.header('x-a', '1').send(request.body));
  app.post('/unread', { onRequest: async (_, reply) => reply.send('early') }, async () => 'never');
  app.get('/', async () => 'hello');
  const answer = await app.inject({ method: 'POST', url: '/echo', payload: { a: 1 } });
  expect(answer.body).toBe('{"a":1}');
  expect((await app.inject('/')).body).toBe('hello');
  expect((await app.inject({ method: 'POST', url: '/unread', payload: 'abc' })).body).toBe('early');
  await target.ended(3);
  await app.close();
  expect(target.body(1, 'request').toString()).toBe('{"a":1}');
  expect(target.body(1, 'response').toString()).toBe('{"a":1}');
  expect(target.last(1, 'headers')).toMatchObject({ status: 200, reason: 'OK' });
  expect(target.last(1, 'headers')?.headers).toContain('x-a');
  expect(target.chunks(2, 'response').map(String)).toEqual(['hello']);
  expect(target.of(3).filter((event) => event.type === 'end')).toEqual([
    { type: 'end', exchange: 3, side: 'response', complete: true },
    { type: 'end', exchange: 3, side: 'request', complete: false },
  ]);
  expect(target.failures).toEqual([]);
});
