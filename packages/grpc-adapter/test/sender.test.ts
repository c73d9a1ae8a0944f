import { once } from 'node:events';
import { createServer as createHttpServer } from 'node:http';
import { createServer as createHttp2Server } from 'node:http2';
import { type AddressInfo, createServer as createTcpServer } from 'node:net';
import { headerValue, replayExchanges } from '@gardenhose/core';
import * as grpc from '@grpc/grpc-js';
import { expect, test } from 'vitest';
import { createSender, openSender } from '../src/sender.ts';
import { aCall, answered, replayAll } from './support/calls.ts';
import { answerWith, frame, serveBare } from './support/http2-server.ts';
import { serve } from './support/service.ts';

const ms = 1e6;
const origin = (port: number) => `http://127.0.0.1:${port}`;

test('all four kinds of call are sent from their events, and answered', async () => {
  await using running = await serve({});
  const results = await replayAll(
    [
      aCall({ id: 1 }),
      aCall({
        id: 2,
        target: '/test.Echo/Upload',
        messages: [
          [0, 'a'],
          [5, 'b'],
          [10, 'c'],
        ],
        endAt: 15,
      }),
      aCall({ id: 3, target: '/test.Echo/List', messages: [[0, 'x y z']] }),
      aCall({
        id: 4,
        target: '/test.Echo/Chat',
        messages: [
          [0, 'one'],
          [20, 'two'],
        ],
        endAt: 30,
      }),
    ],
    createSender(origin(running.port)),
  );
  expect(results.map(answered)).toEqual([['hello'], ['abc'], ['x', 'y', 'z'], ['one', 'two']]);
  expect(results.map(({ entry }) => [entry.outcome, entry.status])).toEqual(
    Array.from({ length: 4 }, () => ['answered', 0]),
  );
  const trailers = results.map(({ replayed }) =>
    headerValue(replayed?.response?.trailers ?? [], 'grpc-status'),
  );
  expect(trailers).toEqual(['0', '0', '0', '0']);
});

test('each message leaves at its own time, and its answer is told with the time at which it came', async () => {
  await using running = await serve({});
  const messages = [0, 30, 60, 90].map((at) => [at, `at ${at}`] as const);
  const [result] = await replayAll(
    [aCall({ target: '/test.Echo/Chat', messages, endAt: 120 })],
    createSender(origin(running.port)),
  );
  const start = result?.replayed?.startAt ?? Number.NaN;
  const sent = result?.replayed?.request.messages ?? [];
  const came = result?.replayed?.response?.messages ?? [];
  expect([sent.length, came.length]).toEqual([4, 4]);
  for (const [place, [at]] of messages.entries()) {
    expect((sent[place]?.at ?? 0) - start).toBeGreaterThanOrEqual(at * ms);
    expect(came[place]?.at).toBeGreaterThanOrEqual(sent[place]?.at ?? Number.POSITIVE_INFINITY);
  }
  expect((result?.replayed?.request.endAt ?? 0) - start).toBeGreaterThanOrEqual(120 * ms);
  expect(came[0]?.at).toBeLessThan(sent[2]?.at ?? 0);
});

test('case 42: with speed, distances and cancels are scaled, and deadlines only where they ended the call', async () => {
  const timeouts: string[] = [];
  await using running = await serveBare((stream, headers) => {
    timeouts.push(String(headers['grpc-timeout']));
    if (headers['x-answer'] === '1') setTimeout(() => answerWith(stream, [frame('ok')]), 60);
  });
  const chat = { target: '/test.Echo/Chat', endAt: null } as const;
  const calls = [
    aCall({ id: 1, headers: ['grpc-timeout', '400m', 'x-answer', '1'] }),
    aCall({ id: 2, ...chat, cancelAt: 400, headers: ['grpc-timeout', '400m'] }),
    aCall({ id: 3, ...chat, cancelAt: 200, headers: ['grpc-timeout', '10S'] }),
  ];
  const replayed = await replayAll(calls, createSender(running.origin), { speed: 8, order: 'none' });
  expect(timeouts).toEqual(['400m', '50000000n', '10S']);
  expect(replayed.map(({ entry }) => entry.status)).toEqual([0, 4, 1]);
  const took = replayed.map(({ entry }) => ((entry.endAt ?? 0) - (entry.sentAt ?? 0)) / ms);
  expect(took[0]).toBeGreaterThanOrEqual(60);
  expect(took[1]).toBeGreaterThanOrEqual(50);
  expect(took[2]).toBeGreaterThanOrEqual(25);
  expect(Math.max(...took)).toBeLessThan(200);
});

test('case 42: a replay that is slower than the recording gives a call more time', async () => {
  const timeouts: string[] = [];
  await using running = await serveBare((stream, headers) => {
    timeouts.push(String(headers['grpc-timeout']));
    answerWith(stream, [frame('ok')]);
  });
  await replayAll([aCall({ headers: ['grpc-timeout', '3S'] })], createSender(running.origin), { speed: 0.5 });
  expect(timeouts).toEqual(['6000000u']);
});

test('metadata goes as recorded, in order and repeated, but for what is not metadata', async () => {
  let seen: grpc.Metadata | undefined;
  await using running = await serve({
    unary: (call: grpc.ServerUnaryCall<Buffer, Buffer>, answer: grpc.sendUnaryData<Buffer>) => {
      seen = call.metadata;
      answer(null, call.request);
    },
  });
  const [result] = await replayAll(
    [
      aCall({
        // case 19: mixed case, repeated, with a comma, binary without padding, empty, and two in one.
        headers: [
          'X-Tenant',
          'a',
          'x-tenant',
          'b, c',
          'trace-bin',
          'AAE',
          'empty-bin',
          '',
          'two-bin',
          'AA==,AQ==',
        ],
        // cases 20: of HTTP/1.1 connections, which makes grpc-js send again without end; and credentials.
        request: {},
      }),
    ],
    createSender(origin(running.port)),
    { mark: { runId: 'r' } },
  );
  expect(result?.entry.status).toBe(0);
  expect(seen?.get('x-tenant')).toEqual(['a, b, c']);
  expect(seen?.get('trace-bin')).toEqual([Buffer.from([0, 1])]);
  expect(seen?.get('empty-bin')).toEqual([Buffer.alloc(0)]);
  expect(seen?.get('two-bin')).toEqual([Buffer.from([0]), Buffer.from([1])]);
  expect(
    ['x-shadow-traffic', 'x-shadow-run', 'x-shadow-seq', 'baggage'].map((name) => seen?.get(name)[0]),
  ).toEqual(['true', 'r', '0', 'shadow=true,shadow.run=r']);
});

test('case 20: headers of HTTP/1.1 connections are not sent, and recorded credentials only when asked for', async () => {
  let seen: grpc.Metadata | undefined;
  await using running = await serve({
    unary: (call: grpc.ServerUnaryCall<Buffer, Buffer>, answer: grpc.sendUnaryData<Buffer>) => {
      seen = call.metadata;
      answer(null, call.request);
    },
  });
  const headers = [
    ...[
      'connection',
      'keep-alive',
      'keep-alive',
      '5',
      'proxy-connection',
      'x',
      'transfer-encoding',
      'chunked',
    ],
    ...['upgrade', 'h2c', 'http2-settings', 'x', 'authorization', 'Bearer t'],
  ];
  const calls = [aCall({ headers })];
  const [dropped] = await replayAll(calls, createSender(origin(running.port)));
  expect(dropped?.entry.status).toBe(0);
  expect(seen?.get('authorization')).toEqual([]);
  const [kept] = await replayAll(calls, createSender(origin(running.port)), {
    guard: { keepCredentials: true },
  });
  expect(kept?.entry.status).toBe(0);
  expect(seen?.get('authorization')).toEqual(['Bearer t']);
  const twice = aCall({ headers: ['authorization', 'a', 'authorization', 'b'] });
  const [refused] = await replayAll([twice], createSender(origin(running.port)), {
    guard: { keepCredentials: true },
  });
  expect(refused?.entry).toMatchObject({ outcome: 'skipped', skip: 'request-invalid' });
});

test('what cannot be sent says why', () => {
  const sender = createSender('http://127.0.0.1:1');
  const data = Buffer.from('x');
  const message = { at: 0, seq: 0, kind: 0, size: 1, state: 'kept', data } as const;
  const skip = (shape: Parameters<typeof aCall>[0]) => sender.prepare(aCall(shape));
  expect(skip({ over: { protocol: 'http' } })).toEqual({ skip: 'protocol' });
  // case 14
  expect(skip({ request: { headers: ['content-type', 'application/grpc-web'] } })).toEqual({
    skip: 'protocol',
  });
  expect(skip({ request: { headers: ['content-type', 'application/grpc+json'] } })).toEqual({
    skip: 'protocol',
  });
  // case 35: what masking dropped, because it knew no schema
  expect(skip({ request: { messages: [{ ...message, state: 'dropped:schema' }] } })).toEqual({
    skip: 'body-not-kept',
  });
  expect(skip({ request: { messages: [{ ...message, state: 'truncated' }] } })).toEqual({
    skip: 'body-not-kept',
  });
  expect(skip({ target: '/no-method' })).toEqual({ skip: 'request-invalid' });
  expect(skip({ target: '/a.B/C?d' })).toEqual({ skip: 'request-invalid' });
  expect(skip({ headers: ['x-name', 'D\xe9j\xe0'] })).toEqual({ skip: 'request-invalid' });
  expect(skip({ headers: ['x y', '1'] })).toEqual({ skip: 'request-invalid' });
  expect(skip({ headers: ['x-bin', 'not base64!'] })).toEqual({ skip: 'request-invalid' });
});

test('case 40: health checks, reflection and channelz are left out, unless asked for', () => {
  const calls = [
    '/grpc.health.v1.Health/Check',
    '/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo',
    '/grpc.channelz.v1.Channelz/GetServers',
  ].map((target) => aCall({ target }));
  const left = createSender('http://127.0.0.1:1');
  expect(calls.map((call) => left.prepare(call))).toEqual(calls.map(() => ({ skip: 'infrastructure' })));
  const sent = createSender('http://127.0.0.1:1', { infrastructure: true });
  for (const call of calls) expect(sent.prepare(call)).not.toHaveProperty('skip');
});

test('case 41: the authority is the target’s, the recorded one, or that of a hook', async () => {
  const hosts: string[] = [];
  await using running = await serve({
    unary: (call: grpc.ServerUnaryCall<Buffer, Buffer>, answer: grpc.sendUnaryData<Buffer>) => {
      hosts.push(call.getHost());
      answer(null, call.request);
    },
  });
  const call = aCall({ request: { authority: 'shop.internal:443' } });
  await replayAll([call], createSender(origin(running.port)));
  await replayAll([call], createSender(origin(running.port), { authority: 'recorded' }));
  await replayAll([call], createSender(origin(running.port)), {
    hooks: { onSend: (one) => ({ ...one, request: { ...one.request, authority: 'other.test' } }) },
  });
  expect(hosts).toEqual([`127.0.0.1:${running.port}`, 'shop.internal:443', 'other.test']);
});

test('case 1: a cancel comes at its time, as a cancel and not as an end', async () => {
  const told: string[] = [];
  await using running = await serve({
    chat: (call: grpc.ServerDuplexStream<Buffer, Buffer>) => {
      call.on('data', (part: Buffer) => call.write(part));
      call.on('cancelled', () => told.push('cancelled'));
    },
  });
  const [result] = await replayAll(
    [
      aCall({
        target: '/test.Echo/Chat',
        messages: [
          [0, 'a'],
          [10, 'b'],
        ],
        // As grpc-js sends it: the end of the request, and the reset right behind.
        endAt: 60,
        cancelAt: 61,
      }),
    ],
    createSender(origin(running.port)),
  );
  expect(result?.entry).toMatchObject({ outcome: 'answered', recordedStatus: 1, status: 1 });
  expect(answered(result)).toEqual(['a', 'b']);
  expect(result?.replayed?.abort).toMatchObject({ by: 'client', code: 'RST_STREAM 8' });
  expect((result?.entry.endAt ?? 0) - (result?.entry.sentAt ?? 0)).toBeGreaterThanOrEqual(60 * ms);
  await expect.poll(() => told).toEqual(['cancelled']);
});

test('case 3: a deadline ends a call as it did, and is not a cancel besides', async () => {
  const left: number[] = [];
  await using running = await serve({
    unary: (call: grpc.ServerUnaryCall<Buffer, Buffer>) => {
      left.push(Number(call.getDeadline()) - Date.now());
    },
  });
  const sender = createSender(origin(running.port));
  const call = aCall({ headers: ['grpc-timeout', '100m'], cancelAt: 99 });
  expect(sender.prepare(call)).toMatchObject({ deadlineNs: 100 * ms, abandonNs: undefined });
  const [result] = await replayAll([call], sender);
  expect(result?.entry).toMatchObject({ outcome: 'answered', status: 4 });
  expect((result?.entry.endAt ?? 0) - (result?.entry.sentAt ?? 0)).toBeGreaterThan(80 * ms);
  expect(left[0]).toBeGreaterThan(30);
  expect(left[0]).toBeLessThanOrEqual(101);
});

test('case 4: deadlines of any length are those of the call; one that cannot be read goes as it is', async () => {
  await using running = await serve({});
  const sender = createSender(origin(running.port));
  const deadline = (text: string) => {
    const made = sender.prepare(aCall({ headers: ['grpc-timeout', text] }));
    return 'skip' in made ? made : [made.deadlineNs, headerValue(made.head?.headers ?? [], 'grpc-timeout')];
  };
  expect(deadline('500u')).toEqual([0.5 * ms, '500u']);
  expect(deadline('0S')).toEqual([0, '0S']);
  expect(deadline('2592000S')).toEqual([2_592_000_000 * ms, '2592000S']);
  expect(deadline('5')).toEqual([undefined, '5']);
  const results = await replayAll(
    ['0m', '700H', 'abc'].map((text, i) => aCall({ id: i + 1, headers: ['grpc-timeout', text] })),
    sender,
  );
  expect(results.map(({ entry }) => entry.status)).toEqual([4, 0, 13]);
});

test('case 5: trailers alone are told as an answer without head and messages', async () => {
  await using running = await serve({
    unary: (_call: grpc.ServerUnaryCall<Buffer, Buffer>, answer: grpc.sendUnaryData<Buffer>) => {
      const metadata = new grpc.Metadata();
      metadata.set('x-reason', 'gone');
      metadata.set('grpc-status-details-bin', Buffer.from([8, 5]));
      answer({ code: grpc.status.NOT_FOUND, details: 'no 100% é', metadata });
    },
  });
  const [result] = await replayAll([aCall()], createSender(origin(running.port)));
  expect(result?.entry).toMatchObject({ outcome: 'answered', status: 5 });
  const { response } = result?.replayed ?? {};
  expect(response).toMatchObject({ status: 200, messages: [], complete: true });
  // case 21
  expect(headerValue(response?.trailers ?? [], 'grpc-message')).toBe('no%20100%25%20%C3%A9');
  expect(headerValue(response?.trailers ?? [], 'grpc-status-details-bin')).toBe('CAU=');
  expect(headerValue(response?.trailers ?? [], 'x-reason')).toBe('gone');
});

test('case 7: empty messages are messages', async () => {
  await using running = await serve({});
  const chat = (id: number, texts: string[]) =>
    aCall({ id, target: '/test.Echo/Chat', messages: texts.map((text) => [0, text] as const) });
  const results = await replayAll(
    [chat(1, ['']), chat(2, ['', 'a']), chat(3, ['a', '']), chat(4, [])],
    createSender(origin(running.port)),
  );
  expect(results.map(answered)).toEqual([[''], ['', 'a'], ['a', ''], []]);
  expect(results.map(({ entry }) => entry.status)).toEqual([0, 0, 0, 0]);
});

test('case 8: a server that speaks first is heard before anything is said', async () => {
  await using running = await serve({
    chat: (call: grpc.ServerDuplexStream<Buffer, Buffer>) => {
      call.write(Buffer.from('welcome'));
      call.on('data', (part: Buffer) => call.write(part));
      call.on('end', () => call.end());
    },
  });
  const [result] = await replayAll(
    [aCall({ target: '/test.Echo/Chat', messages: [[60, 'hi']], endAt: 70 })],
    createSender(origin(running.port)),
  );
  expect(answered(result)).toEqual(['welcome', 'hi']);
  const { request, response } = result?.replayed ?? {};
  expect(response?.messages[0]?.at).toBeLessThan(request?.messages[0]?.at ?? 0);
});

test('cases 9 and 10: an end without a message, and an answer that is over before the request is', async () => {
  await using running = await serve({
    upload: (call: grpc.ServerReadableStream<Buffer, Buffer>, answer: grpc.sendUnaryData<Buffer>) => {
      call.once('data', () => answer(null, Buffer.from('enough')));
      call.on('end', () => answer(null, Buffer.from('nothing')));
    },
  });
  const results = await replayAll(
    [
      aCall({ id: 1, target: '/test.Echo/Upload', messages: [], endAt: 0 }),
      aCall({
        id: 2,
        target: '/test.Echo/Upload',
        messages: [
          [0, 'a'],
          [200, 'b'],
        ],
        endAt: 5_000,
      }),
    ],
    createSender(origin(running.port)),
  );
  expect(results.map(answered)).toEqual([['nothing'], ['enough']]);
  expect((results[1]?.entry.endAt ?? 0) - (results[1]?.entry.sentAt ?? 0)).toBeLessThan(1_000 * ms);
  // What was not sent is not told as sent.
  expect(results[1]?.replayed?.request).toMatchObject({ messages: [{ seq: 0 }], endAt: undefined });
});

test('case 11: a connection that is lost in the middle of an answer says so, and the next call has a new one', async () => {
  const server = createHttp2Server();
  server.on('stream', (stream, headers) => {
    stream.respond({ ':status': 200, 'content-type': 'application/grpc' }, { waitForTrailers: true });
    if (headers[':path'] === '/test.Echo/Chat') {
      stream.write(Buffer.from([0, 0, 0, 0, 9, 1]), () => stream.session?.destroy());
    } else {
      stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': '0' }));
      stream.end(Buffer.from([0, 0, 0, 0, 1, 65]));
    }
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const results = await replayAll(
    [aCall({ id: 1, target: '/test.Echo/Chat' }), aCall({ id: 2, at: 300 })],
    createSender(origin(port)),
  );
  server.close();
  expect(results[0]?.entry).toMatchObject({ outcome: 'failed', error: { code: 'connection-closed' } });
  expect(results[0]?.replayed?.response).toMatchObject({ complete: false });
  expect(results[1]?.entry).toMatchObject({ outcome: 'answered', status: 0 });
});

test('case 11: of a target that limits the age of its connections, no call is served twice, and a long one is served to its end', async () => {
  const served: string[] = [];
  const peers = new Set<string>();
  const seen = (call: grpc.ServerUnaryCall<Buffer, Buffer> | grpc.ServerDuplexStream<Buffer, Buffer>) => {
    served.push(String(call.metadata.get('x-call')[0]));
    peers.add(call.getPeer());
  };
  await using running = await serve(
    {
      unary: (call: grpc.ServerUnaryCall<Buffer, Buffer>, answer: grpc.sendUnaryData<Buffer>) => {
        seen(call);
        answer(null, call.request);
      },
      chat: (call: grpc.ServerDuplexStream<Buffer, Buffer>) => {
        seen(call);
        call.on('data', (part: Buffer) => call.write(part));
        call.on('end', () => call.end());
      },
    },
    undefined,
    { server: { 'grpc.max_connection_age_ms': 50 } },
  );
  const messages = Array.from({ length: 20 }, (_, i) => [i * 20, `m${i}`] as const);
  const calls = [
    aCall({ id: 1, target: '/test.Echo/Chat', messages, headers: ['x-call', '1'] }),
    ...Array.from({ length: 40 }, (_, i) =>
      aCall({ id: i + 2, at: i * 10, headers: ['x-call', String(i + 2)] }),
    ),
  ];
  const results = await replayAll(calls, createSender(origin(running.port)));
  expect(results).toHaveLength(41);
  expect(new Set(served).size).toBe(served.length);
  expect(peers.size).toBeGreaterThan(1);
  const [chat] = results;
  // On a busy machine a second connection may be too old as well before its first call comes.
  for (const { entry } of results) {
    if (entry.status !== 0) expect(entry.error?.code).toBe('connection-closed');
  }
  if (chat?.entry.status === 0) expect(answered(chat)).toEqual(messages.map(([, text]) => text));
});

test('case 12: resets and answers that are not gRPC are clear errors', async () => {
  const server = createHttp2Server();
  server.on('stream', (stream, headers) => {
    const code = Number(headers['x-reset']);
    stream.on('error', () => {
      // What it does itself.
    });
    if (Number.isNaN(code)) {
      stream.respond({ ':status': 502, 'content-type': 'text/html' });
      stream.end('<html>'.repeat(50));
    } else stream.close(code);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const calls = [7, 11, 2, 8].map((code, i) => aCall({ id: i + 1, headers: ['x-reset', String(code)] }));
  const results = await replayAll([...calls, aCall({ id: 5 })], createSender(origin(port)));
  server.close();
  const told = results.map(
    ({ entry: { error } }) => `${error?.code} ${error?.message.replace(origin(port), '')}`,
  );
  expect(told).toEqual([
    'connection-closed  refused the call (RST_STREAM 7)',
    'connection-closed  reset the call (RST_STREAM 11)',
    'connection-closed  reset the call (RST_STREAM 2)',
    'connection-closed  reset the call (RST_STREAM 8)',
    'response-malformed  did not answer in gRPC (HTTP status code 502)',
  ]);
});

test('case 14: a method that the target does not have is an answer', async () => {
  await using running = await serve({});
  const [result] = await replayAll(
    [aCall({ target: '/test.Echo/Missing' })],
    createSender(origin(running.port)),
  );
  expect(result?.entry).toMatchObject({ outcome: 'answered', status: 12 });
});

test('case 16: messages of any recorded size are sent; one that is over the limit ends its call', async () => {
  await using running = await serve(
    {
      list: (call: grpc.ServerWritableStream<Buffer, Buffer>) => {
        call.write(Buffer.alloc(300_000));
        call.end();
      },
    },
    undefined,
    { server: { 'grpc.max_receive_message_length': -1, 'grpc.max_send_message_length': -1 } },
  );
  const big = 'x'.repeat(6 * 1024 * 1024);
  const results = await replayAll(
    [aCall({ id: 1, messages: [[0, big]] }), aCall({ id: 2, target: '/test.Echo/List' })],
    createSender(origin(running.port), { maxMessageBytes: 7 * 1024 * 1024 }),
  );
  expect(results.map(({ entry, replayed }) => [entry.status, replayed?.response?.size])).toEqual([
    [0, big.length],
    [0, 300_000],
  ]);
  const [over] = await replayAll(
    [aCall({ target: '/test.Echo/List' })],
    createSender(origin(running.port), { maxMessageBytes: 1_000 }),
  );
  expect(over?.entry.error).toMatchObject({ code: 'response-limit' });
});

test('case 17: messages that were compressed are compressed again, among others that were not, in order', async () => {
  const flags: number[] = [];
  const texts: string[] = [];
  const server = createHttp2Server();
  server.on('stream', (stream, headers) => {
    const parts: Buffer[] = [];
    stream.on('data', (part: Buffer) => parts.push(part));
    stream.on('end', () => {
      const all = Buffer.concat(parts);
      for (let at = 0; at < all.length; at += 5 + all.readUInt32BE(at + 1)) {
        flags.push(all.readUInt8(at));
        const data = all.subarray(at + 5, at + 5 + all.readUInt32BE(at + 1));
        texts.push(flags.at(-1) === 0 ? data.toString() : String(headers['grpc-encoding']));
      }
      stream.respond(
        { ':status': 200, 'content-type': 'application/grpc', 'grpc-status': '0' },
        { endStream: true },
      );
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const call = aCall({
    target: '/test.Echo/Upload',
    messages: Array.from({ length: 8 }, (_, i) => [0, `${i}`.repeat(2_000)] as const),
    headers: ['grpc-encoding', 'gzip'],
  });
  const messages = call.request.messages.map((message, i) => ({ ...message, kind: i % 2 }));
  await replayAll(
    [{ ...call, request: { ...call.request, messages } }],
    createSender(origin((server.address() as AddressInfo).port)),
  );
  server.close();
  expect(flags).toEqual([0, 1, 0, 1, 0, 1, 0, 1]);
  expect(texts.map((text) => text.slice(0, 4))).toEqual([
    '0000',
    'gzip',
    '2222',
    'gzip',
    '4444',
    'gzip',
    '6666',
    'gzip',
  ]);
});

test('case 22: a stream without end is stopped by the time that the run gives it, and the run ends', async () => {
  await using running = await serve({
    list: (call: grpc.ServerWritableStream<Buffer, Buffer>) => {
      const timer = setInterval(() => call.write(Buffer.alloc(10_000)), 1);
      call.on('cancelled', () => clearInterval(timer));
    },
  });
  const [result] = await replayAll(
    [aCall({ target: '/test.Echo/List' })],
    createSender(origin(running.port), { maxBodyBytes: 50_000 }),
    { guard: { timeoutMs: 300 } },
  );
  expect(result?.entry.error).toMatchObject({ code: 'response-timeout' });
  const { response } = result?.replayed ?? {};
  expect(response).toMatchObject({ state: 'truncated', complete: false });
  expect(response?.messages).toHaveLength(4);
  expect(response?.size).toBeGreaterThan(50_000);
});

test('case 23: calls wait for room on a connection, and none is lost', async () => {
  await using running = await serve({}, undefined, { server: { 'grpc.max_concurrent_streams': 3 } });
  const calls = Array.from({ length: 40 }, (_, i) => aCall({ id: i + 1, messages: [[0, `n${i}`]] }));
  const results = await replayAll(calls, createSender(origin(running.port)), { order: 'none' });
  expect(results.map(answered)).toEqual(calls.map((_, i) => [`n${i}`]));
});

test('nothing that listens, no TLS, TLS that is not trusted: clear errors, and nothing is sent', async () => {
  const refused = (target: string, tls = {}) =>
    replayAll([aCall()], createSender(target, { tls, connectTimeoutMs: 1_000 }));
  await expect(refused('http://127.0.0.1:1')).rejects.toMatchObject({
    code: 'target-unreachable',
    message: expect.stringContaining('Nothing listens at http://127.0.0.1:1'),
  });
  const http = createHttpServer();
  http.listen(0, '127.0.0.1');
  await once(http, 'listening');
  const { port } = http.address() as AddressInfo;
  await expect(refused(`https://127.0.0.1:${port}`)).rejects.toMatchObject({
    code: 'target-unreachable',
    message: expect.stringContaining('No TLS with'),
  });
  const mute = createTcpServer();
  mute.listen(0, '127.0.0.1');
  await once(mute, 'listening');
  await expect(refused(origin((mute.address() as AddressInfo).port))).rejects.toMatchObject({
    code: 'target-unreachable',
    message: expect.stringContaining('does not speak HTTP/2 without TLS'),
  });
  http.close();
  mute.close();
});

test('the same sender is made in a worker', async () => {
  await using running = await serve({});
  const sender = createSender(origin(running.port), { channels: 2 });
  const { source } = sender;
  const again = openSender(structuredClone(source?.options));
  expect(again.target).toBe(sender.target);
  const [result] = await replayAll([aCall()], again);
  expect(answered(result)).toEqual(['hello']);
  expect(() => openSender({})).toThrow(expect.objectContaining({ code: 'invalid-option' }));
});

test('options that make no sense are refused by name', () => {
  const make =
    (options: object, target = 'http://127.0.0.1:1') =>
    () =>
      createSender(target, options);
  for (const [options, subject] of [
    [{ authority: 'mine' }, 'authority'],
    [{ channels: 0 }, 'channels'],
    [{ infrastructure: 'yes' }, 'infrastructure'],
    [{ maxMessageBytes: -1 }, 'maxMessageBytes'],
    [{ maxBodyBytes: 1.5 }, 'maxBodyBytes'],
    [{ connectTimeoutMs: 0 }, 'connectTimeoutMs'],
  ] as const) {
    expect(make(options)).toThrow(expect.objectContaining({ code: 'invalid-option', place: { subject } }));
  }
  for (const target of ['localhost:50051', 'dns:///x', 'http://u:p@127.0.0.1', 'http://127.0.0.1/path']) {
    expect(make({}, target)).toThrow(expect.objectContaining({ code: 'invalid-option' }));
  }
});

test('a run that is stopped gives up what is under way', async () => {
  await using running = await serve({ upload: () => undefined });
  const controller = new AbortController();
  const run = replayExchanges([aCall({ target: '/test.Echo/Upload' })], createSender(origin(running.port)), {
    thread: 'inline',
    signal: controller.signal,
    drainMs: 10,
  });
  setTimeout(() => controller.abort(), 50);
  for await (const { entry } of run.results) expect(entry.error?.code).toBe('replay-aborted');
  expect(run.progress().stopped).toBe('signal');
});

/** Authorities and connections that a service is asked by. */
async function counting() {
  const hosts: string[] = [];
  const peers = new Set<string>();
  const running = await serve({
    unary: (call: grpc.ServerUnaryCall<Buffer, Buffer>, answer: grpc.sendUnaryData<Buffer>) => {
      hosts.push(call.getHost());
      peers.add(call.getPeer());
      answer(null, call.request);
    },
  });
  return { running, hosts, peers, [Symbol.asyncDispose]: () => running[Symbol.asyncDispose]() };
}

test('a name is looked up once, and the connections of all lanes go where it led then', async () => {
  await using service = await counting();
  const target = `http://staging.test:${service.running.port}`;
  const asked: string[] = [];
  const guard = {
    allow: [target],
    allowMutations: true,
    allowRecordedOrigin: true,
    resolve: async (host: string) => (asked.push(host) === 1 ? ['127.0.0.1'] : ['127.0.0.9']),
  };
  const calls = ['a', 'b', 'c'].map((lane, i) => aCall({ id: i + 1, lane, at: i }));
  const mark = { runId: 'r1', hostSuffix: true };
  const results = await replayAll(calls, createSender(target), { guard, mark });
  expect(results.map(answered)).toEqual([['hello'], ['hello'], ['hello']]);
  expect([service.peers.size, asked]).toEqual([3, ['staging.test']]);
  expect(new Set(service.hosts)).toEqual(new Set([`staging.test-shadow:${service.running.port}`]));
});

test('a target that a call names under another name gets nothing', async () => {
  await using service = await counting();
  const { port } = service.running;
  const target = `http://alias.test:${port}`;
  const guard = { allow: [target], allowMutations: true, resolve: async () => ['127.0.0.1'] };
  for (const authority of [`orders.test:${port}`, `127.0.0.1:${port}`, `[::ffff:127.0.0.1]:${port}`]) {
    const replaying = replayAll([aCall({ request: { authority } })], createSender(target), { guard });
    await expect(replaying).rejects.toMatchObject({ code: 'target-refused' });
  }
  const metadata = { allow: [target], resolve: async () => ['169.254.169.254'] };
  await expect(replayAll([aCall()], createSender(target), { guard: metadata })).rejects.toMatchObject({
    code: 'target-refused',
  });
  expect([service.hosts, service.peers.size]).toEqual([[], 0]);
});

test('an address keeps its authority where a suffix is asked for', async () => {
  await using service = await counting();
  const mark = { hostSuffix: true };
  await replayAll([aCall()], createSender(origin(service.running.port)), { mark });
  const recorded = aCall({ request: { authority: 'shop.internal:443' } });
  const sender = createSender(origin(service.running.port), { authority: 'recorded' });
  await replayAll([recorded], sender, { mark });
  expect(service.hosts).toEqual([`127.0.0.1:${service.running.port}`, 'shop.internal-shadow:443']);
});
