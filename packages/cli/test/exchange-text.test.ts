import { aChunk, anExchange } from '@gardenhose/core/testing';
import { expect, test } from 'vitest';
import { exchangeDocument, exchangeText } from '../src/exchange-text.ts';

test('an exchange is shown as it stood on the wire, with its times', () => {
  const text = exchangeText(
    anExchange({
      id: 7,
      lane: 'c1',
      marks: [{ name: 'tenant', value: 'garden' }],
      audit: [{ rule: 'email', part: 'body', side: 'request', count: 2 }],
    }),
  );
  expect(text.split('\n')).toEqual([
    'exchange 7  inbound http  GET /orders/:id',
    'lane c1, started at 1.0 ms, took 1.0 ms',
    'mark tenant = garden',
    'masked request body: email x2',
    '',
    '> GET /orders/7 HTTP/1.1',
    '> Host: shop.test',
    '> Accept: */*',
    '',
    '< HTTP/1.1 200 OK   (after 1.0 ms)',
    '< Content-Type: application/json',
    '< Content-Length: 8',
    '<',
    '< [8 B, kept]',
    '< {"id":7}',
  ]);
});

test('each piece of a stream is shown with its time', () => {
  const chunks = [aChunk('data: 1\n\n', 2e6), aChunk('data: 2\n\n', 5e6)];
  const text = exchangeText(anExchange({ response: { chunks, size: 18 } }));
  expect(text).toContain('< [18 B in 2 chunks, kept]');
  expect(text).toContain('< [chunks at 1.0 ms +9, 4.0 ms +9]');
});

test('server-sent events are shown one by one, each with its time', () => {
  const chunks = [aChunk('event: price\ndata: 1\n\ndata: ', 2e6), aChunk('2\n\n: on\r\n\r\ndata: c', 5e6)];
  const headers = ['Content-Type', 'text/event-stream'];
  const exchange = anExchange({ response: { headers, chunks, size: 45 } });
  const lines = exchangeText(exchange).split('\n');
  expect(lines.slice(lines.indexOf('< [45 B of 4 events in 2 chunks, kept]'))).toEqual([
    '< [45 B of 4 events in 2 chunks, kept]',
    '< [event at 1.0 ms]',
    '< event: price',
    '< data: 1',
    '< [event at 4.0 ms]',
    '< data: 2',
    '< [event at 4.0 ms]',
    '< : on',
    '< [event at 4.0 ms, not finished]',
    '< data: c',
  ]);
  expect(exchangeDocument(exchange)).toMatchObject({
    response: {
      events: [
        { atMs: 1, event: 'price', data: '1', finished: true },
        { atMs: 4, data: '2' },
        { atMs: 4, data: undefined },
        { atMs: 4, data: 'c', finished: false },
      ],
    },
  });
  const many = anExchange({
    response: { headers, chunks: [aChunk('data\n\n'.repeat(201), 2e6)], size: 1206 },
  });
  expect(exchangeText(many)).toContain('\n< [1 more events]');
});

test('bytes that are no text are shown as hex', () => {
  const data = Uint8Array.of(0, 255, 65, 27);
  const text = exchangeText(anExchange({ response: { chunks: [{ at: 2e6, size: 4, data }], size: 4 } }));
  expect(text).toMatch(/^< 000000 {2}00 ff 41 1b +\.\.A\.$/m);
});

test('a recorded value cannot break out of its line', () => {
  const request = { target: '/x\r\n> forged: header', headers: ['X-Evil', '\x1b]0;title\x07'] };
  const text = exchangeText(anExchange({ request }));
  expect(text).toContain('> GET /x\\r\\n> forged: header HTTP/1.1');
  expect(text).toContain('> X-Evil: \\x1b]0;title\\x07');
});

test('messages, trailers, an abort and what is missing are shown', () => {
  const message = { at: 2e6, seq: 3, kind: 1, size: 5, state: 'kept', data: Buffer.from('hello') } as const;
  const text = exchangeText(
    anExchange({
      request: { messages: [message], trailers: ['grpc-status', '0'] },
      response: null,
      abort: { at: 3e6, by: 'client', code: 'ECONNRESET' },
      partial: ['events-lost'],
    }),
  );
  expect(text).toContain('partial: events-lost');
  expect(text).toContain('> [message of kind 1 at 1.0 ms, 5 B, kept]\n> hello');
  expect(text).toContain('> trailer grpc-status: 0');
  expect(text).toContain('aborted by client after 2.0 ms: ECONNRESET');
});

test('a long body is cut off and says so', () => {
  const text = exchangeText(
    anExchange({ response: { chunks: [aChunk('x'.repeat(100_000))], size: 100_000 } }),
  );
  expect(text).toContain('< [34464 more characters]');
  expect(text.length).toBeLessThan(70_000);
});

test('as JSON, a body is text where it is text and base64 where it is not', () => {
  const data = Uint8Array.of(0, 255);
  const document = exchangeDocument(anExchange({ request: { chunks: [{ at: 0, size: 2, data }], size: 2 } }));
  expect(document).toMatchObject({
    id: 1,
    operation: 'GET /orders/:id',
    request: {
      headers: [
        ['Host', 'shop.test'],
        ['Accept', '*/*'],
      ],
      body: { base64: 'AP8=' },
    },
    response: { status: 200, body: { text: '{"id":7}' } },
  });
});
