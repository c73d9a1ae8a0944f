import { randomBytes } from 'node:crypto';
import {
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import { crc32 } from 'node:zlib';
import {
  fanOutSink as builtFanOut,
  flightSink as builtFlight,
  createRecorder as createBuiltRecorder,
  fileSink,
} from '@gardenhose/core';
import fc from 'fast-check';
import { afterAll, expect, test } from 'vitest';
import { type FlightSinkOptions, flightSink } from '../../src/capture/flight-sink.ts';
import { openCapture } from '../../src/capture/open-capture.ts';
import { verifyCapture } from '../../src/capture/verify-capture.ts';
import type { CaptureEvent } from '../../src/model/event.ts';
import { fanOutSink } from '../../src/record/fan-out-sink.ts';
import { type MemorySink, memorySink } from '../../src/record/memory-sink.ts';
import { createRecorder, type Recorder } from '../../src/record/recorder.ts';
import { assembleAll } from '../../src/testing/assemble-all.ts';
import { aSchema, aStart } from '../../src/testing/factories.ts';
import { ManualClock } from '../../src/testing/manual-clock.ts';

const root = mkdtempSync(join(tmpdir(), 'gardenhose-flight-'));
afterAll(() => rmSync(root, { recursive: true }));
let folders = 0;
const newFolder = (): string => join(root, String(folders++));

interface Flight {
  readonly recorder: Recorder;
  readonly clock: ManualClock;
  readonly directory: string;
  /** All that was recorded. */
  readonly all: MemorySink;
}

function flight(options: Partial<FlightSinkOptions> = {}): Flight {
  const directory = options.directory ?? newFolder();
  const all = memorySink();
  const clock = new ManualClock();
  const recorder = createRecorder({
    ...{ service: 'orders/eu', clock, mask: { version: 1, extends: 'none' } },
    sink: fanOutSink([flightSink({ directory, signals: [], onException: false, ...options }), all]),
  });
  return { recorder, clock, directory, all };
}

function answer(recorder: Pick<Recorder, 'begin'>, target: string, status = 200, body = 100): void {
  const tap = recorder.begin(aStart({ target }), true);
  tap?.headers(status, '', '1.1', []);
  tap?.chunk('response', noise(body));
  tap?.end('response');
}

const random = randomBytes(1_000_000);

/** Does not compress. */
const noise = (bytes: number): Uint8Array => random.subarray(0, bytes);

/** What tells events apart, their content by its checksum. */
const shown = (events: readonly CaptureEvent[]): string[] =>
  events.map((event) => {
    const fields = Object.entries(event).filter(([, value]) => value !== undefined);
    return JSON.stringify(
      fields.map(([name, value]) => [name, name === 'data' ? crc32(value) : value]).sort(),
    );
  });

async function read(path: string) {
  await using capture = await openCapture(path);
  const events: CaptureEvent[] = [];
  for await (const event of capture.events()) events.push(event);
  return { header: capture.header, events };
}

const saved = (directory: string): string[] =>
  readdirSync(directory)
    .sort()
    .map((name) => join(directory, name));

test('a call saves all up to it, with the reason in the header, and recording goes on', async () => {
  const { recorder, clock, directory, all } = flight();
  await recorder.ready;
  answer(recorder, '/1');
  clock.advanceMs(1500);
  answer(recorder, '/2');
  expect(saved(directory)).toEqual([]);
  const path = await recorder.trigger('queue\nstuck');
  answer(recorder, '/3');
  const stats = await recorder.close();
  expect(saved(directory)).toEqual([path]);
  expect(path).toMatch(/\/flight-orders-eu-20260101T000001500Z-[0-9a-f]{8}\.hose$/);
  const { header, events } = await read(path ?? '');
  expect(header.trigger).toEqual({
    reason: 'queue stuck',
    at: 1_500_000_000,
    wallMs: Date.UTC(2026, 0, 1) + 1500,
  });
  expect(header.id).not.toBe(recorder.captureId);
  expect(events).toEqual(all.events.slice(0, events.length));
  expect(events.at(-1)).toMatchObject({
    type: 'control',
    name: 'trigger',
    value: 'queue stuck',
    at: 1_500_000_000,
  });
  expect(assembleAll(events).map(({ request }) => request.target)).toEqual(['/1', '/2']);
  expect(await verifyCapture(path ?? '')).toMatchObject({ state: 'complete', faultCount: 0 });
  expect(statSync(path ?? '').mode & 0o777).toBe(0o600);
  expect(statSync(directory).mode & 0o777).toBe(0o700);
  expect(stats.saves).toEqual({ files: 1, suppressed: 0, failed: 0, lastFile: path });
});

test.each<[string, FlightSinkOptions['on'], string]>([
  ['a status', [{ status: '5xx' }], 'status 5xx: exchange 2'],
  ['errors', [{ status: 404 }, { error: true }], 'error: exchange 2'],
  ['a slow exchange', [{ slowerThanMs: 50 }], 'slower than 50 ms: exchange 3'],
  ['one that broke off', [{ aborted: true }], 'aborted: exchange 4'],
  ['a header of the request', [{ header: 'X-Save' }], 'header X-Save: exchange 5'],
  [
    'a header of an answer, with a status',
    [{ header: 'x-odd', status: 200 }],
    'header x-odd, status 200: exchange 6',
  ],
])('saved at the end of %s, which is in it whole', async (_, on, reason) => {
  const { recorder, clock, directory } = flight({ on });
  answer(recorder, '/1');
  answer(recorder, '/2', 503);
  const slow = recorder.begin(aStart(), true);
  clock.advanceMs(60);
  slow?.headers(201, '', '1.1', []);
  slow?.end('response');
  recorder.begin(aStart())?.abort('client', 'ECONNRESET');
  const asked = recorder.begin(aStart({ headers: ['x-save', '1'] }), true);
  asked?.headers(201, '', '1.1', []);
  asked?.end('response');
  const odd = recorder.begin(aStart(), true);
  odd?.headers(200, '', '1.1', ['X-Odd', '1']);
  odd?.end('response');
  const stats = await recorder.close();
  expect(stats.saves.files).toBe(1);
  const [path = ''] = saved(directory);
  const { header, events } = await read(path);
  expect(header.trigger?.reason).toBe(reason);
  const id = Number(reason.split(' ').at(-1));
  const exchange = assembleAll(events).find((each) => each.id === id);
  expect(exchange?.partial).toEqual([]);
  expect(events.at(-1)).toMatchObject({ exchange: id, at: header.trigger?.at });
});

test('triggers that follow each other too soon are counted, and save nothing', async () => {
  const { recorder, clock, directory } = flight({ on: [{ error: true }], minIntervalMs: 5000 });
  for (let i = 0; i < 5; i++) {
    answer(recorder, '/x', 500);
    await recorder.flush();
    clock.advanceMs(1500);
  }
  const stats = await recorder.close();
  expect(stats.saves).toMatchObject({ files: 2, suppressed: 3, failed: 0 });
  expect(saved(directory)).toHaveLength(2);
});

test('files beyond the quota are removed, the oldest first, and no others', async () => {
  const { recorder, clock, directory } = flight({
    ...{ minIntervalMs: 0, maxBytes: 1024 * 1024, maxSavedBytes: 1024 * 1024, compression: 'none' },
  });
  await recorder.ready;
  writeFileSync(join(directory, 'orders.hose'), Buffer.alloc(2_000_000));
  const paths: string[] = [];
  for (let i = 0; i < 4; i++) {
    for (let k = 0; k < 8; k++) answer(recorder, `/${i}`, 200, 60_000);
    clock.advanceMs(1000);
    paths.push((await recorder.trigger('again')) ?? '');
  }
  await recorder.close();
  const left = saved(directory);
  expect(left).toContain(join(directory, 'orders.hose'));
  const flights = left.filter((path) => path.includes('/flight-'));
  expect(flights).toContain(paths.at(-1));
  expect(flights.length).toBeLessThan(4);
  expect(flights.reduce((sum, path) => sum + statSync(path).size, 0)).toBeLessThanOrEqual(1024 * 1024);
});

test('what was saved just now stays, also where the clock was set back', async () => {
  const directory = newFolder();
  const before = join(directory, 'flight-s-20990101T000000000Z-01234567.hose');
  const { recorder } = flight({ directory, maxBytes: 1024 * 1024, maxSavedBytes: 1024 * 1024 });
  await recorder.ready;
  // Before the save all fits to the byte, after it the head and the end of the new file are too much.
  writeFileSync(before, Buffer.alloc(1024 * 1024));
  const later = Date.now() / 1000 + 3600;
  utimesSync(before, later, later);
  const path = await recorder.trigger('now');
  await recorder.close();
  expect(saved(directory)).toEqual([path]);
});

test('a recording beside them whose name begins alike is not theirs to remove, and no link is', async () => {
  const { recorder, directory } = flight({
    minIntervalMs: 0,
    maxBytes: 1024 * 1024,
    maxSavedBytes: 1024 * 1024,
  });
  await recorder.ready;
  const names = ['flight-search.hose', 'flight-search.7.hose', 'flight-old-2026.hose.part'];
  const long = Date.now() / 1000 - 86_400;
  for (const name of names) {
    writeFileSync(join(directory, name), Buffer.alloc(2_000_000));
    utimesSync(join(directory, name), long, long);
  }
  const link = 'flight-orders-20250101T000000000Z-01234567.hose';
  symlinkSync('flight-search.hose', join(directory, link));
  answer(recorder, '/1');
  await recorder.trigger('now');
  await recorder.close();
  expect(readdirSync(directory)).toEqual(expect.arrayContaining([...names, link]));
  expect(readdirSync(directory)).toHaveLength(5);
});

test('a save that fails is counted, leaves nothing behind, and the recording goes on', async () => {
  const { recorder, directory, clock } = flight({ minIntervalMs: 0 });
  answer(recorder, '/1');
  await recorder.flush();
  rmSync(directory, { recursive: true });
  writeFileSync(directory, 'no directory');
  expect(await recorder.trigger('now')).toBeUndefined();
  expect(recorder.stats()).toMatchObject({ sinkErrors: 1, saves: { files: 0, failed: 1 } });
  rmSync(directory);
  clock.advanceMs(10);
  expect(await recorder.trigger('now')).toBeUndefined();
  const other = flight();
  answer(other.recorder, '/1');
  expect(await other.recorder.trigger('now')).toBeDefined();
  await Promise.all([recorder.close(), other.recorder.close()]);
});

test('without a sink that keeps anything, and after the close, a trigger saves nothing', async () => {
  const recorder = createRecorder({ service: 'orders', sink: memorySink() });
  answer(recorder, '/1');
  expect(await recorder.trigger('now')).toBeUndefined();
  const { saves } = await recorder.close();
  expect(saves).toEqual({ files: 0, suppressed: 0, failed: 0, lastFile: undefined });
  const gone = flight();
  await gone.recorder.close();
  expect(await gone.recorder.trigger('late')).toBeUndefined();
});

test('a directory that cannot be made is told as the recorder opens', async () => {
  const folder = newFolder();
  writeFileSync(folder, '');
  const { recorder } = flight({ directory: join(folder, 'below') });
  await expect(recorder.ready).rejects.toMatchObject({ code: 'io' });
  await recorder.close();
});

test('schemas are in every saved capture', async () => {
  const { recorder, clock } = flight({ windowMs: 1000, minIntervalMs: 0 });
  recorder.describe(aSchema().data);
  for (let i = 0; i < 60; i++) {
    answer(recorder, `/${i}`);
    clock.advanceMs(100);
    if (i % 10 === 9) await recorder.flush();
  }
  const { events } = await read((await recorder.trigger('now')) ?? '');
  await recorder.close();
  expect(events[0]).toMatchObject({ type: 'schema', data: aSchema().data });
  expect(assembleAll(events)[0]?.id).toBeGreaterThan(30);
});

test.each<[string, Partial<FlightSinkOptions>]>([
  ['directory', { directory: '' }],
  ['windowMs', { windowMs: 10 }],
  ['maxBytes', { maxBytes: 1000 }],
  ['maxSavedBytes', { maxSavedBytes: 1000 }],
  ['minIntervalMs', { minIntervalMs: -1 }],
  ['signals', { signals: ['TERM'] as never }],
  ['on[0]', { on: [{}] }],
  ['on[0].header', { on: [{ header: 'a b' }] }],
  ['on[1].status', { on: [{ error: true }, { status: '9xx' }] }],
  ['flightSink has no option "window"', { window: 1 } as never],
])('refused: %s', (message, options) => {
  expect(() => flightSink({ directory: root, ...options })).toThrow(message);
});

test('in the worker, under load: what is saved ends no earlier than the trigger, begins within the window, and has no gap', async () => {
  const directory = newFolder();
  const path = join(root, 'beside.hose');
  const recorder = createBuiltRecorder({
    ...{ service: 'orders', mask: { version: 1, extends: 'none' } },
    sink: builtFanOut([
      builtFlight({ directory, windowMs: 1000, chunkBytes: 4096, minIntervalMs: 0 }),
      fileSink({ path }),
    ]),
  });
  await recorder.ready;
  const files: (string | undefined)[] = [];
  let calls = 0;
  while (calls < 3000) {
    for (let i = 0; i < 10; i++) answer(recorder, `/${calls++}`, 200, 200);
    if (calls % 1000 === 500) files.push(await recorder.trigger(String(calls)));
    await setImmediate();
  }
  files.push(await recorder.trigger(String(calls)));
  const stats = await recorder.close();
  expect(stats).toMatchObject({ recorded: calls, sinkErrors: 0, saves: { files: files.length, failed: 0 } });
  const { events: all } = await read(path);
  for (const file of files) {
    const { header, events } = await read(file ?? '');
    expect(await verifyCapture(file ?? '')).toMatchObject({
      state: 'complete',
      faultCount: 0,
      lostEvents: 0,
    });
    const { at = Number.NaN, reason } = header.trigger ?? {};
    const own = events.filter(({ type }) => type !== 'resume');
    expect(own.at(-1)).toMatchObject({ name: 'trigger', value: reason });
    expect(own.at(-1)?.at).toBe(at);
    const [first] = own;
    expect(own.map(({ seq }) => seq)).toEqual(own.map((_, i) => (first?.seq ?? 0) + i));
    const within = all.filter((event) => event.at >= at - 1e9 && event.seq <= (own.at(-1)?.seq ?? 0));
    expect(own.length).toBeGreaterThanOrEqual(within.length);
  }
});

/** What happens from one step to the next. */
const step = fc.record({
  afterMs: fc.nat(400),
  does: fc.constantFrom('answer', 'answer', 'answer', 'open', 'speak', 'close'),
  bytes: fc.nat(3000),
});

test('whenever it is triggered, what is saved is the end of what was recorded: from within the window to the trigger, without a gap', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(step, { minLength: 20, maxLength: 150 }),
      fc.constantFrom(3000, 10_000),
      async (steps, windowMs) => {
        const { recorder, clock, all } = flight({ windowMs, chunkBytes: 2000, minIntervalMs: 0 });
        const open: NonNullable<ReturnType<Recorder['begin']>>[] = [];
        for (const { afterMs, does, bytes } of steps) {
          clock.advanceMs(afterMs);
          if (does === 'answer') answer(recorder, '/short', 200, bytes);
          const tap = open[bytes % Math.max(1, open.length)];
          if (does === 'open') {
            const begun = recorder.begin(aStart({ target: '/long', protocol: 'websocket' }), true);
            begun?.headers(101, '', '1.1', []);
            if (begun !== undefined) open.push(begun);
          }
          if (does === 'speak') tap?.message('response', 1, noise(bytes));
          if (does === 'close' && tap !== undefined) {
            tap.end('response');
            open.splice(open.indexOf(tap), 1);
          }
          if (bytes % 5 === 0) await recorder.flush();
        }
        const path = (await recorder.trigger('now')) ?? '';
        const recorded = [...all.events];
        await recorder.close();
        const { header, events } = await read(path);
        expect(await verifyCapture(path)).toMatchObject({ state: 'complete', faultCount: 0, lostEvents: 0 });
        const at = header.trigger?.at ?? Number.NaN;
        const own = events.filter(({ type }) => type !== 'resume');
        expect(shown(own)).toEqual(shown(recorded.slice(recorded.length - own.length)));
        expect(own.at(-1)?.at).toBe(at);
        // It reaches back as far as the window.
        const within = recorded.filter((event) => event.at >= at - windowMs * 1e6);
        expect(own.length).toBeGreaterThanOrEqual(within.length);
        const from = own[0]?.at ?? Number.NaN;
        // And no further than a segment, and the chunk after which it ends.
        expect(from).toBeGreaterThanOrEqual(at - windowMs * 1e6 - (windowMs / 16 + 4000 + 400) * 1e6);
        const started = new Set(
          events.flatMap((event) =>
            event.type === 'start' || event.type === 'resume' ? [event.exchange] : [],
          ),
        );
        for (const event of own)
          if ('exchange' in event && event.exchange !== undefined)
            expect(started.has(event.exchange)).toBe(true);
      },
    ),
    { numRuns: 15, endOnFailure: true },
  );
});

test('the ring stays within its bytes, whatever is recorded, and what is saved is the end of it', async () => {
  const maxBytes = 1024 * 1024;
  const { recorder, all } = flight({ maxBytes, compression: 'none', minIntervalMs: 0 });
  for (let i = 0; i < 40; i++) {
    answer(recorder, `/${i}`, 200, i === 20 ? 1_000_000 : 90_000);
    if (i % 4 === 3) {
      const path = (await recorder.trigger('now')) ?? '';
      expect(statSync(path).size).toBeLessThan(maxBytes + 300_000);
      const { events } = await read(path);
      const own = events.filter(({ type }) => type !== 'resume');
      expect(shown(own)).toEqual(shown(all.events.slice(all.events.length - own.length)));
      expect(await verifyCapture(path)).toMatchObject({ state: 'complete', lostEvents: 0 });
    }
  }
  await recorder.close();
});

test('an exchange that was under way where a capture begins is partial there, and its head is known', async () => {
  const { recorder, clock } = flight({ windowMs: 1000, chunkBytes: 500, minIntervalMs: 0 });
  const stream = recorder.begin(aStart({ target: '/stream' }), true);
  stream?.headers(200, '', '1.1', []);
  for (let i = 0; i < 60; i++) {
    clock.advanceMs(100);
    stream?.chunk('response', Buffer.from(`event ${i}\n`));
    if (i % 5 === 0) await recorder.flush();
  }
  const { events } = await read((await recorder.trigger('now')) ?? '');
  await recorder.close();
  const [exchange] = assembleAll(events);
  expect(exchange).toMatchObject({ id: 1, request: { target: '/stream' } });
  expect(exchange?.partial.length).toBeGreaterThan(0);
});

test('saved captures are encrypted where a key is given', async () => {
  const key = { base64: Buffer.alloc(32, 3).toString('base64') };
  const { recorder } = flight({ encryptionKey: key, compression: 'none' });
  answer(recorder, '/find-me');
  const path = (await recorder.trigger('now')) ?? '';
  await recorder.close();
  expect(readFileSync(path).includes('find-me')).toBe(false);
  expect(await verifyCapture(path, { encryptionKey: key })).toMatchObject({
    state: 'complete',
    faultCount: 0,
  });
});
