import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { createServer, request, Server } from 'node:http';
import { connect, createServer as createNetServer, type Socket } from 'node:net';
import { text } from 'node:stream/consumers';
import { createRecorder, GardenhoseError, memorySink } from '@gardenhose/core';
import { attach, type ControlEndpoint, controlAddress, openControlEndpoint } from '@gardenhose/http-adapter';
import { afterEach, describe, expect, test } from 'vitest';

const open: AsyncDisposable[] = [];
afterEach(async () => {
  for (const one of open.splice(0)) await one[Symbol.asyncDispose]();
});

const said: unknown[] = [];
async function endpoint(options = {}): Promise<ControlEndpoint> {
  said.length = 0;
  const made = await openControlEndpoint(
    {
      health: () => ({ ok: said.length === 0, status: 'fine' }),
      reads: new Map([['/state', () => ({ said })]]),
      writes: new Map<string, (body: unknown) => unknown>([
        ['/say', (body) => void said.push(body)],
        [
          '/wrong',
          () => {
            throw new GardenhoseError('invalid-option', 'not so');
          },
        ],
        [
          '/broken',
          () => {
            throw new TypeError('a secret');
          },
        ],
      ]),
    },
    options,
  );
  open.push(made);
  return made;
}

interface Asked {
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
}

/** Without what `fetch` would forbid to say. */
async function ask(origin: string, path: string, { method = 'GET', headers = {}, body }: Asked = {}) {
  const asking = request(origin + path, { method, headers: { ...headers }, agent: false });
  asking.end(body);
  const response = await new Promise<import('node:http').IncomingMessage>((answered, failed) =>
    asking.once('response', answered).once('error', failed),
  );
  const content = await text(response);
  return {
    status: response.statusCode,
    headers: response.headers,
    body: content === '' ? null : JSON.parse(content),
  };
}

const bearer = (token: string) => ({ Authorization: `Bearer ${token}` });
const json = { 'Content-Type': 'application/json' };

test('who has the token may read and write; its health is for everybody on the machine', async () => {
  const { origin, token } = await endpoint();
  const headers = bearer(token);
  expect(await ask(origin, '/healthz')).toMatchObject({ status: 200, body: { status: 'fine' } });
  const posted = { method: 'POST', headers: { ...headers, ...json }, body: '{"a":1}' };
  expect(await ask(origin, '/say', posted)).toMatchObject({ status: 200, body: {} });
  expect(await ask(origin, '/say', { method: 'POST', headers })).toMatchObject({ status: 200 });
  expect(await ask(origin, '/state', { headers })).toMatchObject({ body: { said: [{ a: 1 }, null] } });
  expect((await ask(origin, '/healthz')).status).toBe(503);
  const { headers: told } = await ask(origin, '/state', { headers });
  expect(told).toMatchObject({ 'cache-control': 'no-store', connection: 'close' });
  expect(told).not.toHaveProperty('access-control-allow-origin');
});

test('without the token nothing is told but that it is needed', async () => {
  const { origin, token } = await endpoint({ token: 'correct-horse-battery' });
  expect(token).toBe('correct-horse-battery');
  const wrong: Record<string, string>[] = [
    {},
    ...['', 'x', token.slice(0, -1), `${token}x`, token.toUpperCase(), 'x'.repeat(600)].map(bearer),
    { Authorization: token },
    { Authorization: `Basic ${Buffer.from(`:${token}`).toString('base64')}` },
    { 'X-Token': token },
  ];
  for (const headers of wrong) {
    for (const path of ['/state', '/say', '/nothing', `/state?token=${token}`, '//healthz', '/healthz/']) {
      const { status, body } = await ask(origin, path, { method: 'POST', headers });
      expect({ status, body }).toEqual({
        status: 401,
        body: { error: { message: 'the token of this endpoint is needed, as Authorization: Bearer TOKEN' } },
      });
    }
  }
  expect(said).toEqual([]);
});

test('a page in a browser gets nothing, by whatever name it came here', async () => {
  const { origin, token } = await endpoint();
  const { port } = new URL(origin);
  const tricks: Record<string, string>[] = [
    ...['evil.test', `evil.test:${port}`, 'localhost', '127.0.0.1', `127.0.0.2:${port}`].map((Host) => ({
      Host,
    })),
    ...[`localhost:${port}.evil.test`, `evil.localhost:${port}`, `0.0.0.0:${port}`].map((Host) => ({
      Host,
    })),
    ...[origin, 'null', 'http://evil.test'].map((Origin) => ({ Origin })),
    ...['cross-site', 'same-site', 'same-origin'].map((site) => ({ 'Sec-Fetch-Site': site })),
  ];
  for (const trick of tricks) {
    for (const path of ['/healthz', '/state']) {
      const { status } = await ask(origin, path, { headers: { ...bearer(token), ...trick } });
      expect({ trick, status }).toEqual({ trick, status: 403 });
    }
  }
  for (const Host of [`localhost:${port}`, `LOCALHOST:${port}`, `[::1]:${port}`]) {
    expect((await ask(origin, '/state', { headers: { ...bearer(token), Host } })).status).toBe(200);
  }
  const preflight = { method: 'OPTIONS', headers: { Origin: 'http://evil.test' } };
  expect((await ask(origin, '/say', preflight)).status).toBe(403);
});

test('what is asked wrongly is told why, and nothing of what is inside', async () => {
  const { origin, token } = await endpoint();
  const headers = bearer(token);
  const post = (path: string, more: Asked = {}) =>
    ask(origin, path, { method: 'POST', ...more, headers: { ...headers, ...more.headers } });
  expect(await post('/nothing')).toMatchObject({ status: 404 });
  expect(await post('/state')).toMatchObject({ status: 405 });
  expect(await ask(origin, '/say', { headers })).toMatchObject({ status: 405 });
  expect(await post('/wrong')).toMatchObject({ status: 400, body: { error: { message: 'not so' } } });
  expect(await post('/broken')).toMatchObject({ status: 500, body: { error: { message: 'TypeError' } } });
  for (const more of [
    { body: '{"a":1}' },
    { body: '{"a":1}', headers: { 'Content-Type': 'text/plain' } },
    { body: '{"a":', headers: json },
    { body: `"${'x'.repeat(70_000)}"`, headers: json },
  ]) {
    expect(await post('/say', more)).toMatchObject({ status: 400 });
  }
  expect(said).toEqual([]);
});

test.each([
  ...['0.0.0.0:0', '[::]:0', '10.0.0.1:0', '128.0.0.1:0', 'example.test:0', 'localhost.evil.test:0'],
  ...['127.0.0.1', ':0', '127.0.0.1:99999', '127.0.0.1.evil.test:0', '[::ffff:10.0.0.1]:0', '127.0.0:0'],
])('does not listen on %s', async (listen) => {
  await expect(endpoint({ listen })).rejects.toMatchObject({ code: 'invalid-option' });
});

test.each([
  '',
  'short',
  'with a space in it',
  'ünïcödé-is-no-token',
  'x'.repeat(513),
  'line\r\nbreak-line-break',
])('%j is no token', async (token) => {
  await expect(endpoint({ token })).rejects.toMatchObject({ code: 'invalid-option' });
});

test('localhost is its address, whatever the name leads to', () => {
  expect(controlAddress('localhost:80')).toEqual({ host: '127.0.0.1', port: 80 });
  expect(controlAddress('[::1]:0')).toEqual({ host: '::1', port: 0 });
});

test('an address that is taken is told as such', async () => {
  const { origin } = await endpoint();
  const taken = endpoint({ listen: origin.slice('http://'.length) });
  await expect(taken).rejects.toMatchObject({ code: 'io', message: expect.stringContaining('EADDRINUSE') });
});

test('who holds connections open holds up nobody for long, and close() waits for none of them', async () => {
  const { origin, close } = await endpoint();
  const { port } = new URL(origin);
  const idle: Socket[] = [];
  const ended = Array.from({ length: 40 }, () => {
    const socket = connect(Number(port), '127.0.0.1');
    socket.on('error', () => undefined);
    idle.push(socket);
    return new Promise((done) => socket.once('close', done));
  });
  // Those beyond the limit are not kept.
  await Promise.race(ended);
  await close();
  await Promise.all(ended);
  expect(idle.every(({ destroyed }) => destroyed)).toBe(true);
});

test('a connection that cannot be accepted does not end the process', async () => {
  const { origin } = await endpoint();
  const servers: Server[] = [];
  const hear = (message: unknown): void => {
    if (typeof message === 'object' && message !== null && 'server' in message) {
      if (message.server instanceof Server) servers.push(message.server);
    }
  };
  subscribe('http.server.request.start', hear);
  await ask(origin, '/healthz');
  unsubscribe('http.server.request.start', hear);
  expect(servers).toHaveLength(1);
  // As Node tells of it when there are no file descriptors left.
  for (const server of servers) server.emit('error', new Error('accept EMFILE'));
  expect(await ask(origin, '/healthz')).toMatchObject({ status: 200 });
});

describe('beside taps', () => {
  test('what controls a recording is not part of it', async () => {
    const sink = memorySink();
    const recorder = createRecorder({ service: 's', sink, mask: { version: 1 } });
    const detach = attach(recorder);
    const { origin, token } = await endpoint();
    await ask(origin, '/state', { headers: bearer(token) });
    const server = createServer((_, response) => response.end('ok'));
    await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
    const address = server.address();
    const port = typeof address === 'object' && address !== null ? address.port : 0;
    const asked = request({ port, host: '127.0.0.1', path: '/served', agent: false }).end();
    await new Promise((done) => asked.once('response', (response) => response.resume().once('end', done)));
    detach();
    server.close();
    await recorder.close();
    expect(sink.events.flatMap((event) => (event.type === 'start' ? event.target : []))).toEqual(['/served']);
  });
});

test('a server that is no control endpoint is not taken for one', async () => {
  const { isControlServer } = await import('../src/control-endpoint.ts');
  expect([createNetServer(), createServer(), null, undefined, 1].map(isControlServer)).not.toContain(true);
});
