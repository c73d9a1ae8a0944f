// Behaviours 41 to 73 of docs/notes/node-http.md, as far as they concern a server: connections and the process.

import { AsyncLocalStorage } from 'node:async_hooks';
import { once } from 'node:events';
import http, { createServer, get, IncomingMessage, ServerResponse } from 'node:http';
import { connect as connectHttp2, createServer as createHttp2Server } from 'node:http2';
import { createServer as createHttpsServer, request as httpsRequest } from 'node:https';
import { connect, createServer as createTcpServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { setTimeout } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { always, createRecorder, nullSink } from '@gardenhose/core';
import { expect, test, vi } from 'vitest';
import { attach } from '../../src/attach.ts';
import { tapServer } from '../../src/tap-server.ts';
import { asked, behaviour } from '../support/behaviour.ts';
import { certificate } from '../support/certificate.ts';
import { MemoryTarget } from '../support/memory-target.ts';
import { listening, RawClient } from '../support/servers.ts';

behaviour('41 concurrent requests that are alike keep each its own response', {
  app: ({ noted }) => {
    let n = 0;
    return async (_, res) => {
      n += 1;
      const mine = n;
      // The first is answered last.
      if (mine < 3) await noted(`res${mine + 1} finish`);
      res.end(`answer ${mine}`);
    };
  },
  drive: async ({ port, noted }) => {
    const clients = [await RawClient.open(port), await RawClient.open(port), await RawClient.open(port)];
    const texts: string[] = [];
    for (const client of clients) client.write(asked('GET /same'));
    for (const client of clients) texts.push((await client.until(/answer \d/)).slice(-8));
    await noted('res1 finish');
    for (const client of clients) client.socket.destroy();
    return texts.sort();
  },
  over: 3,
  recorded: (target) => {
    for (const exchange of [1, 2, 3])
      expect(target.body(exchange, 'response').toString()).toBe(`answer ${exchange}`);
    expect(new Set(target.starts.map(({ lane }) => lane)).size).toBe(3);
  },
});

behaviour('43 and 61 requests in parallel with different outcomes are recorded with theirs, failures too', {
  app:
    ({ note }) =>
    (req, res) => {
      if (req.url === '/gone') {
        req.socket.destroy();
        note('gone');
        return;
      }
      res.writeHead(Number(req.url?.slice(1))).end();
    },
  drive: async ({ origin }) =>
    Promise.all(
      ['200', '404', '500', 'gone'].map((path) =>
        fetch(`${origin}/${path}`).then(
          ({ status }) => status,
          () => 'failed',
        ),
      ),
    ),
  over: 4,
  recorded: (target) => {
    const outcomes = target.starts.map((start) => [
      start.target,
      target.last(start.exchange, 'headers')?.status ?? target.last(start.exchange, 'abort')?.by,
    ]);
    expect(outcomes.sort()).toEqual([
      ['/200', 200],
      ['/404', 404],
      ['/500', 500],
      ['/gone', 'server'],
    ]);
  },
});

behaviour('45 pipelined requests that are finished out of order keep the order of the wire', {
  app: ({ note }) => {
    const waiting: (() => void)[] = [];
    return (req, res) => {
      waiting.push(() => res.end(`(${req.url})`, () => note(`ended ${req.url}`)));
      if (waiting.length === 3) for (const answer of waiting.reverse()) answer();
    };
  },
  drive: async ({ client }) => {
    client.write(asked('GET /1') + asked('GET /2') + asked('GET /3'));
    await client.until(/\(\/1\)[\s\S]*\(\/2\)[\s\S]*\(\/3\)/);
  },
  over: 3,
  recorded: (target) => {
    expect(target.starts.map((start) => start.target)).toEqual(['/1', '/2', '/3']);
    const ends = target.events.flatMap((event) =>
      event.type === 'end' && event.side === 'response' ? [event.exchange] : [],
    );
    expect(ends).toEqual([1, 2, 3]);
    for (const exchange of [1, 2, 3])
      expect(target.body(exchange, 'response').toString()).toBe(`(/${exchange})`);
  },
});

behaviour('45 a pipelined response that never got its turn is broken off with its connection', {
  app:
    ({ note }) =>
    (req, res) => {
      if (req.url === '/2') res.end('written, not sent');
      note(`arrived ${req.url}`);
    },
  drive: async ({ client, noted }) => {
    client.write(asked('GET /1') + asked('GET /2'));
    await noted('arrived /2');
    client.socket.resetAndDestroy();
    await noted('res1 close');
  },
  over: 2,
  recorded: (target) => {
    expect(target.last(1, 'abort')).toMatchObject({ by: 'client', code: 'ECONNRESET' });
    expect(target.last(2, 'abort')).toMatchObject({ by: 'client', code: 'ECONNRESET' });
  },
});

test('46 a connection that was open before attach() is recorded from its next request on', async () => {
  const target = new MemoryTarget();
  await using app = await listening(createServer((req, res) => res.end(`(${req.url})`)));
  using client = await RawClient.open(app.port);
  client.write(asked('GET /before'));
  await client.until('(/before)');
  const detach = attach(target);
  client.write(asked('GET /after'));
  await client.until('(/after)');
  await target.ended(1);
  detach();
  expect(target.starts.map((start) => start.target)).toEqual(['/after']);
});

test('47 a Unix socket has no peer; an IPv6 peer has brackets', async () => {
  const target = new MemoryTarget();
  const path = join(tmpdir(), `gardenhose-${process.pid}.sock`);
  const ask = async (options: http.RequestOptions): Promise<string> => {
    const request = get({ ...options, agent: false });
    const [answer] = await once(request, 'response');
    return text(answer);
  };
  for (const at of [{ path }, { host: '::1', port: 0 }]) {
    const server = createServer((_, res) => res.end('ok'));
    server.listen(at);
    await once(server, 'listening');
    const detach = tapServer(server, target);
    const address = server.address();
    const port = typeof address === 'object' && address !== null ? address.port : undefined;
    expect(await ask(port === undefined ? { socketPath: path } : { host: '::1', port })).toBe('ok');
    await target.ended(target.starts.length);
    detach();
    server.close();
    await once(server, 'close');
  }
  expect(target.starts[0]?.peer).toBeUndefined();
  expect(target.starts[1]?.peer).toMatch(/^\[::1\]:\d+$/);
});

behaviour('48 an upgrade is left alone', {
  app: () => (_, res) => res.end('no upgrade'),
  server: (listener, { note }) =>
    createServer(listener).on('upgrade', (req, socket, head) => {
      note([req.url, head.toString(), socket.listenerCount('close')]);
      socket.write('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n');
      socket.pipe(socket);
    }),
  drive: async ({ client }) => {
    client.write(`${asked('GET /chat', ['Connection: Upgrade', 'Upgrade: echo'])}first`);
    await client.until('\r\n\r\n');
    client.write('second');
    await client.until('second');
    client.socket.end();
    await client.untilClosed();
  },
  over: 0,
  recorded: (target) => expect(target.events).toEqual([]),
});

behaviour('48 an upgrade that no server listens for is an ordinary request', {
  app: () => (req, res) => res.end(`no upgrade to ${req.headers.upgrade}`),
  drive: async ({ client }) => {
    client.write(asked('GET /', ['Connection: Upgrade', 'Upgrade: h2c']));
    await client.until('no upgrade to h2c');
  },
  recorded: (target) => expect(target.last(1, 'headers')?.status).toBe(200),
});

behaviour('49 CONNECT is left alone', {
  app: () => (_, res) => res.end(),
  server: (listener, { note }) =>
    createServer(listener).on('connect', (req, socket) => {
      note(req.url);
      socket.write('HTTP/1.1 200 Connection Established\r\n\r\n');
      socket.pipe(socket);
    }),
  drive: async ({ client }) => {
    client.write(asked('CONNECT a.example:443'));
    await client.until('Established\r\n\r\n');
    client.write('tunnel');
    await client.until('tunnel');
    client.socket.end();
    await client.untilClosed();
  },
  over: 0,
  recorded: (target) => expect(target.events).toEqual([]),
});

behaviour('51 time limits of the server end an exchange as before', {
  app:
    ({ note }) =>
    (_, res) => {
      res.setTimeout(20, () => {
        note('too slow');
        res.destroy();
      });
    },
  drive: async ({ client, noted }) => {
    client.write(asked('GET /'));
    await client.untilClosed();
    await noted('res1 close');
  },
  recorded: (target) => expect(target.last(1, 'abort')).toMatchObject({ by: 'server', code: 'destroyed' }),
});

behaviour('51 a request that does not come in time is answered by Node itself', {
  app: () => (req) => void req.resume(),
  server: (listener) =>
    createServer({ requestTimeout: 50, headersTimeout: 50, connectionsCheckingInterval: 10 }, listener),
  drive: async ({ client, noted }) => {
    client.write(asked('POST /', ['Content-Length: 10']));
    await client.untilClosed();
    await noted('res1 close');
  },
  events: 'lifecycle',
  recorded: (target) => {
    expect(target.last(1, 'abort')).toMatchObject({ by: 'server', code: 'ERR_HTTP_REQUEST_TIMEOUT' });
  },
});

behaviour('52 what is no HTTP gets the same answer, and sockets of other servers are not touched', {
  app: () => (_, res) => res.end(),
  drive: async ({ client }) => {
    const echo = createTcpServer((socket) => socket.pipe(socket));
    echo.listen(0, '127.0.0.1');
    await once(echo, 'listening');
    const address = echo.address();
    const socket = connect(typeof address === 'object' && address !== null ? address.port : 0, '127.0.0.1');
    socket.end('not http');
    const back = await text(socket);
    echo.close();
    client.write('NOT HTTP AT ALL\r\n\r\n');
    return [back, await client.untilClosed()];
  },
  over: 0,
  recorded: (target) => expect(target.events).toEqual([]),
});

behaviour('53 each hop of a redirect is an exchange', {
  app:
    ({ note }) =>
    async (req, res) => {
      note([req.method, req.url, await text(req)]);
      if (req.url === '/from') res.writeHead(302, { Location: '/to' }).end();
      else if (req.url === '/keep') res.writeHead(307, { Location: '/to' }).end();
      else res.end('there');
    },
  drive: async ({ origin }) => {
    for (const path of ['/from', '/keep']) {
      await (await fetch(`${origin}${path}`, { method: 'POST', body: 'x' })).text();
    }
  },
  over: 4,
  recorded: (target) =>
    expect(target.starts.map(({ method, target: path }) => `${method} ${path}`)).toEqual([
      'POST /from',
      'GET /to',
      'POST /keep',
      'POST /to',
    ]),
});

test('54 an HTTP/2 server works while the tap is attached, and is recorded', async () => {
  const target = new MemoryTarget();
  const server = createHttp2Server((_, res) => res.end('h2'));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  const detach = attach(target);
  const session = connectHttp2(
    `http://127.0.0.1:${typeof address === 'object' && address !== null ? address.port : 0}`,
  );
  expect(await text(session.request({ ':path': '/' }))).toBe('h2');
  session.close();
  await once(session, 'close');
  server.close();
  await target.ended(1);
  detach();
  expect(target.starts).toMatchObject([{ version: '2', target: '/' }]);
  expect(target.body(1, 'response').toString()).toBe('h2');
  expect(target.failures).toEqual([]);
});

test('HTTPS is recorded like HTTP, with its scheme', async () => {
  const target = new MemoryTarget();
  const server = createHttpsServer(certificate, async (req, res) => res.end(await text(req)));
  await using app = await listening(server);
  const detach = tapServer(server, target);
  const asking = httpsRequest({
    port: app.port,
    host: '127.0.0.1',
    method: 'POST',
    rejectUnauthorized: false,
  });
  asking.end('secret way');
  const [answer] = await once(asking, 'response');
  expect(await text(answer)).toBe('secret way');
  await target.ended(1);
  detach();
  expect(target.starts[0]).toMatchObject({ scheme: 'https', method: 'POST' });
  expect(target.body(1, 'response').toString()).toBe('secret way');
});

test('66 fake timers do not stop the recording', async () => {
  await using app = await listening(createServer((_, res) => res.end('ok')));
  vi.useFakeTimers({
    toFake: ['setTimeout', 'setInterval', 'setImmediate', 'Date', 'performance', 'hrtime'],
  });
  const target = new MemoryTarget();
  const detach = tapServer(app.server, target);
  try {
    using client = await RawClient.open(app.port);
    client.write(asked('GET /'));
    await client.until('ok');
    await target.ended(1);
  } finally {
    vi.useRealTimers();
    detach();
  }
  expect(target.body(1, 'response').toString()).toBe('ok');
});

test('67 and 68 named imports see the tap; of Node only the emit of servers is changed, and given back', async () => {
  // Upgrades are told on no channel.
  const { emit } = http.Server.prototype;
  const methods = () => [
    http.createServer,
    ServerResponse.prototype.write,
    ServerResponse.prototype.end,
    IncomingMessage.prototype.push,
    http.OutgoingMessage.prototype.write,
  ];
  const before = methods();
  const target = new MemoryTarget();
  const detach = attach(target);
  await using app = await listening(createServer((_, res) => res.end('ok')));
  await (await fetch(app.origin)).text();
  await target.ended(1);
  const during = methods();
  detach();
  expect(during.every((method, i) => method === before[i])).toBe(true);
  expect(http.Server.prototype.emit).toBe(emit);
  expect(Object.getOwnPropertyNames(ServerResponse.prototype)).not.toContain('gardenhose');
});

test('69 memory stays flat over ten thousand requests', { timeout: 60_000 }, async () => {
  setFlagsFromString('--expose-gc');
  const collect: unknown = runInNewContext('gc');
  const used = (): number => {
    if (typeof collect === 'function') for (let i = 0; i < 3; i += 1) collect();
    return process.memoryUsage().heapUsed;
  };
  const recorder = createRecorder({
    service: 's',
    sink: nullSink,
    pipeline: 'inline',
    mask: { version: 1, extends: 'none' },
    sampler: always,
  });
  await using app = await listening(createServer((_, res) => res.end('ok')));
  const detach = tapServer(app.server, recorder);
  const client = connect(app.port, '127.0.0.1');
  let received = 0;
  client.on('data', (bytes: Buffer) => {
    received += bytes.toString('latin1').split('HTTP/1.1 200').length - 1;
  });
  const drive = async (count: number): Promise<void> => {
    const until = received + count;
    for (let sent = 0; sent < count; sent += 50) {
      client.write(asked('GET /').repeat(50));
      while (received < until - count + sent + 50) await once(client, 'data');
    }
    await recorder.flush();
  };
  await drive(2000);
  const before = used();
  await drive(10_000);
  const grown = used() - before;
  client.destroy();
  detach();
  expect(recorder.stats()).toMatchObject({ recorded: 12_000, underWay: 0 });
  await recorder.close();
  expect(grown).toBeLessThan(2_000_000);
});

behaviour('70 an application with as many listeners as Node allows gets no warning', {
  app:
    ({ note }) =>
    (req, res) => {
      // Node itself adds an 'end' listener to a request now and then.
      while (req.listenerCount('end') < 9) req.on('end', () => undefined);
      for (const message of [req, res]) {
        for (const name of ['close', 'finish', 'error'] as const) {
          while (message.listenerCount(name) < 10) message.on(name, () => undefined);
        }
      }
      note([req.listenerCount('close'), res.listenerCount('finish')]);
      res.end('ok');
    },
  drive: async ({ client, note }) => {
    const warned = (warning: Error): void => note(warning.message);
    process.on('warning', warned);
    client.write(asked('GET /'));
    await client.until('ok');
    await setTimeout(5);
    process.off('warning', warned);
  },
  recorded: (target) => expect(target.starts).toHaveLength(1),
});

behaviour('71 the async context of the application holds in its listeners and callbacks', {
  app: ({ note }) => {
    const context = new AsyncLocalStorage<string>();
    return (req, res) =>
      context.run(req.url ?? '', () => {
        req.on('data', () => note(['data', context.getStore()]));
        req.on('end', () => {
          note(['end', context.getStore()]);
          res.write('a', () => note(['written', context.getStore()]));
          res.end('b', () => note(['ended', context.getStore()]));
        });
        res.on('finish', () => note(['finish', context.getStore()]));
        res.on('close', () => note(['close', context.getStore()]));
      });
  },
  drive: async ({ client, noted }) => {
    for (const path of ['/1', '/2']) {
      client.write(asked(`POST ${path}`, ['Transfer-Encoding: chunked']));
      client.write('1\r\nx\r\n0\r\n\r\n');
      await noted(`res${path.slice(1)} close`);
    }
  },
  over: 2,
  recorded: (target) => expect(target.starts).toHaveLength(2),
});

test('72 two taps record side by side and come off in any order', async () => {
  await using app = await listening(createServer((req, res) => res.end(`(${req.url})`)));
  const ask = async (path: string): Promise<void> => {
    expect(await (await fetch(`${app.origin}${path}`)).text()).toBe(`(${path})`);
  };
  for (const order of [
    [0, 1],
    [1, 0],
  ] as const) {
    const targets = [new MemoryTarget(), new MemoryTarget()] as const;
    const detach = [attach(targets[0]), tapServer(app.server, targets[1])] as const;
    await ask('/both');
    await Promise.all([targets[0].ended(1), targets[1].ended(1)]);
    detach[order[0]]();
    await ask('/one');
    await targets[order[1]].ended(2);
    detach[order[1]]();
    await ask('/none');
    expect(targets[order[0]].starts.map((start) => start.target)).toEqual(['/both']);
    expect(targets[order[1]].starts.map((start) => start.target)).toEqual(['/both', '/one']);
    expect(targets[order[0]].of(1)).toEqual(targets[order[1]].of(1));
  }
});
