import * as grpc from '@grpc/grpc-js';
import { expect, test } from 'vitest';
import { tapChannel } from '../../src/tap-channel.ts';
import { tapServer } from '../../src/tap-server.ts';
import { framed, rawCall, recordedAlike, unarySeen } from '../support/hard-case.ts';
import { recording } from '../support/recording.ts';
import { serve } from '../support/service.ts';

type Answer = grpc.sendUnaryData<Buffer>;

/** The values of a header, in order. */
const valuesOf = (headers: readonly string[] | undefined, name: string): string[] =>
  (headers ?? []).filter((_, i, all) => i % 2 === 1 && all[i - 1] === name);

test('case 19: metadata of a request is recorded as it stood on the wire', async () => {
  const long = 'v'.repeat(8_000);
  const { sink } = await recordedAlike({}, async ({ port }) => {
    await using call = rawCall(port, '/test.Echo/Unary', {
      list: ['one, two', 'three'],
      'raw-bin': ['AQID', 'BA', ''],
      long,
      'Mixed-Case': 'a',
    });
    call.stream.end(framed('x'));
    return await call.seen;
  });
  const start = sink.events.find((event) => event.type === 'start');
  expect(valuesOf(start?.headers, 'list')).toEqual(['one, two', 'three']);
  expect(valuesOf(start?.headers, 'raw-bin')).toEqual(['AQID', 'BA', '']);
  expect(valuesOf(start?.headers, 'long')).toEqual([long]);
  expect(valuesOf(start?.headers, 'mixed-case')).toEqual(['a']);
  expect(valuesOf(start?.headers, 'content-type')).toEqual(['application/grpc']);
  expect(start).toMatchObject({ protocol: 'grpc', version: '2', method: 'POST', scheme: 'http' });
  expect(start?.headers.some((name) => name.startsWith(':'))).toBe(false);
});

test('case 19: metadata of a response is recorded in its order, with all its values', async () => {
  const { sink } = await recordedAlike(
    {
      unary: (call: grpc.ServerUnaryCall<Buffer, Buffer>, answer: Answer) => {
        const head = new grpc.Metadata();
        head.add('tenant', 'garden');
        head.add('tenant', 'hose');
        head.add('sum-bin', Buffer.from([1, 2, 3]));
        call.sendMetadata(head);
        const trailer = new grpc.Metadata();
        trailer.add('after', 'one');
        trailer.add('after', 'two');
        answer(null, Buffer.from('x'), trailer);
      },
    },
    ({ client }) => unarySeen(client, 'x'),
  );
  const head = sink.events.find((event) => event.type === 'headers');
  expect(valuesOf(head?.headers, 'tenant')).toEqual(['garden', 'hose']);
  expect(valuesOf(head?.headers, 'sum-bin')).toEqual(['AQID']);
  const trailers = sink.events.find((event) => event.type === 'trailers');
  expect(trailers?.headers).toEqual([
    'grpc-status',
    '0',
    'grpc-message',
    'OK',
    'after',
    'one',
    'after',
    'two',
  ]);
});

test('case 19: both values of a name that is sent twice are recorded', async () => {
  const { sink } = await recordedAlike({}, async ({ port }) => {
    await using call = rawCall(port, '/test.Echo/Unary', { 'x-token': ['a', 'b'] });
    call.stream.end(framed('x'));
    return await call.seen;
  });
  const start = sink.events.find((event) => event.type === 'start');
  expect(valuesOf(start?.headers, 'x-token')).toEqual(['a', 'b']);
});

test('case 21: a status text is recorded as it was encoded, with its details', async () => {
  const details = Buffer.from([8, 5, 18, 2, 110, 111]);
  const metadata = new grpc.Metadata();
  metadata.set('grpc-status-details-bin', details);
  const handler = (_call: unknown, answer: Answer) =>
    answer({ code: 5, details: 'no ünicorn: 100%', metadata });
  const { sink } = await recordedAlike({ unary: handler }, ({ client }) => unarySeen(client, 'x'));
  const trailers = sink.events.find((event) => event.type === 'trailers');
  expect(trailers?.headers.slice(0, 6)).toEqual([
    'grpc-status',
    '5',
    'grpc-message',
    'no%20%C3%BCnicorn:%20100%25',
    'grpc-status-details-bin',
    details.toString('base64'),
  ]);
});

test('case 13: the tries of a client are a call each for the server, and one for the client', async () => {
  const atServer = recording();
  const atClient = recording();
  let tries = 0;
  const retryPolicy = {
    maxAttempts: 3,
    initialBackoff: '0.01s',
    maxBackoff: '0.02s',
    backoffMultiplier: 1,
    retryableStatusCodes: ['UNAVAILABLE'],
  };
  const config = { methodConfig: [{ name: [{ service: 'test.Echo' }], retryPolicy }] };
  {
    await using running = await serve(
      {
        unary: (_call: unknown, answer: Answer) => {
          tries += 1;
          if (tries < 3) answer({ code: 14, details: 'not now' });
          else answer(null, Buffer.from('done'));
        },
      },
      (server) => {
        tapServer(server, atServer.recorder);
      },
      {
        client: {
          'grpc.service_config': JSON.stringify(config),
          ...tapChannel(atClient.recorder, { grpc }),
        },
      },
    );
    expect((await unarySeen(running.client, 'x')).at(-2)).toMatch(/message done|metadata/);
  }
  const served = await atServer.told();
  expect(served.filter((line) => line.includes('start'))).toHaveLength(3);
  expect(served).toContain('3 trailers grpc-status 0');
  const attempts = atServer.sink.events.flatMap((event) =>
    event.type === 'start' ? valuesOf(event.headers, 'grpc-previous-rpc-attempts') : [],
  );
  expect(attempts).toEqual(['1', '2']);
  expect(await atClient.told()).toEqual([
    '1 start /test.Echo/Unary',
    '1 request 0 "x"',
    '1 end request',
    '1 headers 200',
    '1 response 0 "done"',
    '1 trailers grpc-status 0',
    '1 end response',
  ]);
});
