import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { createServer, ServerResponse } from 'node:http';
import { createServer as createSecureServer } from 'node:https';
import { connect as connectTls } from 'node:tls';
import { createRecorder, type Exchange, memorySink } from '@gardenhose/core';
import { assembleAll } from '@gardenhose/core/testing';
import { expect, test } from 'vitest';
import type { WebSocket } from 'ws';
import { attach } from '../../src/attach.ts';
import { markExchange } from '../../src/tap-exchange.ts';
import { tapServer } from '../../src/tap-server.ts';
import { closeFrame, frame, masked, packed } from '../support/frames.ts';
import { MemoryTarget } from '../support/memory-target.ts';
import { listening, RawClient } from '../support/servers.ts';
import { closed, connected, handshake, socketService, told } from '../support/web-sockets.ts';

test('a WebSocket is one exchange, from its handshake to the close frames of both', async () => {
  const target = new MemoryTarget();
  await using service = await socketService();
  const detach = tapServer(service.server, target);
  const socket = await connected(service.port, '/chat?room=1', { headers: { 'X-Own': 'a' } });
  for (const message of ['hello', Buffer.from([1, 2, 255])]) {
    socket.send(message);
    await told(socket);
  }
  socket.ping('are you there');
  await once(socket, 'pong');
  await closed(socket, 4001, 'bye');
  await target.ended(1);
  detach();
  const [start, head, ...rest] = target.of(1);
  expect(start).toMatchObject({
    type: 'start',
    protocol: 'websocket',
    direction: 'inbound',
    method: 'GET',
    target: '/chat?room=1',
    version: '1.1',
    headers: expect.arrayContaining(['X-Own', 'Upgrade', 'websocket', 'Sec-WebSocket-Version', '13']),
  });
  expect(head).toMatchObject({
    type: 'headers',
    status: 101,
    reason: 'Switching Protocols',
    headers: expect.arrayContaining(['Upgrade', 'websocket', 'Sec-WebSocket-Accept']),
  });
  const bye = '\x0f\xa1bye';
  expect(target.messages(1, 'request')).toEqual([
    [1, 'hello'],
    [2, '\x01\x02\xff'],
    [9, 'are you there'],
    [8, bye],
  ]);
  expect(target.messages(1, 'response')).toEqual([
    [1, 'hello'],
    [2, '\x01\x02\xff'],
    [10, 'are you there'],
    [8, bye],
  ]);
  expect(rest.filter(({ type }) => type !== 'message')).toEqual([
    { type: 'end', exchange: 1, side: 'request', complete: true },
    { type: 'end', exchange: 1, side: 'response', complete: true },
  ]);
  expect(target.failures).toEqual([]);
});

test('attach() records the WebSockets of every server, also of those that it has not seen a request of', async () => {
  const target = new MemoryTarget();
  await using one = await socketService();
  await using other = await socketService();
  const detach = attach(target);
  for (const { port } of [one, other]) {
    const socket = await connected(port);
    await closed(socket);
  }
  await target.ended(2);
  detach();
  const socket = await connected(one.port);
  await closed(socket);
  expect(target.starts).toHaveLength(2);
});

test('each target records a WebSocket once, however often it is tapped', async () => {
  const [one, two] = [new MemoryTarget(), new MemoryTarget()];
  await using service = await socketService();
  const detaches = [tapServer(service.server, one), attach(two), attach(one)];
  const socket = await connected(service.port);
  socket.send('a');
  await told(socket);
  await closed(socket);
  await Promise.all([one.ended(1), two.ended(1)]);
  for (const detach of detaches) detach();
  expect(one.events).toEqual(two.events);
  expect(one.starts).toHaveLength(1);
});

test('a WebSocket that was open at detach() is recorded to its end', async () => {
  const target = new MemoryTarget();
  await using service = await socketService();
  const detach = tapServer(service.server, target);
  const socket = await connected(service.port);
  detach();
  socket.send('late');
  await told(socket);
  await closed(socket);
  await target.ended(1);
  expect(target.messages(1, 'response')).toContainEqual([1, 'late']);
});

test.runIf('WebSocket' in globalThis)('the client that is built into Node is recorded', async () => {
  const target = new MemoryTarget();
  await using service = await socketService();
  const detach = tapServer(service.server, target);
  const Client: unknown = Reflect.get(globalThis, 'WebSocket');
  if (typeof Client !== 'function') throw new Error('there is no client');
  const client: WebSocket = Reflect.construct(Client, [`ws://127.0.0.1:${service.port}/built-in`]);
  await new Promise((resolve) => client.addEventListener('open', resolve));
  const answered = new Promise((resolve) => client.addEventListener('message', resolve));
  client.send('from Node');
  await answered;
  client.close(1000, 'done');
  await target.ended(1);
  detach();
  expect(target.messages(1, 'request')[0]).toEqual([1, 'from Node']);
  expect(target.messages(1, 'response')[0]).toEqual([1, 'from Node']);
});

test('bytes, their order and the events of the socket are the same with and without the tap', async () => {
  const client = [
    masked('one'),
    masked('fragmen', { final: false }),
    masked('ping', { opcode: 9 }),
    masked('ted', { opcode: 0 }),
    closeFrame(1000, 'end', { mask: Buffer.from([1, 2, 3, 4]) }),
  ];
  const run = async (target?: MemoryTarget): Promise<unknown> => {
    const seen: unknown[] = [];
    const bytes: Buffer[] = [];
    await using at = await listening(createServer());
    at.server.on('upgrade', (_, socket, head) => {
      seen.push(head.toString('latin1'), socket.listenerCount('close'), socket.listenerCount('data'));
      socket.on('data', (came: Buffer) => {
        bytes.push(Buffer.from(came));
        // As libraries do: in place.
        came.fill(0);
      });
      socket.on('end', () => socket.end(closeFrame(1000)));
      socket.cork();
      seen.push(socket.write('HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n', 'latin1'));
      seen.push(socket.write(Buffer.from('Connection: Upgrade\r\n\r\n')));
      seen.push(socket.write(frame('from the server')));
      process.nextTick(() => socket.uncork());
    });
    const detach = target === undefined ? undefined : attach(target);
    using raw = await RawClient.open(at.port);
    raw.socket.write(Buffer.concat([Buffer.from(handshake()), masked('early')]));
    await raw.until('from the server');
    raw.socket.end(Buffer.concat(client));
    await raw.untilClosed();
    detach?.();
    return { text: raw.text, bytes: Buffer.concat(bytes).toString('latin1'), seen };
  };
  const target = new MemoryTarget();
  const without = await run();
  expect(await run(target)).toEqual(without);
  expect(target.messages(1, 'request')).toEqual([
    [1, 'early'],
    [1, 'one'],
    [9, 'ping'],
    [1, 'fragmented'],
    [8, '\x03\xe8end'],
  ]);
  expect(target.messages(1, 'response')).toEqual([
    [1, 'from the server'],
    [8, '\x03\xe8'],
  ]);
  expect(target.failures).toEqual([]);
});

test('a server without a listener of upgrades answers as before, and that is an HTTP exchange', async () => {
  const target = new MemoryTarget();
  await using at = await listening(createServer((_, res) => res.end('no upgrade')));
  const detach = attach(target);
  using client = await RawClient.open(at.port);
  client.write(handshake());
  await client.until('no upgrade');
  await target.ended(1);
  detach();
  expect(target.starts[0]?.protocol).toBe('http');
  expect(target.last(1, 'headers')?.status).toBe(200);
});

test.each<[name: string, answer: string, status: number, body: string]>([
  ['counted', 'HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\nno', 403, 'no'],
  ['up to the end', 'HTTP/1.1 401 Unauthorized\r\nConnection: close\r\n\r\nwho are you', 401, 'who are you'],
  [
    'chunked',
    'HTTP/1.1 426 Upgrade Required\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n',
    426,
    'abc',
  ],
])(
  'a handshake that is refused is an exchange with that answer: a body %s',
  async (_, answer, status, body) => {
    const target = new MemoryTarget();
    await using at = await listening(createServer());
    at.server.on('upgrade', (_req, socket) => {
      // In two pieces, as a slow network would have it.
      socket.write(answer.slice(0, 20));
      socket.end(answer.slice(20));
    });
    const detach = tapServer(at.server, target);
    using client = await RawClient.open(at.port);
    client.write(handshake());
    await client.untilClosed();
    await target.ended(1);
    detach();
    expect(target.last(1, 'headers')).toMatchObject({ status });
    expect(target.body(1, 'response').toString()).toBe(body);
    expect(target.of(1).map(({ type }) => type)).toEqual(['start', 'headers', 'end', 'chunk', 'end']);
  },
);

test('a handshake that a framework refuses with a response of its own is recorded the same way', async () => {
  const target = new MemoryTarget();
  await using at = await listening(createServer());
  at.server.on('upgrade', (req, socket) => {
    const res = new ServerResponse(req);
    res.assignSocket(req.socket);
    res.on('finish', () => socket.end());
    res.writeHead(401, { 'X-Own-Case': 'a' });
    res.end('go away');
  });
  const detach = tapServer(at.server, target);
  using client = await RawClient.open(at.port);
  client.write(handshake());
  await client.untilClosed();
  await target.ended(1);
  detach();
  expect(target.last(1, 'headers')).toMatchObject({
    status: 401,
    headers: expect.arrayContaining(['X-Own-Case']),
  });
  expect(target.body(1, 'response').toString()).toBe('go away');
});

test('an answer that switches to something else is left alone from there on', async () => {
  const target = new MemoryTarget();
  await using at = await listening(createServer());
  at.server.on('upgrade', (_, socket, head) => {
    socket.write('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n');
    socket.write(head);
    socket.pipe(socket);
  });
  const detach = tapServer(at.server, target);
  using client = await RawClient.open(at.port);
  client.write(`${handshake()}first`);
  await client.until('first');
  await target.ended(1);
  detach();
  expect(target.of(1)).toEqual([
    expect.objectContaining({ type: 'start' }),
    { type: 'abort', exchange: 1, by: 'recorder', code: 'other-protocol' },
  ]);
  expect(target.failures).toEqual([]);
});

test.each<[who: string, act: (server: WebSocket, client: WebSocket) => void, by: string, code: RegExp]>([
  ['the client resets', (_, client) => client.terminate(), 'client', /^(closed|ECONNRESET)$/],
  ['the server breaks off', (server) => server.terminate(), 'server', /^destroyed$/],
])('a connection that ends without a close frame was broken off: %s', async (_who, act, by, code) => {
  const target = new MemoryTarget();
  const served: WebSocket[] = [];
  await using service = await socketService((socket) => {
    socket.on('error', () => undefined);
    served.push(socket);
    socket.on('message', (data) => socket.send(data));
  });
  const detach = tapServer(service.server, target);
  const client = await connected(service.port);
  client.on('error', () => undefined);
  client.send('a');
  await told(client);
  const [server] = served;
  if (server === undefined) throw new Error('nothing was served');
  act(server, client);
  await target.ended(1);
  detach();
  expect(target.last(1, 'abort')).toMatchObject({ by, code: expect.stringMatching(code) });
});

test('a client that goes when it was told to close has broken off', async () => {
  const target = new MemoryTarget();
  await using service = await socketService((socket) => socket.close(1001, 'later'));
  const detach = tapServer(service.server, target);
  using client = await RawClient.open(service.port);
  client.write(handshake());
  await client.until('later');
  client.socket.end();
  await target.ended(1);
  detach();
  expect(target.messages(1, 'response')).toEqual([[8, '\x03\xe9later']]);
  expect(target.of(1).slice(-2)).toMatchObject([
    { type: 'end', side: 'response' },
    { type: 'abort', by: 'client' },
  ]);
});

test('bytes that are no frames end the reading of their side, with a mark, and the service sees them', async () => {
  const target = new MemoryTarget();
  const errors: string[] = [];
  await using service = await socketService((socket) => {
    socket.on('error', (error) => errors.push(error.message));
  });
  const detach = tapServer(service.server, target);
  using client = await RawClient.open(service.port);
  client.write(handshake());
  await client.until('\r\n\r\n');
  client.socket.write(Buffer.concat([masked('good'), masked('bad', { opcode: 5 }), masked('unread')]));
  await client.untilClosed();
  await target.ended(1);
  detach();
  expect(errors).toEqual(['Invalid WebSocket frame: invalid opcode 5']);
  expect(target.messages(1, 'request')).toEqual([[1, 'good']]);
  expect(target.last(1, 'mark')).toEqual({
    type: 'mark',
    exchange: 1,
    name: 'websocket-fault',
    value: 'request: a frame has the opcode 5, which has no meaning',
  });
  // What the server says of it is still read.
  expect(target.messages(1, 'response')).toEqual([[8, '\x03\xea']]);
  expect(target.failures).toEqual([]);
});

test('marks can be put on a WebSocket by the request that asked for it', async () => {
  const target = new MemoryTarget();
  await using service = await socketService();
  const detach = tapServer(service.server, target);
  let late = (): boolean => false;
  service.sockets.on('connection', (_, req) => {
    expect(markExchange(req, 'tenant', 'a')).toBe(true);
    late = () => markExchange(req, 'too', 'late');
  });
  const socket = await connected(service.port);
  await closed(socket);
  await target.ended(1);
  detach();
  expect(late()).toBe(false);
  expect(target.last(1, 'mark')).toMatchObject({ name: 'tenant', value: 'a' });
});

test('what a replay sent is not recorded, unless asked for', async () => {
  const [without, withShadow] = [new MemoryTarget(), new MemoryTarget()];
  await using service = await socketService();
  const detaches = [
    tapServer(service.server, without),
    tapServer(service.server, withShadow, { recordShadow: true }),
  ];
  const socket = await connected(service.port, '/', { headers: { 'x-shadow-traffic': 'true' } });
  await closed(socket);
  await withShadow.ended(1);
  for (const detach of detaches) detach();
  expect(without.events).toEqual([]);
});

test('a target that fails takes the tap out, and the connection goes on', async () => {
  const target = new MemoryTarget();
  const failing = {
    begin: (...args: Parameters<MemoryTarget['begin']>) => {
      const tap = target.begin(...args);
      return (
        tap && {
          ...tap,
          message: () => {
            throw new Error('out of order');
          },
        }
      );
    },
    tapFailed: (error: unknown) => target.tapFailed(error),
  };
  await using service = await socketService();
  const detach = tapServer(service.server, failing);
  const socket = await connected(service.port);
  for (const text of ['a', 'b']) {
    socket.send(text);
    expect(await told(socket)).toBe(text);
  }
  await closed(socket);
  detach();
  expect(target.failures).toHaveLength(1);
  expect(target.last(1, 'abort')).toMatchObject({ by: 'recorder', code: 'tap-failed' });
});

test('over TLS it is the same', async () => {
  const { certificate } = await import('../support/certificate.ts');
  const target = new MemoryTarget();
  await using at = await listening(createSecureServer(certificate));
  at.server.on('upgrade', (_, socket) => {
    socket.write('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n');
    socket.once('data', () => socket.end(closeFrame(1000)));
  });
  const detach = attach(target);
  const client = connectTls({ port: at.port, host: '127.0.0.1', rejectUnauthorized: false });
  await once(client, 'secureConnect');
  client.write(handshake());
  await once(client, 'data');
  client.write(closeFrame(1000, '', { mask: Buffer.from([9, 9, 9, 9]) }));
  client.resume();
  await target.ended(1);
  client.destroy();
  detach();
  expect(target.starts[0]).toMatchObject({ scheme: 'https', protocol: 'websocket' });
  expect(target.messages(1, 'response')).toEqual([[8, '\x03\xe8']]);
});

/** Records what a service and its client say, as it stands in a capture whose policy masks nothing. */
async function recorded(
  serve: Parameters<typeof socketService>,
  act: (port: number) => Promise<void>,
  options: { readonly maxBodyBytes?: number; readonly onBodyLimit?: 'drop' | 'truncate' } = {},
): Promise<Exchange | undefined> {
  const sink = memorySink();
  const recorder = createRecorder({
    service: 'chat',
    sink,
    pipeline: 'inline',
    mask: { version: 1, extends: 'none' },
    ...options,
  });
  await using service = await socketService(...serve);
  const detach = tapServer(service.server, recorder);
  await act(service.port);
  detach();
  await expect.poll(() => recorder.stats().underWay).toBe(0);
  const stats = await recorder.close();
  expect(stats.tapFailures).toBe(0);
  const [exchange] = assembleAll(sink.events);
  return exchange;
}

const texts = (exchange: Exchange | undefined, side: 'request' | 'response'): string[] =>
  exchange?.[side]?.messages.map(({ data }) => Buffer.from(data).toString()) ?? [];

test.each([
  ['each message by itself', { serverNoContextTakeover: true, clientNoContextTakeover: true }],
  ['messages that go on from those before them', {}],
  ['small windows', { serverMaxWindowBits: 9, clientMaxWindowBits: 9 }],
])('compressed messages are recorded as they were: %s', async (_, deflate) => {
  const said = Array.from(
    { length: 30 },
    (_each, i) => `message ${i % 3} ${'says the same '.repeat(i * 20)}`,
  );
  const exchange = await recorded(
    [undefined, { perMessageDeflate: { ...deflate, threshold: 0 } }],
    async (port) => {
      const socket = await connected(port, '/', { perMessageDeflate: { threshold: 0 } });
      expect(socket.extensions).toMatch('permessage-deflate');
      for (const text of said) {
        socket.send(text);
        expect(await told(socket)).toBe(text);
      }
      await closed(socket);
    },
  );
  expect(texts(exchange, 'request').slice(0, -1)).toEqual(said);
  expect(texts(exchange, 'response').slice(0, -1)).toEqual(said);
  expect(exchange?.marks).toEqual([]);
});

test('a long compressed message of random and repeated bytes, in fragments, is recorded as it was', async () => {
  const noise = randomBytes(40_000).toString('base64');
  const said = [noise, noise.slice(5_000) + noise.slice(0, 9_000), 'end'];
  const exchange = await recorded([undefined, { perMessageDeflate: { threshold: 0 } }], async (port) => {
    const socket = await connected(port, '/', { perMessageDeflate: { threshold: 0 } });
    for (const text of said) {
      socket.send(text.slice(0, 100), { fin: false });
      socket.send(text.slice(100), { fin: true });
      expect(await told(socket)).toBe(text);
    }
    await closed(socket);
  });
  expect(texts(exchange, 'request').slice(0, -1)).toEqual(said);
  expect(texts(exchange, 'response').slice(0, -1)).toEqual(said);
});

test('what inflates beyond the limit is not kept, and said so; what goes on from it neither', async () => {
  const bomb = packed(Buffer.alloc(5 * 1024 * 1024));
  const deflate = { perMessageDeflate: { threshold: 0 }, maxPayload: 10 * 1024 * 1024 };
  const exchange = await recorded([() => undefined, deflate], async (port) => {
    using client = await RawClient.open(port);
    client.write(handshake(['Sec-WebSocket-Extensions: permessage-deflate']));
    await client.until('\r\n\r\n');
    client.socket.write(
      Buffer.concat([
        masked(packed('before'), { reserved: 4 }),
        masked(bomb, { reserved: 4 }),
        masked(packed('after'), { reserved: 4 }),
        masked('plain'),
        closeFrame(1000, '', { mask: Buffer.alloc(4) }),
      ]),
    );
    await client.untilClosed();
  });
  expect(
    exchange?.request.messages.map(({ state, data }) => [state, Buffer.from(data).toString('latin1')]),
  ).toEqual([
    ['kept', 'before'],
    ['dropped:undecoded', ''],
    ['dropped:undecoded', ''],
    ['kept', 'plain'],
    ['kept', '\x03\xe8'],
  ]);
  expect(exchange?.marks.map(({ name }) => name)).toEqual(['undecoded', 'undecoded']);
});

test.each<['drop' | 'truncate', string, string]>([
  ['drop', 'dropped:body-limit', ''],
  ['truncate', 'truncated', 'aaaaa'],
])(
  'messages over maxBodyBytes are cut as configured, by %s, and keep their size',
  async (onBodyLimit, state, text) => {
    const act = async (port: number): Promise<void> => {
      const socket = await connected(port, '/', { perMessageDeflate: false });
      for (const text of ['a'.repeat(100_000), 'short']) {
        socket.send(text);
        await told(socket);
      }
      await closed(socket);
    };
    const exchange = await recorded([], act, { maxBodyBytes: 5, onBodyLimit });
    for (const side of [exchange?.request, exchange?.response]) {
      expect(
        side?.messages.map((one) => [one.size, one.state, Buffer.from(one.data).toString('latin1')]),
      ).toEqual([
        [100_000, state, text],
        [5, 'kept', 'short'],
        [2, 'kept', '\x03\xe8'],
      ]);
    }
  },
);

test('frames are read no longer than they are recorded, as where a recording is killed', async () => {
  const target = new MemoryTarget();
  let over = false;
  const begin: typeof target.begin = (start) => {
    const tap = target.begin(start);
    return tap && Object.defineProperty(tap, 'over', { get: () => over });
  };
  await using service = await socketService();
  const detach = tapServer(service.server, { begin, tapFailed: (error) => target.tapFailed(error) });
  const socket = await connected(service.port);
  const say = async (message: string) => {
    socket.send(message);
    return told(socket);
  };
  expect(await say('recorded')).toBe('recorded');
  over = true;
  expect(await say('not any more')).toBe('not any more');
  // It has let go of the connection, for good.
  over = false;
  expect(await say('nor this')).toBe('nor this');
  await closed(socket);
  detach();
  expect(target.messages(1, 'request')).toEqual([[1, 'recorded']]);
  expect(target.failures).toEqual([]);
});
