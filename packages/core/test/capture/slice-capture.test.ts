import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { mergeCaptures } from '../../src/capture/merge-captures.ts';
import { openCapture } from '../../src/capture/open-capture.ts';
import { type SliceOptions, sliceCapture } from '../../src/capture/slice-capture.ts';
import { verifyCapture } from '../../src/capture/verify-capture.ts';
import type { CaptureEvent } from '../../src/model/event.ts';
import type { Exchange } from '../../src/model/exchange.ts';
import { exchangeEvents, interleave } from '../../src/testing/exchange-events.ts';
import { aSchema } from '../../src/testing/factories.ts';
import { aHeader, inPieces, written } from './support.ts';

const dir = mkdtempSync(join(tmpdir(), 'gardenhose-slice-'));
afterAll(() => rmSync(dir, { recursive: true, force: true }));

const ms = 1e6;
const source = join(dir, 'whole.hose');
const exchanges = interleave(
  exchangeEvents({ exchange: 1, lane: 'a', at: 1 * ms, kind: 'sse', stepNs: 10 * ms }),
  exchangeEvents({ exchange: 2, lane: 'b', at: 2 * ms, stepNs: 1 * ms }),
  exchangeEvents({ exchange: 3, lane: 'a', at: 20 * ms, stepNs: 10 * ms, kind: 'chunked-upload' }),
  exchangeEvents({ exchange: 4, lane: 'b', at: 30 * ms, stepNs: 1 * ms, kind: 'aborted' }),
  exchangeEvents({ exchange: 5, lane: 'b', at: 90 * ms, stepNs: 1 * ms }),
);
const schema = aSchema({ seq: 1, at: 0 });
const events: CaptureEvent[] = [schema, ...exchanges.map((event) => ({ ...event, seq: event.seq + 1 }))];
beforeAll(async () => {
  writeFileSync(source, await written(events));
});

let slices = 0;
async function slice(options: SliceOptions) {
  const path = join(dir, `slice-${++slices}.hose`);
  const result = await sliceCapture(source, path, options);
  expect(await verifyCapture(path)).toMatchObject({ state: 'complete' });
  await using capture = await openCapture(path);
  const kept: CaptureEvent[] = [];
  for await (const event of capture.events()) kept.push(event);
  const found: Exchange[] = [];
  for await (const exchange of capture.exchanges()) found.push(exchange);
  return { path, result, header: capture.header, kept, found };
}

test('what began in a part is kept to its end, with ids, numbers and times, and with the schemas', async () => {
  const { result, header, kept, found } = await slice({ range: { fromAt: 15 * ms, toAt: 35 * ms } });
  expect(found.map(({ id, partial }) => [id, partial])).toEqual([
    [3, []],
    [4, []],
  ]);
  expect(kept).toEqual([
    schema,
    ...events.filter((event) => 'exchange' in event && (event.exchange === 3 || event.exchange === 4)),
  ]);
  expect(result).toMatchObject({ exchanges: 2, partial: 0 });
  expect(header.id).not.toBe(aHeader.id);
  expect(header.tags['slice-of']).toBe(aHeader.id);
});

test('what was under way is kept where it is asked for, and is marked as partial', async () => {
  const { result, found } = await slice({ range: { fromAt: 15 * ms, toAt: 25 * ms }, underWay: true });
  expect(result).toMatchObject({ exchanges: 2, partial: 1 });
  expect(found.map(({ id, partial, request }) => [id, partial, request.target])).toEqual([
    [1, ['no-start'], '/orders/live'],
    [3, [], '/orders/7/scan'],
  ]);
});

test('ids, a sequence and a condition cut alike, and all that is asked for must hold', async () => {
  expect((await slice({ ids: new Set([2, 4, 99]) })).found.map(({ id }) => id)).toEqual([2, 4]);
  const fromSeq = events.find((event) => event.type === 'start' && event.exchange === 3)?.seq ?? 0;
  expect((await slice({ range: { fromSeq } })).found.map(({ id }) => id)).toEqual([3, 4, 5]);
  const where = ({ lane }: Exchange) => lane === 'b';
  expect((await slice({ where })).found.map(({ id }) => id)).toEqual([2, 4, 5]);
  const all = await slice({ where, range: { fromAt: 10 * ms }, ids: new Set([1, 2, 4]) });
  expect(all.found.map(({ id }) => id)).toEqual([4]);
});

test('gaps of a range are kept where nothing else was asked for', async () => {
  const gap: CaptureEvent = {
    ...{ type: 'gap', reason: 'buffer-full', seq: 1, at: 1 * ms, fromAt: 0, toAt: 1 * ms },
    ...{ exchanges: 2, events: 0, fromSeq: 1 },
  };
  const bytes = await written([schema, gap, ...events.slice(1)]);
  const types = async (options: SliceOptions) => {
    const path = join(dir, `gaps-${++slices}.hose`);
    await sliceCapture(inPieces(bytes), path, options);
    await using capture = await openCapture(path);
    const found = new Set<string>();
    for await (const event of capture.events()) found.add(event.type);
    return found;
  };
  expect(await types({ range: { toAt: 50 * ms } })).toContain('gap');
  expect(await types({ range: { toAt: 50 * ms }, ids: new Set([1]) })).not.toContain('gap');
});

test('any parts that follow one another hold each exchange once, and merge to what there was', async () => {
  await fc.assert(
    fc.asyncProperty(fc.integer({ min: 1, max: 100 }), async (cut) => {
      const first = await slice({ range: { toAt: cut * ms } });
      const second = await slice({ range: { fromAt: cut * ms } });
      const ids = [...first.found, ...second.found].map(({ id }) => id);
      expect(ids.sort()).toEqual([1, 2, 3, 4, 5]);
      const merged = join(dir, `merged-${++slices}.hose`);
      const { exchanges: count } = await mergeCaptures([first.path, second.path], merged);
      expect(count).toBe(5);
      await using capture = await openCapture(merged);
      const starts: number[] = [];
      for await (const { startAt, partial } of capture.exchanges()) {
        expect(partial).toEqual([]);
        starts.push(startAt / ms);
      }
      expect(starts).toEqual([1, 2, 20, 30, 90]);
    }),
    { numRuns: 8 },
  );
});

test('what cannot be cut is refused', async () => {
  const none = join(dir, 'none.hose');
  const odd: object = { rang: {} };
  const wrong: readonly SliceOptions[] = [
    {},
    odd,
    { range: { fromAt: 5, toAt: 5 } },
    { range: { fromSeq: -1 } },
    { range: { toAt: Number.NaN } },
    { ids: new Set([1]), underWay: true },
  ];
  for (const options of wrong) {
    await expect(sliceCapture(source, none, options)).rejects.toMatchObject({ code: 'invalid-option' });
  }
  const stream = inPieces(await written(events));
  await expect(sliceCapture(stream, none, { where: () => true })).rejects.toMatchObject({
    code: 'invalid-option',
    message: expect.stringContaining('needs a capture in a file'),
  });
});
