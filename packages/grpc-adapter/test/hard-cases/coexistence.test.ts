import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ExchangeTap, TapTarget } from '@gardenhose/core';
import * as grpc from '@grpc/grpc-js';
import { expect, test, vi } from 'vitest';
import { tapServer } from '../../src/tap-server.ts';
import { chat, framed, rawCall, recordedAlike, seen, unarySeen } from '../support/hard-case.ts';
import { recording, unaryCall } from '../support/recording.ts';
import { definition, serve, unary } from '../support/service.ts';

type Answer = grpc.sendUnaryData<Buffer>;

test('case 22: a call that was open when the tap came is not recorded, and goes on', async () => {
  const { recorder, told } = recording();
  await using running = await serve({});
  const call = chat(running.client);
  const all = seen(call);
  call.write(Buffer.from('one'));
  await once(call, 'data');
  tapServer(running.server, recorder);
  call.write(Buffer.from('two'));
  call.end();
  expect((await all).at(-1)).toMatch(/^status 0/);
  expect(await told()).toEqual([]);
});

test('case 22: a call that is open when the tap goes is recorded to its end', async () => {
  const { recorder, told } = recording();
  await using running = await serve({});
  const detach = tapServer(running.server, recorder);
  const call = chat(running.client);
  const all = seen(call);
  call.write(Buffer.from('one'));
  await once(call, 'data');
  detach();
  call.write(Buffer.from('two'));
  call.end();
  await all;
  await unary(running.client, 'not recorded');
  await vi.waitFor(() => expect(recorder.stats().underWay).toBe(0), { interval: 1 });
  const lines = await told();
  expect(lines).toContain('1 response 1 "two"');
  expect(lines.at(-1)).toBe('1 end response');
});

test('case 22: a call that is open when the recorder closes is told as given up, and goes on', async () => {
  const { recorder, told } = recording();
  await using running = await serve({}, (server) => {
    tapServer(server, recorder);
  });
  const call = chat(running.client);
  const all = seen(call);
  call.write(Buffer.from('one'));
  await once(call, 'data');
  expect((await told()).at(-1)).toBe('1 abort recorder recorder-closed');
  call.end();
  expect((await all).at(-1)).toMatch(/^status 0/);
});

test('case 29: interceptors of the application work as before; what they make of a call is what is recorded', async () => {
  const rewriting: grpc.ServerInterceptor = (_method, call) =>
    new grpc.ServerInterceptingCall(call, {
      sendMessage: (message, next) => next(Buffer.from(message.toString().toUpperCase())),
    });
  const refusing: grpc.ServerInterceptor = (_method, call) =>
    new grpc.ServerInterceptingCall(call, {
      start: (next) =>
        next({
          onReceiveMetadata: (metadata, pass) => {
            if (metadata.get('refuse').length > 0) {
              call.sendStatus({ code: 7, details: 'not you' });
            } else pass(metadata);
          },
        }),
    });
  const server = { interceptors: [rewriting, refusing] };
  const { lines } = await recordedAlike({}, ({ client }) => unarySeen(client, 'hello'), { server });
  expect(lines).toContain('1 response 0 "HELLO"');
  const refuse = new grpc.Metadata();
  refuse.set('refuse', 'yes');
  const refused = await recordedAlike({}, ({ client }) => unarySeen(client, 'hello', refuse), { server });
  expect(refused.lines).toContain('1 trailers grpc-status 7');
});

test('case 37: a recorder that fails does not touch the call, and is left alone after ten times', async () => {
  let failures = 0;
  let asked = 0;
  const failing: TapTarget = {
    begin() {
      asked += 1;
      throw new Error('no');
    },
    tapFailed() {
      failures += 1;
    },
  };
  await using running = await serve({}, (server) => {
    tapServer(server, failing);
  });
  for (let i = 0; i < 12; i++) expect((await unary(running.client, 'hello')).toString()).toBe('hello');
  expect([asked, failures]).toEqual([10, 10]);
});

test('case 37: a recorder that fails within a call loses that call, and the call goes on', async () => {
  const fail = () => {
    throw new Error('no');
  };
  const aborts: string[] = [];
  let failures = 0;
  const tap: ExchangeTap = {
    id: 1,
    headers: fail,
    chunk: fail,
    message: fail,
    trailers: fail,
    end: fail,
    abort: (by, code) => aborts.push(`${by} ${code}`),
    mark: fail,
  };
  const failing: TapTarget = {
    begin: () => tap,
    tapFailed() {
      failures += 1;
    },
  };
  await using running = await serve({}, (server) => {
    tapServer(server, failing);
  });
  expect((await unary(running.client, 'hello')).toString()).toBe('hello');
  expect(aborts).toEqual(['recorder tap-failed']);
  expect(failures).toBe(1);
});

test('case 41: a call over a Unix socket has no peer', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'gardenhose-grpc-'));
  const { recorder, sink, told } = recording();
  const server = new grpc.Server();
  tapServer(server, recorder);
  server.addService(definition, {
    unary: (call: grpc.ServerUnaryCall<Buffer, Buffer>, answer: Answer) => answer(null, call.request),
    upload: () => undefined,
    list: () => undefined,
    chat: () => undefined,
  });
  const address = `unix:${join(folder, 'socket')}`;
  await new Promise((resolve) => server.bindAsync(address, grpc.ServerCredentials.createInsecure(), resolve));
  const client = new grpc.Client(address, grpc.credentials.createInsecure());
  await unary(client, 'hello');
  client.close();
  await new Promise<void>((resolve) => server.tryShutdown(() => resolve()));
  rmSync(folder, { recursive: true });
  expect(await told()).toEqual(unaryCall);
  expect(sink.events.find((event) => event.type === 'start')?.peer).toBeUndefined();
});

test('a call that a replay sent is recorded only when asked for', async () => {
  const without = recording();
  const withShadow = recording();
  {
    await using running = await serve({}, (server) => {
      tapServer(server, without.recorder);
      tapServer(server, withShadow.recorder, { recordShadow: true });
    });
    await using call = rawCall(running.port, '/test.Echo/Unary', { 'x-shadow-traffic': 'true' });
    call.stream.end(framed('hello'));
    await call.seen;
  }
  expect(await without.told()).toEqual([]);
  expect(await withShadow.told()).toEqual(unaryCall);
});

test('calls of one connection are a lane, and those of another are another', async () => {
  const { recorder, sink, told } = recording();
  {
    await using running = await serve({}, (server) => {
      tapServer(server, recorder);
    });
    await unary(running.client, 'one');
    await unary(running.client, 'two');
    await using call = rawCall(running.port, '/test.Echo/Unary');
    call.stream.end(framed('three'));
    await call.seen;
  }
  await told();
  const starts = sink.events.filter((event) => event.type === 'start');
  expect(new Set(starts.map(({ lane }) => lane)).size).toBe(2);
  expect(starts[0]?.lane).toBe(starts[1]?.lane);
  expect(starts[0]?.peer).toMatch(/^127\.0\.0\.1:\d+$/);
});
