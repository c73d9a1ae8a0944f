// Writes, reads, verifies and replays one large capture, and says what an event costs and whether memory stays flat.
import { fork } from 'node:child_process';
import { randomFillSync } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createRecorder, fileSink, openCapture, verifyCapture } from '@gardenhose/core';
import { replay } from '@gardenhose/http-adapter';

/**
 * @typedef {import('@gardenhose/core').CaptureEvent} CaptureEvent
 * @typedef {import('./run.js').Measure} Measure
 */

export const name = 'capture-throughput';
export const description =
  'events and bytes per second of writing, reading, verifying, replaying; memory while 2 GiB go through';

const MiB = 2 ** 20;

/** @param {{ quick: boolean }} options @returns {Promise<Measure[]>} */
export async function run({ quick }) {
  const directory = await mkdtemp(join(tmpdir(), 'gardenhose-bench-'));
  try {
    return [
      ...(await largeCapture(join(directory, 'large.hose'), (quick ? 160 : 2100) * MiB)),
      ...(await plainWriter(join(directory, 'plain.hose'), quick ? 100_000 : 300_000)),
      ...(await requestThread(join(directory, 'recorded.hose'), quick ? 4000 : 20_000)),
    ];
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

/**
 * One capture of at least this size on disk.
 * @param {string} path
 * @param {number} wantedBytes
 * @returns {Promise<Measure[]>}
 */
async function largeCapture(path, wantedBytes) {
  const memory = new MemoryWatch();
  const source = exchanges();
  const sink = await fileSink({ path }).open(header);
  let events = 0;
  let rawBytes = 0;
  const writing = stopwatch();
  for (let stored = 0; stored < wantedBytes; stored = (await stat(path)).size) {
    for (let round = 0; round < 100; round++) {
      const batch = source.next(20);
      events += batch.events.length;
      rawBytes += batch.bytes;
      await sink.write(batch.events);
    }
    memory.sample(stored / wantedBytes);
  }
  await sink.close();
  const written = writing();
  const bytes = (await stat(path)).size;
  const writeGrowth = memory.growth();

  const readMemory = new MemoryWatch();
  const capture = await openCapture(path);
  let read = 0;
  const reading = stopwatch();
  for await (const _ of capture.events()) {
    read += 1;
    if (read % 65_536 === 0) readMemory.sample(read / events);
  }
  const readTime = reading();
  if (read !== events) throw new Error(`wrote ${events} events and read ${read}`);
  const readGrowth = readMemory.growth();

  const { lastAt = 0 } = await capture.summary();
  const seeks = [];
  for (let i = 1; i <= 50; i++) {
    const seeking = stopwatch();
    for await (const _ of capture.events({ fromAt: Math.floor((lastAt * i) / 51) })) break;
    seeks.push(seeking().seconds * 1000);
  }
  await capture.close();

  const verifyMemory = new MemoryWatch();
  const verifying = stopwatch();
  const watch = setInterval(() => verifyMemory.sample(verifying().seconds / (1.2 * readTime.seconds)), 100);
  const verified = await verifyCapture(path);
  clearInterval(watch);
  const verifyTime = verifying();
  if (verified.state !== 'complete' || verified.events !== events)
    throw new Error('the capture does not verify');
  const replayed = await replayAll(path, events / 10);

  return [
    { name: 'capture size', value: Math.round(bytes / MiB), unit: 'MiB' },
    { name: 'events', value: events, unit: 'events' },
    { name: 'compression', value: rawBytes / bytes, unit: 'x' },
    ...rates('write', events, rawBytes, written),
    memoryMeasure('write', writeGrowth),
    ...rates('read', events, rawBytes, readTime),
    memoryMeasure('read', readGrowth),
    ...rates('verify', events, rawBytes, verifyTime),
    memoryMeasure('verify', verifyMemory.growth()),
    ...replayed,
    { name: 'seek to a time, median', value: median(seeks), unit: 'ms' },
  ];
}

/**
 * The same capture from disk, as fast as a server in another process answers it.
 * @param {string} path
 * @param {number} count
 * @returns {Promise<Measure[]>}
 */
async function replayAll(path, count) {
  const child = fork(new URL('support/ok-server.js', import.meta.url));
  try {
    const [{ port }] = await once(child, 'message');
    const memory = new MemoryWatch();
    const replaying = stopwatch();
    const { exchanges } = await replay(path, `http://127.0.0.1:${port}`, {
      pace: 'asap',
      onProgress: ({ answered }) => memory.sample(answered / count),
    });
    const { seconds, cpuSeconds } = replaying();
    if (exchanges.answered !== count) throw new Error(`replayed ${exchanges.answered} of ${count} exchanges`);
    return [
      {
        name: 'replayed asap from disk, memory flat',
        value: Math.round(count / seconds),
        unit: 'requests/s',
        target: 'memory growth at most 32 MiB',
        ok: memory.growth() <= 32 * MiB,
      },
      memoryMeasure('replay', memory.growth()),
      { name: 'replay, CPU', value: (cpuSeconds * 1e6) / count, unit: 'us/request' },
    ];
  } finally {
    child.kill();
  }
}

/**
 * What encoding and framing cost alone.
 * @param {string} path
 * @param {number} count
 * @returns {Promise<Measure[]>}
 */
async function plainWriter(path, count) {
  const { events } = exchanges().next(count / 10);
  const sink = await fileSink({ path, compression: 'none' }).open(header);
  const writing = stopwatch();
  for (let i = 0; i < events.length; i += 200) await sink.write(events.slice(i, i + 200));
  await sink.close();
  const { cpuSeconds } = writing();
  return [
    { name: 'write without compression, CPU', value: (cpuSeconds * 1e6) / events.length, unit: 'us/event' },
  ];
}

/**
 * What recording costs the thread that serves requests: everything behind it runs in a worker, masked.
 * @param {string} path
 * @param {number} count
 * @returns {Promise<Measure[]>}
 */
async function requestThread(path, count) {
  const recorder = await createRecorder({ service: 'bench', sink: fileSink({ path }) });
  const body = Buffer.from(
    JSON.stringify({ id: 7, lines: Array.from({ length: 20 }, (_, i) => ({ item: i, price: i * 3.5 })) }),
  );
  let busyMs = 0;
  const burst = 20;
  for (let done = 0; done < count; done += burst) {
    const began = performance.now();
    for (let i = 0; i < burst; i++) {
      const tap = recorder.begin({
        direction: 'inbound',
        protocol: 'http',
        lane: `lane-${i}`,
        scheme: 'http',
        version: '1.1',
        method: 'POST',
        target: `/orders/${done + i}`,
        headers: requestHeaders,
      });
      tap?.chunk('request', body);
      tap?.end('request');
      tap?.headers(200, 'OK', '1.1', responseHeaders);
      tap?.chunk('response', body);
      tap?.end('response');
    }
    busyMs += performance.now() - began;
    // Lets the worker keep up: what is dropped would cost nothing and count for nothing.
    if (done % 200 === 0) await recorder.flush();
    await new Promise((resolve) => setImmediate(resolve));
  }
  await recorder.close();
  const capture = await openCapture(path);
  const { exchanges: recorded } = await capture.summary();
  await capture.close();
  if (recorded !== count) throw new Error(`recorded ${recorded} of ${count} exchanges`);
  return [
    { name: 'main thread, recording in a worker', value: (busyMs * 1000) / (count * 6), unit: 'us/event' },
  ];
}

const requestHeaders = [
  'Host',
  'shop.test',
  'User-Agent',
  'bench/1.0',
  'Accept',
  'application/json',
  'Accept-Encoding',
  'gzip, br',
];
requestHeaders.push('Content-Type', 'application/json', 'X-Request-Id', 'c0ffee', 'Connection', 'keep-alive');
const responseHeaders = [
  'Content-Type',
  'application/json; charset=utf-8',
  'Cache-Control',
  'no-store',
  'Vary',
  'Accept',
];
responseHeaders.push(
  'Date',
  'Thu, 01 Jan 2026 00:00:00 GMT',
  'ETag',
  'W/"7-abc"',
  'Connection',
  'keep-alive',
);

/** @type {import('@gardenhose/core').CaptureHeader} */
const header = {
  id: '00'.repeat(16),
  writer: 'bench',
  service: 'bench',
  host: 'localhost',
  pid: 1,
  wallMs: 0,
  policy: { mode: 'none', name: 'none', digest: '', keyId: '', disabled: [] },
  sampling: 'always',
  part: 0,
  tags: {},
};

/** Exchanges as a masked recording has them, 10 events each: about 10 KiB, of which a third does not compress. */
function exchanges() {
  const text = Buffer.from(
    JSON.stringify(
      Array.from({ length: 60 }, (_, i) => ({
        id: i * 7919,
        name: `article ${i}`,
        stock: i % 13,
        price: `${i}.99`,
        tags: ['a', 'b'],
      })),
    ),
  );
  const noise = Buffer.alloc(MiB);
  randomFillSync(noise);
  let seq = 0;
  let exchange = 0;
  return {
    /** @param {number} count */
    next(count) {
      /** @type {CaptureEvent[]} */
      const events = [];
      let bytes = 0;
      for (let i = 0; i < count; i++) {
        exchange += 1;
        const at = exchange * 200_000;
        const place = (exchange * 4001) % (noise.length - 4096);
        const data = Buffer.concat([text, noise.subarray(place, place + 3500)]);
        const stamp = () => ({ seq: ++seq, at: at + (seq % 10) * 1000, exchange });
        const made = () => ({ seq, at: at + (seq % 10) * 1000, exchange });
        const base = seq - (seq % 10);
        seq = base + 10;
        events.push(
          {
            type: 'start',
            ...stamp(),
            direction: 'inbound',
            protocol: 'http',
            lane: `lane-${exchange % 50}`,
            scheme: 'http',
            version: '1.1',
            method: 'POST',
            target: `/orders/${exchange}`,
            headers: requestHeaders,
            sampleRate: 1,
          },
          { type: 'chunk', ...stamp(), side: 'request', size: 120 },
          { type: 'body', ...made(), side: 'request', data: text.subarray(0, 120), ends: [120] },
          { type: 'end', ...stamp(), side: 'request', size: 120, state: 'kept', complete: true },
          {
            type: 'headers',
            ...stamp(),
            status: 200,
            reason: 'OK',
            version: '1.1',
            headers: responseHeaders,
          },
          { type: 'chunk', ...stamp(), side: 'response', size: data.length },
          { type: 'chunk', ...stamp(), side: 'response', size: 0 },
          { type: 'body', ...made(), side: 'response', data, ends: [data.length, data.length] },
          {
            type: 'audit',
            ...made(),
            entries: [{ rule: 'card-number', part: 'body', side: 'response', count: 1 }],
            unknownHeaders: [],
          },
          { type: 'end', ...stamp(), side: 'response', size: data.length, state: 'masked', complete: true },
        );
        bytes += data.length + 120 + 900;
      }
      return { events, bytes };
    },
  };
}

/** Resident memory over the run. Its beginning is left out: heap and caches take their size first. */
class MemoryWatch {
  #early = 0;
  #late = 0;

  /** @param {number} progress from 0 to 1 */
  sample(progress) {
    const { rss } = process.memoryUsage();
    if (progress >= 0.1 && progress < 0.4) this.#early = Math.max(this.#early, rss);
    if (progress >= 0.7) this.#late = Math.max(this.#late, rss);
  }

  /** By how much the last third has more than the first, in bytes. */
  growth() {
    return this.#late - this.#early;
  }
}

/** @param {string} what @param {number} growth @returns {Measure} */
function memoryMeasure(what, growth) {
  const value = growth / MiB;
  return { name: `${what}, memory growth`, value, unit: 'MiB', target: 'at most 32', ok: value <= 32 };
}

function stopwatch() {
  const began = performance.now();
  const cpu = process.cpuUsage();
  return () => {
    const used = process.cpuUsage(cpu);
    return { seconds: (performance.now() - began) / 1000, cpuSeconds: (used.user + used.system) / 1e6 };
  };
}

/** @param {string} what @param {number} events @param {number} bytes @param {{ seconds: number, cpuSeconds: number }} time @returns {Measure[]} */
function rates(what, events, bytes, { seconds, cpuSeconds }) {
  return [
    { name: what, value: Math.round(events / seconds), unit: 'events/s' },
    { name: `${what}, before compression`, value: bytes / seconds / 1e6, unit: 'MB/s' },
    { name: `${what}, CPU`, value: (cpuSeconds * 1e6) / events, unit: 'us/event' },
  ];
}

/** @param {number[]} values */
function median(values) {
  return values.sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0;
}
