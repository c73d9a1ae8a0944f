import { once } from 'node:events';
import { createServer, type RequestListener } from 'node:http';
import { connect } from 'node:net';
import { buffer } from 'node:stream/consumers';
import { expect, test } from 'vitest';
import { createRecordingProxy, type RecordingProxy, type RecordingProxyOptions } from '../src/proxy.ts';
import { MemoryTarget } from './support/memory-target.ts';
import { listening, RawClient } from './support/servers.ts';
import { closed, connected, handshake, socketService, told } from './support/web-sockets.ts';

interface Joined extends AsyncDisposable {
  readonly proxy: RecordingProxy;
  readonly port: number;
  readonly originPort: number;
  readonly target: MemoryTarget;
}

/** An origin, a proxy before it, and what the proxy recorded. */
async function joined(
  listener: RequestListener,
  options: Partial<RecordingProxyOptions> = {},
  prepare: (server: ReturnType<typeof createServer>) => void = () => undefined,
): Promise<Joined> {
  const target = new MemoryTarget();
  const server = createServer(listener);
  prepare(server);
  const origin = await listening(server);
  const proxy = createRecordingProxy({ to: origin.origin, target, ...options });
  const front = await listening(proxy);
  return {
    proxy,
    port: front.port,
    originPort: origin.port,
    target,
    async [Symbol.asyncDispose]() {
      await front[Symbol.asyncDispose]();
      await origin[Symbol.asyncDispose]();
    },
  };
}

const plainHeaders = 'host: a\r\n';

test('heads pass in their order, case and number, both ways, and only Connection is added', async () => {
  let seen: string[] = [];
  await using all = await joined((req, res) => {
    seen = req.rawHeaders;
    res.sendDate = false;
    res.writeHead(299, 'Some Text', [
      'X-b',
      '1',
      'x-B',
      '2',
      'Set-Cookie',
      'a',
      'set-cookie',
      'b',
      'Content-Length',
      '2',
    ]);
    res.end('ok');
  });
  using client = await RawClient.open(all.port);
  client.write('GET /a%20b?c=%C3 HTTP/1.1\r\nHOST: a.example\r\nX-z: 1\r\nx-Z: 2\r\nAccept: */*\r\n\r\n');
  expect(await client.until('\r\n\r\nok')).toBe(
    'HTTP/1.1 299 Some Text\r\nX-b: 1\r\nx-B: 2\r\nSet-Cookie: a\r\nset-cookie: b\r\nContent-Length: 2\r\nConnection: keep-alive\r\n\r\nok',
  );
  expect(seen).toEqual([
    'HOST',
    'a.example',
    'X-z',
    '1',
    'x-Z',
    '2',
    'Accept',
    '*/*',
    'Connection',
    'keep-alive',
  ]);
  await all.target.ended(1);
  expect(all.target.starts[0]).toMatchObject({ target: '/a%20b?c=%C3', method: 'GET' });
  expect(all.target.last(1, 'headers')).toMatchObject({ status: 299, reason: 'Some Text' });
  expect(all.proxy.counts).toEqual({ requests: 1, upgrades: 0, originErrors: 0 });
});

test('chunks and trailers pass both ways', async () => {
  const trailers: string[][] = [];
  await using all = await joined(async (req, res) => {
    const body = await buffer(req);
    trailers.push(req.rawTrailers);
    res.write(body);
    res.addTrailers({ 'X-Sum': '9' });
    res.end();
  });
  using client = await RawClient.open(all.port);
  client.write(
    `POST / HTTP/1.1\r\n${plainHeaders}TE: trailers\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\nX-Up: 1\r\n\r\n`,
  );
  const answer = await client.until('\r\n0\r\nX-Sum: 9\r\n\r\n');
  expect(answer).toContain('\r\n3\r\nabc\r\n');
  expect(trailers).toEqual([['X-Up', '1']]);
  await all.target.ended(1);
  expect(all.target.of(1).filter((event) => event.type === 'trailers')).toMatchObject([
    { side: 'request', headers: ['X-Up', '1'] },
    { side: 'response', headers: ['X-Sum', '9'] },
  ]);
});

test('a client may stream up and read at the same time', async () => {
  await using all = await joined((req, res) => {
    res.flushHeaders();
    req.pipe(res);
  });
  using client = await RawClient.open(all.port);
  client.write(`POST / HTTP/1.1\r\n${plainHeaders}Transfer-Encoding: chunked\r\n\r\n`);
  await client.until('\r\n\r\n');
  client.write('1\r\na\r\n');
  await client.until('1\r\na\r\n');
  client.write('1\r\nb\r\n0\r\n\r\n');
  await client.until('1\r\nb\r\n0\r\n\r\n');
});

test('4 MB pass whole both ways', async () => {
  const sent = Buffer.alloc(4 << 20, 'gardenhose');
  await using all = await joined((req, res) => req.pipe(res));
  const answer = await fetch(`http://127.0.0.1:${all.port}/`, { method: 'POST', body: sent });
  const back = Buffer.from(await answer.arrayBuffer());
  expect(back.equals(sent)).toBe(true);
  await all.target.ended(1);
  expect(all.target.body(1, 'request').equals(sent)).toBe(true);
  expect(all.target.body(1, 'response').equals(sent)).toBe(true);
});

test('100 Continue and early hints are the origin’s', async () => {
  await using all = await joined(
    () => undefined,
    {},
    (server) =>
      server.on('checkContinue', async (req, res) => {
        res.writeEarlyHints({ link: ['</a.css>; rel=preload', '</b.js>; rel=preload'], 'x-hint': '1' });
        res.writeContinue();
        res.end(await buffer(req));
      }),
  );
  using client = await RawClient.open(all.port);
  client.write(`POST / HTTP/1.1\r\n${plainHeaders}Expect: 100-continue\r\nContent-Length: 2\r\n\r\n`);
  await client.until('HTTP/1.1 100 Continue\r\n\r\n');
  client.write('hi');
  const answer = await client.until('\r\n\r\nhi');
  expect(
    answer.startsWith(
      'HTTP/1.1 103 Early Hints\r\nLink: </a.css>; rel=preload, </b.js>; rel=preload\r\nx-hint: 1\r\n',
    ),
  ).toBe(true);
  await all.target.ended(1);
  const heads = all.target.of(1).flatMap((event) => (event.type === 'headers' ? [event.status] : []));
  expect(heads).toEqual([103, 100, 200]);
});

test('HEAD, 204 and 304 pass without a body and with their headers', async () => {
  await using all = await joined((req, res) => {
    res.writeHead(Number(req.headers['x-status']), { 'Content-Length': '10', ETag: '"1"' });
    res.end();
  });
  using client = await RawClient.open(all.port);
  client.write(`HEAD / HTTP/1.1\r\n${plainHeaders}x-status: 200\r\n\r\n`);
  await client.until(/ 200 OK\r\nContent-Length: 10\r\n[\s\S]*\r\n\r\n$/);
  client.write(`GET / HTTP/1.1\r\n${plainHeaders}x-status: 304\r\n\r\n`);
  await client.until(/ 304 Not Modified\r\nContent-Length: 10\r\n[\s\S]*\r\n\r\n$/);
  client.write(`GET / HTTP/1.1\r\n${plainHeaders}x-status: 204\r\n\r\n`);
  await client.until(/ 204 No Content\r\n[\s\S]*\r\n\r\n$/);
});

test('a client of HTTP/1.0 gets the body without chunks', async () => {
  await using all = await joined((_, res) => {
    res.write('a');
    res.end('b');
  });
  using client = await RawClient.open(all.port);
  client.write('GET / HTTP/1.0\r\n\r\n');
  const answer = await client.untilClosed();
  expect(answer).toMatch(/\r\n\r\nab$/);
  expect(answer).not.toMatch(/transfer-encoding/i);
});

test('each client connection has its own connection to the origin, in order', async () => {
  const ports: (number | undefined)[] = [];
  await using all = await joined((req, res) => {
    ports.push(req.socket.remotePort);
    res.end(`(${req.url})`);
  });
  using a = await RawClient.open(all.port);
  using b = await RawClient.open(all.port);
  a.write(`GET /1 HTTP/1.1\r\n${plainHeaders}\r\nGET /2 HTTP/1.1\r\n${plainHeaders}\r\n`);
  await a.until(/\(\/1\)[\s\S]*\(\/2\)/);
  b.write(`GET /3 HTTP/1.1\r\n${plainHeaders}\r\n`);
  await b.until('(/3)');
  expect(ports[0]).toBe(ports[1]);
  expect(ports[2]).not.toBe(ports[0]);
});

test('a closed client takes its request to the origin with it', async () => {
  let gone = (): void => undefined;
  const closed = new Promise<void>((resolve) => {
    gone = resolve;
  });
  await using all = await joined((_, res) => {
    res.write('a');
    res.on('close', gone);
  });
  const client = await RawClient.open(all.port);
  client.write(`GET / HTTP/1.1\r\n${plainHeaders}\r\n`);
  await client.until('a\r\n');
  client.socket.resetAndDestroy();
  await closed;
  await all.target.ended(1);
  expect(all.target.last(1, 'abort')?.by).toBe('client');
});

test('an origin that cannot be reached gives 502 and says why', async () => {
  const spare = await listening(createServer());
  await spare[Symbol.asyncDispose]();
  await using all = await joined(() => undefined, { to: spare.origin });
  const answer = await fetch(`http://127.0.0.1:${all.port}/`);
  expect([answer.status, await answer.text()]).toEqual([
    502,
    `gardenhose: no answer from ${spare.origin}: ECONNREFUSED\n`,
  ]);
  await all.target.ended(1);
  expect(all.target.last(1, 'mark')).toMatchObject({ name: 'proxy', value: 'origin-failed' });
  expect(all.proxy.counts.originErrors).toBe(1);
});

test('an origin that breaks off within a body breaks off the answer', async () => {
  await using all = await joined((_, res) => {
    res.writeHead(200, { 'Content-Length': '10' });
    res.write('half', () => res.destroy());
  });
  using client = await RawClient.open(all.port);
  client.write(`GET / HTTP/1.1\r\n${plainHeaders}\r\n`);
  expect(await client.untilClosed()).toMatch(/\r\n\r\nhalf$/);
  await all.target.ended(1);
  expect(all.target.last(1, 'mark')).toMatchObject({ name: 'proxy', value: 'origin-broke-off' });
  expect(all.target.last(1, 'abort')).toMatchObject({ by: 'server' });
});

test('an origin that closes without an answer gives 502', async () => {
  await using all = await joined((req) => req.socket.destroy());
  const answer = await fetch(`http://127.0.0.1:${all.port}/`, { method: 'POST', body: 'x' });
  expect([answer.status, await answer.text()]).toEqual([502, expect.stringContaining(': ECONNRESET')]);
});

test('a WebSocket passes as raw bytes, is counted and recorded', async () => {
  await using service = await socketService();
  await using all = await joined(() => undefined, { to: service.origin });
  const socket = await connected(all.port, '/chat');
  socket.send('hello');
  expect(await told(socket)).toBe('hello');
  await closed(socket, 4000, 'bye');
  await all.target.ended(1);
  expect(all.proxy.counts).toEqual({ requests: 0, upgrades: 1, originErrors: 0 });
  expect(all.target.starts[0]).toMatchObject({ protocol: 'websocket', target: '/chat' });
  for (const side of ['request', 'response'] as const) {
    expect(all.target.messages(1, side)).toEqual([
      [1, 'hello'],
      [8, '\x0f\xa0bye'],
    ]);
  }
});

test('an upgrade to another protocol passes as raw bytes, is counted and not recorded', async () => {
  await using all = await joined(
    () => undefined,
    {},
    (server) =>
      server.on('upgrade', (req, socket, head) => {
        socket.write(
          `HTTP/1.1 101 Switching Protocols\r\nUpgrade: echo\r\nConnection: Upgrade\r\n\r\n${String(req.headers['x-a'])}`,
        );
        socket.write(head);
        socket.pipe(socket);
      }),
  );
  using client = await RawClient.open(all.port);
  client.write(
    `GET /chat HTTP/1.1\r\n${plainHeaders}X-A: [a]\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\nfirst`,
  );
  await client.until('[a]first');
  client.write('second');
  expect(await client.until('second')).toBe(
    'HTTP/1.1 101 Switching Protocols\r\nUpgrade: echo\r\nConnection: Upgrade\r\n\r\n[a]firstsecond',
  );
  client.socket.end();
  await client.untilClosed();
  expect(all.proxy.counts).toEqual({ requests: 0, upgrades: 1, originErrors: 0 });
  expect(all.target.events).toEqual([]);
});

test('a WebSocket whose origin is away is an exchange with 502 and a mark', async () => {
  const spare = await listening(createServer());
  await spare[Symbol.asyncDispose]();
  await using all = await joined(() => undefined, { to: spare.origin });
  using client = await RawClient.open(all.port);
  client.write(handshake());
  await client.untilClosed();
  await all.target.ended(1);
  expect(all.target.last(1, 'headers')?.status).toBe(502);
  expect(all.target.last(1, 'mark')).toMatchObject({ name: 'proxy', value: 'origin-failed' });
});

test('an upgrade to an origin that is away gets 502', async () => {
  const spare = await listening(createServer());
  await spare[Symbol.asyncDispose]();
  await using all = await joined(() => undefined, { to: spare.origin });
  using client = await RawClient.open(all.port);
  client.write(`GET / HTTP/1.1\r\n${plainHeaders}Connection: Upgrade\r\nUpgrade: echo\r\n\r\n`);
  expect(await client.untilClosed()).toMatch(/^HTTP\/1.1 502 Bad Gateway\r\n[\s\S]*ECONNREFUSED\n$/);
});

test('the Host header is the client’s, or on request the origin’s', async () => {
  const hosts: (string | undefined)[] = [];
  const note: RequestListener = (req, res) => {
    hosts.push(req.headers.host);
    res.end();
  };
  await using kept = await joined(note);
  await using changed = await joined(note, { rewriteHost: true });
  await fetch(`http://127.0.0.1:${kept.port}/`);
  await fetch(`http://127.0.0.1:${changed.port}/`);
  expect(hosts).toEqual([`127.0.0.1:${kept.port}`, `127.0.0.1:${changed.originPort}`]);
});

test('a kept connection that the origin closed is opened again, without the client noticing', async () => {
  await using all = await joined((req, res) => {
    res.end('ok', () => {
      if (req.url === '/last') req.socket.destroy();
    });
  });
  using client = await RawClient.open(all.port);
  client.write(`GET /last HTTP/1.1\r\n${plainHeaders}\r\n`);
  await client.until('ok');
  client.write(`GET /next HTTP/1.1\r\n${plainHeaders}\r\n`);
  expect(await client.until(/ok[\s\S]*(ok|502)/)).not.toContain('502');
});

test('what is no origin is refused', () => {
  for (const to of ['127.0.0.1:3000', 'http://a/path', 'http://user:word@a', 'ftp://a', 'http://a/?b', '']) {
    expect(() => createRecordingProxy({ to })).toThrow(/to must be an origin/);
  }
  expect(() => createRecordingProxy({ to: 'http://a', ...Object.fromEntries([['rewriteHost', 1]]) })).toThrow(
    'rewriteHost must be true or false, got number',
  );
});

test('a proxy without a target passes on and records nothing', async () => {
  await using origin = await listening(createServer((_, res) => res.end('ok')));
  await using front = await listening(createRecordingProxy({ to: new URL(origin.origin) }));
  expect(await (await fetch(front.origin)).text()).toBe('ok');
});

test('closing the proxy closes its connections to the origin', async () => {
  const closed: Promise<unknown>[] = [];
  await using origin = await listening(createServer((_, res) => res.end('ok')));
  origin.server.on('connection', (socket) => closed.push(once(socket, 'close')));
  const front = await listening(createRecordingProxy({ to: origin.origin }));
  const client = connect(front.port, '127.0.0.1');
  client.write(`GET / HTTP/1.1\r\n${plainHeaders}\r\n`);
  await once(client, 'data');
  await front[Symbol.asyncDispose]();
  await Promise.all(closed);
  expect(closed).toHaveLength(1);
});
