import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import fc from 'fast-check';
import { expect, test, vi } from 'vitest';
import { Deframer } from '../src/deframer.ts';
import { framed } from './support/hard-case.ts';

function deframed(pieces: readonly Buffer[], maxBytes?: number): string[] {
  const out: string[] = [];
  const deframer = new Deframer('request', maxBytes);
  const receiver = {
    message: (_side: unknown, _flag: number, message: Buffer) => out.push(message.toString('latin1')),
    tooLong: (_side: unknown, length: number) => out.push(`too long: ${length}`),
  };
  for (const piece of pieces) deframer.push(piece, receiver);
  expect(deframer.between).toBe(true);
  return out;
}

test('messages come out as they went in, however their bytes are cut; those over the limit by their length', () => {
  const sizes = fc.array(fc.oneof(fc.nat(20), fc.nat(5000)), { maxLength: 6 });
  const cuts = fc.array(fc.oneof(fc.integer({ min: 1, max: 9 }), fc.integer({ min: 1, max: 3000 })), {
    minLength: 1,
  });
  fc.assert(
    fc.property(sizes, cuts, fc.boolean(), (lengths, lengthsOfPieces, limited) => {
      const messages = lengths.map((length, i) => Buffer.alloc(length, i + 1));
      const bytes = Buffer.concat(messages.map((message) => framed(message)));
      const pieces: Buffer[] = [];
      for (let at = 0, i = 0; at < bytes.length; i++) {
        const length = lengthsOfPieces[i % lengthsOfPieces.length] ?? 1;
        pieces.push(bytes.subarray(at, at + length));
        at += length;
      }
      const most = limited ? 1000 : undefined;
      expect(deframed(pieces, most)).toEqual(
        messages.map((message) =>
          limited && message.length > 1000 ? `too long: ${message.length}` : message.toString('latin1'),
        ),
      );
    }),
    { numRuns: 100 },
  );
});

test('small pieces do not hold on to the reads that they came in', async () => {
  setFlagsFromString('--expose-gc');
  const collect: () => void = runInNewContext('gc');
  const deframer = new Deframer('request');
  const receiver = { message: () => undefined, tooLong: () => undefined };
  deframer.push(Buffer.from([0, 0, 16, 0, 0]), receiver);
  const reads: WeakRef<ArrayBufferLike>[] = [];
  for (let i = 0; i < 200; i++) {
    const read = Buffer.alloc(64 * 1024);
    reads.push(new WeakRef(read.buffer));
    deframer.push(read.subarray(0, 10), receiver);
  }
  await vi.waitFor(
    () => {
      collect();
      // The last one may be on the stack still.
      expect(reads.filter((read) => read.deref() !== undefined).length).toBeLessThan(2);
    },
    { interval: 1 },
  );
  expect(deframer.between).toBe(false);
});
