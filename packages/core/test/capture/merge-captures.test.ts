import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { fileSink } from '../../src/capture/file-sink.ts';
import { mergeCaptures } from '../../src/capture/merge-captures.ts';
import { openCapture } from '../../src/capture/open-capture.ts';
import { verifyCapture } from '../../src/capture/verify-capture.ts';
import type { CaptureHeader } from '../../src/model/capture-header.ts';
import type { CaptureEvent } from '../../src/model/event.ts';
import { exchangeEvents, interleave } from '../../src/testing/exchange-events.ts';
import { aCaptureHeader } from '../../src/testing/factories.ts';

const dir = mkdtempSync(join(tmpdir(), 'gardenhose-merge-'));
afterAll(() => rmSync(dir, { recursive: true, force: true }));

const anchor = 1_767_225_600_000;
const ms = 1e6;
let captures = 0;

async function write(name: string, events: readonly CaptureEvent[], header: Partial<CaptureHeader> = {}) {
  const path = join(dir, name);
  const id = (++captures).toString(16).padStart(32, '0');
  const sink = await fileSink({ path, overwrite: true }).open(
    aCaptureHeader({ id, wallMs: anchor, ...header }),
  );
  await sink.write(events);
  await sink.close();
  return path;
}

const traced = (i: number) => ['traceparent', `00-${'a'.repeat(32)}-${String(i).padStart(16, '0')}-01`];

/** A service that asks another 20 times, as both record it: the other's clock is ahead by `skewMs`. */
async function twoServices(name: string, skewMs: number) {
  const asked = Array.from({ length: 20 }, (_, i) =>
    exchangeEvents({
      exchange: i + 1,
      ...{ at: 50 * ms * (i + 1), stepNs: 4 * ms, lane: '1' },
      start: { direction: 'outbound', headers: traced(i) },
    }),
  );
  const served = Array.from({ length: 20 }, (_, i) =>
    exchangeEvents({
      exchange: i + 1,
      ...{ at: (50 * (i + 1) + 1 + skewMs) * ms, stepNs: 3 * ms, lane: '1' },
      start: { headers: traced(i) },
    }),
  );
  return [
    await write(`${name}-web.hose`, interleave(...asked), { service: 'web' }),
    await write(`${name}-stock.hose`, interleave(...served), { service: 'stock', host: 'box-8' }),
  ] as const;
}

async function startsOf(path: string): Promise<string[]> {
  await using capture = await openCapture(path);
  const starts: string[] = [];
  for await (const event of capture.events()) {
    if (event.type === 'start') starts.push(`${event.direction} ${Math.round(event.at / ms)}`);
  }
  return starts;
}

test('clocks that do not agree are put right by exchanges that both recorded, and the header says so', async () => {
  const paths = await twoServices('skewed', 3_000);
  const output = join(dir, 'skewed.hose');
  const { header, recordings, exchanges, events } = await mergeCaptures(paths, output);
  const [web, stock] = recordings;
  expect(web).toMatchObject({ skewNs: 0, pairs: 0, files: [{ name: paths[0] }] });
  expect(stock).toMatchObject({ against: 0, pairs: 20, agree: 20, driftPpm: 0 });
  expect(Math.abs((stock?.skewNs ?? 0) + 3_000 * ms)).toBeLessThanOrEqual(stock?.skewErrorNs ?? 0);
  expect(stock?.skewErrorNs).toBeLessThan(2 * ms);
  expect(header.mergedFrom?.map(({ service, skewErrorNs }) => [service, skewErrorNs])).toEqual([
    ['web', undefined],
    ['stock', stock?.skewErrorNs],
  ]);
  expect({ exchanges, events }).toEqual({ exchanges: 40, events: 200 });
  expect(await verifyCapture(output)).toMatchObject({ state: 'complete', lossless: true });
  await using capture = await openCapture(output);
  expect(capture.header).toEqual(header);
  const starts = await startsOf(output);
  expect(starts.map((start) => start.split(' ')[0])).toEqual(
    Array.from({ length: 40 }, (_, i) => (i % 2 === 0 ? 'outbound' : 'inbound')),
  );
});

test('without skew correction, wall clocks are believed', async () => {
  const paths = await twoServices('believed', 3_000);
  const output = join(dir, 'believed.hose');
  const { header, recordings } = await mergeCaptures(paths, output, { skew: false });
  expect(recordings.map(({ skewNs, pairs }) => [skewNs, pairs])).toEqual([
    [0, 0],
    [0, 0],
  ]);
  expect(header.mergedFrom?.some(({ skewErrorNs }) => skewErrorNs !== undefined)).toBe(false);
  expect((await startsOf(output)).slice(0, 20).every((start) => start.startsWith('outbound'))).toBe(true);
});

test('a clock that is behind puts the anchor of all before that of the first', async () => {
  const paths = await twoServices('behind', 0);
  const output = join(dir, 'behind.hose');
  // The second is named first, so the clock of the other is put right by it, and both agree but for the way between them.
  const { header, recordings } = await mergeCaptures([paths[1], paths[0]], output);
  expect(recordings[1]).toMatchObject({ against: 0, pairs: 20 });
  expect(Math.abs(header.wallMs - anchor)).toBeLessThan(2);
  await using capture = await openCapture(output);
  let lanes = new Set<string>();
  for await (const { lane, partial } of capture.exchanges()) {
    lanes = lanes.add(lane);
    expect(partial).toEqual([]);
  }
  expect(lanes).toEqual(new Set(['1:1', '2:1']));
});

test('what is merged can be merged again, replayed in ids of its own', async () => {
  const paths = await twoServices('again', 0);
  const first = join(dir, 'again-1.hose');
  await mergeCaptures(paths, first);
  const other = await write('again-other.hose', exchangeEvents({ at: 20 * ms }), { wallMs: anchor + 1 });
  const second = join(dir, 'again-2.hose');
  const { exchanges } = await mergeCaptures([first, other], second);
  expect(exchanges).toBe(41);
  await using capture = await openCapture(second);
  const ids = new Set<number>();
  for await (const { id } of capture.exchanges()) ids.add(id);
  expect(ids.size).toBe(41);
});

test('no capture is written over, and none is left that is not whole', async () => {
  const paths = await twoServices('safe', 0);
  await expect(mergeCaptures(paths, paths[0], { overwrite: true })).rejects.toMatchObject({
    code: 'invalid-option',
    message: expect.stringContaining('is one of the captures'),
  });
  const there = await write('there.hose', []);
  await expect(mergeCaptures(paths, there)).rejects.toMatchObject({ code: 'io' });
  const stopped = join(dir, 'stopped.hose');
  const onEvent = (events: number) => {
    if (events > 10) throw new Error('stop');
  };
  await expect(mergeCaptures(paths, stopped, { onEvent })).rejects.toThrow('stop');
  expect(existsSync(stopped)).toBe(false);
  const odd: object = { skews: true };
  await expect(mergeCaptures(paths, join(dir, 'odd.hose'), odd)).rejects.toMatchObject({
    code: 'invalid-option',
  });
});
