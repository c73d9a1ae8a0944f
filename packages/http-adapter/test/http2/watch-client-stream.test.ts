import { once } from 'node:events';
import {
  type ClientHttp2Session,
  connect,
  constants,
  createSecureServer,
  createServer,
  type ServerHttp2Stream,
} from 'node:http2';
import { text } from 'node:stream/consumers';
import { Agent, request } from 'undici7';
import { expect, test } from 'vitest';
import { tapClients } from '../../src/tap-client.ts';
import { certificate } from '../support/certificate.ts';
import { ask, type ClientView, listeningHttp2, seen } from '../support/http2-scene.ts';
import { MemoryTarget } from '../support/memory-target.ts';

/** Runs the same requests without and with the tap; the client must see the same. Gives what was recorded. */
async function alike(
  serve: (stream: ServerHttp2Stream, path: string) => void,
  drive: (client: ClientHttp2Session) => Promise<unknown>,
  over = 1,
): Promise<MemoryTarget> {
  const views: unknown[] = [];
  const target = new MemoryTarget();
  for (const taps of [false, true]) {
    const app = createServer();
    app.on('stream', (stream, headers) => {
      stream.on('error', () => undefined);
      serve(stream, String(headers[':path']));
    });
    await using at = await listeningHttp2(app);
    const detach = taps ? tapClients(target) : undefined;
    const client = connect(at.origin);
    client.on('error', () => undefined);
    views.push(await drive(client));
    if (taps) await target.ended(over);
    detach?.();
    client.destroy();
  }
  expect(views[1]).toEqual(views[0]);
  expect(target.failures).toEqual([]);
  return target;
}

/** The events of an exchange behind its start; what no two runs share is left out. */
function rest(target: MemoryTarget, exchange = 1): unknown[] {
  return target
    .of(exchange)
    .slice(1)
    .map(({ exchange: _, ...event }) =>
      'headers' in event
        ? {
            ...event,
            headers: event.headers.map((part, i) => (event.headers[i - 1] === 'date' ? '(now)' : part)),
          }
        : event,
    );
}

const dated = ['date', '(now)'];
const requestEnd = { type: 'end', side: 'request', complete: true };
const responseEnd = { type: 'end', side: 'response', complete: true };
const head = (status: number, headers: readonly string[]) => ({
  type: 'headers',
  status,
  reason: '',
  version: '2',
  headers,
});
const chunk = (side: string, data: string) => ({ type: 'chunk', side, data: Buffer.from(data) });

test('a request that this process makes: head, body, trailers of both sides, informational heads', async () => {
  const target = await alike(
    (stream) => {
      stream.additionalHeaders({ ':status': 103, link: '</a.css>; rel=preload' });
      stream.respond({ ':status': 201, 'x-b': ['1', '2'], 'x-a': '3' }, { waitForTrailers: true });
      stream.on('wantTrailers', () => stream.sendTrailers({ 'x-sum': '9' }));
      stream.pipe(stream);
    },
    (client) => {
      const stream = client.request(
        { ':path': '/a?b=1', ':method': 'POST', 'X-One': '1', 'x-two': ['2', '3'] },
        { waitForTrailers: true },
      );
      stream.on('wantTrailers', () => stream.sendTrailers({ 'x-t': '1' }));
      stream.write('he');
      stream.end('llo');
      return seen(stream);
    },
  );
  expect(target.starts).toMatchObject([
    {
      direction: 'outbound',
      protocol: 'http',
      method: 'POST',
      target: '/a?b=1',
      version: '2',
      scheme: 'http',
      authority: expect.stringMatching(/^127\.0\.0\.1:\d+$/),
      peer: expect.stringMatching(/^127\.0\.0\.1:\d+$/),
      headers: ['x-one', '1', 'x-two', '2', 'x-two', '3'],
    },
  ]);
  expect(target.body(1, 'request').toString()).toBe('hello');
  expect(target.body(1, 'response').toString()).toBe('hello');
  const other = rest(target).filter((event) => !Object.is(Reflect.get(Object(event), 'type'), 'chunk'));
  expect(other).toEqual(
    expect.arrayContaining([
      { type: 'trailers', side: 'request', headers: ['x-t', '1'] },
      requestEnd,
      head(103, ['link', '</a.css>; rel=preload']),
      head(201, ['x-b', '1', 'x-b', '2', 'x-a', '3', ...dated]),
      { type: 'trailers', side: 'response', headers: ['x-sum', '9'] },
      responseEnd,
    ]),
  );
  expect(other).toHaveLength(6);
});

test('requests without a body, on a connection that is being made and on one that is there', async () => {
  const target = await alike(
    (stream, path) => {
      stream.respond();
      stream.end(path);
    },
    async (client) => {
      const first = ask(client, { ':path': '/1' });
      return [
        await first,
        await ask(client, { ':path': '/2' }),
        await ask(client, { ':path': '/3', ':method': 'HEAD' }),
      ];
    },
    3,
  );
  expect(target.starts.map(({ method, target: path, lane }) => [method, path, lane])).toEqual(
    ['GET /1', 'GET /2', 'HEAD /3'].map((line) => [...line.split(' '), target.starts[0]?.lane]),
  );
  expect(rest(target, 1)).toEqual([requestEnd, head(200, dated), chunk('response', '/1'), responseEnd]);
  expect(rest(target, 3)).toEqual([requestEnd, head(200, dated), responseEnd]);
});

test('bytes of an answer that nobody reads at once come behind its head', async () => {
  const large = 'abcdefghij'.repeat(50_000);
  const target = await alike(
    (stream) => {
      stream.respond();
      stream.end(large);
    },
    async (client) => {
      const stream = client.request({ ':path': '/' });
      await once(stream, 'response');
      await new Promise((resolve) => setImmediate(resolve));
      return (await text(stream)).length;
    },
  );
  const [, first, second] = rest(target);
  expect([first, second]).toMatchObject([{ type: 'headers' }, { type: 'chunk' }]);
  expect(target.body(1, 'response').toString()).toBe(large);
});

for (const [name, serve, abort] of [
  [
    'a server that resets',
    (stream: ServerHttp2Stream) => stream.close(constants.NGHTTP2_REFUSED_STREAM),
    { by: 'server', code: 'RST_STREAM 7' },
  ],
  [
    'a server that closes the connection',
    (stream: ServerHttp2Stream) => stream.session?.socket.destroySoon(),
    { by: 'server', code: 'closed' },
  ],
] as const) {
  test(`${name} is told as such`, async () => {
    const target = await alike(serve, async (client) => {
      const { body, ended } = await seen(client.request({ ':path': '/' }));
      return { body, ended };
    });
    expect(rest(target).at(-1)).toMatchObject({ type: 'abort', by: abort.by });
    if (abort.code !== 'closed') expect(rest(target).at(-1)).toMatchObject(abort);
  });
}

test('what this process breaks off is told as such: by a code, by a signal', async () => {
  const target = await alike(
    (stream) => {
      stream.respond();
      stream.write('some');
    },
    async (client) => {
      const views: ClientView[] = [];
      const closed = client.request({ ':path': '/' });
      closed.once('data', () => closed.close(constants.NGHTTP2_CANCEL));
      views.push(await seen(closed));
      const control = new AbortController();
      const aborted = client.request({ ':path': '/' }, { signal: control.signal });
      aborted.once('data', () => control.abort());
      views.push(await seen(aborted));
      return views.map(({ body, rstCode }) => [body, rstCode]);
    },
    2,
  );
  expect(rest(target, 1).at(-1)).toEqual({ type: 'abort', by: 'client', code: 'RST_STREAM 8' });
  expect(rest(target, 2).at(-1)).toEqual({ type: 'abort', by: 'client', code: 'ABORT_ERR' });
});

test('a connection that is refused is recorded, with how long it took', async () => {
  const target = new MemoryTarget();
  const detach = tapClients(target);
  const client = connect('http://127.0.0.1:9');
  client.on('error', () => undefined);
  const view = await seen(client.request({ ':path': '/gone' }));
  await target.ended(1);
  detach();
  expect(view.head).toEqual([]);
  expect(target.starts).toMatchObject([{ target: '/gone', authority: '127.0.0.1:9' }]);
  expect(rest(target)).toMatchObject([
    { type: 'mark', name: 'waited-ms' },
    { type: 'abort', by: 'server', code: 'ECONNREFUSED' },
  ]);
});

test('calls of gRPC and tunnels are left alone', async () => {
  const target = new MemoryTarget();
  const app = createServer();
  app.on('stream', (stream) => {
    stream.respond();
    stream.end();
  });
  await using at = await listeningHttp2(app);
  const detach = tapClients(target);
  const client = connect(at.origin);
  await ask(client, { ':path': '/a.B/C', ':method': 'POST', 'content-type': 'application/grpc+proto' }, '');
  await ask(client, { ':method': 'CONNECT', ':authority': 'a:1' });
  await ask(client, { ':path': '/web', ':method': 'POST', 'content-type': 'application/grpc-web' }, '');
  await target.ended(1);
  client.destroy();
  detach();
  expect(target.starts.map((start) => start.target)).toEqual(['/web']);
});

test('a request of undici over HTTP/2 is recorded once', async () => {
  const target = new MemoryTarget();
  await using at = await listeningHttp2(createSecureServer(certificate, (_, res) => void res.end('ok')));
  const detach = tapClients(target);
  const agent = new Agent({ allowH2: true, connect: { ca: certificate.cert } });
  const answer = await request(`https://localhost:${at.port}/a`, { dispatcher: agent });
  expect(await answer.body.text()).toBe('ok');
  await target.ended(1);
  await agent.destroy();
  detach();
  expect(target.starts).toMatchObject([{ target: '/a', version: '2' }]);
});

test('the class of connections is as it was when the last tap is undone', async () => {
  const app = createServer((_, res) => void res.end());
  await using at = await listeningHttp2(app);
  const client = connect(at.origin);
  const { request: before } = client;
  const [one, two] = [tapClients(new MemoryTarget()), tapClients(new MemoryTarget())];
  expect(client.request).not.toBe(before);
  one();
  one();
  expect(client.request).not.toBe(before);
  two();
  expect(client.request).toBe(before);
  client.destroy();
});

test('a target that is tapped twice, or again below what another put on connections, is told of each request once', async () => {
  const app = createServer();
  app.on('stream', (stream) => stream.respond({}, { endStream: true }));
  await using at = await listeningHttp2(app);
  const client = connect(at.origin);
  const prototype: ClientHttp2Session = Object.getPrototypeOf(client);
  const node = prototype.request;
  const first = tapClients(new MemoryTarget());
  const ours = prototype.request;
  prototype.request = function (...args) {
    return ours.apply(this, args);
  };
  first();
  const target = new MemoryTarget();
  const taps = [tapClients(target), tapClients(target)];
  const asked = client.request();
  asked.resume();
  await once(asked, 'close');
  for (const detach of taps) detach();
  prototype.request = node;
  client.close();
  expect(target.events.filter(({ type }) => type === 'start')).toHaveLength(1);
});
