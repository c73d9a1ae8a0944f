import { expect, test } from 'vitest';
import { AnswerChunks } from '../src/answer-chunks.ts';

test('pieces stay as they came while there are few of them', () => {
  const chunks = new AnswerChunks();
  for (let i = 0; i < 1_000; i++) chunks.add(i, Buffer.from([i & 255]));
  expect(chunks.list).toHaveLength(1_000);
  expect(chunks.list[700]).toEqual({ at: 700, data: Buffer.from([700 & 255]) });
});

test('a body that comes a byte at a time is put together, in order, with the times at which its pages began', () => {
  const chunks = new AnswerChunks();
  const expected: number[] = [];
  for (let i = 0; i < 100_000; i++) {
    chunks.add(i, Buffer.from([i & 255]));
    expected.push(i & 255);
    if (i % 30_000 !== 0) continue;
    chunks.add(i, Buffer.alloc(5_000, 7));
    expected.push(...Buffer.alloc(5_000, 7));
  }
  expect(chunks.list.length).toBeLessThan(1_100);
  expect(Buffer.concat(chunks.list.map(({ data }) => data))).toEqual(Buffer.from(expected));
  const times = chunks.list.map(({ at }) => at);
  expect(times).toEqual(times.toSorted((a, b) => a - b));
});
