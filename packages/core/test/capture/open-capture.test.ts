import { appendFile, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type CaptureRange, openCapture } from '../../src/capture/open-capture.ts';
import type { RandomAccess } from '../../src/capture/random-access.ts';
import { verifyCapture } from '../../src/capture/verify-capture.ts';
import { CaptureWriter } from '../../src/capture/writer.ts';
import type { CaptureEvent } from '../../src/model/event.ts';
import { aHeader, aStart, failure, inPieces, MemoryOutput, readAll, someEvents, written } from './support.ts';

let dir = '';
let path = '';
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'gardenhose-open-'));
  path = join(dir, 'orders.hose');
});
afterEach(() => rm(dir, { recursive: true, force: true }));

async function collect<T>(items: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = [];
  for await (const item of items) all.push(item);
  return all;
}

/** Counts what is read. */
function inMemory(bytes: Uint8Array): RandomAccess & { read: RandomAccess['read']; bytesRead: number } {
  return {
    bytesRead: 0,
    size: async () => bytes.length,
    async read(offset, length) {
      const piece = bytes.slice(offset, offset + length);
      this.bytesRead += piece.length;
      return piece;
    },
    close: async () => {},
  };
}

const events = someEvents(2000);

describe('openCapture()', () => {
  it('reads a file as often as wanted', async () => {
    await writeFile(path, await written(events));
    await using capture = await openCapture(path);
    expect(capture.header).toEqual(aHeader);
    expect(await collect(capture.events())).toEqual(events);
    expect(await collect(capture.events())).toEqual(events);
    expect(capture.condition()).toMatchObject({ state: 'complete', lossless: true });
  });

  const ranges: CaptureRange[] = [
    { fromSeq: 700 },
    { toSeq: 3 },
    { fromSeq: 1999, toSeq: 2001 },
    { fromSeq: 5000 },
    { fromAt: 700e6 },
    { fromAt: 700e6, toAt: 900e6 },
    { fromAt: 700e6, fromSeq: 1500, toSeq: 1600 },
    { fromSeq: 1, fromAt: 1 },
    { fromSeq: 900, toSeq: 900 },
  ];
  for (const close of [true, false]) {
    it(`finds any range of a capture that was ${close ? '' : 'not '}closed`, async () => {
      await writeFile(path, await written(events, { close, flushEvery: 50 }));
      await using capture = await openCapture(path);
      for (const range of ranges) {
        const { fromAt = 0, toAt = Infinity, fromSeq = 0, toSeq = Infinity } = range;
        const wanted = events.filter(
          (e) => e.seq >= fromSeq && e.seq < toSeq && e.at >= fromAt && e.at < toAt,
        );
        expect(await collect(capture.events(range))).toEqual(wanted);
      }
    });
  }

  it('finds events that repeat a sequence number across two chunks', async () => {
    const body = { type: 'body' as const, seq: 2, at: 20, exchange: 1, side: 'request' as const, ends: [] };
    const repeated: CaptureEvent[] = [
      aStart(1, 10, 1),
      aStart(2, 20, 2),
      { ...body, data: new Uint8Array(3) },
      { ...body, data: new Uint8Array(4) },
    ];
    await writeFile(path, await written(repeated, { flushEvery: 1 }));
    await using capture = await openCapture(path);
    expect(await collect(capture.events({ fromSeq: 2 }))).toEqual(repeated.slice(1));
    expect(await collect(capture.events({ fromAt: 20 }))).toEqual(repeated.slice(1));
  });

  it('reads only the part that a range needs', async () => {
    const many = someEvents(200_000);
    const bytes = await written(many, { compression: 'none' });
    const access = inMemory(bytes);
    const capture = await openCapture(access);
    const opened = access.bytesRead;
    expect(await collect(capture.events({ fromSeq: 150_000, toSeq: 150_004 }))).toHaveLength(4);
    expect(bytes.length).toBeGreaterThan(8_000_000);
    expect(access.bytesRead - opened).toBeLessThan(1_500_000);
  });

  it('finds its way by more than one index frame, and without any', async () => {
    const many = someEvents(10_000);
    const bytes = await written(many, { flushEvery: 1, compression: 'none' });
    const { condition } = await readAll(bytes, 'strict');
    expect(condition.chunks).toBe(10_000);
    const unindexed = new MemoryOutput();
    let writes = 0;
    const writer = new CaptureWriter(
      {
        write(piece) {
          writes += 1;
          // The head, 4096 chunks, and then the index.
          if (writes === 4097) throw new Error('no space left');
          unindexed.write(piece);
        },
        restore: (offset) => offset,
      },
      aHeader,
    );
    for (const event of many) {
      await writer.write(event);
      await writer.flush().catch((error) => expect(error.code).toBe('io'));
    }
    await writer.close();
    for (const file of [bytes, unindexed.bytes]) {
      const access = inMemory(file);
      const capture = await openCapture(access);
      expect(await collect(capture.events({ fromSeq: 9000, toSeq: 9003 }))).toEqual(many.slice(8999, 9002));
      expect(await capture.summary()).toMatchObject({ events: 10_000 });
      expect((await verifyCapture(inPieces(file))).state).toBe('complete');
    }
  });

  it('sums up a closed capture from its footer, and another by reading it', async () => {
    for (const close of [true, false]) {
      const bytes = await written(events, { close });
      const access = inMemory(bytes);
      const summary = await (await openCapture(access)).summary();
      expect(summary).toEqual({
        closed: close,
        bytes: bytes.length,
        events: 2000,
        exchanges: 500,
        types: { start: 500, headers: 500, end: 1000 },
        firstSeq: 1,
        lastSeq: 2000,
        firstAt: 1e6,
        lastAt: 1997e6 + 30,
      });
    }
  });

  it('sums up a capture without events', async () => {
    const summary = await (await openCapture(inMemory(await written([])))).summary();
    expect(summary).toMatchObject({ closed: true, events: 0, exchanges: 0, types: {}, firstSeq: undefined });
  });

  it('reads a file that grows as far as it has come', async () => {
    const bytes = await written(events, { flushEvery: 50 });
    const half = Math.floor(bytes.length / 2);
    await writeFile(path, bytes.subarray(0, half));
    await using capture = await openCapture(path);
    const before = await collect(capture.events());
    expect(before.length).toBeGreaterThan(500);
    expect(capture.condition().state).toBe('truncated');
    await appendFile(path, bytes.subarray(half));
    expect(await collect(capture.events())).toEqual(events);
    expect(capture.condition().state).toBe('complete');
  });

  it('gives exchanges, and marks those that a range cuts', async () => {
    await writeFile(path, await written(events));
    await using capture = await openCapture(path);
    expect(await collect(capture.exchanges())).toHaveLength(500);
    const cut = await collect(capture.exchanges({ fromSeq: 3, toSeq: 10 }));
    expect(cut.map((exchange) => exchange.partial)).toEqual([['no-start'], [], ['no-end']]);
  });

  it('finds the header in the footer when it is lost at the front', async () => {
    const bytes = await written(events);
    bytes.fill(0, 8, 40);
    await writeFile(path, bytes);
    expect(await failure(() => openCapture(path))).toMatchObject({ code: 'capture-damaged' });
    await using capture = await openCapture(path, { mode: 'salvage' });
    expect(capture.header).toEqual(aHeader);
    expect(await collect(capture.events())).toEqual(events);
    expect(capture.condition()).toMatchObject({ state: 'damaged', faults: [{ kind: 'header' }] });
  });

  it('says what is wrong with a path', async () => {
    expect(await failure(() => openCapture(dir))).toMatchObject({
      code: 'not-a-capture',
      message: /is a directory/,
    });
    expect(await failure(() => openCapture('/dev/null'))).toMatchObject({ code: 'not-a-capture' });
    expect(await failure(() => openCapture(path))).toMatchObject({ code: 'io', message: /no such file/ });
    await writeFile(path, '');
    expect(await failure(() => openCapture(path))).toMatchObject({
      code: 'not-a-capture',
      message: /is empty/,
    });
  });
});
