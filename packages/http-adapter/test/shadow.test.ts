import { createServer, type IncomingMessage, type RequestListener, request, type Server } from 'node:http';
import { json } from 'node:stream/consumers';
import { setImmediate as turn } from 'node:timers/promises';
import type { Shadow, ShadowTrust } from '@gardenhose/core';
import { anExchange } from '@gardenhose/core/testing';
import { getRequestListener, type HttpBindings } from '@hono/node-server';
import express from 'express';
import express4 from 'express4';
import fastify from 'fastify';
import { Hono } from 'hono';
import Koa from 'koa';
import { afterEach, expect, test } from 'vitest';
import {
  attachShadow,
  createInProcessSender,
  createSender,
  expressShadow,
  fastifyShadow,
  honoShadow,
  isShadow,
  koaShadow,
  shadowOf,
  unlessShadow,
} from '../src/index.ts';
import { replayAll } from './support/replay.ts';
import { listening, RawClient } from './support/servers.ts';

/** What the code behind a request knows of it, when it has read the body and waited. */
interface Seen {
  readonly shadow: boolean;
  readonly of: Shadow | undefined;
  readonly charged: string;
  readonly headers: Record<string, unknown>;
}

const marks = {
  'X-Shadow-Traffic': 'true',
  'x-shadow-run': 'r1',
  'x-shadow-seq': '3',
  baggage: 'tenant=a, shadow=true, shadow.run=r1',
};

async function look(headers: Record<string, unknown>): Promise<Seen> {
  await turn();
  await new Promise((resolve) => setTimeout(resolve, 1));
  const charged = unlessShadow(
    () => 'charged',
    () => 'rehearsed',
  );
  return { shadow: isShadow(), of: shadowOf(), charged, headers };
}

type Make = (trust?: ShadowTrust) => Server | Promise<Server>;

const frameworks: Readonly<Record<string, Make>> = {
  express: (trust) => {
    const app = express().use(expressShadow(trust)).use(express.json());
    return createServer(app.post('/', async (req, res) => res.json(await look(req.headers))));
  },
  express4: (trust) => {
    const app = express4().use(expressShadow(trust)).use(express4.json());
    app.post('/', (req, res) => void look(req.headers).then((seen) => res.json(seen)));
    return createServer(app);
  },
  async fastify(trust) {
    const app = fastify();
    await app.register(fastifyShadow(trust));
    app.post('/', (req) => look(req.headers));
    await app.ready();
    return app.server;
  },
  koa: (trust) => {
    const app = new Koa().use(koaShadow(trust));
    app.use(async (context) => {
      await json(context.req);
      context.body = await look(context.headers);
    });
    return createServer(app.callback());
  },
  hono: (trust) => {
    const app = new Hono<{ Bindings: HttpBindings }>().use(honoShadow(trust));
    app.post('/', async (c) => {
      await c.req.json();
      return c.json(await look(c.req.header()));
    });
    return createServer(getRequestListener(app.fetch));
  },
};

const bare: RequestListener = async (req, res) => {
  if (req.method === 'POST') await json(req);
  res.end(JSON.stringify(await look(req.headers)));
};

const detaches: (() => void)[] = [];
afterEach(() => {
  for (const detach of detaches.splice(0)) detach();
});

const attached: Make = (trust) => {
  detaches.push(attachShadow(trust));
  return createServer(bare);
};

const post = async (origin: string, headers: Record<string, string>): Promise<Seen> => {
  const body = JSON.stringify({ item: 'hose' });
  const type = { 'content-type': 'application/json' };
  return (
    await fetch(origin, { method: 'POST', headers: { ...type, ...headers }, body })
  ).json() as Promise<Seen>;
};

test.each(Object.entries({ ...frameworks, attached }))(
  'code behind %s knows replayed requests, and takes no other for one',
  async (_, make) => {
    await using server = await listening(await make());
    // Over the same connections, at once.
    const all = await Promise.all(
      Array.from({ length: 20 }, (_unused, i) => post(server.origin, i % 2 === 0 ? marks : {})),
    );
    for (const [i, { shadow, of, charged }] of all.entries()) {
      expect({ shadow, of, charged }).toEqual(
        i % 2 === 0
          ? { shadow: true, of: { runId: 'r1', seq: 3 }, charged: 'rehearsed' }
          : { shadow: false, of: undefined, charged: 'charged' },
      );
    }
    expect(isShadow()).toBe(false);
  },
);

test.each(Object.entries({ ...frameworks, attached }))(
  'marks of a peer that is not trusted are gone before code behind %s sees them',
  async (_, make) => {
    await using server = await listening(await make({ trust: ['10.0.0.0/8', '::1'] }));
    const { shadow, headers } = await post(server.origin, { ...marks, 'x-shadow-signature': 'v1.1.x' });
    expect(shadow).toBe(false);
    expect(Object.keys(headers).filter((name) => /shadow/i.test(name))).toEqual([]);
    expect(headers.baggage).toBe('tenant=a');
  },
);

test('they are gone from every form in which Node gives headers, asked for before or after', async () => {
  let seen: IncomingMessage | undefined;
  const early = express();
  early.use((req, _res, next) => {
    // Node makes both when they are first asked for.
    expect([req.headers['x-shadow-run'], req.headersDistinct['x-shadow-run']]).toEqual(['r1', ['r1']]);
    next();
  });
  early.use(expressShadow({ trust: 'none' }));
  early.use((req, res) => {
    seen = req;
    res.end('{}');
  });
  await using server = await listening(createServer(early));
  await post(server.origin, marks);
  const all = JSON.stringify([seen?.headers, seen?.rawHeaders, seen?.headersDistinct]);
  expect(all).not.toContain('shadow');
  expect(seen?.headersDistinct.baggage).toEqual(['tenant=a']);
});

test('a signature makes marks good, whoever sends them; nothing else does where a key is asked for', async () => {
  const signKey = 'a key of sixteen or more bytes';
  detaches.push(attachShadow({ signKey }));
  await using server = await listening(createServer(bare));
  const replayed = async (mark: { readonly runId: string; readonly signKey?: string }) => {
    const sender = createSender(server.origin);
    const [result] = await replayAll([anExchange()], sender, { pace: 'asap', mark });
    const chunks = result?.replayed?.response?.chunks ?? [];
    return JSON.parse(Buffer.concat(chunks.map(({ data }) => data)).toString()) as Seen;
  };
  expect(await replayed({ runId: 'r7', signKey })).toMatchObject({ of: { runId: 'r7', seq: 0 } });
  expect(await replayed({ runId: 'r7' })).toMatchObject({ shadow: false });
  expect(await replayed({ runId: 'r7', signKey: 'another key of as many bytes' })).toMatchObject({
    shadow: false,
  });
  expect(await post(server.origin, marks)).toMatchObject({ shadow: false });
});

test('requests on one connection do not get the marks of each other', async () => {
  detaches.push(attachShadow());
  await using server = await listening(createServer(bare));
  using client = await RawClient.open(server.port);
  const shadow = 'GET / HTTP/1.1\r\nHost: a\r\nx-shadow-traffic: true\r\nx-shadow-run: r1\r\n\r\n';
  const plain = 'GET / HTTP/1.1\r\nHost: a\r\n\r\n';
  client.write(shadow + plain + shadow + plain);
  await client.until(/(?:HTTP\/1\.1 200[\s\S]*?"charged"[\s\S]*?){4}/);
  const seen = [...client.text.matchAll(/"shadow":(true|false)/g)].map(([, one]) => one);
  expect(seen).toEqual(['true', 'false', 'true', 'false']);
});

test('an application in this process knows replayed requests too', async () => {
  detaches.push(attachShadow());
  const sender = await createInProcessSender(bare);
  const results = await replayAll(
    [1, 2].map((id) => anExchange({ id })),
    sender,
    { pace: 'asap', mark: { runId: 'r9' } },
  );
  for (const { replayed } of results) {
    const text = Buffer.concat(replayed?.response?.chunks.map(({ data }) => data) ?? []).toString();
    expect(JSON.parse(text)).toMatchObject({ shadow: true, of: { runId: 'r9' } });
  }
  expect(isShadow()).toBe(false);
});

/** A service that asks another by each of the clients there are, and tells what that one got. */
async function relay(options: Parameters<typeof attachShadow>[0]) {
  const got: IncomingMessage[] = [];
  const behind = await listening(
    createServer((req, res) => {
      got.push(req);
      req.resume();
      res.end('ok');
    }),
  );
  detaches.push(attachShadow(options));
  const front = await listening(
    createServer(async (_req, res) => {
      await turn();
      const other = { headers: { baggage: 'tenant=a' } };
      await (await fetch(`${behind.origin}/fetch`, other)).text();
      await (await fetch(`${behind.origin}/fetch-post`, { method: 'POST', body: 'x' })).text();
      for (const method of ['GET', 'POST']) {
        await new Promise((resolve, reject) => {
          const asked = request(`${behind.origin}/http-${method}`, { method, ...other }, (answer) => {
            answer.resume().on('end', resolve);
          });
          asked.on('error', reject);
          if (method === 'POST') asked.write('x');
          asked.end();
        });
      }
      res.end('{}');
    }),
  );
  return {
    got,
    front,
    async [Symbol.asyncDispose]() {
      await front[Symbol.asyncDispose]();
      await behind[Symbol.asyncDispose]();
    },
  };
}

test('marks are passed on by fetch and by node:http, with the baggage of others', async () => {
  await using service = await relay({});
  await fetch(service.front.origin, { headers: { ...marks, 'x-shadow-signature': 'sig' } });
  expect(service.got.map(({ url }) => url)).toEqual(['/fetch', '/fetch-post', '/http-GET', '/http-POST']);
  for (const { headers, url } of service.got) {
    expect(headers).toMatchObject({ 'x-shadow-traffic': 'true', 'x-shadow-run': 'r1', 'x-shadow-seq': '3' });
    expect(headers['x-shadow-signature']).toBe('sig');
    expect(String(headers.baggage)).toContain('shadow=true,shadow.run=r1');
    if (url !== '/fetch-post') expect(String(headers.baggage)).toMatch(/^tenant=a/);
  }
});

test('nothing is passed on for requests of users, nor to hosts that are not meant, nor after detaching', async () => {
  await using service = await relay({});
  await fetch(service.front.origin);
  const quiet = () => service.got.splice(0).map(({ rawHeaders }) => /shadow/.test(rawHeaders.join()));
  expect(quiet()).toEqual([false, false, false, false]);
  for (const detach of detaches.splice(0)) detach();
  await fetch(service.front.origin, { headers: marks });
  expect(quiet()).toEqual([false, false, false, false]);
  for (const propagateTo of ['none', ['other.test', '.shop.example']] as const) {
    detaches.push(attachShadow({ propagateTo }));
    await fetch(service.front.origin, { headers: marks });
    expect(quiet()).toEqual([false, false, false, false]);
    for (const detach of detaches.splice(0)) detach();
  }
});

test('marks that are not trusted are not passed on', async () => {
  await using service = await relay({ trust: 'none' });
  await fetch(service.front.origin, { headers: marks });
  expect(service.got.map(({ rawHeaders }) => /shadow/.test(rawHeaders.join()))).toEqual(Array(4).fill(false));
});

test('a proxy that is meant gets no marks for a host behind it that is not', async () => {
  const got: IncomingMessage[] = [];
  await using proxy = await listening(
    createServer((req, res) => {
      got.push(req);
      res.end('ok');
    }),
  );
  detaches.push(attachShadow());
  await using front = await listening(
    createServer(async (_req, res) => {
      for (const path of ['http://api.example.com/', 'http://orders.internal/']) {
        await new Promise((resolve, reject) => {
          request(proxy.origin, { path }, (answer) => answer.resume().on('end', resolve))
            .on('error', reject)
            .end();
        });
      }
      res.end('{}');
    }),
  );
  await fetch(front.origin, { headers: marks });
  const marked = got.map(({ url, rawHeaders }) => [url, /shadow/.test(rawHeaders.join())]);
  expect(marked).toEqual([
    ['http://api.example.com/', false],
    ['http://orders.internal/', true],
  ]);
});
