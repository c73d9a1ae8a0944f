import { brotliCompressSync, deflateRawSync, deflateSync, gzipSync } from 'node:zlib';
import { expect, test } from 'vitest';
import { decodeBody } from '../../src/compare/decode-body.ts';
import { plainJson } from '../../src/hook/json-text.ts';
import type { Content, Message } from '../../src/model/exchange.ts';

const limits = { maxBodyBytes: 100_000 };
const content = (data: Uint8Array | string, over: Partial<Content> = {}): Content => {
  const bytes = Buffer.from(data);
  return {
    chunks: [{ at: 0, size: bytes.length, data: bytes }],
    messages: [],
    trailers: [],
    size: bytes.length,
    state: 'kept',
    complete: true,
    ...over,
  };
};
const decoded = (data: Uint8Array | string, headers: string[], over?: Partial<Content>) => {
  const body = decodeBody(content(data, over), headers, limits);
  return 'value' in body ? plainJson(body.value) : body;
};
const json = ['Content-Type', 'application/json; charset=utf-8'];

test('decodeBody() reads JSON, by type or by its look', () => {
  expect(decoded('{"a":[1]}', json)).toEqual({ a: [1] });
  expect(decoded('{"a":1}', ['content-type', 'application/problem+json'])).toEqual({ a: 1 });
  expect(decoded(' {"a":1}', ['content-type', 'text/plain'])).toEqual({ a: 1 });
  expect(decoded('{"a":1}', [])).toEqual({ a: 1 });
  expect(decoded('17', json)).toBe(17);
  expect(decoded('17', ['content-type', 'text/plain'])).toBe('17');
  expect(decoded('{broken', json)).toBe('{broken');
});

test('decodeBody() undoes content codings within the limit', () => {
  const text = '{"a":1}';
  const coded = (coding: string, data: Uint8Array) => decoded(data, [...json, 'Content-Encoding', coding]);
  expect(coded('gzip', gzipSync(text))).toEqual({ a: 1 });
  expect(coded('br', brotliCompressSync(text))).toEqual({ a: 1 });
  expect(coded('deflate', deflateSync(text))).toEqual({ a: 1 });
  expect(coded('deflate', deflateRawSync(text))).toEqual({ a: 1 });
  expect(coded('gzip, br', brotliCompressSync(gzipSync(text)))).toEqual({ a: 1 });
  const bomb = gzipSync(Buffer.alloc(200_000, 0x20));
  expect(coded('gzip', bomb)).toMatchObject({ bytes: bomb.length });
  expect(coded('zstd', Buffer.from('x'))).toMatchObject({ bytes: 1 });
});

test('decodeBody() takes a masked body as it is when its coding was undone before masking', () => {
  const headers = [...json, 'Content-Encoding', 'gzip'];
  expect(decoded('{"a":1}', headers, { state: 'masked' })).toEqual({ a: 1 });
  expect(decoded('{"a":1}', headers)).toMatchObject({ bytes: 7 });
});

test('decodeBody() reads forms, lines of JSON and server-sent events', () => {
  expect(decoded('a=1&b=x%20y&a=2', ['content-type', 'application/x-www-form-urlencoded'])).toEqual({
    a: ['1', '2'],
    b: ['x y'],
  });
  expect(decoded('{"a":1}\n{"a":2}\nend\n', ['content-type', 'application/x-ndjson'])).toEqual([
    { a: 1 },
    { a: 2 },
    'end',
  ]);
  const events = ': hi\n\nevent: tick\nid: 7\ndata: {"n":\ndata: 1}\n\ndata: text\n\n';
  expect(decoded(events, ['content-type', 'text/event-stream'])).toEqual([
    { comment: 'hi' },
    { event: 'tick', id: '7', data: { n: 1 } },
    { data: 'text' },
  ]);
});

test('decodeBody() tells other content by length and digest', () => {
  const png = Buffer.from([0x89, 0x50, 0, 1]);
  const sha256 = expect.stringMatching(/^[0-9a-f]{64}$/);
  expect(decoded(png, ['content-type', 'image/png'])).toEqual({ bytes: 4, sha256 });
  expect(decoded(png, [])).toEqual({ bytes: 4, sha256 });
  expect(decoded(Buffer.from([0x7b, 0xff]), json)).toEqual({ bytes: 2, sha256 });
  expect(decoded('x'.repeat(100_001), ['content-type', 'text/plain'])).toEqual({ bytes: 100_001, sha256 });
});

test('decodeBody() says why a body cannot be compared', () => {
  expect(decoded('', json, { state: 'dropped:size' })).toEqual({ notCompared: 'dropped:size' });
  expect(decoded('{', json, { state: 'truncated' })).toEqual({ notCompared: 'truncated' });
  expect(decoded('{', json, { complete: false })).toEqual({ notCompared: 'incomplete' });
});

test('decodeBody() reads messages one by one', () => {
  const message = (text: string, over: Partial<Message> = {}): Message => ({
    at: 0,
    seq: 1,
    kind: 1,
    size: text.length,
    state: 'kept',
    data: Buffer.from(text),
    ...over,
  });
  const messages = [message('{"a":1}'), message('hello'), message('', { state: 'dropped:size' })];
  expect(decoded('', [], { messages })).toEqual([{ a: 1 }, 'hello', 'dropped:size']);
});
