import { PassThrough, Writable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { expect, it } from 'vitest';
import { streamSink } from '../../src/capture/stream-sink.ts';
import { aHeader, aStart, failure, readAll, someEvents } from './support.ts';

it('streamSink() writes a capture into any stream, and leaves the stream open', async () => {
  const stream = new PassThrough();
  const bytes = buffer(stream);
  const sink = await streamSink(stream, { chunkBytes: 1024 }).open(aHeader);
  await sink.write(someEvents(500));
  await sink.flush();
  await sink.close();
  expect(stream.writableEnded).toBe(false);
  stream.end();
  const read = await readAll(await bytes, 'strict');
  expect(read.events).toEqual(someEvents(500));
});

it('streamSink() waits for a slow stream, so that no more than a chunk is held', async () => {
  let most = 0;
  const stream = new Writable({
    highWaterMark: 1,
    write(_chunk, _encoding, done) {
      most = Math.max(most, stream.writableLength);
      setImmediate(done);
    },
  });
  const sink = await streamSink(stream, { chunkBytes: 1024, compression: 'none' }).open(aHeader);
  await sink.write(someEvents(1000));
  await sink.close();
  expect(most).toBeLessThan(2048);
});

it('streamSink() says so when the stream fails, and stays failed', async () => {
  let broken = false;
  const stream = new Writable({
    write(_chunk, _encoding, done) {
      done(broken ? new Error('gone') : null);
    },
  });
  const sink = await streamSink(stream).open(aHeader);
  await sink.write([aStart(1, 1, 1)]);
  broken = true;
  expect(await failure(() => sink.flush())).toMatchObject({ code: 'io', message: /gone/ });
  expect(await failure(() => sink.write([aStart(2, 2, 2)]))).toMatchObject({ code: 'io' });
  expect(sink.lost?.()).toEqual({ exchanges: 2, events: 2 });
});

it('streamSink() puts a gap in the place of an event that the format cannot hold', async () => {
  const stream = new PassThrough();
  const bytes = buffer(stream);
  const sink = await streamSink(stream).open(aHeader);
  const bad = { ...aStart(1, 1, 1), target: 'x'.repeat(2 ** 21) };
  expect(await failure(() => sink.write([bad, aStart(2, 2, 2)]))).toMatchObject({ code: 'capture-limit' });
  await sink.close();
  stream.end();
  const read = await readAll(await bytes, 'strict');
  expect(read.events.map(({ type }) => type)).toEqual(['gap', 'start']);
  expect(sink.lost?.()).toEqual({ exchanges: 0, events: 1 });
});

it('streamSink() checks its options', () => {
  expect(() => streamSink(new PassThrough(), { chunkBytes: 1 })).toThrow(/chunkBytes/);
});
