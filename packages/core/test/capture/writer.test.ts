import { describe, expect, it } from 'vitest';
import { CaptureWriter } from '../../src/capture/writer.ts';
import { aHeader, aStart, failure, MemoryOutput, readAll, someEvents, written } from './support.ts';

describe('CaptureWriter', () => {
  it('writes what readers give back, event for event, with the header', async () => {
    const events = someEvents(100);
    const read = await readAll(await written(events, { flushEvery: 7 }));
    expect(read.events).toEqual(events);
    expect(read.header).toEqual(aHeader);
    expect(Object.keys(read.header.tags)).toEqual(['region', '__proto__']);
    expect(read.condition).toMatchObject({ state: 'complete', events: 100, chunks: 15, faults: [] });
  });

  it('leaves a readable capture behind when it is never closed', async () => {
    const events = someEvents(20);
    const read = await readAll(await written(events, { close: false }));
    expect(read.events).toEqual(events);
    expect(read.condition.state).toBe('open');
  });

  it('begins a new chunk when one is full', async () => {
    const read = await readAll(await written(someEvents(1000), { chunkBytes: 4096 }), 'strict');
    expect(read.condition.chunks).toBeGreaterThan(5);
    expect(read.condition.events).toBe(1000);
  });

  it('begins a new chunk when one spans too long', async () => {
    const events = [aStart(1, 0, 1), aStart(2, 3_000_000_000, 2), aStart(3, 6_000_000_000, 3)];
    const read = await readAll(await written(events), 'strict');
    expect(read.events).toEqual(events);
    expect(read.condition.chunks).toBe(2);
  });

  it('keeps times and sizes beyond 32 bits exact', async () => {
    const at = 2 ** 52 + 1;
    const events = [
      {
        type: 'chunk' as const,
        seq: 2 ** 40 + 3,
        at,
        exchange: 2 ** 33 + 1,
        side: 'request' as const,
        size: 2 ** 34 + 5,
      },
      { type: 'clock' as const, seq: 2 ** 40 + 4, at: at + 1, wallMs: 1_767_225_600_123.25 },
    ];
    expect((await readAll(await written(events), 'strict')).events).toEqual(events);
  });

  it('refuses an event that stands before the one written last', async () => {
    const writer = new CaptureWriter(new MemoryOutput(), aHeader);
    await writer.write(aStart(5, 500, 1));
    expect(await failure(() => writer.write(aStart(4, 500, 2)))).toMatchObject({ code: 'event-invalid' });
    expect(await failure(() => writer.write(aStart(5, 499, 2)))).toMatchObject({ code: 'event-invalid' });
    await writer.write(aStart(5, 500, 2));
  });

  it('refuses what no reader would accept, and stays usable', async () => {
    const output = new MemoryOutput();
    const writer = new CaptureWriter(output, aHeader);
    const big = { ...aStart(1, 1, 1), headers: Array.from({ length: 5000 }, () => 'x') };
    expect(await failure(() => writer.write(big))).toMatchObject({ code: 'capture-limit' });
    const long = { ...aStart(1, 1, 1), target: 'x'.repeat(2 ** 20 + 1) };
    expect(await failure(() => writer.write(long))).toMatchObject({ code: 'capture-limit' });
    const huge = { type: 'body' as const, seq: 1, at: 1, exchange: 1, side: 'request' as const, ends: [] };
    const body = { ...huge, data: new Uint8Array(2 ** 24) };
    expect(await failure(() => writer.write(body))).toMatchObject({ code: 'capture-limit' });
    expect(await failure(() => writer.write({ ...aStart(1, 1, 1), exchange: -1 }))).toMatchObject({
      code: 'event-invalid',
    });
    await writer.write(aStart(2, 2, 1));
    await writer.close();
    expect((await readAll(output.bytes)).events).toEqual([aStart(2, 2, 1)]);
  });

  it('refuses events after the close', async () => {
    const writer = new CaptureWriter(new MemoryOutput(), aHeader);
    await writer.close();
    await writer.close();
    expect(await failure(() => writer.write(aStart(1, 1, 1)))).toMatchObject({ code: 'recorder-closed' });
  });

  it('checks its options', async () => {
    const make = (options: object) => failure(() => new CaptureWriter(new MemoryOutput(), aHeader, options));
    expect(await make({ chunkBytes: 1 })).toMatchObject({ code: 'invalid-option', message: /chunkBytes/ });
    expect(await make({ chunkSpanMs: 5000 })).toMatchObject({ code: 'invalid-option' });
    expect(await make({ compression: 'zip' })).toMatchObject({ code: 'invalid-option' });
    expect(await make({ syncMark: new Uint8Array(7) })).toMatchObject({ code: 'invalid-option' });
  });

  it('declares the events of a chunk that did not get through', async () => {
    const output = new MemoryOutput();
    let full = false;
    const writer = new CaptureWriter(
      {
        write(bytes) {
          if (full) throw new Error('no space left');
          output.write(bytes);
        },
        restore: (offset) => offset,
      },
      aHeader,
    );
    const events = someEvents(12);
    for (const event of events.slice(0, 4)) await writer.write(event);
    await writer.flush();
    for (const event of events.slice(4, 8)) await writer.write(event);
    full = true;
    expect(await failure(() => writer.flush())).toMatchObject({ code: 'io' });
    full = false;
    for (const event of events.slice(8)) await writer.write(event);
    await writer.close();
    const read = await readAll(output.bytes, 'strict');
    const gap = read.events[4];
    const exchanges = events.slice(4, 8).filter(({ type }) => type === 'start').length;
    expect(gap).toMatchObject({
      type: 'gap',
      reason: 'sink-failed',
      fromSeq: 5,
      events: 4,
      seq: 4,
      exchanges,
    });
    expect(writer.lost).toEqual({ exchanges, events: 4 });
    expect(read.events.filter((event) => event !== gap)).toEqual([...events.slice(0, 4), ...events.slice(8)]);
  });

  it('goes on after a torn frame that the output cannot take back', async () => {
    const output = new MemoryOutput();
    let tear = 0;
    const writer = new CaptureWriter(
      {
        write(bytes) {
          output.write(tear > 0 ? bytes.subarray(0, tear) : bytes);
          if (tear > 0) throw new Error('no space left');
        },
        restore: () => output.bytes.length,
      },
      aHeader,
    );
    const events = someEvents(12);
    for (const event of events.slice(0, 4)) await writer.write(event);
    await writer.flush();
    for (const event of events.slice(4, 8)) await writer.write(event);
    tear = 100;
    expect(await failure(() => writer.flush())).toMatchObject({ code: 'io' });
    tear = 0;
    for (const event of events.slice(8)) await writer.write(event);
    await writer.close();
    const read = await readAll(output.bytes, 'salvage');
    expect(read.events.filter((event) => event.type !== 'gap')).toEqual([
      ...events.slice(0, 4),
      ...events.slice(8),
    ]);
    expect(read.condition.state).toBe('damaged');
  });

  it('writes the body of very many chunks as several records, whole', async () => {
    const output = new MemoryOutput();
    const writer = new CaptureWriter(output, aHeader);
    const chunks = 300_000;
    const data = Buffer.alloc(chunks, 'abcdefg');
    const ends = Array.from({ length: chunks }, (_, i) => i + 1);
    await writer.write(aStart(1, 1, 1));
    await writer.write({ type: 'body', seq: 1, at: 1, exchange: 1, side: 'response', data, ends });
    await writer.close();
    const { events } = await readAll(output.bytes, 'strict');
    const bodies = events.flatMap((event) => (event.type === 'body' ? [event] : []));
    expect(bodies.length).toBeGreaterThan(1);
    expect(Buffer.concat(bodies.map((body) => body.data)).equals(data)).toBe(true);
    expect(bodies.flatMap((body) => body.ends)).toHaveLength(chunks);
    for (const body of bodies) expect(body.ends.at(-1)).toBe(body.data.length);
  });

  it('stays failed when the output cannot say where it stands', async () => {
    const writer = new CaptureWriter({ write: () => Promise.reject(new Error('gone')) }, aHeader);
    await writer.write(aStart(1, 1, 1));
    expect(await failure(() => writer.flush())).toMatchObject({ code: 'io', message: /gone/ });
    expect(await failure(() => writer.write(aStart(2, 2, 2)))).toMatchObject({ code: 'io' });
  });
});
