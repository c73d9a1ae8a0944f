import { randomBytes } from 'node:crypto';
import { constants, createDeflateRaw } from 'node:zlib';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { InflateWindows } from '../../src/record/inflate-windows.ts';

/** Messages as permessage-deflate sends them with its context taken over: one stream, flushed after each, without the tail. */
async function packedTogether(messages: readonly Uint8Array[], windowBits = 15): Promise<Buffer[]> {
  const deflate = createDeflateRaw({ windowBits });
  const packed: Buffer[] = [];
  let pieces: Buffer[] = [];
  deflate.on('data', (piece: Buffer) => pieces.push(piece));
  for (const message of messages) {
    deflate.write(message);
    await new Promise<void>((resolve) => deflate.flush(constants.Z_SYNC_FLUSH, resolve));
    packed.push(Buffer.concat(pieces).subarray(0, -4));
    pieces = [];
  }
  deflate.close();
  return packed;
}

test('messages that go on from each other come out as they were, whatever the window', async () => {
  const message = fc.oneof(
    fc.uint8Array({ maxLength: 200 }),
    fc.constantFrom('', 'the same again ', 'the same again '.repeat(3_000)).map((text) => Buffer.from(text)),
  );
  await fc.assert(
    fc.asyncProperty(
      fc.array(message, { maxLength: 12 }),
      fc.constantFrom(9, 12, 15),
      async (messages, bits) => {
        const windows = new InflateWindows();
        for (const [i, packed] of (await packedTogether(messages, bits)).entries()) {
          expect(windows.inflate(1, 'request', packed)?.equals(messages[i] ?? Buffer.alloc(1))).toBe(true);
        }
      },
    ),
    { numRuns: 40 },
  );
});

test('a long message is looked back at as far as deflate does', async () => {
  const noise = randomBytes(100_000);
  const messages = [noise, noise.subarray(70_000), Buffer.from('short'), noise.subarray(90_000)];
  const windows = new InflateWindows();
  for (const [i, packed] of (await packedTogether(messages)).entries()) {
    expect(windows.inflate(1, 'response', packed)?.equals(messages[i] ?? noise)).toBe(true);
  }
  expect(windows.bytes).toBe(32 * 1024);
  windows.forget(1, 'response');
  expect(windows.bytes).toBe(0);
});

test('each side of each exchange has its own window', async () => {
  const one = await packedTogether([Buffer.from('hello there'), Buffer.from('hello there')]);
  const windows = new InflateWindows();
  for (const [exchange, side] of [
    [1, 'request'],
    [1, 'response'],
    [2, 'request'],
  ] as const) {
    expect(one.map((packed) => windows.inflate(exchange, side, packed)?.toString())).toEqual([
      'hello there',
      'hello there',
    ]);
  }
});

test('what goes on from a message that cannot be read cannot be read either, until the side is over', async () => {
  const [first = Buffer.alloc(0)] = await packedTogether([Buffer.from('readable by itself')]);
  const windows = new InflateWindows();
  expect(windows.inflate(1, 'request', Buffer.from([0xff, 0xff]))).toBeUndefined();
  expect(windows.inflate(1, 'request', first)).toBeUndefined();
  windows.forget(1, 'request');
  expect(windows.inflate(1, 'request', first)?.toString()).toBe('readable by itself');
});

test('a message that would give more than 4 MiB is not inflated', async () => {
  const [bomb = Buffer.alloc(0)] = await packedTogether([Buffer.alloc(4 * 1024 * 1024 + 1)]);
  expect(bomb.length).toBeLessThan(10_000);
  expect(new InflateWindows().inflate(1, 'request', bomb)).toBeUndefined();
});

test('the examples of RFC 7692 section 7.2.3 are read', () => {
  const hex = (text: string): Buffer => Buffer.from(text.replaceAll(' ', ''), 'hex');
  const inflated = (...messages: string[]): (string | undefined)[] => {
    const windows = new InflateWindows();
    return messages.map((message) => windows.inflate(1, 'request', hex(message))?.toString());
  };
  // One compressed block; with the window shared; without compression; with a final block; two blocks; empty.
  expect(inflated('f2 48 cd c9 c9 07 00')).toEqual(['Hello']);
  expect(inflated('f2 48 cd c9 c9 07 00', 'f2 00 11 00 00')).toEqual(['Hello', 'Hello']);
  expect(inflated('00 05 00 fa ff 48 65 6c 6c 6f 00')).toEqual(['Hello']);
  expect(inflated('f3 48 cd c9 c9 07 00 00')).toEqual(['Hello']);
  expect(inflated('f2 48 05 00 00 00 ff ff ca c9 c9 07 00')).toEqual(['Hello']);
  expect(inflated('00')).toEqual(['']);
});
