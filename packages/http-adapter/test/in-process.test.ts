import { createServer, type RequestListener, type ServerResponse } from 'node:http';
import { createServer as createHttp2Server } from 'node:http2';
import { createServer as createHttpsServer } from 'node:https';
import { text } from 'node:stream/consumers';
import type { Exchange, Request } from '@gardenhose/core';
import { aChunk, anExchange } from '@gardenhose/core/testing';
import { getRequestListener } from '@hono/node-server';
import express from 'express';
import express4 from 'express4';
import fastify from 'fastify';
import { Hono } from 'hono';
import Koa from 'koa';
import { expect, test, vi } from 'vitest';
import { createInProcessSender, type InProcessApp } from '../src/in-process.ts';
import { answerBody, replayAll } from './support/replay.ts';

const ms = 1e6;

const recorded = (
  id: number,
  lane: string,
  from: number,
  to: number,
  request: Partial<Request> = {},
): Exchange =>
  anExchange({ id, lane, startAt: from * ms, endAt: to * ms, request, response: { endAt: to * ms } });

const run = async (app: InProcessApp, exchanges: readonly Exchange[]) =>
  await replayAll(exchanges, await createInProcessSender(app), { pace: 'asap' });

const koa = () => {
  const app = new Koa();
  app.use((context) => {
    context.body = `koa ${context.path}`;
  });
  return app;
};
const fastifyApp = () => {
  const app = fastify();
  app.get('/orders/:id', (request) => `fastify ${request.url}`);
  return app;
};
const honoListener = () => {
  const app = new Hono();
  app.get('/orders/:id', (context) => context.text(`hono ${context.req.path}`));
  return getRequestListener(app.fetch);
};
const listener: RequestListener = (req, res) => res.end(`bare ${req.url}`);

const apps: readonly (readonly [name: string, make: () => InProcessApp])[] = [
  ['bare', () => listener],
  ['bare', () => createServer(listener)],
  ['bare', () => createHttpsServer(listener)],
  ['bare', () => createHttp2Server((req, res) => void res.end(`bare ${req.url}`))],
  ['express', () => express().get('/orders/:id', (req, res) => void res.send(`express ${req.url}`))],
  ['express4', () => express4().get('/orders/:id', (req, res) => void res.send(`express4 ${req.url}`))],
  ['koa', koa],
  ['fastify', fastifyApp],
  ['fastify', () => fastify({ http2: true }).get('/orders/:id', async (request) => `fastify ${request.url}`)],
  ['hono', honoListener],
];

test.each(apps)('an app of %s answers without a port', async (name, make) => {
  const results = await run(make(), [recorded(1, 'a', 0, 1), recorded(2, 'a', 2, 3), recorded(3, 'b', 2, 3)]);
  expect(results.map((result) => result.entry.error)).toEqual([undefined, undefined, undefined]);
  expect(results.map(answerBody)).toEqual(Array(3).fill(`${name} /orders/7`));
});

test('the app sees the recorded head, in its case and order', async () => {
  let seen: readonly string[] = [];
  const headers = ['hOsT', 'shop.test', 'X-b', '1', 'x-B', '2'];
  await run(
    (req, res) => {
      seen = req.rawHeaders;
      res.end();
    },
    [recorded(1, 'a', 0, 1, { headers })],
  );
  expect(seen).toEqual(headers);
});

test('pipelined requests are served in their order', async () => {
  const waiting: ServerResponse[] = [];
  const results = await run(
    (req, res) => {
      waiting.push(res);
      // All three are under way before one is answered, the last first.
      if (req.url === '/3')
        for (const [i, response] of [...waiting.entries()].reverse()) response.end(String(i + 1));
    },
    [
      recorded(1, 'a', 0, 50, { target: '/1' }),
      recorded(2, 'a', 1, 51, { target: '/2' }),
      recorded(3, 'a', 2, 52, { target: '/3' }),
    ],
  );
  expect(results.map((result) => [result.entry.exchange, answerBody(result)])).toEqual([
    [1, '1'],
    [2, '2'],
    [3, '3'],
  ]);
});

test('a chunked upload with trailers comes in whole, and an answer with trailers goes out', async () => {
  let trailers: readonly string[] = [];
  const upload = recorded(1, 'a', 0, 9, {
    method: 'PUT',
    headers: ['Host', 'a', 'Transfer-Encoding', 'chunked', 'Trailer', 'X-Sum'],
    chunks: [aChunk('one,', 1 * ms), aChunk('two', 5 * ms)],
    size: 7,
    trailers: ['X-Sum', '7'],
  });
  const [result] = await run(
    (req, res) => {
      void text(req).then((body) => {
        trailers = req.rawTrailers;
        res.writeHead(200, { Trailer: 'X-Got' });
        res.write(body);
        res.addTrailers([['X-Got', '7']]);
        res.end();
      });
    },
    [upload],
  );
  expect(trailers).toEqual(['X-Sum', '7']);
  expect(answerBody(result)).toBe('one,two');
  expect(result?.replayed?.response?.trailers).toEqual(['X-Got', '7']);
});

test('100-continue is answered as on a port', async () => {
  const headers = ['Host', 'a', 'Expect', '100-continue', 'Content-Length', '2'];
  const [result] = await run(
    (req, res) => void text(req).then((body) => res.end(body)),
    [recorded(1, 'a', 0, 1, { method: 'POST', headers, chunks: [aChunk('hi', 0)], size: 2 })],
  );
  expect(result?.replayed?.informational.map(({ status }) => status)).toEqual([100]);
  expect(answerBody(result)).toBe('hi');
});

test('an app that breaks the connection fails that exchange, and the next has a new one', async () => {
  const results = await run(
    (req, res) => {
      if (req.url === '/break') req.socket.destroy();
      else res.end('ok');
    },
    [recorded(1, 'a', 0, 1, { target: '/break', method: 'POST' }), recorded(2, 'a', 2, 3)],
  );
  expect(results.map(({ entry }) => entry.error?.code)).toEqual(['connection-closed', undefined]);
});

test('an app that ends the connection after each answer is connected anew', async () => {
  const results = await run(
    (_req, res) => {
      res.setHeader('Connection', 'close');
      res.end('ok');
    },
    [recorded(1, 'a', 0, 1), recorded(2, 'a', 2, 3)],
  );
  expect(results.map(answerBody)).toEqual(['ok', 'ok']);
});

test('a client that had gone away is seen to go away', async () => {
  const gone = anExchange({ startAt: 0, abort: { at: 20 * ms, by: 'client', code: 'ECONNRESET' } });
  let finished: boolean | undefined;
  const [result] = await run(
    (_req, res) => {
      res.write('data: 1\n\n');
      res.on('close', () => {
        finished = res.writableFinished;
      });
    },
    [gone],
  );
  await vi.waitFor(() => expect(finished).toBe(false));
  expect(answerBody(result)).toBe('data: 1\n\n');
  expect(result?.replayed?.abort?.by).toBe('client');
});

test('a large answer comes whole, with backpressure in between', async () => {
  const large = Buffer.alloc(4 * 1024 * 1024, 'x');
  const [result] = await run((_req, res) => void res.end(large), [anExchange()]);
  expect(answerBody(result)).toHaveLength(large.length);
});

test('the host can be set', async () => {
  let seen: string | undefined;
  const sender = await createInProcessSender(
    (req, res) => {
      seen = req.headers.host;
      res.end();
    },
    { host: 'app.test' },
  );
  await replayAll([anExchange()], sender);
  expect(seen).toBe('app.test');
});

test('what is no app is refused', async () => {
  await expect(createInProcessSender(JSON.parse('{}'))).rejects.toMatchObject({ code: 'invalid-option' });
  await expect(createInProcessSender(JSON.parse('5'))).rejects.toMatchObject({ code: 'invalid-option' });
});

test('what an app throws is thrown in the process, and stops neither the run nor another exchange', async () => {
  const kept = process.listeners('uncaughtException');
  const thrown: unknown[] = [];
  process.removeAllListeners('uncaughtException');
  process.on('uncaughtException', (error) => thrown.push(error.message));
  try {
    const app: RequestListener = (request, response) => {
      if (request.url === '/bad') throw new Error('bad');
      response.end('ok');
    };
    const exchanges = [
      recorded(1, 'a', 0, 1, { target: '/bad' }),
      recorded(2, 'b', 0, 1),
      recorded(3, 'a', 5, 6),
      recorded(4, 'b', 5, 6, { target: '/bad' }),
      recorded(5, 'b', 8, 9),
    ];
    const results = await replayAll(exchanges, await createInProcessSender(app), {
      guard: { timeoutMs: 100 },
    });
    const ends = results.map(({ entry }) => [entry.exchange, entry.status ?? entry.error?.code]);
    expect(new Map(ends.map(([id, end]) => [id, end]))).toEqual(
      new Map<unknown, unknown>([
        [1, 'response-timeout'],
        [2, 200],
        [3, 200],
        [4, 'response-timeout'],
        [5, 200],
      ]),
    );
    expect(thrown).toEqual(['bad', 'bad']);
  } finally {
    process.removeAllListeners('uncaughtException');
    for (const listener of kept) process.on('uncaughtException', listener);
  }
});
