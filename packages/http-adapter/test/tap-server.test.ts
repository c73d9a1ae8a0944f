import { once } from 'node:events';
import { createServer } from 'node:http';
import { text } from 'node:stream/consumers';
import type { ExchangeTap, TapTarget } from '@gardenhose/core';
import { expect, test } from 'vitest';
import { attach } from '../src/attach.ts';
import { markExchange, tapExchange } from '../src/tap-exchange.ts';
import { tapServer } from '../src/tap-server.ts';
import { MemoryTarget } from './support/memory-target.ts';
import { listening, RawClient } from './support/servers.ts';

test('tapServer() records request and response of an exchange in order', async () => {
  const target = new MemoryTarget();
  await using app = await listening(
    createServer(async (req, res) => {
      const body = await text(req);
      res.setHeader('X-Own-Case', ['1', '2']);
      res.writeHead(201, 'Made It', { 'content-length': body.length + 3 });
      res.write('got');
      res.end(body);
    }),
  );
  const detach = tapServer(app.server, target);
  using client = await RawClient.open(app.port);
  client.write('POST /a?b=1 HTTP/1.1\r\nHOST: x\r\nx-Dup: 1\r\nX-dup: 2\r\ncontent-length: 5\r\n\r\nhello');
  await client.until('gothello');
  await target.ended(1);
  detach();
  const { port } = client.socket.address() as { port: number };
  const [start, ...rest] = target.events;
  expect(start).toMatchObject({
    type: 'start',
    direction: 'inbound',
    protocol: 'http',
    method: 'POST',
    target: '/a?b=1',
    version: '1.1',
    scheme: 'http',
    peer: `127.0.0.1:${port}`,
    headers: ['HOST', 'x', 'x-Dup', '1', 'X-dup', '2', 'content-length', '5'],
  });
  expect(rest.map(({ exchange: _, ...event }) => event)).toEqual([
    { type: 'chunk', side: 'request', data: Buffer.from('hello') },
    { type: 'end', side: 'request', complete: true },
    {
      type: 'headers',
      status: 201,
      reason: 'Made It',
      version: '1.1',
      headers: [
        ...['X-Own-Case', '1', 'X-Own-Case', '2', 'content-length', '8'],
        ...['Date', expect.any(String), 'Connection', 'keep-alive', 'Keep-Alive', 'timeout=5'],
      ],
    },
    { type: 'chunk', side: 'response', data: Buffer.from('got') },
    { type: 'chunk', side: 'response', data: Buffer.from('hello') },
    { type: 'end', side: 'response', complete: true },
  ]);
  expect(target.failures).toEqual([]);
});

test('tapServer() records its own server only', async () => {
  const target = new MemoryTarget();
  await using tapped = await listening(createServer((_, res) => res.end('a')));
  await using other = await listening(createServer((_, res) => res.end('b')));
  const detach = tapServer(tapped.server, target);
  await (await fetch(other.origin)).text();
  await (await fetch(tapped.origin)).text();
  await target.ended(1);
  detach();
  expect(target.starts).toHaveLength(1);
  expect(target.body(1, 'response').toString()).toBe('a');
});

test('tapServer() refuses what is not a server of node:http or node:https', () => {
  const wrong: unknown = {};
  expect(() => Reflect.apply(tapServer, undefined, [wrong, new MemoryTarget()])).toThrow(
    /server must be a Server/,
  );
});

test('a request is recorded once per target, however often it is tapped', async () => {
  const [one, two] = [new MemoryTarget(), new MemoryTarget()];
  await using app = await listening(
    createServer((req, res) => {
      tapExchange(req, res, one);
      tapExchange(req, res, two);
      tapExchange(req, res, two);
      res.end('ok');
    }),
  );
  const detach = tapServer(app.server, one);
  await (await fetch(app.origin)).text();
  await Promise.all([one.ended(1), two.ended(1)]);
  detach();
  expect(one.events).toEqual(two.events);
  expect(one.starts).toHaveLength(1);
});

test('after detach() nothing new is recorded, and what was under way is recorded to its end', async () => {
  const target = new MemoryTarget();
  let answer = (): void => undefined;
  await using app = await listening(
    createServer((req, res) => {
      if (req.url === '/late') answer = () => res.end('late');
      else res.end('now');
    }),
  );
  const detach = attach(target);
  const arrived = once(app.server, 'request');
  const late = fetch(`${app.origin}/late`);
  await arrived;
  detach();
  detach();
  await (await fetch(app.origin)).text();
  answer();
  await (await late).text();
  await target.ended(1);
  expect(target.starts.map(({ target: path }) => path)).toEqual(['/late']);
  expect(target.body(1, 'response').toString()).toBe('late');
});

test('exchanges of one client connection share a lane', async () => {
  const target = new MemoryTarget();
  await using app = await listening(createServer((_, res) => res.end('ok')));
  const detach = tapServer(app.server, target);
  using a = await RawClient.open(app.port);
  using b = await RawClient.open(app.port);
  for (const [client, times] of [
    [a, 1],
    [b, 1],
    [a, 2],
  ] as const) {
    client.write('GET / HTTP/1.1\r\nhost: x\r\n\r\n');
    await client.until(new RegExp(`(ok[\\s\\S]*){${times}}$`));
  }
  await target.ended(3);
  detach();
  const [first, second, third] = target.starts.map(({ lane }) => lane);
  expect(first).toBe(third);
  expect(first).not.toBe(second);
});

test('shadow traffic is not recorded, unless asked for', async () => {
  const [plain, all] = [new MemoryTarget(), new MemoryTarget()];
  await using app = await listening(createServer((_, res) => res.end('ok')));
  const detach = [tapServer(app.server, plain), tapServer(app.server, all, { recordShadow: true })];
  await (await fetch(app.origin, { headers: { 'x-shadow-traffic': 'true' } })).text();
  await (await fetch(app.origin, { headers: { 'x-shadow-traffic': 'false' } })).text();
  await Promise.all([plain.ended(1), all.ended(2)]);
  for (const one of detach) one();
  expect(plain.starts).toHaveLength(1);
  expect(all.starts).toHaveLength(2);
});

test('an unknown kind of recordShadow is refused', () => {
  const options = Object.fromEntries([['recordShadow', 'yes']]);
  expect(() => attach(new MemoryTarget(), options)).toThrow('recordShadow must be true or false, got string');
});

test('markExchange() notes on the exchange that is being served, also in a finish listener', async () => {
  const target = new MemoryTarget();
  const told: boolean[] = [];
  await using app = await listening(
    createServer((req, res) => {
      told.push(markExchange(req, 'tenant', 'acme'));
      res.on('finish', () => told.push(markExchange(req, 'logged', 'yes')));
      res.on('close', () => told.push(markExchange(req, 'late', 'yes')));
      res.end('ok');
    }),
  );
  const detach = tapServer(app.server, target);
  await (await fetch(app.origin)).text();
  await target.ended(1);
  detach();
  await (await fetch(app.origin)).text();
  expect(target.of(1).flatMap((event) => (event.type === 'mark' ? [[event.name, event.value]] : []))).toEqual(
    [
      ['tenant', 'acme'],
      ['logged', 'yes'],
    ],
  );
  expect(told.slice(0, 4)).toEqual([true, true, false, false]);
});

/** Fails in the named call. */
function failing(call: keyof ExchangeTap | 'begin' | 'tapFailed', failures: unknown[]): TapTarget {
  const boom = (): never => {
    throw new Error(`boom in ${call}`);
  };
  const tap = {
    id: 1,
    ...Object.fromEntries(
      ['headers', 'chunk', 'trailers', 'end', 'abort', 'mark'].map((name) => [
        name,
        name === call ? boom : () => undefined,
      ]),
    ),
  };
  return {
    begin: () => (call === 'begin' || call === 'tapFailed' ? boom() : (tap as unknown as ExchangeTap)),
    tapFailed: (error) => {
      failures.push(error);
      if (call === 'tapFailed') boom();
    },
  };
}

for (const call of ['begin', 'tapFailed', 'headers', 'chunk', 'trailers', 'end', 'mark'] as const) {
  test(`a recorder that throws in ${call} is counted, and the exchange goes on`, async () => {
    const failures: unknown[] = [];
    await using app = await listening(
      createServer((req, res) => {
        markExchange(req, 'a', 'b');
        req.on('data', () => undefined);
        req.on('end', () => {
          res.setHeader('Trailer', 'X-Sum');
          res.write('one');
          res.addTrailers({ 'X-Sum': '1' });
          res.end('two');
        });
      }),
    );
    const detach = tapServer(app.server, failing(call, failures));
    const answer = await fetch(app.origin, { method: 'POST', body: 'hello' });
    expect(await answer.text()).toBe('onetwo');
    detach();
    expect(failures).toHaveLength(1);
  });
}

test('a tap that fails ten times for a target stays out', async () => {
  const failures: unknown[] = [];
  await using app = await listening(createServer((_, res) => res.end('ok')));
  const detach = tapServer(app.server, failing('begin', failures));
  for (let i = 0; i < 15; i += 1) expect(await (await fetch(app.origin)).text()).toBe('ok');
  detach();
  expect(failures).toHaveLength(10);
});

test('without listeners of its own on messages, the tap cannot trip a limit of the application', async () => {
  const counts: number[][] = [];
  const target = new MemoryTarget();
  await using app = await listening(
    createServer((req, res) => {
      counts.push(
        [...req.eventNames(), ...res.eventNames()].map(
          (name) => req.listenerCount(name) + res.listenerCount(name),
        ),
      );
      res.end();
    }),
  );
  await (await fetch(app.origin)).text();
  const detach = tapServer(app.server, target);
  await (await fetch(app.origin)).text();
  detach();
  expect(counts[0]).toEqual(counts[1]);
});

test('a target of another maker that answers nothing when it is told a head is told it once', async () => {
  const told: string[] = [];
  const tap = {
    id: 1,
    headers: () => told.push('headers'),
    wireHead: () => void told.push('wireHead'),
    wireAnswer: () => void told.push('wireAnswer'),
    chunk: () => told.push('chunk'),
    text: () => told.push('text'),
    message: () => told.push('message'),
    trailers: () => told.push('trailers'),
    end: (side: string) => told.push(`end ${side}`),
    abort: () => told.push('abort'),
    mark: () => told.push('mark'),
  };
  // As one in JavaScript may be.
  const target: TapTarget = {
    begin: () => Object.assign(Object.create(null), tap),
    tapFailed: () => undefined,
  };
  await using app = await listening(
    createServer((req, res) => {
      if (req.url === '/pieces') res.flushHeaders();
      res.end('hello');
    }),
  );
  const detach = tapServer(app.server, target);
  for (const path of ['/whole', '/pieces']) await (await fetch(`http://127.0.0.1:${app.port}${path}`)).text();
  detach();
  expect(told).toEqual([
    ...['end request', 'wireAnswer', 'end response'],
    ...['end request', 'wireHead', 'text', 'end response'],
  ]);
});

test('a Node without the text of heads is recorded from what the application gave', async () => {
  const target = new MemoryTarget();
  const { watchExchange } = await import('../src/tap-exchange.ts');
  await using app = await listening(
    createServer((req, res) => {
      watchExchange(req, res, target, { recordShadow: false, parents: false }, { headText: false });
      if (req.url === '/set') res.setHeader('X-Set', ['1', '2']).end('a');
      else {
        res.writeHead(202, 'Taken', ['X-Flat', '1', 'X-Flat', '2']);
        res.write('b');
        res.addTrailers({ 'X-Sum': '9' });
        res.end();
      }
    }),
  );
  await (await fetch(`${app.origin}/set`)).text();
  await (await fetch(app.origin)).text();
  await target.ended(2);
  expect(target.last(1, 'headers')).toMatchObject({
    status: 200,
    reason: 'OK',
    headers: ['X-Set', '1', 'X-Set', '2'],
  });
  expect(target.last(2, 'headers')).toMatchObject({
    status: 202,
    reason: 'Taken',
    headers: ['X-Flat', '1', 'X-Flat', '2'],
  });
  expect(target.last(2, 'trailers')).toMatchObject({ headers: ['X-Sum', '9'] });
});

test('a tap that comes after the body was read says that it did not see it', async () => {
  const target = new MemoryTarget();
  await using app = await listening(
    createServer(async (req, res) => {
      await text(req);
      tapExchange(req, res, target);
      res.end('ok');
    }),
  );
  await (await fetch(app.origin, { method: 'POST', body: 'hello' })).text();
  await target.ended(1);
  expect(target.of(1).filter((event) => event.type === 'end')).toEqual([
    { type: 'end', exchange: 1, side: 'request', complete: false },
    { type: 'end', exchange: 1, side: 'response', complete: true },
  ]);
});

test('attach() records servers that were listening and connections that were open before', async () => {
  const target = new MemoryTarget();
  await using app = await listening(createServer((_, res) => res.end('ok')));
  using client = await RawClient.open(app.port);
  client.write('GET /before HTTP/1.1\r\nhost: x\r\n\r\n');
  await client.until('ok');
  const detach = attach(target);
  client.write('GET /after HTTP/1.1\r\nhost: x\r\n\r\n');
  await client.until(/ok[\s\S]*ok/);
  await target.ended(1);
  detach();
  expect(target.starts.map((start) => start.target)).toEqual(['/after']);
});
