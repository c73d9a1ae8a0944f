import { once as event } from 'node:events';
import { connect, createSecureServer, createServer, type Http2Server } from 'node:http2';
import { get } from 'node:https';
import { createServer as createTcpServer } from 'node:net';
import { text } from 'node:stream/consumers';
import type { ExchangeTap, TapTarget } from '@gardenhose/core';
import { claimServer } from '@gardenhose/core/adapter';
import fastify from 'fastify';
import Koa from 'koa';
import { expect, test } from 'vitest';
import { attach } from '../../src/attach.ts';
import { fastifyTap, koaTap } from '../../src/middleware.ts';
import { markExchange, tapExchange } from '../../src/tap-exchange.ts';
import { tapServer } from '../../src/tap-server.ts';
import { certificate } from '../support/certificate.ts';
import { ask, type ClientView, listeningHttp2 } from '../support/http2-scene.ts';
import { MemoryTarget } from '../support/memory-target.ts';

const hello = (body = 'ok'): Http2Server => createServer((_, res) => void res.end(body));

/** Asks once on a connection of its own. */
async function once(origin: string, path = '/', headers = {}, body?: string): Promise<ClientView> {
  const client = connect(origin, { ca: certificate.cert });
  try {
    return await ask(
      client,
      { ':path': path, ...(body === undefined ? {} : { ':method': 'POST' }), ...headers },
      body,
    );
  } finally {
    client.destroy();
  }
}

test('tapServer() records its own server of HTTP/2 only, and none after its undo', async () => {
  const target = new MemoryTarget();
  await using tapped = await listeningHttp2(hello('a'));
  await using other = await listeningHttp2(hello('b'));
  const detach = tapServer(tapped.server, target);
  await once(other.origin);
  await once(tapped.origin);
  await target.ended(1);
  detach();
  await once(tapped.origin);
  expect(target.starts).toHaveLength(1);
  expect(target.body(1, 'response').toString()).toBe('a');
});

test('a secure server with allowHTTP1 is recorded in both versions', async () => {
  const target = new MemoryTarget();
  const app = createSecureServer({ ...certificate, allowHTTP1: true }, (req, res) => {
    res.end(req.httpVersion);
  });
  await using at = await listeningHttp2(app);
  const detach = tapServer(app, target);
  const origin = `https://localhost:${at.port}`;
  const answer = await once(origin);
  const one = await new Promise<string>((resolve, reject) => {
    get(`${origin}/one`, { ca: certificate.cert, agent: false }, (res) => resolve(text(res))).on(
      'error',
      reject,
    );
  });
  await target.ended(2);
  detach();
  expect([answer.body, one]).toEqual(['2.0', '1.1']);
  expect(target.starts.map(({ version, scheme }) => [version, scheme])).toEqual([
    ['2', 'https'],
    ['1.1', 'https'],
  ]);
});

test('attach() leaves Node as it was when the last one is undone', async () => {
  const proto: object = Object.getPrototypeOf(hello());
  // Tests that ran before in this process may have left taps.
  const before = Object.getOwnPropertyDescriptor(proto, 'emit')?.value;
  const [one, two] = [new MemoryTarget(), new MemoryTarget()];
  await using app = await listeningHttp2(hello());
  const [detachOne, detachTwo] = [attach(one), attach(two)];
  await once(app.origin);
  await Promise.all([one.ended(1), two.ended(1)]);
  detachOne();
  detachOne();
  expect(Object.hasOwn(proto, 'emit')).toBe(true);
  await once(app.origin);
  await two.ended(2);
  detachTwo();
  expect(Object.getOwnPropertyDescriptor(proto, 'emit')?.value).toBe(before);
  expect([one.starts.length, two.starts.length]).toEqual([1, 2]);
  expect(one.events).toEqual(two.of(1));
});

test('a server that another adapter has claimed for a target is left to it', async () => {
  const [theirs, other] = [new MemoryTarget(), new MemoryTarget()];
  await using app = await listeningHttp2(hello());
  const detach = [attach(theirs), attach(other)];
  const release = [claimServer(app.server, theirs), claimServer(app.server, theirs)];
  await once(app.origin);
  await other.ended(1);
  release[0]?.();
  release[0]?.();
  await once(app.origin);
  await other.ended(2);
  expect(theirs.starts).toEqual([]);
  release[1]?.();
  await once(app.origin);
  await theirs.ended(1);
  for (const undo of detach) undo();
});

test('an exchange is recorded once per target, however often it is tapped, and marked by request or stream', async () => {
  const target = new MemoryTarget();
  const marked: boolean[] = [];
  const app = createServer((req, res) => {
    tapExchange(req, res, target);
    marked.push(markExchange(req, 'tenant', 'a'), markExchange(req.stream, 'plan', 'b'));
    res.end('ok');
  });
  await using at = await listeningHttp2(app);
  const detach = attach(target);
  await once(at.origin);
  await target.ended(1);
  detach();
  expect(target.starts).toHaveLength(1);
  expect(marked).toEqual([true, true]);
  expect(target.of(1).filter(({ type }) => type === 'mark')).toMatchObject([
    { name: 'tenant', value: 'a' },
    { name: 'plan', value: 'b' },
  ]);
  expect(markExchange(Object.create(null), 'a', 'b')).toBe(false);
});

test('a tap that comes when the body has been read says that it did not see it', async () => {
  const target = new MemoryTarget();
  const app = createServer(async (req, res) => {
    await text(req);
    tapExchange(req, res, target);
    res.end('ok');
  });
  await using at = await listeningHttp2(app);
  await once(at.origin, '/', {}, 'hello');
  await target.ended(1);
  expect(target.of(1).filter(({ type }) => type === 'end')).toMatchObject([
    { side: 'response', complete: true },
    { side: 'request', complete: false },
  ]);
});

test('shadow traffic is not recorded, unless asked for', async () => {
  const [plain, all] = [new MemoryTarget(), new MemoryTarget()];
  await using app = await listeningHttp2(hello());
  const detach = [tapServer(app.server, plain), tapServer(app.server, all, { recordShadow: true })];
  await once(app.origin, '/', { 'x-shadow-traffic': 'true' });
  await once(app.origin, '/', { 'x-shadow-traffic': 'false' });
  await Promise.all([plain.ended(1), all.ended(2)]);
  for (const undo of detach) undo();
  expect([plain.starts.length, all.starts.length]).toEqual([1, 2]);
});

for (const call of ['begin', 'headers', 'chunk', 'trailers', 'end', 'mark'] as const) {
  test(`a recorder that throws in ${call} is counted, and the stream goes on`, async () => {
    const failures: unknown[] = [];
    const boom = (): never => {
      throw new Error(`boom in ${call}`);
    };
    const calls = ['headers', 'chunk', 'trailers', 'end', 'abort', 'mark'];
    const tap: ExchangeTap = Object.assign(Object.create(null), {
      id: 1,
      ...Object.fromEntries(calls.map((name) => [name, name === call ? boom : () => undefined])),
    });
    const target: TapTarget = {
      begin: () => (call === 'begin' ? boom() : tap),
      tapFailed: (error) => failures.push(error),
    };
    const app = createServer(async (req, res) => {
      markExchange(req, 'a', 'b');
      const body = await text(req);
      res.setHeader('trailer', 'x-sum');
      res.addTrailers({ 'x-sum': '1' });
      res.end(body);
    });
    await using at = await listeningHttp2(app);
    const detach = attach(target);
    const { body, trailers } = await once(at.origin, '/', {}, 'hello');
    detach();
    expect([body, trailers]).toEqual(['hello', ['x-sum', '1']]);
    expect(failures).toHaveLength(1);
  });
}

test('Fastify on HTTP/2 is recorded, with its route', async () => {
  const target = new MemoryTarget();
  const app = fastify({ http2: true });
  await app.register(fastifyTap(target));
  app.get('/items/:id', async () => ({ ok: true }));
  await app.ready();
  await using at = await listeningHttp2(app.server);
  const detach = attach(target);
  const { body } = await once(at.origin, '/items/7');
  await target.ended(1);
  detach();
  expect(body).toBe('{"ok":true}');
  expect(target.starts).toMatchObject([{ target: '/items/7', version: '2' }]);
  expect(target.last(1, 'mark')).toMatchObject({ name: 'operation', value: '/items/:id' });
});

test('Koa on HTTP/2 is recorded by its middleware', async () => {
  const target = new MemoryTarget();
  const app = new Koa();
  app.use(koaTap(target));
  app.use(async (ctx) => {
    ctx.body = await text(ctx.req);
  });
  await using at = await listeningHttp2(createServer(app.callback()));
  const { body } = await once(at.origin, '/a', {}, 'hello');
  await target.ended(1);
  expect(body).toBe('hello');
  expect(target.body(1, 'request').toString()).toBe('hello');
  expect(target.body(1, 'response').toString()).toBe('hello');
});

test('what of a stream came before its server told of it is recorded too', async () => {
  const target = new MemoryTarget();
  const app = createServer();
  app.on('stream', (stream) => {
    stream.respond();
    stream.pipe(stream);
  });
  // Somebody looks at the first bytes of a connection, as one does that serves two protocols at one port.
  const front = createTcpServer((socket) => {
    socket.once('readable', () => {
      const first: unknown = socket.read();
      socket.unshift(first);
      app.emit('connection', socket);
    });
  });
  front.listen(0, '127.0.0.1');
  await event(front, 'listening');
  const address = front.address();
  const detach = attach(target);
  const { body } = await once(
    `http://127.0.0.1:${typeof address === 'object' ? address?.port : ''}`,
    '/',
    {},
    'hello',
  );
  await target.ended(1);
  detach();
  front.close();
  expect(body).toBe('hello');
  expect(target.body(1, 'request').toString()).toBe('hello');
  expect(target.of(1)).toContainEqual({ type: 'end', exchange: 1, side: 'request', complete: true });
});
