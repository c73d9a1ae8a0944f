import * as grpc from '@grpc/grpc-js';
import { expect, test } from 'vitest';
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
