import { once } from 'node:events';
import * as grpc from '@grpc/grpc-js';
import { expect, test } from 'vitest';
import {
  chat,
  framed,
  list,
  rawCall,
  recordedAlike,
  seen,
  unarySeen,
  uploading,
  withResolver,
} from '../support/hard-case.ts';
import type { Running } from '../support/service.ts';

type Duplex = grpc.ServerDuplexStream<Buffer, Buffer>;
type Answer = grpc.sendUnaryData<Buffer>;

test('case 1: a bidi call that the client cancels ends as cancelled, without a half-close', async () => {
  const { lines } = await recordedAlike(
    { chat: (call: Duplex) => call.on('data', (part: Buffer) => call.write(part)) },
    ({ client }) => {
      const call = chat(client);
      const all = seen(call);
      call.on('data', () => call.cancel());
      call.write(Buffer.from('one'));
      return all;
    },
  );
  expect(lines).toEqual([
    '1 start /test.Echo/Chat',
    '1 request 0 "one"',
    '1 headers 200',
    '1 response 0 "one"',
    '1 abort client RST_STREAM 8',
  ]);
});

test('case 1: a client-streaming call that the client cancels is not told as finished, though its handler answers', async () => {
  const got = { at: withResolver<void>() };
  const upload = (call: grpc.ServerReadableStream<Buffer, Buffer>, answer: Answer) => {
    call.on('data', () => got.at.resolve());
    call.on('cancelled', () => answer(null, Buffer.from('too late')));
  };
  const { lines } = await recordedAlike({ upload }, async ({ client }) => {
    got.at = withResolver();
    const { call, seen: all } = uploading(client);
    call.write(Buffer.from('one'));
    await got.at.promise;
    call.cancel();
    return await all;
  });
  expect(lines.slice(0, 2)).toEqual(['1 start /test.Echo/Upload', '1 request 0 "one"']);
  expect(lines.at(-1)).toBe('1 abort client RST_STREAM 8');
  expect(lines.filter((line) => line.includes('end response'))).toEqual([]);
});

test('case 2: what a handler says after the deadline is not recorded', async () => {
  const { lines, sink } = await recordedAlike(
    {
      chat: (call: Duplex) => {
        call.on('data', (part: Buffer) => call.write(part));
        call.on('cancelled', () => {
          call.write(Buffer.from('late'));
          call.end();
        });
      },
    },
    async ({ port }) => {
      await using call = rawCall(port, '/test.Echo/Chat', { 'grpc-timeout': '80m' });
      call.stream.write(framed('one'));
      await once(call.stream, 'trailers');
      call.stream.end();
      return await call.seen;
    },
  );
  expect(lines).toEqual([
    '1 start /test.Echo/Chat',
    '1 request 0 "one"',
    '1 headers 200',
    '1 response 0 "one"',
    '1 trailers grpc-status 4',
    expect.stringMatching(/^1 end request/),
    '1 abort server DEADLINE_EXCEEDED',
  ]);
  const start = sink.events.find((event) => event.type === 'start');
  expect(start?.headers).toEqual(expect.arrayContaining(['grpc-timeout', '80m']));
});

test('case 3: a deadline of the client is one ending, whoever notices it first', async () => {
  const listening = { chat: (call: Duplex) => call.on('data', () => undefined) };
  const { lines } = await recordedAlike(listening, async ({ client }) => {
    const call = chat(client, { deadline: Date.now() + 60 });
    const all = await seen(call);
    return all.map((line) => line.replace(/Deadline exceeded.*/, 'Deadline exceeded'));
  });
  expect(lines[0]).toBe('1 start /test.Echo/Chat');
  expect(lines.filter((line) => / (abort|end response)/.test(line))).toEqual([
    expect.stringMatching(/^1 abort (client RST_STREAM 8|server DEADLINE_EXCEEDED)$/),
  ]);
});

test.each([
  ['500u', 4],
  ['0n', 4],
  ['2592000S', 4],
  ['abc', 13],
  ['99999999H', undefined],
])('case 4: a grpc-timeout of %s is recorded as its text', async (text, status) => {
  const slow = status === 4 ? { unary: () => undefined } : {};
  const { lines, sink } = await recordedAlike(slow, async ({ port }) => {
    await using call = rawCall(port, '/test.Echo/Unary', { 'grpc-timeout': text });
    call.stream.end(framed('x'));
    return await call.seen;
  });
  const start = sink.events.find((event) => event.type === 'start');
  const at = start?.headers.indexOf('grpc-timeout') ?? -1;
  expect(start?.headers[at + 1]).toBe(text);
  if (status !== undefined) expect(lines).toContain(`1 trailers grpc-status ${status}`);
});

test('case 5: a response of trailers only has no head', async () => {
  const { lines } = await recordedAlike(
    { unary: (_call: unknown, answer: Answer) => answer({ code: 5, details: 'no such thing' }) },
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

test('case 5: a response with head and trailers but no message has both', async () => {
  const { lines } = await recordedAlike(
    {
      unary: (call: grpc.ServerUnaryCall<Buffer, Buffer>, answer: Answer) => {
        call.sendMetadata(new grpc.Metadata());
        answer({ code: 5, details: 'no such thing' });
      },
    },
    ({ client }) => unarySeen(client, 'x'),
  );
  expect(lines.slice(3)).toEqual(['1 headers 200', '1 trailers grpc-status 5', '1 end response']);
});

test('case 6: two messages in a unary call are recorded, and refused as without the tap', async () => {
  const { lines } = await recordedAlike({}, async ({ port }) => {
    await using call = rawCall(port, '/test.Echo/Unary');
    call.stream.end(Buffer.concat([framed('one'), framed('two')]));
    return await call.seen;
  });
  expect(lines.slice(0, 3)).toEqual(['1 start /test.Echo/Unary', '1 request 0 "one"', '1 request 1 "two"']);
  expect(lines).toContain('1 trailers grpc-status 12');
});

test('case 6: a stream that ends well without a message has none', async () => {
  const { lines } = await recordedAlike(
    { list: (call: grpc.ServerWritableStream<Buffer, Buffer>) => call.end() },
    ({ client }) => seen(list(client, 'x')),
  );
  expect(lines.filter((line) => line.includes('response'))).toEqual(['1 end response']);
  expect(lines).toContain('1 trailers grpc-status 0');
});

test('case 8: a server that speaks first is recorded first', async () => {
  const { lines } = await recordedAlike(
    {
      chat: (call: Duplex) => {
        call.write(Buffer.from('welcome'));
        call.on('data', () => undefined);
        call.on('end', () => call.end());
      },
    },
    ({ client }) => {
      const call = chat(client);
      const all = seen(call);
      call.once('data', () => {
        call.write(Buffer.from('thanks'));
        call.end();
      });
      return all;
    },
  );
  expect(lines).toEqual([
    '1 start /test.Echo/Chat',
    '1 headers 200',
    '1 response 0 "welcome"',
    '1 request 0 "thanks"',
    '1 end request',
    '1 trailers grpc-status 0',
    '1 end response',
  ]);
});

test('case 9: a half-close without any message', async () => {
  const { lines } = await recordedAlike({}, ({ client }) => {
    const { call, seen: all } = uploading(client);
    call.end();
    return all;
  });
  expect(lines).toEqual([
    '1 start /test.Echo/Upload',
    '1 end request',
    '1 headers 200',
    '1 response 0 ""',
    '1 trailers grpc-status 0',
    '1 end response',
  ]);
});

test('case 9 and 10: a server that is done before the client ends well; what comes later is not seen', async () => {
  const { lines } = await recordedAlike({ chat: (call: Duplex) => call.end() }, async ({ port }) => {
    await using call = rawCall(port, '/test.Echo/Chat');
    call.stream.write(framed('one'));
    await once(call.stream, 'end');
    call.stream.write(framed('late'));
    call.stream.end();
    return await call.seen;
  });
  expect(lines.filter((line) => line.includes('late'))).toEqual([]);
  expect(lines.slice(-3)).toEqual([
    '1 trailers grpc-status 0',
    '1 end request, not seen whole',
    '1 end response',
  ]);
});

test('case 11: a connection that is lost within a message', async () => {
  const { lines } = await recordedAlike({}, async ({ port }) => {
    const call = rawCall(port, '/test.Echo/Chat');
    call.stream.write(framed('one'));
    await once(call.stream, 'data');
    call.stream.write(framed('a longer one').subarray(0, 8), () => call.socket.destroy());
    return (await call.seen).slice(0, 2);
  });
  expect(lines).toEqual([
    '1 start /test.Echo/Chat',
    '1 request 0 "one"',
    '1 headers 200',
    '1 response 0 "one"',
    '1 abort client ECONNRESET',
  ]);
});

test('case 11: a server that shuts down gracefully serves the call to its end', async () => {
  const { lines } = await recordedAlike({}, ({ client, server }) => {
    const call = chat(client);
    const all = seen(call);
    call.once('data', () => {
      server.tryShutdown(() => undefined);
      call.write(Buffer.from('two'));
      call.end();
    });
    call.write(Buffer.from('one'));
    return all;
  });
  expect(lines).toContain('1 response 1 "two"');
  expect(lines.at(-1)).toBe('1 end response');
});

test('case 11: a server that is shut down by force broke the call off', async () => {
  const drive = ({ client, server }: Running): Promise<string[]> => {
    const call = chat(client);
    const all = seen(call);
    call.once('data', () => server.forceShutdown());
    call.write(Buffer.from('one'));
    return all.then((log) => log.slice(0, 2));
  };
  // A proxy answers for a server that is gone.
  const { lines } = await recordedAlike({}, drive, { proxied: false });
  expect(lines.at(-1)).toBe('1 abort server RST_STREAM 8');
});

test.each([2, 7, 11])('case 12: a reset with code %i', async (code) => {
  // Node's client ends its side before it resets, so the server must not be done by then.
  const chatting = { chat: (call: Duplex) => call.on('data', (part: Buffer) => call.write(part)) };
  const { lines } = await recordedAlike(chatting, async ({ port }) => {
    const call = rawCall(port, '/test.Echo/Chat');
    call.stream.write(framed('one'));
    await once(call.stream, 'data');
    call.stream.close(code);
    return await call.seen;
  });
  expect(lines.at(-1)).toBe(`1 abort client RST_STREAM ${code}`);
});
