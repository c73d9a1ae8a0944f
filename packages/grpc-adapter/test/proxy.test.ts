import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { createServer as createHttpServer } from 'node:http';
import { createServer as createHttp2Server, type ServerHttp2Stream } from 'node:http2';
import { connect, createServer as createTcpServer } from 'node:net';
import { buffer } from 'node:stream/consumers';
import { gzipSync } from 'node:zlib';
import * as grpc from '@grpc/grpc-js';
import { expect, test, vi } from 'vitest';
import { certificate } from '../../http-adapter/test/support/certificate.ts';
import { createRecordingProxy, type RecordingProxy, type RecordingProxyOptions } from '../src/proxy.ts';
import {
  callHead,
  converse,
  flags,
  frame,
  frameServer,
  framesIn,
  frameType,
  headerBlock,
  isOver,
  preface,
  reset as resetFrame,
} from './support/frames.ts';
import { chat, framed, rawCall, seen, unarySeen, withResolver } from './support/hard-case.ts';
import { type OddServer, type OnStream, oddServer } from './support/odd-server.ts';
import { closed, listening, portOf, proxied, seenThroughProxy } from './support/proxied.ts';
import { type Recording, recording, unaryCall } from './support/recording.ts';
import { definition } from './support/service.ts';

type Duplex = grpc.ServerDuplexStream<Buffer, Buffer>;
type Unary = grpc.ServerUnaryCall<Buffer, Buffer>;

/** A port at which nothing listens. */
async function sparePort(): Promise<number> {
  const server = createTcpServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  return address !== null && typeof address === 'object' ? address.port : 0;
}

// Most of what a proxy must do is told by the hard cases: each runs through one as well.

test('a call passes and is recorded as at the server itself', async () => {
  const { lines } = await seenThroughProxy({}, ({ client }) => unarySeen(client, 'hello'));
  expect(lines).toEqual(unaryCall);
});

test('metadata passes in its order and number, both ways, and nothing is added', async () => {
  const { promise: asked, resolve } = withResolver<string[]>();
  const origin = createHttp2Server();
  origin.on('stream', (stream: ServerHttp2Stream, _headers: unknown, _flags: unknown, raw: string[]) => {
    resolve(Array.from(raw));
    const options = { waitForTrailers: true, sendDate: false };
    stream.respond({ 'content-type': 'application/grpc', b: '1', a: ['2', '3'], B: '4' }, options);
    stream.on('wantTrailers', () => stream.sendTrailers({ z: '1', 'grpc-status': '0', Z: '2', y: 'é' }));
    stream.resume();
    stream.end();
  });
  origin.listen(0, '127.0.0.1');
  await once(origin, 'listening');
  const { recorder, sink } = recording();
  const proxy = createRecordingProxy({ to: `http://127.0.0.1:${portOf(origin)}`, target: recorder });
  const port = await listening(proxy);
  {
    await using client = rawCall(port, '/test.Echo/Unary', {
      'b-bin': ['AQ', 'Ag=='],
      a: '1, 2',
      'B-bin': '',
      A: '3',
    });
    const heads: string[][] = [];
    client.stream.on('response', (_head: unknown, _flags: unknown, raw: string[]) => heads.push(raw));
    client.stream.on('trailers', (_head: unknown, _flags: unknown, raw: string[]) => heads.push(raw));
    client.stream.end(framed('x'));
    await client.seen;
    expect(heads).toEqual([
      [':status', '200', 'content-type', 'application/grpc', 'b', '1', 'a', '2', 'a', '3', 'b', '4'],
      ['z', '1', 'grpc-status', '0', 'z', '2', 'y', 'é'],
    ]);
  }
  const metadata = [
    'content-type',
    'application/grpc',
    'te',
    'trailers',
    'b-bin',
    'AQ',
    'b-bin',
    'Ag==',
    'a',
    '1, 2',
    'b-bin',
    '',
    'a',
    '3',
  ];
  expect((await asked).slice(-metadata.length)).toEqual(metadata);
  expect(
    (await asked)
      .slice(0, -metadata.length)
      .filter((_, i) => i % 2 === 0)
      .sort(),
  ).toEqual([':authority', ':method', ':path', ':scheme']);
  await closed(proxy);
  origin.close();
  await recorder.close();
  const start = sink.events.find((event) => event.type === 'start');
  expect(start?.headers).toEqual(metadata);
  expect(start?.authority).toBe(`127.0.0.1:${port}`);
  const head = sink.events.find((event) => event.type === 'headers');
  expect(head?.headers).toEqual(['content-type', 'application/grpc', 'b', '1', 'a', '2', 'a', '3', 'b', '4']);
  const trailers = sink.events.find((event) => event.type === 'trailers');
  expect(trailers?.headers).toEqual(['grpc-status', '0', 'z', '1', 'z', '2', 'y', 'é']);
});

test('an origin at which nothing listens is told with the reason, and asked again by the next call', async () => {
  const { recorder, told } = recording();
  const to = await sparePort();
  await using through = await proxied({}, { to: `http://127.0.0.1:${to}`, target: recorder });
  const { client } = through.running;
  const status = `status 14 gardenhose: no answer from http://127.0.0.1:${to}: ECONNREFUSED {"content-type":"application/grpc"}`;
  expect((await unarySeen(client, 'x')).at(-1)).toBe(status);
  expect((await unarySeen(client, 'x')).at(-1)).toBe(status);
  expect(through.proxy.counts).toEqual({ calls: 2, others: 0, originErrors: 2 });
  expect(through.reasons).toEqual(['ECONNREFUSED', 'ECONNREFUSED']);
  const lines = await told();
  expect(lines.slice(0, 4)).toEqual([
    '1 start /test.Echo/Unary',
    '1 request 0 "x"',
    '1 end request',
    '1 mark proxy origin-failed',
  ]);
  expect(lines).toContain('1 trailers grpc-status 14');
});

test('an origin that is lost in the middle of a call ends it with UNAVAILABLE and the reason', async () => {
  const { recorder, told } = recording();
  const handlers = { chat: (each: Duplex) => each.on('data', (part: Buffer) => each.write(part)) };
  await using through = await proxied(handlers, { target: recorder });
  const { client, server } = through.running;
  const talk = chat(client);
  const all = seen(talk);
  talk.once('data', () => server.forceShutdown());
  talk.write(Buffer.from('one'));
  expect((await all).at(-1)).toMatch(/^status 14 gardenhose: no answer from http:\/\/127\.0\.0\.1:\d+: it /);
  await vi.waitFor(() => expect(recorder.stats().underWay).toBe(0), { interval: 1 });
  expect(await told()).toEqual([
    '1 start /test.Echo/Chat',
    '1 request 0 "one"',
    '1 headers 200',
    '1 response 0 "one"',
    '1 mark proxy origin-broke-off',
    '1 trailers grpc-status 14',
    expect.stringMatching('1 end request'),
    '1 end response',
  ]);
});

test('a reset by the origin reaches the client with its code, and is recorded as the server’s', async () => {
  const { recorder, told } = recording();
  const origin = createHttp2Server();
  const codes = [7, 11, 2];
  origin.on('stream', (stream: ServerHttp2Stream) => {
    stream.on('error', () => undefined);
    stream.respond({ 'content-type': 'application/grpc' });
    stream.close(codes.shift());
  });
  origin.listen(0, '127.0.0.1');
  await once(origin, 'listening');
  const proxy = createRecordingProxy({ to: `http://127.0.0.1:${portOf(origin)}`, target: recorder });
  const port = await listening(proxy);
  for (const code of [7, 11, 2]) {
    await using client = rawCall(port, '/test.Echo/Chat');
    client.stream.write(framed('x'));
    expect((await client.seen).at(-1)).toBe(`reset ${code}`);
  }
  await closed(proxy);
  origin.close();
  const ends = (await told()).filter((line) => line.includes('abort'));
  expect(ends).toEqual([
    '1 abort server RST_STREAM 7',
    '2 abort server RST_STREAM 11',
    '3 abort server RST_STREAM 2',
  ]);
});

test('requests over HTTP/2 that are no gRPC pass whole, and are counted and not recorded', async () => {
  const { recorder, told } = recording();
  const origin = createHttp2Server();
  origin.on('stream', async (stream: ServerHttp2Stream, headers) => {
    const trailers: unknown[] = [];
    stream.on('trailers', (_trailers: unknown, _flags: unknown, raw: unknown) => trailers.push(raw));
    stream.additionalHeaders({ ':status': 103, link: '</a.css>; rel=preload' });
    const body = await buffer(stream);
    stream.respond({ ':status': 201, 'x-path': headers[':path'] }, { waitForTrailers: true });
    stream.on('wantTrailers', () => stream.sendTrailers({ sum: JSON.stringify(trailers) }));
    stream.end(body);
  });
  origin.listen(0, '127.0.0.1');
  await once(origin, 'listening');
  const proxy = createRecordingProxy({ to: `http://127.0.0.1:${portOf(origin)}`, target: recorder });
  const port = await listening(proxy);
  {
    await using client = rawCall(port, '/a?b=c', { 'content-type': 'text/plain' });
    const log: unknown[] = [];
    client.stream.on('headers', (head) => log.push(head[':status']));
    client.stream.on('response', (head) => log.push(head[':status'], head['x-path']));
    client.stream.on('trailers', (head: Record<string, unknown>) => log.push(head.sum));
    client.stream.end('body');
    expect(await client.seen).toContain('data body');
    expect(log).toEqual([103, 201, '/a?b=c', '[]']);
  }
  {
    await using client = rawCall(port, '/none', { ':method': 'GET', 'content-type': 'application/grpc-web' });
    client.stream.end();
    expect(await client.seen).toContain('head 201 ');
  }
  expect(proxy.counts).toEqual({ calls: 0, others: 2, originErrors: 0 });
  await closed(proxy);
  origin.close();
  expect(await told()).toEqual([]);
});

test('a HEAD goes on without content, whatever its client sends: broken off later, it would hold the process for ever', async () => {
  const { recorder } = recording();
  const origin = createHttp2Server();
  const ended: unknown[] = [];
  origin.on('stream', (stream: ServerHttp2Stream) => {
    ended.push(stream.endAfterHeaders);
    stream.respond({ ':status': 200 }, { endStream: true });
  });
  origin.listen(0, '127.0.0.1');
  await once(origin, 'listening');
  const proxy = createRecordingProxy({ to: `http://127.0.0.1:${portOf(origin)}`, target: recorder });
  const port = await listening(proxy);
  const request = headerBlock(
    callHead('/a').map(([name, value]) => [name, name === ':method' ? 'HEAD' : value]),
  );
  await converse(
    port,
    [
      preface,
      frame(frameType.settings, 0, 0),
      frame(frameType.headers, flags.endHeaders, 1, request),
      frame(frameType.data, 0, 1, Buffer.from('content')),
    ],
    isOver(1),
  );
  expect(ended).toEqual([true]);
  await closed(proxy);
  origin.close();
  await recorder.close();
});

test('trailers that Node does not send: the answer ends with INTERNAL, the request is reset, and the proxy stays', async () => {
  const bad = [['http2-settings', 'x']] as const;
  await using origin = await frameServer((socket, stream) => {
    const head = headerBlock([
      [':status', '200'],
      ['content-type', 'application/grpc'],
    ]);
    const trailers = headerBlock([['grpc-status', '0'], ...bad]);
    socket.write(frame(frameType.headers, flags.endHeaders, stream, head));
    socket.write(frame(frameType.headers, flags.endHeaders | flags.endStream, stream, trailers));
  });
  const { recorder, told } = recording();
  const proxy = createRecordingProxy({ to: `http://127.0.0.1:${origin.port}`, target: recorder });
  const port = await listening(proxy);
  {
    await using client = rawCall(port, '/test.Echo/Unary');
    client.stream.end(framed('tea'));
    expect((await client.seen).join('\n')).toMatch(/trailers? 13/);
  }
  const request = headerBlock(
    callHead('/a').map(([name, value]) => [name, name === 'content-type' ? 'a/b' : value]),
  );
  const answer = await converse(
    port,
    [
      preface,
      frame(frameType.settings, 0, 0),
      frame(frameType.headers, flags.endHeaders, 1, request),
      frame(frameType.data, 0, 1, Buffer.from('body')),
      frame(frameType.headers, flags.endHeaders | flags.endStream, 1, headerBlock(bad)),
    ],
    isOver(1),
  );
  expect(framesIn(answer).some(({ type }) => type === frameType.reset)).toBe(true);
  await closed(proxy);
  expect(await told()).toContain('1 mark proxy origin-broke-off');
});

test('an origin of HTTP/1 is told from one that is away', async () => {
  const origin = createHttpServer((_req, res) => res.end('hello'));
  origin.listen(0, '127.0.0.1');
  await once(origin, 'listening');
  await using through = await proxied({}, { to: `http://127.0.0.1:${portOf(origin)}` });
  expect((await unarySeen(through.running.client, 'x')).at(-1)).toContain(
    'it does not speak HTTP/2 without TLS; give it as https: if it has TLS',
  );
  origin.closeAllConnections();
  origin.close();
});

test('a client sees the GOAWAY of the origin, and its next calls go over another connection', async () => {
  const server = { 'grpc.max_connection_age_ms': 100, 'grpc.max_connection_age_grace_ms': 5000 };
  await using through = await proxied({}, {}, { server });
  const { client, port } = through.running;
  await using raw = rawCall(port, '/test.Echo/Unary');
  const goaway = once(raw.session, 'goaway');
  raw.stream.end(framed('x'));
  await raw.seen;
  expect((await goaway)[0]).toBe(0);
  await vi.waitFor(() => expect(raw.session.destroyed).toBe(true), { interval: 1 });
  expect(await unarySeen(client, 'again')).toContain('message again');
  expect(through.reasons).toEqual([]);
});

test('what is no origin or no certificate is refused', () => {
  for (const to of ['127.0.0.1:50051', 'http://a/path', 'http://user:word@a', 'dns:///a', '']) {
    expect(() => createRecordingProxy({ to })).toThrow(/^to must be an origin/);
  }
  const wrong = (options: object) => () => createRecordingProxy({ to: 'http://a', ...options });
  expect(wrong({ rewriteHost: 1 })).toThrow('rewriteHost must be true or false, got number');
  expect(wrong({ maxMessageBytes: 0 })).toThrow('maxMessageBytes must be a whole number over 0, got 0');
  expect(wrong({ tls: { ca: 1 } })).toThrow('tls.ca must be text, got number');
  expect(wrong({ listenTls: { cert: 'x' } })).toThrow('listenTls.key is missing');
  expect(wrong({ listenTls: { cert: 'x', key: 'y' } })).toThrow(
    'listenTls must hold a certificate and its private key',
  );
  expect(wrong({ onOriginError: true })).toThrow('onOriginError must be a function');
});

/** A proxy before an origin of bare HTTP/2. */
async function before(
  onStream: OnStream,
  options: Partial<RecordingProxyOptions> = {},
): Promise<
  AsyncDisposable & { readonly proxy: RecordingProxy; readonly port: number; readonly origin: OddServer }
> {
  const origin = await oddServer(onStream);
  const proxy = createRecordingProxy({ to: `http://127.0.0.1:${origin.port}`, ...options });
  return {
    proxy,
    origin,
    port: await listening(proxy),
    async [Symbol.asyncDispose]() {
      await closed(proxy);
      await origin[Symbol.asyncDispose]();
    },
  };
}

/** The messages of a recording: side, flag and size of each. */
const messagesOf = ({ events }: Recording['sink']): string[] =>
  events.flatMap((event) =>
    event.type === 'message' ? [`${event.side} ${event.kind} ${event.data?.length ?? event.state}`] : [],
  );

test('compressed messages pass as they are and are recorded plain, with their flags', async () => {
  const { sink } = await seenThroughProxy({}, async ({ port }) => {
    await using client = rawCall(port, '/test.Echo/Chat', { 'grpc-encoding': 'gzip' });
    client.stream.end(Buffer.concat([framed('plain'), framed(gzipSync('squeezed'), 1)]));
    expect(await client.seen).toContain(`data ${framed('squeezed').toString('latin1')}`);
  });
  expect(messagesOf(sink).filter((line) => line.startsWith('request'))).toEqual([
    'request 0 5',
    'request 1 8',
  ]);
});

test('messages of 3 MB pass both ways, many at once', async () => {
  const large = randomBytes(3_000_000);
  const { sink } = await seenThroughProxy({}, async ({ client }) => {
    const all = await Promise.all(Array.from({ length: 5 }, () => unarySeen(client, large)));
    for (const log of all) expect(log).toContain(`message ${large.toString('latin1')}`);
  });
  expect(messagesOf(sink).filter((line) => line.startsWith('response'))).toHaveLength(5);
});

test('messages over the limit pass, and are recorded without their bytes', async () => {
  const { recorder, told, sink } = recording();
  await using through = await proxied({}, { target: recorder, maxMessageBytes: 1000 });
  const { client } = through.running;
  const sizes = [999, 1000, 1001, 100_000, 3];
  const call = chat(client);
  const all = seen(call);
  for (const size of sizes) call.write(Buffer.alloc(size, 'x'));
  call.end();
  expect((await all).filter((line) => line.startsWith('message')).map((line) => line.length - 8)).toEqual(
    sizes,
  );
  await vi.waitFor(() => expect(recorder.stats().underWay).toBe(0), { interval: 1 });
  const lines = await told();
  const expected = (side: string) => [999, 1000, 0, 0, 3].map((size) => `${side} 0 ${size}`);
  expect(messagesOf(sink).filter((line) => line.startsWith('request'))).toEqual(expected('request'));
  expect(messagesOf(sink).filter((line) => line.startsWith('response'))).toEqual(expected('response'));
  expect(lines).toContain('1 mark undecoded request message of 1001 bytes');
  expect(lines).toContain('1 mark undecoded response message of 100000 bytes');
  expect(lines.filter((line) => line.includes(' end '))).toEqual(['1 end request', '1 end response']);
});

test('a consumer that does not read holds the origin back, and little is kept between', async () => {
  let origin: ServerHttp2Stream | undefined;
  let written = 0;
  await using through = await before((stream) => {
    origin = stream;
    stream.respond({ 'content-type': 'application/grpc' });
    const message = framed(Buffer.alloc(64 * 1024));
    const write = (): void => {
      do written += message.length;
      while (stream.write(message));
    };
    stream.on('drain', write);
    write();
  });
  await using client = rawCall(through.port, '/test.Echo/List');
  client.stream.end(framed('x'));
  client.stream.pause();
  const gone = (): number => written - (origin?.writableLength ?? 0);
  let last = -1;
  await vi.waitFor(
    () => {
      const settled = gone() > 0 && gone() === last;
      last = gone();
      expect(settled).toBe(true);
    },
    { interval: 200, timeout: 10_000 },
  );
  // Two windows, and what each stream may buffer.
  expect(gone()).toBeGreaterThan(64 * 1024);
  expect(gone()).toBeLessThan(2 * 1024 * 1024);
});

test('a reset by the client reaches the origin with its code, and no end before it', async () => {
  const log: string[] = [];
  const { promise: reset, resolve } = withResolver<void>();
  await using through = await before((stream) => {
    stream.respond({ 'content-type': 'application/grpc' });
    stream.write(framed('ready'));
    stream.on('data', () => log.push('data'));
    stream.on('end', () => log.push(`end ${stream.rstCode}`));
    stream.on('close', () => {
      log.push(`close ${stream.rstCode}`);
      resolve();
    });
  });
  const socket = connect(through.port, '127.0.0.1');
  for (const piece of [
    preface,
    frame(frameType.settings, 0, 0),
    frame(frameType.headers, flags.endHeaders, 1, headerBlock(callHead('/test.Echo/Chat'))),
    frame(frameType.data, 0, 1, framed('one')),
  ]) {
    socket.write(piece);
  }
  socket.on('data', (piece) => {
    if (piece.includes('ready')) socket.write(resetFrame(1, 11));
  });
  await reset;
  socket.destroy();
  expect(log).toEqual(['data', 'close 11']);
});

test('how many calls an origin takes at once is passed on to the client', async () => {
  await using through = await proxied({}, {}, { server: { 'grpc.max_concurrent_streams': 3 } });
  await using client = rawCall(through.running.port, '/test.Echo/Unary');
  client.stream.end(framed('x'));
  await client.seen;
  await vi.waitFor(() => expect(client.session.remoteSettings.maxConcurrentStreams).toBe(3), { interval: 1 });
});

test('a GOAWAY that is an error is passed on with its code and text, after the answers', async () => {
  await using through = await before((stream) => {
    stream.session?.goaway(11, 0, Buffer.from('too_many_pings'));
  });
  await using client = rawCall(through.port, '/test.Echo/Unary');
  const goaway = once(client.session, 'goaway');
  client.stream.end(framed('x'));
  const [code, , text] = await goaway;
  expect([code, String(text)]).toEqual([11, 'too_many_pings']);
  expect(through.proxy.counts.originErrors).toBe(1);
});

test('the authority is the client’s, or on request the origin’s', async () => {
  const authorities: unknown[] = [];
  const note: OnStream = (stream, headers) => {
    authorities.push(headers[':authority']);
    stream.respond({ 'grpc-status': '0' }, { endStream: true });
  };
  await using kept = await before(note);
  await using changed = await before(note, { rewriteHost: true });
  for (const { port } of [kept, changed]) {
    await using client = rawCall(port, '/a/b', { ':authority': 'stock.example' });
    client.stream.end();
    await client.seen;
  }
  expect(authorities).toEqual(['stock.example', `127.0.0.1:${changed.origin.port}`]);
});

test('TLS on both sides: by certificate, by authority and by the name that is expected', async () => {
  const { recorder, sink } = recording();
  const server = new grpc.Server();
  const { unary } = definition;
  server.addService(
    { unary },
    { unary: (each: Unary, answer: grpc.sendUnaryData<Buffer>) => answer(null, each.request) },
  );
  const pair = { private_key: Buffer.from(certificate.key), cert_chain: Buffer.from(certificate.cert) };
  const originPort = await new Promise<number>((resolve, reject) => {
    server.bindAsync('127.0.0.1:0', grpc.ServerCredentials.createSsl(null, [pair]), (error, port) =>
      error === null ? resolve(port) : reject(error),
    );
  });
  const to = `https://127.0.0.1:${originPort}`;
  const good = { ca: certificate.cert, servername: 'localhost' };
  const statuses: (string | undefined)[] = [];
  for (const tls of [good, { ca: certificate.cert, servername: 'stock.example' }, {}]) {
    const proxy = createRecordingProxy({ to, tls, listenTls: certificate, target: recorder });
    const port = await listening(proxy);
    const trust = grpc.credentials.createSsl(Buffer.from(certificate.cert));
    const client = new grpc.Client(`localhost:${port}`, trust);
    statuses.push((await unarySeen(client, 'x')).at(-1));
    client.close();
    await closed(proxy);
  }
  server.forceShutdown();
  const untrusted = (code: string) => expect.stringContaining(`its certificate is not trusted (${code})`);
  expect(statuses).toEqual([
    expect.stringMatching(/^status 0/),
    untrusted('ERR_TLS_CERT_ALTNAME_INVALID'),
    untrusted('DEPTH_ZERO_SELF_SIGNED_CERT'),
  ]);
  await recorder.close();
  expect(sink.events.find((event) => event.type === 'start')).toMatchObject({ scheme: 'https' });
});
