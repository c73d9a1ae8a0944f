import * as grpc from '@grpc/grpc-js';
import { expect, test } from 'vitest';
import { tapServer } from '../src/tap-server.ts';
import { recording } from './support/recording.ts';
import { serve, unary } from './support/service.ts';

test('a unary call is recorded whole and in order', async () => {
  const { recorder, told } = recording();
  {
    await using running = await serve({}, (server) => {
      tapServer(server, recorder);
    });
    expect((await unary(running.client, 'hello')).toString()).toBe('hello');
  }
  expect(await told()).toEqual([
    '1 start /test.Echo/Unary',
    '1 request 0 "hello"',
    '1 end request',
    '1 headers 200',
    '1 response 0 "hello"',
    '1 trailers grpc-status 0',
    '1 end response',
  ]);
});

test('detached, a server is as it was', () => {
  const { recorder } = recording();
  const server = new grpc.Server();
  const { addService } = server;
  const servers: unknown = Reflect.get(server, 'http2Servers');
  tapServer(server, recorder)();
  expect(server.addService).toBe(addService);
  expect(servers).toHaveProperty('set', Map.prototype.set);
});
