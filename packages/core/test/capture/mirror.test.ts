import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  assemble,
  createMirror,
  createRecorder,
  type Exchange,
  fanOutSink,
  fileSink,
  type Recorder,
  readMirror,
} from '@gardenhose/core';
import { aStart } from '@gardenhose/core/testing';
import { afterAll, expect, test } from 'vitest';
import { createMirror as createHere, readMirror as readHere } from '../../src/capture/mirror.ts';
import type { CaptureEvent } from '../../src/model/event.ts';
import { exchangeEvents } from '../../src/testing/exchange-events.ts';
import { aCaptureHeader, aSchema } from '../../src/testing/factories.ts';

const dir = mkdtempSync(join(tmpdir(), 'gardenhose-mirror-'));
afterAll(() => rmSync(dir, { recursive: true, force: true }));

function record(recorder: Recorder, target: string): void {
  const tap = recorder.begin(
    aStart({ target, headers: ['Host', 'shop.test', 'Authorization', 'Bearer s3cr3t'] }),
  );
  tap?.end('request');
  tap?.headers(200, 'OK', '1.1', ['Content-Type', 'application/json']);
  tap?.chunk('response', Buffer.from('{"id":7}'));
  tap?.end('response');
}

for (const pipeline of ['worker', 'inline'] as const) {
  test(`what a recorder records (${pipeline}) can be read while it does, masked, and its own file is whole`, async () => {
    const mirror = createMirror();
    const path = join(dir, `${pipeline}.hose`);
    const recorder = createRecorder({
      ...{ service: 'shop', pipeline, flushIntervalMs: 5 },
      sink: fanOutSink([fileSink({ path }), mirror.sink]),
    });
    await recorder.ready;
    record(recorder, '/before');
    await recorder.flush();
    const opening = readMirror(mirror.source);
    record(recorder, '/one');
    const { header, events, condition } = await opening;
    expect(header).toMatchObject({ id: recorder.captureId, policy: { mode: 'masked' } });
    const seen: Exchange[] = [];
    for await (const exchange of assemble(events)) {
      seen.push(exchange);
      // The recorder goes on: this was read while it did.
      if (exchange.request.target === '/one') record(recorder, '/two');
      if (exchange.request.target === '/two') void recorder.close();
    }
    expect(seen.map(({ request, partial }) => [request.target, partial])).toEqual([
      ['/one', []],
      ['/two', []],
    ]);
    expect(JSON.stringify(seen)).not.toContain('s3cr3t');
    expect(condition().state).toBe('complete');
    const stats = await recorder.close();
    expect(stats).toMatchObject({ recorded: 3, sinkErrors: 0, exchangesLost: { 'sink-failed': 0 } });
    expect(mirror.dropped).toBe(0);
    expect(mirror.closed).toBe(true);
    expect(() => readMirror(mirror.source)).toThrow(expect.objectContaining({ code: 'recorder-closed' }));
  });
}

const large = (exchange: number, bytes: number): CaptureEvent[] =>
  exchangeEvents({ exchange, seq: exchange * 10, at: exchange * 1e6 }).map((event) =>
    event.type === 'chunk' ? { ...event, size: bytes, data: new Uint8Array(bytes) } : event,
  );

test('a reader that is too slow loses whole exchanges, and is told; the sink never waits', async () => {
  const mirror = createHere({ maxBufferedBytes: 65_536 });
  const sink = await mirror.sink.open(aCaptureHeader());
  const reading = readHere(mirror.source);
  // One that is under way when there is no room any more.
  const [start, ...rest] = large(1, 10);
  if (start === undefined) throw new Error('no events');
  await sink.write([start]);
  for (let exchange = 2; exchange <= 40; exchange++) await sink.write(large(exchange, 10_000));
  await sink.write(large(41, 60_000));
  expect(mirror.dropped).toBeGreaterThan(20);
  const { events } = await reading;
  const seen: CaptureEvent[] = [];
  const iterator = events[Symbol.asyncIterator]();
  // Until what was sent so far is taken; then there is room again.
  const kept = 41 - mirror.dropped;
  while (seen.filter(({ type }) => type === 'start').length < kept) {
    const next = await iterator.next();
    if (next.done !== true) seen.push(next.value);
  }
  const last = iterator.next();
  await sink.write(rest.map((event) => ({ ...event, seq: event.seq + 500, at: event.at + 50e6 })));
  for (let exchange = 60; exchange < 64; exchange++) await sink.write(large(exchange, 10));
  await sink.close();
  const after = await last;
  if (after.done !== true) seen.push(after.value);
  for (let next = await iterator.next(); next.done !== true; next = await iterator.next())
    seen.push(next.value);
  const gaps = seen.filter((event) => event.type === 'gap');
  expect(gaps.length).toBeGreaterThan(0);
  expect(gaps.reduce((sum, { exchanges }) => sum + exchanges, 0)).toBe(mirror.dropped);
  expect(gaps.every(({ reason }) => reason === 'sink-slow')).toBe(true);
  const exchanges = [];
  for await (const exchange of assemble(seen)) exchanges.push(exchange);
  expect(exchanges.filter(({ id }) => id >= 60)).toHaveLength(4);
  expect(exchanges.filter(({ id, partial }) => id > 1 && partial.length > 0)).toEqual([]);
  expect(sink.lost?.()).toEqual({ exchanges: 0, events: 0 });
});

test('readers come and go: each gets a capture of its own, with the schemas from before', async () => {
  const mirror = createHere();
  const sink = await mirror.sink.open(aCaptureHeader());
  await sink.write([aSchema({ seq: 1, at: 0 })]);
  for (const exchange of [1, 2]) {
    const reading = readHere(mirror.source);
    expect(() => readHere(mirror.source)).toThrow('is read already');
    await sink.write(exchangeEvents({ exchange, seq: exchange * 10, at: exchange * 10e6 }));
    const { events } = await reading;
    const types: string[] = [];
    for await (const event of events) {
      types.push(event.type);
      if (types.filter((type) => type === 'end').length === 2) break;
    }
    expect(types[0]).toBe('schema');
    expect(types[1]).toBe('start');
  }
  // Nobody reads: what is written goes nowhere.
  await sink.write(exchangeEvents({ exchange: 3, seq: 40, at: 40e6 }));
  await sink.close();
  expect(mirror.dropped).toBe(0);
});

test('what is no mirror, or has no sense as a limit, is refused', () => {
  for (const maxBufferedBytes of [0, 1_000, 1.5, 2 ** 32]) {
    expect(() => createHere({ maxBufferedBytes })).toThrow(
      expect.objectContaining({ code: 'invalid-option' }),
    );
  }
  const odd = { channel: 'x', shared: new SharedArrayBuffer(4), maxBufferedBytes: 1 };
  expect(() => readHere(odd)).toThrow(expect.objectContaining({ code: 'invalid-option' }));
});
