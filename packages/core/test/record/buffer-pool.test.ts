import { expect, test } from 'vitest';
import { BufferPool } from '../../src/record/buffer-pool.ts';

test('buffers that come back are handed out again', () => {
  const pool = new BufferPool(1024, 4096);
  const first = pool.take(8);
  expect(pool.heldBytes).toBe(1024);
  if (first !== undefined) pool.giveBack(first);
  expect(pool.heldBytes).toBe(0);
  expect(pool.take(8)?.memory).toBe(first?.memory);
  expect(pool.allocatedBytes).toBe(1024);
});

test('no more bytes are out at once than the bound allows', () => {
  const pool = new BufferPool(1024, 4096);
  const out = Array.from({ length: 6 }, () => pool.take(8));
  expect(out.filter((buffer) => buffer !== undefined)).toHaveLength(4);
  expect(pool.allocatedBytes).toBe(4096);
});

test('a larger buffer is made when one is asked for, in place of idle ones, and not kept', () => {
  const pool = new BufferPool(1024, 4096);
  const small = [pool.take(8), pool.take(8)];
  for (const buffer of small) if (buffer !== undefined) pool.giveBack(buffer);
  expect(pool.take(5000)).toBeUndefined();
  const large = pool.take(4096);
  expect(large?.memory.byteLength).toBe(4096);
  expect(pool.take(8)).toBeUndefined();
  if (large !== undefined) pool.giveBack(large);
  expect(pool.allocatedBytes).toBe(0);
});
