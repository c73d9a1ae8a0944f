import { once } from 'node:events';
import { gzipSync } from 'node:zlib';
import type { ExchangeTap } from '@gardenhose/core';
import type * as grpc from '@grpc/grpc-js';
import { expect, test } from 'vitest';
import { tapServer } from '../../src/tap-server.ts';
import { chat, framed, list, rawCall, recordedAlike, seen, stable, unarySeen } from '../support/hard-case.ts';
import { type Running, serve } from '../support/service.ts';

type Duplex = grpc.ServerDuplexStream<Buffer, Buffer>;
type Answer = grpc.sendUnaryData<Buffer>;

test('case 7: messages of no bytes are messages: first, last and alone', async () => {
  const { lines } = await recordedAlike({}, ({ client }) => {
    const call = chat(client);
    const all = seen(call);
    for (const text of ['', 'one', '']) call.write(Buffer.from(text));
    call.end();
    return all;
  });
  const sent = lines.filter((line) => /request \d/.test(line));
  expect(sent).toEqual(['1 request 0 ""', '1 request 1 "one"', '1 request 2 ""']);
  expect(lines.filter((line) => /response \d/.test(line)).length).toBe(3);
  const alone = await recordedAlike({}, ({ client }) => unarySeen(client, ''));
  expect(alone.lines.slice(1, 5)).toEqual([
    '1 request 0 ""',
    '1 end request',
    '1 headers 200',
    '1 response 0 ""',
  ]);
});

test('case 14: an unknown method is recorded with its refusal', async () => {
  const { lines } = await recordedAlike({}, async ({ port }) => {
    await using call = rawCall(port, '/test.Other/None');
    call.stream.end(framed('x'));
    return await call.seen;
  });
  expect(lines[0]).toBe('1 start /test.Other/None');
  expect(lines).toContain('1 trailers grpc-status 12');
  expect(lines.at(-1)).toBe('1 end response');
});

test('case 14: a request of another content type is recorded with its status 415', async () => {
  const drive = async ({ port }: Running): Promise<string[]> => {
    await using call = rawCall(port, '/test.Echo/Unary', { 'content-type': 'text/plain' });
    call.stream.end();
    return await call.seen;
  };
  // A proxy passes all of HTTP/2 and records what says that it is gRPC.
  const { lines } = await recordedAlike({}, drive, { proxied: false });
  expect(lines).toContain('1 headers 415');
  expect(lines.at(-1)).toBe('1 end response');
});

test('case 15: a request that cannot be decoded is recorded with its bytes', async () => {
  const codecs = {
    requestDeserialize: () => {
      throw new Error('not what it should be');
    },
  };
  const { lines } = await recordedAlike({}, ({ client }) => unarySeen(client, 'nonsense'), { codecs });
  expect(lines.slice(0, 2)).toEqual(['1 start /test.Echo/Unary', '1 request 0 "nonsense"']);
  expect(lines).toContain('1 trailers grpc-status 13');
  expect(lines.at(-1)).toBe('1 end response');
});

test('case 15: an answer that cannot be encoded has no message', async () => {
  const codecs = {
    responseSerialize: () => {
      throw new Error('cannot be written');
    },
  };
  const { lines } = await recordedAlike({}, ({ client }) => unarySeen(client, 'x'), { codecs });
  expect(lines.filter((line) => line.includes('response 0'))).toEqual([]);
  expect(lines).toContain('1 trailers grpc-status 13');
});

test('case 16: a message over the limit of the server', async () => {
  const server = { 'grpc.max_receive_message_length': 10 };
  const { lines } = await recordedAlike({}, ({ client }) => unarySeen(client, 'more than ten bytes'), {
    server,
  });
  expect(lines).toContain('1 trailers grpc-status 8');
  expect(lines.at(-1)).toBe('1 end response');
});

test('case 16: a prefix of two gigabytes is refused as without the tap', async () => {
  const { lines } = await recordedAlike({}, async ({ port }) => {
    await using call = rawCall(port, '/test.Echo/Unary');
    call.stream.write(Buffer.from([0, 0x80, 0, 0, 0, 1, 2, 3]));
    await once(call.stream, 'end');
    call.stream.end();
    return await call.seen;
  });
  expect(lines.filter((line) => / request \d/.test(line))).toEqual([]);
  expect(lines).toContain('1 trailers grpc-status 8');
});

test('case 16: a bomb is recorded as a message that could not be decompressed', async () => {
  const bomb = gzipSync(Buffer.alloc(8 * 1024 * 1024));
  const { lines } = await recordedAlike({}, async ({ port }) => {
    await using call = rawCall(port, '/test.Echo/Unary', { 'grpc-encoding': 'gzip' });
    call.stream.end(framed(bomb, 1));
    return await call.seen;
  });
  expect(lines.slice(0, 3)).toEqual([
    '1 start /test.Echo/Unary',
    '1 request 0 ""',
    `1 mark undecoded request message of ${bomb.length} bytes`,
  ]);
  expect(lines).toContain('1 trailers grpc-status 8');
});

test('a compressed message is handed to a recorder as it came: the thread that serves does not decompress it', async () => {
  const told: unknown[] = [];
  const nothing = () => undefined;
  const tap: ExchangeTap = {
    id: 1,
    headers: nothing,
    chunk: nothing,
    message: (side, kind, data) => told.push([side, kind, String(data)]),
    compressed: (side, coding, kind, data) => told.push([side, coding, kind, Buffer.from(data)]),
    trailers: nothing,
    end: nothing,
    abort: nothing,
    mark: nothing,
  };
  const squeezed = gzipSync('squeezed');
  await using running = await serve({}, (server) => {
    tapServer(server, { begin: () => tap, tapFailed: (error) => told.push(error) });
  });
  await using call = rawCall(running.port, '/test.Echo/Chat', { 'grpc-encoding': 'gzip' });
  call.stream.end(Buffer.concat([framed('plain'), framed(squeezed, 1)]));
  await call.seen;
  expect(told.slice(0, 2)).toEqual([
    ['request', 0, 'plain'],
    ['request', 'gzip', 1, squeezed],
  ]);
});

test('case 17: compressed and plain messages in one stream are recorded plain, with their flags', async () => {
  const { lines, sink } = await recordedAlike({}, async ({ port }) => {
    await using call = rawCall(port, '/test.Echo/Chat', { 'grpc-encoding': 'gzip' });
    call.stream.end(Buffer.concat([framed('plain'), framed(gzipSync('squeezed'), 1), framed('plain again')]));
    return await call.seen;
  });
  expect(lines.filter((line) => / request \d/.test(line))).toEqual([
    '1 request 0 "plain"',
    '1 request 1 "squeezed"',
    '1 request 2 "plain again"',
  ]);
  const flags = sink.events.flatMap((event) =>
    event.type === 'message' && event.side === 'request' ? [event.kind] : [],
  );
  expect(flags).toEqual([0, 1, 0]);
});

test.each([
  ['zstd', framed('?', 1)],
  ['identity', framed('?', 1)],
])('case 17: a flag that %s does not bear out', async (encoding, bytes) => {
  const { lines } = await recordedAlike({}, async ({ port }) => {
    await using call = rawCall(port, '/test.Echo/Unary', { 'grpc-encoding': encoding });
    call.stream.end(bytes);
    return await call.seen;
  });
  expect(lines).toContain('1 mark undecoded request message of 1 bytes');
});

test('case 18: messages are found however the bytes are cut', async () => {
  const bytes = Buffer.concat([framed('one'), framed(''), framed('a longer message'), framed('end')]);
  const { lines } = await recordedAlike({}, async ({ port }) => {
    await using call = rawCall(port, '/test.Echo/Chat');
    for (const byte of bytes) {
      await new Promise<void>((resolve) => {
        call.stream.write(Buffer.from([byte]), () => resolve());
      });
    }
    call.stream.end();
    return await call.seen;
  });
  expect(lines.filter((line) => / request \d/.test(line))).toEqual([
    '1 request 0 "one"',
    '1 request 1 ""',
    '1 request 2 "a longer message"',
    '1 request 3 "end"',
  ]);
});

test('case 18: one message over many frames', async () => {
  const large = 'x'.repeat(300_000);
  const { sink } = await recordedAlike({}, ({ client }) => unarySeen(client, large));
  const sizes = sink.events.flatMap((event) => (event.type === 'message' ? [event.data?.length] : []));
  expect(sizes).toEqual([300_000, 300_000]);
});

test('case 27: what the application does to its buffers later does not change what was recorded', async () => {
  const handler = (call: grpc.ServerUnaryCall<Buffer, Buffer>, answer: Answer) => {
    const copy = Buffer.from(call.request);
    call.request.fill(0x21);
    answer(null, copy);
    copy.fill(0x3f);
  };
  const { lines } = await recordedAlike({ unary: handler }, ({ client }) => unarySeen(client, 'hello'));
  expect(lines).toContain('1 request 0 "hello"');
  expect(lines).toContain('1 response 0 "hello"');
});

test('case 24: a handler that does not read holds the client back as it does without the tap', async () => {
  const { sink } = await recordedAlike(
    {
      chat: (call: Duplex) => {
        call.pause();
        call.on('cancelled', () => undefined);
        call.write(Buffer.from('ready'));
      },
    },
    async ({ port }) => {
      const call = rawCall(port, '/test.Echo/Chat');
      await once(call.stream, 'data');
      const message = framed(Buffer.alloc(16 * 1024 - 5));
      for (let i = 0; i < 64; i++) call.stream.write(message);
      const closed = call.seen;
      // What stays in the client is what flow control did not let go.
      const held = await stable(() => call.stream.writableLength);
      call.stream.close(8);
      await closed;
      call.session.destroy();
      return held;
    },
  );
  const got = sink.events.filter((event) => event.type === 'message' && event.side === 'request').length;
  expect(got).toBeLessThan(64);
});

test('case 23: a thousand calls at once on one connection are each recorded whole', async () => {
  const { lines } = await recordedAlike({}, ({ client }) =>
    Promise.all(Array.from({ length: 1000 }, (_, i) => seen(list(client, `a${i} b${i}`)))),
  );
  const of = (exchange: number) =>
    lines.filter((line) => line.startsWith(`${exchange} `)).map((line) => line.replace(/^\d+ /, ''));
  for (const exchange of [1, 500, 1000]) {
    const [, request = ''] = of(exchange)[1]?.match(/"(.*)"/) ?? [];
    const [first, second] = request.split(' ');
    expect(of(exchange)).toEqual([
      'start /test.Echo/List',
      `request 0 "${request}"`,
      'end request',
      'headers 200',
      `response 0 "${first}"`,
      `response 1 "${second}"`,
      'trailers grpc-status 0',
      'end response',
    ]);
  }
  expect(lines.filter((line) => line.endsWith('end response')).length).toBe(1000);
});
