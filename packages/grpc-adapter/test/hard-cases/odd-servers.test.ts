import { once } from 'node:events';
import type { ServerHttp2Stream } from 'node:http2';
import { expect, test } from 'vitest';
import { frame, frameServer, frameType, headerBlock, reset } from '../support/frames.ts';
import { chat, framed, list, seen, stable, unarySeen } from '../support/hard-case.ts';
import { oddServer, recordedAlikeBy } from '../support/odd-server.ts';

// What a tapped client of grpc-js records of servers that answer as no library would.

const head = { ':status': 200, 'content-type': 'application/grpc' };
const ok = { 'grpc-status': '0' };

function answer(stream: ServerHttp2Stream, trailers: Record<string, string>, ...messages: Buffer[]): void {
  stream.resume();
  stream.respond(head, { waitForTrailers: true });
  stream.on('wantTrailers', () => stream.sendTrailers(trailers));
  for (const message of messages) stream.write(message);
  stream.end();
}

test('case 6: a unary call that ends well without a message has none', async () => {
  const { lines } = await recordedAlikeBy(
    () => oddServer((stream) => answer(stream, ok)),
    (client) => unarySeen(client, 'x'),
  );
  expect(lines.slice(3)).toEqual(['1 headers 200', '1 trailers grpc-status 0', '1 end response']);
});

test('case 10: an answer that is over while the client still sends, and the stream then closed without an error', async () => {
  const { lines } = await recordedAlikeBy(
    () => oddServer((stream) => stream.once('data', () => answer(stream, ok, framed('done')))),
    (client) => {
      const call = chat(client);
      call.write(Buffer.from('one'));
      return seen(call);
    },
  );
  expect(lines.slice(2)).toEqual([
    '1 headers 200',
    '1 response 0 "done"',
    '1 trailers grpc-status 0',
    '1 end request, not seen whole',
    '1 end response',
  ]);
});

test('case 11: a server that says it is going away serves the call to its end; the next one has a new connection', async () => {
  const { lines } = await recordedAlikeBy(
    () =>
      oddServer((stream) => {
        stream.session?.goaway(0);
        stream.once('data', () => answer(stream, ok, framed('done')));
      }),
    async (client) => {
      const call = chat(client);
      const all = seen(call);
      call.end(Buffer.from('one'));
      return [await all, await unarySeen(client, 'again')];
    },
  );
  for (const exchange of [1, 2]) {
    expect(lines).toContain(`${exchange} response 0 "done"`);
    expect(lines).toContain(`${exchange} end response`);
  }
});

test('case 11: a connection that is lost within a message', async () => {
  const { lines } = await recordedAlikeBy(
    () =>
      oddServer((stream) => {
        stream.respond(head);
        stream.write(framed('a longer one').subarray(0, 9), () => stream.session?.destroy());
      }),
    (client) => seen(list(client, 'x')),
  );
  expect(lines.slice(3)).toEqual(['1 headers 200', '1 abort server ECONNRESET']);
});

test.each([
  [1, 'PROTOCOL_ERROR'],
  [2, 'INTERNAL_ERROR'],
  [8, 'CANCEL'],
  [11, 'ENHANCE_YOUR_CALM'],
  [12, 'INADEQUATE_SECURITY'],
])('case 12: a server that resets with code %i', async (code) => {
  const { lines } = await recordedAlikeBy(
    () =>
      frameServer((socket, stream) => {
        const block = headerBlock([
          [':status', '200'],
          ['content-type', 'application/grpc'],
        ]);
        socket.write(frame(frameType.headers, 4, stream, block));
        socket.write(frame(frameType.data, 0, stream, framed('one')));
        socket.write(reset(stream, code));
      }),
    (client) => seen(list(client, 'x')),
  );
  expect(lines.slice(3)).toEqual([
    '1 headers 200',
    '1 response 0 "one"',
    `1 abort server RST_STREAM ${code}`,
  ]);
});

test('case 12: an answer that is not gRPC is recorded with its status of HTTP, and has no status of gRPC', async () => {
  const { lines, sink } = await recordedAlikeBy(
    () =>
      oddServer((stream) => {
        stream.resume();
        stream.respond({ ':status': 502, 'content-type': 'text/html' });
        stream.end('<h1>bad gateway</h1>');
      }),
    (client) => unarySeen(client, 'x'),
  );
  expect(lines.slice(3)).toEqual(['1 headers 502', '1 end response']);
  const told = sink.events.find((event) => event.type === 'headers');
  expect(told?.headers.slice(0, 2)).toEqual(['content-type', 'text/html']);
});

test('case 12: so is one of a head alone', async () => {
  const { lines } = await recordedAlikeBy(
    () =>
      oddServer((stream) => {
        stream.resume();
        stream.respond({ ':status': 503, 'content-type': 'text/html' }, { endStream: true });
      }),
    (client) => unarySeen(client, 'x'),
  );
  expect(lines.slice(3)).toEqual(['1 headers 503', '1 end response']);
});

test('case 13: hedged tries of a call are one call', async () => {
  const hedgingPolicy = { maxAttempts: 3, hedgingDelay: '0.02s', nonFatalStatusCodes: ['UNAVAILABLE'] };
  const config = { methodConfig: [{ name: [{ service: 'test.Echo' }], hedgingPolicy }] };
  let tries = 0;
  const { lines } = await recordedAlikeBy(
    () => {
      tries = 0;
      return oddServer((stream) => {
        tries += 1;
        if (tries === 2) answer(stream, ok, framed('the second'));
      });
    },
    (client) => unarySeen(client, 'x'),
    { 'grpc.service_config': JSON.stringify(config) },
  );
  expect(tries).toBeGreaterThan(1);
  expect(lines).toEqual([
    '1 start /test.Echo/Unary',
    '1 request 0 "x"',
    '1 end request',
    '1 headers 200',
    '1 response 0 "the second"',
    '1 trailers grpc-status 0',
    '1 end response',
  ]);
});

test('case 13: a try that the server refused unseen, and that grpc-js makes again by itself, is the same call', async () => {
  let tries = 0;
  const { lines } = await recordedAlikeBy(
    () => {
      tries = 0;
      return oddServer((stream) => {
        tries += 1;
        if (tries === 1) stream.close(7);
        else answer(stream, ok, framed('the second'));
      });
    },
    (client) => unarySeen(client, 'x'),
  );
  expect(tries).toBe(2);
  expect(lines.slice(1)).toEqual([
    '1 request 0 "x"',
    '1 end request',
    '1 headers 200',
    '1 response 0 "the second"',
    '1 trailers grpc-status 0',
    '1 end response',
  ]);
});

test('case 16: an answer over the limit of the client', async () => {
  const { lines } = await recordedAlikeBy(
    () => oddServer((stream) => answer(stream, ok, framed('more than ten bytes'))),
    async (client) => {
      const all = await unarySeen(client, 'x');
      expect(all.at(-1)).toMatch(/^status 8/);
      return all;
    },
    { 'grpc.max_receive_message_length': 10 },
  );
  // As the application was told, by grpc-js itself.
  expect(lines.slice(3)).toEqual(['1 headers 200', '1 trailers grpc-status 8', '1 end response']);
});

test('case 17: a coding of messages that nobody knows', async () => {
  const { lines } = await recordedAlikeBy(
    () =>
      oddServer((stream) => {
        stream.resume();
        stream.respond({ ...head, 'grpc-encoding': 'zstd' });
        stream.write(framed('?', 1));
      }),
    (client) => unarySeen(client, 'x'),
  );
  // grpc-js gives the call up.
  expect(lines.slice(3)).toEqual(['1 headers 200', '1 abort client RST_STREAM 8']);
});

test('case 21: a status text whose percent codes are broken stands for what the application was told', async () => {
  const text = '100%zz %C3%BC %';
  const { sink, lines } = await recordedAlikeBy(
    () => oddServer((stream) => answer(stream, { 'grpc-status': '3', 'grpc-message': text })),
    (client) => unarySeen(client, 'x'),
  );
  expect(lines.at(-1)).toBe('1 end response');
  const trailers = sink.events.find((event) => event.type === 'trailers');
  expect(trailers?.headers[2]).toBe('grpc-message');
  expect(decodeURIComponent(trailers?.headers[3] ?? '')).toBe(text);
});

test('case 24: a client that reads slowly holds the server back as it does without the tap, and nothing is read for it', async () => {
  const message = framed(Buffer.alloc(16 * 1024 - 5));
  const count = 128;
  let sent = 0;
  const start = () =>
    oddServer((stream) => {
      sent = 0;
      stream.respond(head, { waitForTrailers: true });
      stream.on('wantTrailers', () => stream.sendTrailers(ok));
      const next = (): void => {
        if (sent === count) stream.end();
        else {
          sent += 1;
          stream.write(message, next);
        }
      };
      next();
    });
  const { lines } = await recordedAlikeBy(start, async (client) => {
    const call = list(client, 'x');
    await once(call, 'data');
    call.pause();
    // What has gone by then is what grpc-js reads ahead, and what flow control lets go.
    const early = await stable(() => sent);
    expect(early).toBeLessThan(count / 4);
    return [early, await seen(call.resume())];
  });
  const told = lines.filter((line) => / response \d/.test(line)).map((line) => line.split(' ', 3).join(' '));
  expect(told).toEqual(Array.from({ length: count }, (_, i) => `1 response ${i}`));
  expect(lines.at(-1)).toBe('1 end response');
});
