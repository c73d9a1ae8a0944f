import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { EventEmitter, once } from 'node:events';
import { Agent, ClientRequest, createServer, request, type ServerResponse } from 'node:http';
import { request as httpsRequest, createServer as tlsServer } from 'node:https';
import { text } from 'node:stream/consumers';
import type { ExchangeTap } from '@gardenhose/core';
import { expect, test } from 'vitest';
import { attach } from '../src/attach.ts';
import { propagateShadow } from '../src/shadow-outbound.ts';
import { tapClients } from '../src/tap-client.ts';
import { certificate } from './support/certificate.ts';
import { clients } from './support/clients.ts';
import { MemoryTarget } from './support/memory-target.ts';
import { listening } from './support/servers.ts';

const hello = () => createServer((_, res) => void res.end('hello'));
const names = ['write', 'end', 'flushHeaders', 'emit'] as const;
const methodsNow = () =>
  names.map((name) => Object.getOwnPropertyDescriptor(ClientRequest.prototype, name)?.value);

test('what a tap puts on Node is gone with it, in whatever order taps and others are taken off', async () => {
  const before = methodsNow();
  const first = tapClients(new MemoryTarget());
  const second = propagateShadow();
  const third = tapClients(new MemoryTarget());
  expect(methodsNow()).not.toEqual(before);
  for (const detach of [first, third, second, first]) detach();
  expect(methodsNow()).toEqual(before);

  // What another put there later stays, and works.
  const detach = tapClients(new MemoryTarget());
  const { write } = ClientRequest.prototype;
  let calls = 0;
  ClientRequest.prototype.write = function (this: ClientRequest, ...args: unknown[]): boolean {
    calls += 1;
    return Reflect.apply(write, this, args) === true;
  };
  detach();
  await using at = await listening(hello());
  const asked = request(at.origin, { method: 'POST' });
  asked.write('a');
  asked.end();
  const [response] = await once(asked, 'response');
  expect([await text(response), calls]).toEqual(['hello', 1]);
  Object.defineProperty(ClientRequest.prototype, 'write', {
    value: before[0],
    writable: true,
    configurable: true,
  });
  if (before[0] === undefined) Reflect.deleteProperty(ClientRequest.prototype, 'write');
});

test('a patch of ours that had to stay below that of another tells nothing more, also when a tap is put on again', async () => {
  const detach = tapClients(new MemoryTarget());
  const { write } = ClientRequest.prototype;
  const theirs = function (this: ClientRequest, ...args: unknown[]): boolean {
    return Reflect.apply(write, this, args) === true;
  };
  ClientRequest.prototype.write = theirs;
  detach();
  const target = new MemoryTarget();
  const detachLater = tapClients(target);
  await using at = await listening(hello());
  const asked = request(at.origin, { method: 'POST' });
  asked.write('once');
  asked.end();
  const [response] = await once(asked, 'response');
  await text(response);
  await target.ended(1);
  detachLater();
  expect(ClientRequest.prototype.write).toBe(theirs);
  Reflect.deleteProperty(ClientRequest.prototype, 'write');
  expect(target.body(1, 'request').toString()).toBe('once');
});

test('what others put later on what Node inherits from is called while taps are attached, on requests and on servers', async () => {
  await using at = await listening(hello());
  const detach = attach(new MemoryTarget(), { outbound: true });
  const { emit } = EventEmitter.prototype;
  const seen = new Set<string>();
  EventEmitter.prototype.emit = function (this: object, ...args: [string, ...unknown[]]): boolean {
    if (this instanceof ClientRequest) seen.add(`a client's ${args[0]}`);
    if (this === at.server) seen.add(`a server's ${args[0]}`);
    return Reflect.apply(emit, this, args);
  };
  try {
    const asked = request(at.origin);
    asked.end();
    const [response] = await once(asked, 'response');
    await text(response);
  } finally {
    EventEmitter.prototype.emit = emit;
    detach();
  }
  expect([...seen]).toEqual(expect.arrayContaining(["a client's response", "a server's request"]));
});

test.each(clients)('a target that is tapped twice is told of each request once: %s', async (_, client) => {
  await using at = await listening(hello());
  const target = new MemoryTarget();
  const detach = [attach(target, { outbound: true }), tapClients(target), tapClients(target)];
  await client(at.origin);
  for (const undo of detach) undo();
  await target.ended(2);
  expect(target.events.filter(({ type }) => type === 'start')).toMatchObject([
    { direction: 'outbound' },
    { direction: 'inbound' },
  ]);
  expect(target.failures).toEqual([]);
});

test('without outbound, attach records no request that goes out and puts nothing on the clients', async () => {
  const before = methodsNow();
  await using at = await listening(hello());
  const target = new MemoryTarget();
  const detach = attach(target);
  expect(methodsNow()).toEqual(before);
  for (const [, client] of clients) await client(at.origin);
  await target.ended(clients.length);
  detach();
  expect(target.starts.map(({ direction }) => direction)).toEqual(clients.map(() => 'inbound'));
});

test('both directions are recorded by one attach, and a wrong option is refused', async () => {
  await using at = await listening(hello());
  const target = new MemoryTarget();
  const detach = attach(target, { outbound: true });
  await (await fetch(at.origin)).text();
  await target.ended(2);
  detach();
  expect(target.starts.map(({ direction }) => direction).sort()).toEqual(['inbound', 'outbound']);
  // @ts-expect-error: it must be true or false
  expect(() => attach(target, { outbound: 'yes' })).toThrow(/outbound/);
});

test('two recorders each get all of it', async () => {
  await using at = await listening(hello());
  const targets = [new MemoryTarget(), new MemoryTarget()];
  const detaches = targets.map((target) => tapClients(target));
  for (const [, client] of clients) {
    expect((await client(at.origin, { method: 'POST', body: 'up' })).body).toBe('hello');
  }
  for (const target of targets) await target.ended(clients.length);
  for (const detach of detaches) detach();
  for (const target of targets) {
    expect(target.failures).toEqual([]);
    for (let i = 1; i <= clients.length; i++) {
      expect(target.chunks(i, 'request').map(String)).toEqual(['up']);
      expect(target.chunks(i, 'response').map(String)).toEqual(['hello']);
    }
  }
});

test('taken off within an exchange, a tap records it to its end, and no later one', async () => {
  let answer: ((res: ServerResponse) => void) | undefined;
  await using at = await listening(
    createServer((_, res) => {
      res.write('first ');
      answer?.(res);
    }),
  );
  for (const [name, client] of clients) {
    const target = new MemoryTarget();
    const detach = tapClients(target);
    const held = new Promise<ServerResponse>((resolve) => {
      answer = resolve;
    });
    const asked = client(at.origin, { method: 'POST', body: 'one' });
    const res = await held;
    detach();
    res.end('last');
    expect((await asked).body, name).toBe('first last');
    await target.ended(1);
    answer = (later) => later.end();
    await client(at.origin);
    expect(target.body(1, 'response').toString(), name).toBe('first last');
    expect(target.starts, name).toHaveLength(1);
  }
});

test('requests that were under way before the tap do no harm', async () => {
  await using at = await listening(
    createServer((req, res) => {
      req.resume().on('end', () => res.end('whole'));
    }),
  );
  const asked = request(at.origin, { method: 'POST' });
  asked.write('before');
  await once(asked, 'socket');
  const target = new MemoryTarget();
  const detach = tapClients(target);
  asked.end('after');
  const [response] = await once(asked, 'response');
  expect(await text(response)).toBe('whole');
  detach();
  expect([target.events, target.failures]).toEqual([[], []]);
});

test('a recorder that fails at any of its calls changes nothing for the application, and is left alone after ten failures', async () => {
  await using at = await listening(
    createServer((req, res) => {
      req.resume().on('end', () => {
        res.setHeader('Trailer', 'X-T');
        res.write('hello');
        res.addTrailers({ 'X-T': '1' });
        res.end();
      });
    }),
  );
  const calls = ['headers', 'chunk', 'trailers', 'end'] as const;
  for (const failing of ['begin', ...calls]) {
    const target = new MemoryTarget();
    const begin = target.begin.bind(target);
    let begun = 0;
    const fail = (): never => {
      throw new Error('planned');
    };
    target.begin = (start): ExchangeTap | undefined => {
      begun += 1;
      if (failing === 'begin') return fail();
      const tap = begin(start);
      return tap && { ...tap, [failing]: fail, abort: fail };
    };
    const detach = tapClients(target);
    for (let i = 0; i < 3; i++) {
      for (const [, client] of clients)
        expect((await client(at.origin, { method: 'POST', body: 'up' })).body).toBe('hello');
    }
    detach();
    expect([failing, begun, target.failures.length]).toEqual([failing, 10, 10]);
  }
});

test('an undici of which nothing is known is left alone, and counted', async () => {
  const target = new MemoryTarget();
  const detach = tapClients(target);
  const { channel } = await import('node:diagnostics_channel');
  const strange = { method: 'GET', path: '/', origin: 'http://a', headers: [], onHeaders: () => undefined };
  channel('undici:request:create').publish({ request: strange });
  channel('undici:request:create').publish({});
  channel('undici:client:sendHeaders').publish({ request: strange, headers: 1, socket: undefined });
  detach();
  expect(target.failures.map(String)).toEqual(['TypeError: there is no method onBodySent']);
});

test('replayed traffic is recorded when that is asked for, and not otherwise', async () => {
  await using at = await listening(hello());
  for (const recordShadow of [false, true]) {
    const target = new MemoryTarget();
    const detach = tapClients(target, { recordShadow });
    for (const [, client] of clients) {
      await client(`${at.origin}/mine`, { headers: { 'X-Shadow-Traffic': 'true' } });
      await client(`${at.origin}/theirs`);
    }
    await target.ended(clients.length * (recordShadow ? 2 : 1));
    detach();
    expect(target.starts.filter(({ target: path }) => path === '/mine')).toHaveLength(
      recordShadow ? clients.length : 0,
    );
  }
});

test('over TLS an exchange begins when the handshake is done, and says https', async () => {
  const { cert, key } = certificate;
  await using at = await listening(tlsServer({ cert, key }, (_, res) => void res.end('hello')));
  const target = new MemoryTarget();
  const detach = tapClients(target);
  const agent = new Agent();
  const asked = httpsRequest(at.origin.replace('http:', 'https:'), { rejectUnauthorized: false }).end('');
  const [response] = await once(asked, 'response');
  expect(await text(response)).toBe('hello');
  const refused = httpsRequest(at.origin.replace('http:', 'https:')).end();
  await once(refused, 'close').catch(() => undefined);
  await target.ended(2);
  detach();
  agent.destroy();
  expect(target.last(1, 'start')).toMatchObject({ scheme: 'https', peer: `127.0.0.1:${at.port}` });
  expect(target.last(2, 'abort')).toMatchObject({ by: 'client' });
  expect(target.last(2, 'start')).toMatchObject({ scheme: 'https', peer: undefined });
});

test('a request that undici sends again on another connection is an exchange each time', async () => {
  const { Client } = await import('undici7');
  let connections = 0;
  const server = createServer((req, res) => {
    // The first connection answers the first of two pipelined requests and is gone.
    if (connections === 1 && req.url === '/1') res.end('one', () => req.socket.destroy());
    else if (connections > 1) res.end('again');
  });
  server.on('connection', () => {
    connections += 1;
  });
  await using at = await listening(server);
  const target = new MemoryTarget();
  const detach = tapClients(target);
  const client = new Client(at.origin, { pipelining: 2 });
  const get = async (path: string): Promise<string> =>
    (await client.request({ path, method: 'GET', blocking: false })).body.text().catch(() => 'broken');
  const answers = await Promise.all([get('/1'), get('/2').catch(() => 'broken')]);
  await client.close();
  await target.ended(target.starts.length);
  detach();
  expect(answers[0]).toBe('one');
  const second = target.starts.filter(({ target: path }) => path === '/2');
  // Whether it is sent again is undici's choice; each sending has an end of its own.
  expect(new Set(second.map(({ lane }) => lane)).size).toBe(second.length);
  for (const { exchange } of second) expect(target.of(exchange).at(-1)?.type).toMatch(/^(end|abort)$/);
});

test('channels of undici are left without subscribers', () => {
  const seen: unknown[] = [];
  const mine = (message: unknown): void => void seen.push(message);
  subscribe('undici:request:create', mine);
  const detach = tapClients(new MemoryTarget());
  detach();
  unsubscribe('undici:request:create', mine);
  expect(seen).toEqual([]);
});

test('over HTTP/2 undici is recorded too, with what it was asked for as the head', async () => {
  const { createSecureServer } = await import('node:http2');
  const { cert, key } = certificate;
  const server = createSecureServer({ cert, key }, (req, res) => {
    res.setHeader('x-own', 'a');
    req.resume().on('end', () => res.end('hello'));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  const port = typeof address === 'object' ? address?.port : undefined;
  const target = new MemoryTarget();
  const detach = tapClients(target);
  const { Agent: Agent7 } = await import('undici7');
  const agent = new Agent7({ allowH2: true, connect: { rejectUnauthorized: false } });
  const { body } = await agent.request({
    origin: `https://127.0.0.1:${port}`,
    path: '/two',
    method: 'POST',
    headers: { 'X-Mine': '1' },
    body: 'up',
  });
  expect(await body.text()).toBe('hello');
  await target.ended(1);
  detach();
  await agent.close();
  server.close();
  expect(target.failures).toEqual([]);
  expect(target.last(1, 'start')).toMatchObject({
    version: '2',
    scheme: 'https',
    authority: `127.0.0.1:${port}`,
    target: '/two',
    headers: ['X-Mine', '1'],
  });
  expect(target.last(1, 'headers')).toMatchObject({ status: 200, version: '2' });
  expect(target.last(1, 'headers')?.headers).toEqual(expect.arrayContaining(['x-own', 'a']));
  expect([target.body(1, 'request'), target.body(1, 'response')].map(String)).toEqual(['up', 'hello']);
});
