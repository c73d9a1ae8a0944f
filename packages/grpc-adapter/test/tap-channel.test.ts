import { assembleAll } from '@gardenhose/core/testing';
import * as grpc from '@grpc/grpc-js';
import { expect, test } from 'vitest';
import { attach } from '../src/attach.ts';
import { tapChannel } from '../src/tap-channel.ts';
import { recording } from './support/recording.ts';
import { serve, unary } from './support/service.ts';

test('a call of a client is recorded as an outbound exchange', async () => {
  const { recorder, told, sink } = recording();
  {
    await using running = await serve({}, undefined, { client: tapChannel(recorder, { grpc }) });
    const metadata = new grpc.Metadata();
    metadata.add('tenant', 'garden');
    metadata.add('tenant', 'hose');
    metadata.add('trace-bin', Buffer.from([1, 2, 3]));
    await unary(running.client, 'hello', metadata);
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
  const start = sink.events.find((event) => event.type === 'start');
  expect(start).toMatchObject({
    direction: 'outbound',
    protocol: 'grpc',
    operation: 'test.Echo/Unary',
    scheme: 'http',
    authority: expect.stringMatching(/^127\.0\.0\.1:\d+$/),
    headers: ['tenant', 'garden', 'tenant', 'hose', 'trace-bin', 'AQID'],
  });
});

test('what is no grpc-js is refused', () => {
  // @ts-expect-error what callers without types can give
  expect(() => tapChannel(recording().recorder, {})).toThrow(/grpc must be the module @grpc\/grpc-js/);
});

test('all clients of a copy are recorded by attach, one that is tapped by itself too only once', async () => {
  const { recorder, sink } = recording();
  const detach = attach(recorder, { grpc, outbound: true });
  {
    await using plain = await serve({});
    await using tapped = await serve({}, undefined, { client: tapChannel(recorder, { grpc }) });
    await unary(plain.client, 'one');
    await unary(tapped.client, 'two');
    detach();
    await unary(plain.client, 'three');
  }
  await recorder.close();
  const outbound = assembleAll(sink.events).filter(({ direction }) => direction === 'outbound');
  expect(outbound.map(({ request }) => Buffer.from(request.messages[0]?.data ?? []).toString())).toEqual([
    'one',
    'two',
  ]);
  expect(outbound[0]?.request).toMatchObject({
    scheme: 'http',
    authority: expect.stringMatching(/^127\.0\.0\.1:\d+$/),
  });
  expect(new Set(outbound.map(({ lane }) => lane)).size).toBe(2);
});
