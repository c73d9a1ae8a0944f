import { deflateSync, gzipSync } from 'node:zlib';
import { expect, test, vi } from 'vitest';
import type { Masker } from '../../src/mask/masker.ts';
import { noMask } from '../../src/mask/masker.ts';
import type { CaptureEvent, GapEvent } from '../../src/model/event.ts';
import { bodyBytes } from '../../src/model/exchange.ts';
import { schemaLimits } from '../../src/model/schema-set.ts';
import type { ExchangeTap } from '../../src/record/exchange-tap.ts';
import type { MemorySink } from '../../src/record/memory-sink.ts';
import { memorySink } from '../../src/record/memory-sink.ts';
import type { Recorder } from '../../src/record/recorder.ts';
import { createRecorder } from '../../src/record/recorder.ts';
import type { RecorderOptions } from '../../src/record/recorder-options.ts';
import type { RecorderStats } from '../../src/record/recorder-stats.ts';
import { never, sampleRatio } from '../../src/record/sampler.ts';
import type { Sink, SinkSource } from '../../src/record/sink.ts';
import { assembleAll } from '../../src/testing/assemble-all.ts';
import { aSchema, aStart } from '../../src/testing/factories.ts';
import { ManualClock } from '../../src/testing/manual-clock.ts';

const bytes = (text: string): Uint8Array => Buffer.from(text);
const text = (data: Uint8Array | undefined): string => Buffer.from(data ?? []).toString();

function recorderTo(sink: SinkSource, options: Partial<RecorderOptions> = {}): Recorder {
  return createRecorder({ service: 'shop', sink, mask: noMask, clock: new ManualClock(), ...options });
}

/** Records one ordinary exchange; false when it was not taken. */
function serve(recorder: Recorder, body = '{"id":7}'): boolean {
  const tap = recorder.begin(aStart());
  if (tap === undefined) return false;
  tap.end('request');
  tap.headers(200, 'OK', '1.1', ['Content-Type', 'application/json']);
  tap.chunk('response', bytes(body));
  tap.end('response');
  return true;
}

/** Every number from 1 on is written once, or declared missing by a gap; nothing else. */
function expectNumbered(events: readonly CaptureEvent[], last: number): void {
  const seen = new Map<number, number>();
  const count = (seq: number) => seen.set(seq, (seen.get(seq) ?? 0) + 1);
  let before = 0;
  for (const event of events) {
    expect(event.seq).toBeGreaterThanOrEqual(before);
    if (event.type === 'gap') {
      for (let i = 0; i < event.events; i++) count(event.fromSeq + i);
    }
    const numbered = event.seq > before && !(event.type === 'gap' && event.fromSeq === event.seq + 1);
    if (numbered && !(event.type === 'abort' && event.by === 'recorder' && seen.has(event.seq)))
      count(event.seq);
    before = event.seq;
  }
  expect([...seen.keys()].sort((a, b) => a - b)).toEqual(Array.from({ length: last }, (_, i) => i + 1));
  expect([...seen.values()].filter((times) => times !== 1)).toEqual([]);
}

function expectBalanced(stats: RecorderStats): void {
  const dropped = Object.values(stats.dropped).reduce((sum, count) => sum + count, 0);
  expect(stats.offered).toBe(stats.recorded + stats.sampledOut + dropped);
}

const gaps = (sink: MemorySink): GapEvent[] => sink.events.filter((event) => event.type === 'gap');

test('an exchange is recorded with all that its tap told, numbered and timed', async () => {
  const clock = new ManualClock({ nowNs: 5e9, wallMs: 1000 });
  const sink = memorySink();
  const recorder = recorderTo(sink, { clock, tags: { region: 'eu' } });
  const start = aStart({
    parent: 12,
    operation: 'GET /orders/:größe ✓',
    peer: '10.0.0.9',
    authority: 'shop.test',
    headers: ['Host', 'shop.test', 'X-Latin', 'caf\xe9', 'x-latin', ''],
  });
  const tap = recorder.begin(start);
  clock.advanceNs(10);
  tap?.chunk('request', bytes('up'));
  tap?.trailers('request', ['X-Sum', '1']);
  tap?.end('request');
  clock.advanceNs(10);
  tap?.headers(103, 'Early Hints', '1.1', ['Link', '</a>']);
  tap?.headers(200, 'Très bien'.replace('è', '\xe8'), '1.1', ['Content-Type', 'text/plain']);
  tap?.mark('tenant', 'gärten ✓');
  tap?.chunk('response', bytes('down'));
  tap?.end('response', false);
  const stats = await recorder.close();

  expect(sink.header).toMatchObject({
    id: recorder.captureId,
    service: 'shop',
    wallMs: 1000,
    pid: process.pid,
    sampling: 'always',
    tags: { region: 'eu' },
    policy: { mode: 'none' },
  });
  expect(sink.header?.id).toMatch(/^[0-9a-f]{32}$/);
  expect(sink.events.map(({ type, seq, at }) => [type, seq, at])).toEqual([
    ['start', 1, 0],
    ['chunk', 2, 10],
    ['trailers', 3, 10],
    ['end', 4, 10],
    ['headers', 5, 20],
    ['headers', 6, 20],
    ['mark', 7, 20],
    ['chunk', 8, 20],
    ['end', 9, 20],
  ]);
  expect(sink.events[0]).toEqual({ type: 'start', seq: 1, at: 0, exchange: 1, sampleRate: 1, ...start });
  expect(sink.events[3]).toMatchObject({ size: 2, state: 'kept', complete: true });
  expect(sink.events[5]).toMatchObject({ status: 200, reason: 'Tr\xe8s bien' });
  expect(sink.events[6]).toMatchObject({ name: 'tenant', value: 'gärten ✓' });
  expect(sink.events[8]).toMatchObject({ size: 4, complete: false });
  expect(sink.closed).toBe(true);
  expect(stats).toMatchObject({ state: 'closed', offered: 1, recorded: 1, events: 9, tapFailures: 0 });
});

test('messages are numbered per side and keep their kind', async () => {
  const sink = memorySink();
  const recorder = recorderTo(sink);
  const tap = recorder.begin(aStart({ protocol: 'websocket' }));
  tap?.headers(101, 'Switching Protocols', '1.1', []);
  tap?.message('request', 1, bytes('a'));
  tap?.message('response', 2, bytes('b'));
  tap?.message('request', 8, bytes(''));
  tap?.end('request');
  tap?.end('response');
  await recorder.close();

  const messages = sink.events.filter((event) => event.type === 'message');
  expect(
    messages.map(({ side, index, kind, data, state }) => [side, index, kind, text(data), state]),
  ).toEqual([
    ['request', 0, 1, 'a', 'kept'],
    ['response', 0, 2, 'b', 'kept'],
    ['request', 1, 8, '', 'kept'],
  ]);
  expect(assembleAll(sink.events)[0]?.partial).toEqual([]);
});

test('messages that are compressed are recorded as they were before, within the limits', async () => {
  const plain = 'the garden hose '.repeat(8);
  const bomb = gzipSync(Buffer.alloc(4 * 1024 * 1024 + 1));
  const told = async (onBodyLimit: 'drop' | 'truncate', maxBodyBytes: number) => {
    const sink = memorySink();
    const recorder = recorderTo(sink, { onBodyLimit, maxBodyBytes });
    const tap = recorder.begin(aStart({ protocol: 'grpc' }));
    tap?.compressed?.('request', 'gzip', 1, gzipSync(plain));
    tap?.compressed?.('request', 'deflate', 1, deflateSync(plain));
    tap?.compressed?.('request', 'gzip', 1, bytes('no such thing'));
    tap?.compressed?.('request', 'gzip', 1, bomb);
    tap?.message('request', 0, bytes('!'));
    tap?.abort('client', 'gone');
    await recorder.close();
    expectNumbered(
      sink.events.filter(({ type }) => type !== 'mark'),
      7,
    );
    return sink.events.flatMap((event): unknown[] => {
      if (event.type === 'mark') return [`${event.name}: ${event.value}`];
      if (event.type !== 'message') return [];
      return [[event.index, event.kind, event.size, event.state, event.data && text(event.data)]];
    });
  };
  const whole = [0, 1, 128, 'kept', plain];
  expect(await told('drop', 100_000)).toEqual([
    whole,
    [1, ...whole.slice(1)],
    [2, 1, 0, 'kept', ''],
    'undecoded: request message of 13 bytes',
    [3, 1, 0, 'kept', ''],
    `undecoded: request message of ${bomb.length} bytes`,
    [4, 0, 1, 'kept', '!'],
  ]);
  expect((await told('drop', 100))[0]).toEqual([0, 1, 128, 'dropped:body-limit', undefined]);
  expect((await told('truncate', 100))[0]).toEqual([0, 1, 128, 'truncated', plain.slice(0, 100)]);
  // Over the limit as it is.
  expect((await told('truncate', 20))[0]).toEqual([
    0,
    1,
    gzipSync(plain).length,
    'dropped:body-limit',
    undefined,
  ]);
});

test('bytes are copied: a buffer that the application uses again does not change what was recorded', async () => {
  const sink = memorySink();
  const recorder = recorderTo(sink);
  const tap = recorder.begin(aStart());
  const reused = Buffer.from('AAAA');
  tap?.chunk('response', reused);
  reused.fill('B');
  tap?.chunk('response', reused);
  tap?.end('request');
  tap?.end('response');
  await recorder.close();

  expect(sink.events.flatMap((event) => (event.type === 'chunk' ? [text(event.data)] : []))).toEqual([
    'AAAA',
    'BBBB',
  ]);
});

test('a body larger than a buffer comes through whole', async () => {
  const sink = memorySink();
  const recorder = recorderTo(sink, { maxBodyBytes: 4_000_000 });
  const tap = recorder.begin(aStart());
  const large = Buffer.alloc(3_000_000, 'abc');
  tap?.headers(200, 'OK', '1.1', []);
  tap?.chunk('response', large);
  tap?.chunk('response', bytes('!'));
  tap?.end('request');
  tap?.end('response');
  await recorder.close();

  const [exchange] = assembleAll(sink.events);
  expect(exchange?.response && text(bodyBytes(exchange.response))).toBe(`${large.toString()}!`);
});

test('a body over the limit is dropped: no more of its bytes are taken, its true size is kept', async () => {
  const sink = memorySink();
  const recorder = recorderTo(sink, { maxBodyBytes: 10 });
  const tap = recorder.begin(aStart());
  for (const piece of ['12345678', 'abcd', 'ef']) tap?.chunk('response', bytes(piece));
  tap?.message('request', 1, bytes('a message over the limit'));
  tap?.end('response');
  tap?.end('request');
  await recorder.close();

  const chunks = sink.events.filter((event) => event.type === 'chunk');
  expect(chunks.map(({ size, data }) => [size, data && text(data)])).toEqual([
    [8, '12345678'],
    [4, undefined],
    [2, undefined],
  ]);
  expect(sink.events.find(({ type }) => type === 'message')).toMatchObject({
    size: 24,
    state: 'dropped:body-limit',
    data: undefined,
  });
  expect(sink.events.find(({ type }) => type === 'end')).toMatchObject({
    size: 14,
    state: 'dropped:body-limit',
  });
});

test('a body over the limit is cut where that is asked for', async () => {
  const sink = memorySink();
  const recorder = recorderTo(sink, { maxBodyBytes: 10, onBodyLimit: 'truncate' });
  const tap = recorder.begin(aStart());
  for (const piece of ['12345678', 'abcd', 'ef']) tap?.chunk('response', bytes(piece));
  tap?.message('request', 1, bytes('a message over the limit'));
  tap?.end('response');
  tap?.end('request');
  await recorder.close();

  const chunks = sink.events.filter((event) => event.type === 'chunk');
  expect(chunks.map(({ size, data }) => [size, data && text(data)])).toEqual([
    [8, '12345678'],
    [4, 'ab'],
    [2, undefined],
  ]);
  expect(sink.events.find(({ type }) => type === 'message')).toMatchObject({ size: 24, state: 'truncated' });
  expect(sink.events.find(({ type }) => type === 'end')).toMatchObject({ size: 14, state: 'truncated' });
});

test('nothing is recorded of an exchange after its end, its abort, or the end of its side', async () => {
  const sink = memorySink();
  const recorder = recorderTo(sink);
  const tap = recorder.begin(aStart());
  tap?.end('request');
  tap?.chunk('request', bytes('late'));
  tap?.end('request');
  tap?.headers(200, 'OK', '1.1', []);
  tap?.headers(500, 'Again', '1.1', []);
  tap?.abort('client', 'ECONNRESET');
  tap?.mark('late', '1');
  tap?.end('response');
  await recorder.close();

  expect(sink.events.map(({ type }) => type)).toEqual(['start', 'end', 'headers', 'abort']);
});

test('a tap says when nothing more of its exchange is recorded: it has ended, broke off, or the recording is over', async () => {
  const recorder = recorderTo(memorySink());
  const [ended, broken, open] = [aStart(), aStart(), aStart()].map((start) => recorder.begin(start));
  ended?.end('request');
  expect(ended?.over).toBe(false);
  ended?.end('response');
  broken?.abort('client', 'closed');
  recorder.pause();
  expect([ended, broken, open].map((tap) => tap?.over)).toEqual([true, true, false]);
  await recorder.control.kill();
  expect(open?.over).toBe(true);
});

test('samplers decide; what they leave out is counted and takes no number', async () => {
  const sink = memorySink();
  const recorder = recorderTo(sink, { sampler: sampleRatio(0.5) });
  for (let i = 0; i < 400; i++) serve(recorder);
  const stats = await recorder.close();

  expect(sink.header?.sampling).toBe('ratio 0.5');
  expect(stats.sampledOut).toBeGreaterThan(100);
  expect(stats.recorded).toBeGreaterThan(100);
  expectBalanced(stats);
  expect(sink.events[0]).toMatchObject({ type: 'start', sampleRate: 0.5 });
  expectNumbered(sink.events, stats.events);
});

test('never records nothing', async () => {
  const sink = memorySink();
  const recorder = recorderTo(sink, { sampler: never });
  expect(serve(recorder)).toBe(false);
  expect((await recorder.close()).sampledOut).toBe(1);
  expect(sink.events).toEqual([]);
});

test('a sampler that throws costs the exchange, not the service', async () => {
  const sink = memorySink();
  const recorder = recorderTo(sink, {
    sampler: {
      description: 'broken',
      sample: () => {
        throw new Error('sampler');
      },
    },
  });
  expect(serve(recorder)).toBe(false);
  const stats = await recorder.close();
  expect(stats).toMatchObject({ tapFailures: 1, dropped: { 'tap-failed': 1 } });
  expectBalanced(stats);
});

test('when there is no room, new exchanges are dropped and those under way given up, all counted and declared', async () => {
  const sink = memorySink();
  const clock = new ManualClock();
  const recorder = recorderTo(sink, { clock, maxBufferedBytes: 600_000, maxBodyBytes: 100_000 });
  const streams = Array.from({ length: 20 }, () => recorder.begin(aStart({ target: '/stream' })));
  for (const stream of streams) stream?.headers(200, 'OK', '1.1', []);
  const piece = Buffer.alloc(5000, 'x');
  for (let i = 0; i < 19; i++) {
    clock.advanceMs(1);
    for (const stream of streams) stream?.chunk('response', piece);
    serve(recorder);
  }
  expect(recorder.stats().queueBytes).toBeLessThanOrEqual(600_000);
  await recorder.flush();
  for (let i = 0; i < 3; i++) serve(recorder);
  for (const stream of streams) {
    stream?.end('response');
    stream?.end('request');
  }
  const stats = await recorder.close();

  expect(stats.dropped['buffer-full']).toBeGreaterThan(0);
  expect(stats.eventsLost['buffer-full']).toBeGreaterThan(0);
  expectBalanced(stats);
  expectNumbered(sink.events, stats.events);
  const [gap] = gaps(sink);
  expect(gap).toMatchObject({ reason: 'buffer-full', exchanges: stats.dropped['buffer-full'] });
  expect(gap?.events).toBe(stats.eventsLost['buffer-full']);
  expect(gap?.toAt).toBeGreaterThanOrEqual(gap?.fromAt ?? Number.NaN);
  const exchanges = assembleAll(sink.events);
  expect(exchanges).toHaveLength(stats.recorded);
  for (const { partial, abort, request, response } of exchanges) {
    expect(partial).toEqual(abort === undefined ? [] : ['no-end']);
    expect(abort !== undefined || (request.complete && response?.complete === true)).toBe(true);
  }
  expect(exchanges.filter(({ abort }) => abort?.code === 'buffer-full')).toHaveLength(
    stats.eventsLost['buffer-full'],
  );
  expect(exchanges.slice(-3).map(({ partial, abort }) => [partial, abort])).toEqual([
    [[], undefined],
    [[], undefined],
    [[], undefined],
  ]);
});

test('a record larger than all memory allowed is lost alone, and what follows is recorded', async () => {
  const sink = memorySink();
  const recorder = recorderTo(sink, { maxBufferedBytes: 70_000, maxBodyBytes: 1000 });
  const tap = recorder.begin(aStart());
  tap?.mark('huge', 'x'.repeat(100_000));
  await recorder.flush();
  expect(serve(recorder)).toBe(true);
  const stats = await recorder.close();

  expect(stats.eventsLost['buffer-full']).toBe(1);
  expectNumbered(sink.events, stats.events);
  expect(assembleAll(sink.events).map(({ abort }) => abort?.code)).toEqual(['buffer-full', undefined]);
});

test('close() ends exchanges under way by an abort of the recorder, and nothing is recorded after', async () => {
  const sink = memorySink();
  const recorder = recorderTo(sink);
  const tap = recorder.begin(aStart());
  tap?.end('request');
  const [first, second] = await Promise.all([recorder.close(), recorder.close()]);
  tap?.chunk('response', bytes('late'));
  expect(serve(recorder)).toBe(false);

  expect(second).toBe(first);
  expect(sink.events.map(({ type }) => type)).toEqual(['start', 'end', 'abort']);
  expect(sink.events[2]).toMatchObject({ by: 'recorder', code: 'recorder-closed' });
  expect(recorder.stats()).toMatchObject({ state: 'closed', offered: 2, dropped: { closed: 1 } });
  expectBalanced(recorder.stats());
});

test('events reach the sink within the flush interval, without more traffic', async () => {
  const clock = new ManualClock();
  const sink = memorySink();
  let flushes = 0;
  let flushed: () => void = () => undefined;
  const source: SinkSource = {
    open: (header) => ({
      ...bound(sink.open(header)),
      async flush() {
        flushes++;
        flushed();
      },
    }),
  };
  const recorder = recorderTo(source, { clock, flushIntervalMs: 250 });
  await recorder.ready;
  serve(recorder);
  clock.advanceMs(249);
  expect(sink.events).toEqual([]);
  const flush = new Promise<void>((resolve) => {
    flushed = resolve;
  });
  clock.advanceMs(1);
  await flush;

  expect(sink.events).toHaveLength(5);
  expect(flushes).toBe(1);
  await recorder.close();
  expect(recorder.stats().lastFlushAt).toBe(250e6);
});

test('a clock event comes every minute, and when the wall clock steps', async () => {
  const clock = new ManualClock({ wallMs: 0 });
  const sink = memorySink();
  const recorder = recorderTo(sink, { clock });
  await recorder.ready;
  clock.advanceMs(120_000);
  clock.stepWallMs(5000);
  serve(recorder);
  clock.advanceMs(250);
  serve(recorder);
  clock.advanceMs(250);
  await recorder.close();

  const clocks = sink.events.filter((event) => event.type === 'clock');
  expect(clocks.map(({ at, wallMs }) => [at / 1e6, wallMs])).toEqual([
    [60_000, 60_000],
    [120_000, 120_000],
    [120_250, 125_250],
  ]);
  expectNumbered(sink.events, recorder.stats().events);
});

test('pause() and resume() take effect at the next exchange and stand in the capture', async () => {
  const sink = memorySink();
  const recorder = recorderTo(sink);
  await recorder.ready;
  const before = recorder.begin(aStart());
  recorder.pause();
  recorder.pause();
  expect(recorder.stats().state).toBe('paused');
  expect(serve(recorder)).toBe(false);
  before?.end('request');
  before?.end('response');
  recorder.resume();
  expect(serve(recorder)).toBe(true);
  const stats = await recorder.close();

  expect(sink.events.map((event) => (event.type === 'control' ? event.name : event.type))).toEqual([
    'start',
    'pause',
    'end',
    'end',
    'resume',
    'start',
    'end',
    'headers',
    'chunk',
    'end',
  ]);
  expect(stats.dropped.paused).toBe(1);
  expectBalanced(stats);
});

test('mark() reaches an exchange under way by its id, and no other', async () => {
  const sink = memorySink();
  const recorder = recorderTo(sink);
  const tap = recorder.begin(aStart());
  recorder.mark(tap?.id ?? 0, 'tenant', 'a');
  recorder.mark(999, 'tenant', 'b');
  tap?.abort('client', 'gone');
  recorder.mark(tap?.id ?? 0, 'tenant', 'c');
  await recorder.close();

  expect(sink.events.filter(({ type }) => type === 'mark')).toMatchObject([{ value: 'a' }]);
});

test('a sink that cannot be opened is a warning of the process where nobody looks at ready, and only there', async () => {
  const warnings: Error[] = [];
  const hear = (warning: Error) => warnings.push(warning);
  process.on('warning', hear);
  const sink: SinkSource = { open: () => Promise.reject(new Error('orders.hose: no room')) };
  const asked = recorderTo(sink);
  await expect(asked.ready).rejects.toThrow('no room');
  const unasked = recorderTo(sink);
  serve(unasked);
  await unasked.close();
  await vi.waitFor(() => expect(warnings).not.toHaveLength(0));
  process.off('warning', hear);
  expect(warnings.map(({ name, message }) => `${name}: ${message}`)).toEqual([
    'GardenhoseWarning: nothing is recorded: the sink cannot be opened: orders.hose: no room',
  ]);
});

test('a sink that cannot be opened: ready rejects with the reason, taps stop, the application goes on', async () => {
  const recorder = recorderTo({ open: () => Promise.reject(new Error('no such disk')) });
  serve(recorder);
  await expect(recorder.ready).rejects.toMatchObject({
    name: 'GardenhoseError',
    code: 'io',
    message: 'the sink cannot be opened: no such disk',
  });
  expect(serve(recorder)).toBe(false);
  const stats = await recorder.close();

  expect(stats).toMatchObject({
    state: 'failed',
    recorded: 1,
    dropped: { failed: 1 },
    eventsLost: { failed: 5 },
  });
  expect(stats.lastError).toContain('no such disk');
  expectBalanced(stats);
});

test('a sink that fails and works again: what it refused is declared, exchanges cut by it are aborted, the rest goes on', async () => {
  const sink = memorySink();
  let broken = false;
  const source: SinkSource = {
    open(header) {
      const inner = bound(sink.open(header));
      return {
        ...inner,
        write(events) {
          if (broken) throw Object.assign(new Error('no space left'), { code: 'ENOSPC' });
          return inner.write(events);
        },
      };
    },
  };
  const recorder = recorderTo(source);
  const stream = recorder.begin(aStart({ target: '/stream' }));
  serve(recorder);
  await recorder.flush();
  broken = true;
  stream?.chunk('response', bytes('lost'));
  serve(recorder);
  const half = recorder.begin(aStart({ target: '/half' }));
  await recorder.flush();
  half?.chunk('response', bytes('also lost'));
  await recorder.flush();
  broken = false;
  stream?.chunk('response', bytes('too late'));
  half?.end('request');
  serve(recorder);
  stream?.end('request');
  half?.end('response');
  stream?.end('response');
  const stats = await recorder.close();

  expect(stats).toMatchObject({ state: 'closed', sinkErrors: 2, lastError: 'Error ENOSPC' });
  expectNumbered(sink.events, stats.events);
  expect(gaps(sink)[0]).toMatchObject({ reason: 'sink-failed', exchanges: 2, fromSeq: 7, events: 8 });
  const exchanges = assembleAll(sink.events);
  expect(exchanges.map(({ request, abort }) => [request.target, abort?.code])).toEqual([
    ['/stream', 'sink-failed'],
    ['/orders/7', undefined],
    ['/orders/7', undefined],
  ]);
  expect(stats.exchangesLost['sink-failed']).toBe(3);
});

test('tells the masker when it closes, so that it forgets what it remembered', async () => {
  let closed = 0;
  const masker: Masker = { ...noMask, close: () => void closed++ };
  const recorder = recorderTo(memorySink(), { mask: masker });
  serve(recorder);
  expect(closed).toBe(0);
  await recorder.close();
  expect(closed).toBe(1);
});

test('hooks rewrite, mark and drop, in order, on masked events', async () => {
  const sink = memorySink();
  const masker: Masker = {
    ...noMask,
    mask: (event) => [event.type === 'start' ? { ...event, lane: 'masked' } : event],
  };
  const lanes: string[] = [];
  const recorder = recorderTo(sink, {
    mask: masker,
    hooks: {
      async onExchange(start, context) {
        lanes.push(start.lane);
        await Promise.resolve();
        if (start.target === '/health') context.drop();
        context.mark('seen', 'yes');
        return { ...start, target: `${start.target}?hooked`, seq: 99, exchange: 99 };
      },
      onEvent(event, context) {
        if (event.type === 'headers') context.mark('status', String(event.status));
      },
    },
  });
  serve(recorder);
  const health = recorder.begin(aStart({ target: '/health' }));
  serve(recorder);
  health?.end('request');
  health?.end('response');
  const stats = await recorder.close();

  expect(lanes).toEqual(['masked', 'masked', 'masked']);
  const exchanges = assembleAll(sink.events);
  expect(exchanges.map(({ request, marks }) => [request.target, marks])).toEqual([
    [
      '/orders/7?hooked',
      [
        { name: 'seen', value: 'yes' },
        { name: 'status', value: '200' },
      ],
    ],
    [
      '/orders/7?hooked',
      [
        { name: 'seen', value: 'yes' },
        { name: 'status', value: '200' },
      ],
    ],
  ]);
  expect(stats).toMatchObject({ hookDrops: 1, exchangesLost: { hook: 1 }, eventsLost: { hook: 3 } });
  expect(
    gaps(sink).map(({ reason, exchange, exchanges, events }) => [reason, exchange, exchanges, events]),
  ).toEqual([
    ['hook', 2, 1, 1],
    ['hook', 2, 0, 2],
  ]);
  expectNumbered(sink.events, stats.events);
});

test.each([
  [
    'throws',
    () => {
      throw new Error('hook');
    },
  ],
  ['rejects', () => Promise.reject(new Error('hook'))],
  [
    'gives back another kind of event',
    () => ({ type: 'abort', seq: 1, at: 1, exchange: 1, by: 'client', code: '' }) as const,
  ],
])('a hook that %s loses its exchange, aborted and declared, and no other', async (_, fail) => {
  const sink = memorySink();
  const recorder = recorderTo(sink, {
    hooks: {
      onEvent: (event) => (event.type === 'chunk' && text(event.data) === 'bad' ? fail() : undefined),
    },
  });
  serve(recorder);
  serve(recorder, 'bad');
  serve(recorder);
  const stats = await recorder.close();

  expect(assembleAll(sink.events).map(({ abort, partial }) => [abort?.code, partial])).toEqual([
    [undefined, []],
    ['hook-failed', ['no-end']],
    [undefined, []],
  ]);
  expect(stats).toMatchObject({ exchangesLost: { hook: 1 }, eventsLost: { hook: 2 }, hookDrops: 0 });
  expectNumbered(sink.events, stats.events);
});

test('a hook that throws at any event leaves events in order, the audit of its exchange among them', async () => {
  for (let failing = 0; failing < 8; failing++) {
    const sink = memorySink();
    let seen = 0;
    const recorder = createRecorder({
      service: 'orders',
      sink,
      mask: { version: 1 },
      hooks: {
        onEvent() {
          if (seen++ === failing) throw new Error('secret');
        },
      },
    });
    serve(recorder);
    serve(recorder);
    await recorder.close();
    const order = sink.events.map(({ seq, at }) => [seq, at]);
    expect(order.toSorted(([a = 0, s = 0], [b = 0, t = 0]) => a - b || s - t)).toEqual(order);
    expect(sink.events.every((event, i) => event.at >= (sink.events[i - 1]?.at ?? 0))).toBe(true);
  }
});

test('a hook that never answers loses its exchange after its time', async () => {
  const sink = memorySink();
  const clock = new ManualClock();
  let asked: () => void = () => undefined;
  const hanging = new Promise<void>((resolve) => {
    asked = resolve;
  });
  const recorder = recorderTo(sink, {
    clock,
    hookTimeoutMs: 1000,
    hooks: {
      onExchange: (start) => {
        if (start.target !== '/hang') return undefined;
        asked();
        return new Promise(() => undefined);
      },
    },
  });
  const tap = recorder.begin(aStart({ target: '/hang' }));
  tap?.abort('client', 'gone');
  serve(recorder);
  const closed = recorder.close();
  await hanging;
  clock.advanceMs(1000);
  const stats = await closed;

  expect(assembleAll(sink.events).map(({ request }) => request.target)).toEqual(['/orders/7']);
  expect(stats.exchangesLost.hook).toBe(1);
  expect(stats.lastError).toBe('a record hook took longer than 1000 ms');
  expectNumbered(sink.events, stats.events);
});

test('a masker that fails loses the exchange: nothing unmasked is written', async () => {
  const sink = memorySink();
  const recorder = recorderTo(sink, {
    mask: {
      ...noMask,
      mask(event) {
        if (event.type === 'chunk') throw new Error('secret');
        return [event];
      },
    },
  });
  serve(recorder);
  const stats = await recorder.close();

  expect(assembleAll(sink.events)).toMatchObject([{ abort: { by: 'recorder', code: 'mask-failed' } }]);
  expect(stats.exchangesLost.mask).toBe(1);
  expect(stats.lastError).toBe('Error');
});

test('a tap that hands in what cannot be recorded loses its exchange; the application does not notice', async () => {
  const sink = memorySink();
  const recorder = recorderTo(sink);
  const tap = recorder.begin(aStart());
  const moved = new ArrayBuffer(8);
  const data = new Uint8Array(moved);
  structuredClone(moved, { transfer: [moved] });
  tap?.chunk('response', data);
  tap?.end('response');
  serve(recorder);
  const stats = await recorder.close();

  expectBalanced(stats);
  expectNumbered(sink.events, stats.events);
  expect(assembleAll(sink.events)).toHaveLength(2);
});

test.each([
  ['service', { service: '' }],
  ['maxBufferedBytes', { maxBufferedBytes: 1000 }],
  ['maxBufferedBytes', { maxBufferedBytes: 100_000, maxBodyBytes: 100_000 }],
  ['maxBodyBytes', { maxBodyBytes: 16 * 1024 * 1024 }],
  ['flushIntervalMs', { flushIntervalMs: 0 }],
  ['hookTimeoutMs', { hookTimeoutMs: Number.NaN }],
  ['pipeline', { pipeline: 'worker' as const }],
  ['hooks.module', { hooks: { module: './hooks.js' } }],
])('a wrong %s is refused by name', (name, options) => {
  expect(() => recorderTo(memorySink(), options)).toThrow(new RegExp(`^${name} must be `));
});

/** A sink's methods, free of `this`. */
function bound(sink: Sink | Promise<Sink>): Sink {
  if (sink instanceof Promise) throw new TypeError('a memory sink opens at once');
  return {
    write: (events) => sink.write(events),
    flush: () => sink.flush(),
    close: () => sink.close(),
  };
}

test('a head and a body given as text are recorded as the same bytes would be', async () => {
  const record = async (tell: (recorder: Recorder) => void): Promise<CaptureEvent[]> => {
    const sink = memorySink();
    const recorder = recorderTo(sink, { maxBodyBytes: 7, onBodyLimit: 'truncate' });
    tell(recorder);
    expect(await recorder.close()).toMatchObject({ tapFailures: 0 });
    return [...sink.events];
  };
  const pieces = ['h\xe4\u00df', '\ud800', '', 'more'];
  const asText = await record((recorder) => {
    const tap = recorder.begin(aStart());
    tap?.end('request');
    tap?.wireHead?.('HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n');
    tap?.wireHead?.('HTTP/1.1 200 OK\r\nX-A: \xe9\r\n\r\n');
    tap?.wireHead?.('HTTP/1.1 500 Too Late\r\n\r\n');
    for (const piece of pieces) tap?.text?.('response', piece);
    tap?.end('response');
    tap?.text?.('response', 'late');
  });
  const asBytes = await record((recorder) => {
    const tap = recorder.begin(aStart());
    tap?.end('request');
    tap?.headers(103, 'Early Hints', '1.1', ['Link', '</a>']);
    tap?.headers(200, 'OK', '1.1', ['X-A', '\xe9']);
    for (const piece of pieces) tap?.chunk('response', bytes(piece));
    tap?.end('response');
  });
  expect(asText).toEqual(asBytes);
  expect(asText.at(-1)).toMatchObject({ type: 'end', size: 12, state: 'truncated' });
});

test.each([
  'caf\xe9',
  '\x80',
  '\x7f',
  '\u20ac 5',
  '\ud83d\udca7 water',
  '\ud800',
  `${'a'.repeat(46)}\xe9`,
  `${'a'.repeat(60)}\xe9`,
])('the text %j is recorded as its UTF-8', async (text) => {
  const sink = memorySink();
  const recorder = recorderTo(sink);
  const tap = recorder.begin(aStart(), true);
  tap?.wireAnswer?.('HTTP/1.1 200 OK\r\n\r\n', text);
  tap?.text?.('response', text);
  tap?.end('response');
  await recorder.close();
  const data = sink.events.flatMap((event) => (event.type === 'chunk' && event.data ? [event.data] : []));
  expect(Buffer.concat(data)).toEqual(Buffer.concat([bytes(text), bytes(text)]));
});

test('a head and the first piece of the body in one are recorded as one after the other, at one time', async () => {
  const head = 'HTTP/1.1 200 OK\r\nX-A: \xe9\r\n\r\n';
  const record = async (tell: (tap: ExchangeTap | undefined) => void): Promise<CaptureEvent[]> => {
    const sink = memorySink();
    const recorder = recorderTo(sink, { maxBodyBytes: 7, onBodyLimit: 'truncate' });
    for (let i = 0; i < 2; i++) tell(recorder.begin(aStart(), true));
    expect(await recorder.close()).toMatchObject({ tapFailures: 0, underWay: 0 });
    return [...sink.events];
  };
  for (const body of ['caf\xe9', 'more than that', bytes('abc'), bytes('more than that')]) {
    const parts = await record((tap) => {
      tap?.wireHead?.(head);
      tap?.chunk('response', typeof body === 'string' ? bytes(body) : body);
      tap?.chunk('response', bytes('!'));
      tap?.end('response');
    });
    const whole = await record((tap) => {
      tap?.wireAnswer?.(head, body);
      // The head is known: what comes with another is a piece of the body.
      tap?.wireAnswer?.(head, '!');
      tap?.end('response');
      tap?.wireAnswer?.(head, 'late');
    });
    expect(whole).toEqual(parts);
  }
});

test('the end of a request that has no body is recorded with its start, once', async () => {
  const record = async (bodyless: boolean): Promise<readonly CaptureEvent[]> => {
    const sink = memorySink();
    const recorder = recorderTo(sink);
    for (let i = 0; i < 2; i++) {
      const tap = recorder.begin(aStart(), bodyless);
      tap?.end('request');
      tap?.headers(204, '', '1.1', []);
      tap?.end('response');
    }
    expect(await recorder.close()).toMatchObject({ recorded: 2, events: 8, underWay: 0 });
    return sink.events;
  };
  const events = await record(true);
  expect(events).toEqual(await record(false));
  expectNumbered(events, 8);
});

test('of a text that is no head nothing is taken, nor of the body with it, and the tap is told', async () => {
  const sink = memorySink();
  const recorder = recorderTo(sink);
  const tap = recorder.begin(aStart(), true);
  expect(tap?.wireHead?.('HTTP/3 200')).toBe(false);
  expect(tap?.wireAnswer?.('HTTP/3 200 OK\r\n\r\n', 'body')).toBe(false);
  tap?.headers(200, '', '3', []);
  tap?.end('response');
  expect(await recorder.close()).toMatchObject({ recorded: 1, tapFailures: 0, underWay: 0 });
  expect(sink.events.map(({ type }) => type)).toEqual(['start', 'end', 'headers', 'end']);
  expectNumbered(sink.events, 4);
});

test('events of a stream that are cut by chunks are whole again, each byte at the time of its chunk', async () => {
  const sink = memorySink();
  const recorder = createRecorder({ service: 'shop', sink });
  const tap = recorder.begin(aStart());
  tap?.end('request');
  tap?.headers(200, 'OK', '1.1', ['Content-Type', 'text/event-stream']);
  const chunks = ['data: 1\n\ndata: 2', '3\n\nda', 'ta: 4\n\n', 'data: 5'];
  for (const chunk of chunks) tap?.chunk('response', Buffer.from(chunk));
  tap?.end('response');
  await recorder.close();
  const [exchange] = assembleAll(sink.events);
  expect(exchange?.partial).toEqual([]);
  expect(exchange?.response?.chunks.map(({ data }) => Buffer.from(data).toString())).toEqual(chunks);
});

test('a sink that never answers holds up a close no longer than closeWaitMs', async () => {
  const clock = new ManualClock();
  const never = new Promise<void>(() => undefined);
  const sink: SinkSource = { open: () => ({ write: () => never, flush: () => never, close: () => never }) };
  const recorder = recorderTo(sink, { clock, closeWaitMs: 500 });
  await recorder.ready;
  serve(recorder);
  const closing = recorder.close();
  clock.advanceMs(500);
  expect(await closing).toMatchObject({ state: 'failed', offered: 1, eventsLost: { failed: 5 } });
});

test('a sink that never answers holds up a flush no longer than flushWaitMs, and one that fails is told by it', async () => {
  const clock = new ManualClock();
  const never = new Promise<void>(() => undefined);
  const stuck: SinkSource = { open: () => ({ write: () => never, flush: () => never, close: () => never }) };
  const recorder = recorderTo(stuck, { clock, flushWaitMs: 500, closeWaitMs: 500 });
  await recorder.ready;
  serve(recorder);
  const flushing = recorder.flush();
  clock.advanceMs(500);
  expect(await flushing).toBe(false);
  expect(recorder.stats()).toMatchObject({
    state: 'recording',
    lastError:
      'what was recorded was not flushed within 500 ms: the sink or a hook is slow or stuck; flush() waits no longer',
  });
  const closing = recorder.close();
  clock.advanceMs(500);
  await closing;
  expect(await recorder.flush()).toBe(false);

  let works = false;
  const flush = async () => {
    if (!works) throw new Error('full');
  };
  const full = recorderTo({ open: () => ({ write: () => undefined, flush, close: async () => undefined }) });
  expect(await full.flush()).toBe(false);
  expect(full.stats()).toMatchObject({ sinkErrors: 1 });
  works = true;
  expect(await full.flush()).toBe(true);
  await full.close();
});

test('a clock that fails or goes back costs no exchange and reaches nobody', async () => {
  const clock = new ManualClock();
  let broken = false;
  const sink = memorySink();
  const recorder = recorderTo(sink, {
    clock: {
      nowNs: () => {
        if (broken) throw new Error('no time');
        return clock.nowNs();
      },
      wallMs: () => {
        if (broken) throw new Error('no date');
        return clock.wallMs();
      },
      after: (delayMs, run) => clock.after(delayMs, run),
    },
  });
  clock.advanceMs(5);
  expect(serve(recorder)).toBe(true);
  broken = true;
  expect(serve(recorder)).toBe(true);
  clock.advanceMs(250);
  const stats = await recorder.close();
  expect(stats).toMatchObject({ state: 'closed', recorded: 2, underWay: 0, dropped: { 'tap-failed': 0 } });
  expect(stats.tapFailures).toBeGreaterThan(0);
  const times = sink.events.map(({ at }) => at);
  expect(times).toEqual(times.toSorted((a, b) => a - b));
  expect(assembleAll(sink.events).flatMap(({ partial }) => partial)).toEqual([]);
});

test('notes of the recorder between the events of an exchange leave the order whole, its audit too', async () => {
  const sink = memorySink();
  const recorder = recorderTo(sink, { mask: { version: 1 }, pipeline: 'inline' });
  const tap = recorder.begin(aStart());
  tap?.end('request');
  tap?.headers(200, 'OK', '1.1', []);
  recorder.pause();
  recorder.resume();
  tap?.end('response');
  await recorder.close();
  const numbers = sink.events.map(({ seq }) => seq);
  expect(numbers).toEqual(numbers.toSorted((a, b) => a - b));
  expect(sink.events.map(({ type }) => type)).toContain('audit');
});

test('a schema is recorded once, before the exchanges that begin after it was told', async () => {
  const sink = memorySink();
  const recorder = recorderTo(sink);
  const { data } = aSchema();
  const told = Uint8Array.from(data);
  recorder.describe(told);
  told.fill(0);
  recorder.describe(data);
  serve(recorder);
  recorder.describe(Uint8Array.of(1));
  const stats = await recorder.close();
  recorder.describe(Uint8Array.of(2));
  const schemas = sink.events.filter((event) => event.type === 'schema');
  expect(sink.events[0]).toEqual({ ...aSchema(), at: 0 });
  expect(schemas.map((event) => event.data)).toEqual([data, Uint8Array.of(1)]);
  expectNumbered(sink.events, stats.events);
  // The second is none.
  expect(stats.tapFailures).toBe(1);
  expect(stats.lastError).toContain('a schema of 1 bytes is no FileDescriptorSet');
});

test('schemas beyond the limits are not recorded, and are counted as failures of a tap', async () => {
  const sink = memorySink();
  const recorder = recorderTo(sink);
  recorder.describe(new Uint8Array(schemaLimits.bytes + 1));
  for (let i = 0; i < schemaLimits.count + 2; i++) {
    // A file with a name of two characters.
    recorder.describe(Uint8Array.of(0x0a, 4, 0x0a, 2, 0x41 + (i % 16), 0x41 + (i >> 4)));
  }
  const stats = await recorder.close();
  expect(sink.events.filter(({ type }) => type === 'schema')).toHaveLength(schemaLimits.count);
  expect(stats.tapFailures).toBe(3);
  expect(stats.lastError).toContain('one too many');
});

test('a schema that finds no room is recorded as soon as there is some', async () => {
  const clock = new ManualClock();
  const sink = memorySink();
  const recorder = recorderTo(sink, { clock, maxBufferedBytes: 700_000, maxBodyBytes: 500_000 });
  await recorder.ready;
  const tap = recorder.begin(aStart());
  tap?.chunk('request', new Uint8Array(400_000));
  const schema = new Uint8Array(300_000);
  recorder.describe(schema);
  expect(recorder.stats().eventsLost['buffer-full']).toBe(1);
  await recorder.flush();
  serve(recorder);
  clock.advanceMs(250);
  const stats = await recorder.close();
  expect(sink.events.filter(({ type }) => type === 'schema')).toEqual([
    expect.objectContaining({ data: schema }),
  ]);
  expectNumbered(sink.events, stats.events);
});
