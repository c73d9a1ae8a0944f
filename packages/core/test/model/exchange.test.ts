import { expect, test } from 'vitest';
import { bodyBytes } from '../../src/model/exchange.ts';
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
