import * as grpc from '@grpc/grpc-js';
import { expect, test } from 'vitest';
import { tapChannel } from '../../src/tap-channel.ts';
import { chat, list, seen, unarySeen } from '../support/hard-case.ts';
import { recording } from '../support/recording.ts';
import { type Handlers, type Running, serve } from '../support/service.ts';

type Duplex = grpc.ServerDuplexStream<Buffer, Buffer>;
type Answer = grpc.sendUnaryData<Buffer>;

/** Runs the same without the tap of the client and with it; what the client saw must be the same. Gives what was recorded. */
async function clientAlike(handlers: Handlers, drive: (running: Running) => Promise<unknown>) {
  let bare: unknown;
  {
    await using running = await serve(handlers);
    bare = await drive(running);
  }
  const { recorder, told, sink } = recording();
  {
    await using running = await serve(handlers, undefined, { client: tapChannel(recorder, { grpc }) });
    expect(await drive(running)).toEqual(bare);
  }
  expect(recorder.stats()).toMatchObject({ tapFailures: 0, underWay: 0 });
  return { lines: await told(), sink };
}

test('case 1: a client that cancels', async () => {
  const { lines } = await clientAlike({}, ({ client }) => {
    const call = chat(client);
    const all = seen(call);
    call.on('data', () => call.cancel());
    call.write(Buffer.from('one'));
    return all;
  });
  expect(lines).toEqual([
    '1 start /test.Echo/Chat',
    '1 request 0 "one"',
    '1 headers 200',
    '1 response 0 "one"',
    '1 abort client RST_STREAM 8',
  ]);
});

test('case 3: a deadline of the client is told from a cancel', async () => {
  const { lines, sink } = await clientAlike(
    { chat: (call: Duplex) => call.on('data', () => undefined) },
    async ({ client }) => {
      const all = await seen(chat(client, { deadline: Date.now() + 50 }));
      return all.map((line) => line.replace(/Deadline exceeded.*/, 'Deadline exceeded'));
    },
  );
  expect(lines.at(-1)).toMatch(/^1 (abort client DEADLINE_EXCEEDED|end response)$/);
  expect(lines).toContain('1 mark grpc-timeout derived');
  const start = sink.events.find((event) => event.type === 'start');
  expect(start?.headers.at(-2)).toBe('grpc-timeout');
  expect(start?.headers.at(-1)).toMatch(/^\d{1,2}m$/);
});

test('case 5: a response of trailers only has no head', async () => {
  const { lines } = await clientAlike(
    { unary: (_call: unknown, answer: Answer) => answer({ code: 5, details: 'no ünicorn' }) },
    ({ client }) => unarySeen(client, 'x'),
  );
  expect(lines).toEqual([
    '1 start /test.Echo/Unary',
    '1 request 0 "x"',
    '1 end request',
    '1 trailers grpc-status 5',
    '1 end response',
  ]);
});

test('case 7: messages of a server stream, those of no bytes too', async () => {
  const { lines } = await clientAlike(
    {
      list: (call: grpc.ServerWritableStream<Buffer, Buffer>) => {
        for (const text of ['', 'one', '']) call.write(Buffer.from(text));
        call.end();
      },
    },
    ({ client }) => seen(list(client, '')),
  );
  expect(lines.slice(1)).toEqual([
    '1 request 0 ""',
    '1 end request',
    '1 headers 200',
    '1 response 0 ""',
    '1 response 1 "one"',
    '1 response 2 ""',
    '1 trailers grpc-status 0',
    '1 end response',
  ]);
});

test('case 11: a server that is shut down by force has broken the call off', async () => {
  const { lines } = await clientAlike({}, ({ client, server }) => {
    const call = chat(client);
    const all = seen(call);
    call.once('data', () => server.forceShutdown());
    call.write(Buffer.from('one'));
    return all;
  });
  expect(lines.at(-1)).toBe('1 abort server RST_STREAM 8');
});

test('case 11: a server that is not there', async () => {
  const { recorder, told } = recording();
  const client = new grpc.Client('127.0.0.1:1', grpc.credentials.createInsecure(), {
    ...tapChannel(recorder, { grpc }),
  });
  expect((await unarySeen(client, 'x')).at(-1)).toMatch(/^status 14/);
  client.close();
  expect((await told()).at(-1)).toBe('1 abort unknown UNAVAILABLE');
});

test('case 29: interceptors of the client stand above the tap, those of single calls too', async () => {
  const { recorder, told } = recording();
  const shouting: grpc.Interceptor = (options, next) =>
    new grpc.InterceptingCall(next(options), {
      sendMessage: (message, pass) => pass(Buffer.from(message.toString().toUpperCase())),
    });
  {
    await using running = await serve({}, undefined, { client: tapChannel(recorder, { grpc }) });
    const call = chat(running.client, { interceptors: [shouting] });
    const all = seen(call);
    call.end(Buffer.from('hello'));
    await all;
  }
  expect(await told()).toContain('1 request 0 "HELLO"');
});

test('case 29: an interceptor that goes on later delays the call; one that answers by itself makes none', async () => {
  const { recorder, told } = recording();
  const later: grpc.Interceptor = (options, next) =>
    new grpc.InterceptingCall(next(options), {
      start: (metadata, listener, go) => void setImmediate(() => go(metadata, listener)),
    });
  const ok = { code: 0, details: 'from a cache', metadata: new grpc.Metadata() };
  const answering: grpc.Interceptor = (options, next) =>
    new grpc.InterceptingCall(next(options), {
      start: (_metadata, listener) => setImmediate(() => listener.onReceiveStatus(ok)),
      sendMessage: () => undefined,
      halfClose: () => undefined,
    });
  {
    await using running = await serve({}, undefined, { client: tapChannel(recorder, { grpc }) });
    const cached = seen(list(running.client, 'never sent', { interceptors: [answering] }));
    expect((await cached).at(-1)).toMatch(/^status 0 from a cache/);
    const call = chat(running.client, { interceptors: [later] });
    const all = seen(call);
    call.end(Buffer.from('hello'));
    expect((await all).at(-1)).toMatch(/^status 0/);
  }
  const lines = await told();
  expect(lines.join()).not.toContain('never sent');
  expect(lines.filter((line) => line.includes('start'))).toEqual([
    expect.stringContaining('/test.Echo/Chat'),
  ]);
  expect(lines).toContainEqual(expect.stringMatching(/request 0 "hello"$/));
  expect(lines.at(-1)).toMatch(/end response$/);
});

test('case 37: a recorder that fails does not touch the calls of the client', async () => {
  let failures = 0;
  const failing = {
    begin() {
      throw new Error('no');
    },
    tapFailed() {
      failures += 1;
    },
  };
  await using running = await serve({}, undefined, { client: tapChannel(failing, { grpc }) });
  for (let i = 0; i < 12; i++) expect((await unarySeen(running.client, 'x')).at(-1)).toMatch(/^status 0/);
  expect(failures).toBe(10);
});
