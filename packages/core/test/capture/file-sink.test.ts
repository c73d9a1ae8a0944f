import { createReadStream, existsSync } from 'node:fs';
import { mkdir, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { fileSink, openSink } from '../../src/capture/file-sink.ts';
import { readCapture } from '../../src/capture/read-capture.ts';
import type { CaptureEvent } from '../../src/model/event.ts';
import { aSchema } from '../../src/testing/factories.ts';
import { aHeader, aStart, failure, readAll, someEvents } from './support.ts';

let dir = '';
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'gardenhose-sink-'));
});
afterEach(() => rm(dir, { recursive: true, force: true }));

const file = async (name: string) => readAll(await readFile(join(dir, name)), 'strict');

describe('fileSink()', () => {
  it('makes a capture that only its owner can read', async () => {
    const path = join(dir, 'orders.hose');
    const sink = await fileSink({ path }).open(aHeader);
    await sink.write(someEvents(10));
    await sink.close();
    expect((await stat(path)).mode & 0o777).toBe(0o600);
    const read = await file('orders.hose');
    expect(read.events).toEqual(someEvents(10));
    expect(read.header).toEqual(aHeader);
  });

  it('is a capture from its first moment, and holds all that was flushed', async () => {
    const path = join(dir, 'orders.hose');
    const sink = await fileSink({ path, sync: 'flush' }).open(aHeader);
    expect((await readAll(await readFile(path))).events).toEqual([]);
    await sink.write(someEvents(10));
    await sink.flush();
    expect((await readAll(await readFile(path))).events).toEqual(someEvents(10));
    await sink.close();
    await sink.close();
  });

  it('does not replace a file, unless asked to', async () => {
    const path = join(dir, 'orders.hose');
    await writeFile(path, 'precious');
    expect(await failure(() => fileSink({ path }).open(aHeader))).toMatchObject({
      code: 'io',
      place: { subject: path },
    });
    expect(await readFile(path, 'utf8')).toBe('precious');
    await (await fileSink({ path, overwrite: true }).open(aHeader)).close();
    expect((await file('orders.hose')).events).toEqual([]);
  });

  it('says so when the directory is not there', async () => {
    const path = join(dir, 'nowhere', 'orders.hose');
    expect(await failure(() => fileSink({ path }).open(aHeader))).toMatchObject({ code: 'io' });
  });

  it('can be opened by a worker from what its module says', async () => {
    const path = join(dir, 'orders.hose');
    const { module } = fileSink({ path });
    expect(module?.url).toMatch(/file-sink\.(ts|js)$/);
    const sink = await openSink(structuredClone(module?.options), aHeader);
    await sink.write(someEvents(4));
    await sink.close();
    expect((await file('orders.hose')).events).toEqual(someEvents(4));
  });

  it('begins the next file at the size given, with the exchanges that are under way', async () => {
    const sink = await fileSink({
      path: join(dir, 'orders.hose'),
      maxFileBytes: 4096,
      chunkBytes: 1024,
      compression: 'none',
    }).open(aHeader);
    const slow = aStart(1, 1, 99);
    const rest = someEvents(400, 2);
    await sink.write([slow]);
    for (const event of rest) await sink.write([event]);
    await sink.close();
    const parts: CaptureEvent[][] = [];
    for (let part = 0; existsSync(join(dir, part === 0 ? 'orders.hose' : `orders.${part}.hose`)); part++) {
      const read = await file(part === 0 ? 'orders.hose' : `orders.${part}.hose`);
      expect(read.header).toEqual({ ...aHeader, part });
      parts.push(read.events);
    }
    expect(parts.length).toBeGreaterThan(3);
    for (const events of parts.slice(1)) {
      expect(events[0]).toMatchObject({
        type: 'resume',
        exchange: 99,
        startSeq: 1,
        startAt: 1,
        target: slow.target,
      });
    }
    expect(parts.flat().filter((event) => event.type !== 'resume')).toEqual([slow, ...rest]);
  });

  it('begins each further file with the schemas before it, which do not count for its size', async () => {
    const sink = await fileSink({
      path: join(dir, 'orders.hose'),
      maxFileBytes: 4096,
      chunkBytes: 1024,
      compression: 'none',
    }).open(aHeader);
    const schemas = [aSchema(), aSchema({ seq: 2, data: new Uint8Array(20_000) })];
    const rest = someEvents(200, 3);
    for (const event of [...schemas, aSchema({ seq: 2 }), ...rest]) await sink.write([event]);
    await sink.close();
    const parts: CaptureEvent[][] = [(await file('orders.hose')).events];
    while (existsSync(join(dir, `orders.${parts.length}.hose`)))
      parts.push((await file(`orders.${parts.length}.hose`)).events);
    expect(parts.length).toBeGreaterThan(2);
    expect(parts.length).toBeLessThan(10);
    for (const events of parts.slice(1)) {
      const told = events.filter((event) => event.type === 'schema');
      expect(told.map(({ data }) => data)).toEqual(schemas.map(({ data }) => data));
      expect(events.slice(0, 2)).toEqual(told);
    }
    expect(parts.flat().filter(({ type }) => type !== 'schema' && type !== 'resume')).toEqual(rest);
  });

  it('begins the next file at the age given, and passes over names that are taken', async () => {
    await writeFile(join(dir, 'orders.1.hose'), 'precious');
    const sink = await fileSink({ path: join(dir, 'orders.hose'), maxFileAgeMs: 1000 }).open(aHeader);
    await sink.write([aStart(1, 0, 1), aStart(2, 999_999_999, 2), aStart(3, 1_000_000_000, 3)]);
    await sink.close();
    expect((await file('orders.hose')).events.map((event) => event.seq)).toEqual([1, 2]);
    expect((await file('orders.2.hose')).events.map((event) => event.type)).toEqual([
      'resume',
      'resume',
      'start',
    ]);
    expect(await readFile(join(dir, 'orders.1.hose'), 'utf8')).toBe('precious');
  });

  it('goes on in the same file when the next cannot be made', async () => {
    const path = join(dir, 'sub', 'orders.hose');
    const sub = join(dir, 'sub');
    await mkdir(sub);
    const sink = await fileSink({ path, maxFileAgeMs: 1000 }).open(aHeader);
    await sink.write([aStart(1, 0, 1)]);
    const stream = createReadStream(path);
    await rm(sub, { recursive: true });
    expect(await failure(() => sink.write([aStart(2, 1e9, 2)]))).toMatchObject({ code: 'io' });
    await sink.write([aStart(3, 1e9, 3)]);
    expect(await failure(() => sink.flush())).toMatchObject({ code: 'io', message: /deleted/ });
    await sink.close();
    stream.destroy();
  });

  it('puts a gap in the place of an event that the format cannot hold, and says so', async () => {
    const sink = await fileSink({ path: join(dir, 'orders.hose') }).open(aHeader);
    const events = someEvents(3);
    const bad = { ...aStart(4, 4e9, 7), headers: Array.from({ length: 5000 }, () => 'x') };
    expect(await failure(() => sink.write([...events, bad, aStart(5, 5e9, 8)]))).toMatchObject({
      code: 'capture-limit',
    });
    expect(sink.lost?.()).toEqual({ exchanges: 1, events: 1 });
    await sink.close();
    const read = await file('orders.hose');
    expect(read.events.slice(0, 3)).toEqual(events);
    expect(read.events[3]).toMatchObject({
      type: 'gap',
      reason: 'sink-failed',
      events: 1,
      fromSeq: 4,
      exchange: 7,
    });
    expect(read.events[4]).toEqual(aStart(5, 5e9, 8));
  });

  it('checks its options', async () => {
    const make = (options: object) => failure(() => fileSink({ path: 'x.hose', ...options }));
    expect(await make({ path: '' })).toMatchObject({ code: 'invalid-option' });
    expect(await make({ maxFileBytes: 1 })).toMatchObject({ code: 'invalid-option' });
    expect(await make({ maxFileAgeMs: 1 })).toMatchObject({ code: 'invalid-option' });
    expect(await make({ sync: 'sometimes' })).toMatchObject({ code: 'invalid-option' });
    expect(await make({ overwrite: 'yes' })).toMatchObject({ code: 'invalid-option' });
    expect(await failure(() => openSink({}, aHeader))).toMatchObject({ code: 'invalid-option' });
  });
});

describe('readCapture()', () => {
  it('reads from a file stream', async () => {
    const path = join(dir, 'orders.hose');
    const sink = await fileSink({ path }).open(aHeader);
    await sink.write(someEvents(1000));
    await sink.close();
    let events = 0;
    for await (const _ of (await readCapture(createReadStream(path))).events) events += 1;
    expect(events).toBe(1000);
  });

  it('closes the stream of a file that is no capture', async () => {
    const path = join(dir, 'noise.hose');
    await writeFile(path, Buffer.alloc(100_000, 'noise'));
    const stream = createReadStream(path);
    expect(await failure(() => readCapture(stream))).toMatchObject({ code: 'not-a-capture' });
    expect(stream.destroyed).toBe(true);
  });
});
