import { expect, test } from 'vitest';
import { bodyBytes, emptyContent, emptyExchange } from '../../src/model/exchange.ts';
import { aChunk, anExchange } from '../../src/testing/factories.ts';

test('bodyBytes() joins the chunks of a body', () => {
  const { request } = anExchange({ request: { chunks: [aChunk('one,'), aChunk(''), aChunk('two')] } });
  expect(Buffer.from(bodyBytes(request)).toString()).toBe('one,two');
});

test('bodyBytes() of one chunk is that chunk, and of none is empty', () => {
  const chunk = aChunk('one');
  expect(bodyBytes(anExchange({ request: { chunks: [chunk] } }).request)).toBe(chunk.data);
  expect(bodyBytes(anExchange().request)).toHaveLength(0);
});

test('an exchange that is made and not recorded begins whole, with nothing in it', () => {
  const { request, response, partial, marks, audit } = emptyExchange;
  expect([request.method, request.target, request.headers]).toEqual(['GET', '/', []]);
  expect([response, partial, marks, audit]).toEqual([undefined, [], [], []]);
  expect(request).toMatchObject(emptyContent);
  expect(emptyContent).toMatchObject({ size: 0, state: 'kept', complete: true });
  expect(bodyBytes(request)).toHaveLength(0);
});
