import { existsSync, mkdtempSync, rmSync, statSync, truncateSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { fileSink } from '../../src/capture/file-sink.ts';
import { mergedPolicy, mergeNote } from '../../src/capture/merge-header.ts';
import { openCaptures } from '../../src/capture/open-captures.ts';
import { readSchemas } from '../../src/capture/read-schemas.ts';
import type { CaptureHeader, PolicySummary } from '../../src/model/capture-header.ts';
import type { CaptureEvent } from '../../src/model/event.ts';
import type { Exchange } from '../../src/model/exchange.ts';
import { replay } from '../../src/run.ts';
import { exchangeEvents, interleave } from '../../src/testing/exchange-events.ts';
import { aCaptureHeader, aSchema } from '../../src/testing/factories.ts';
import { MemorySender } from '../../src/testing/memory-sender.ts';

const dir = mkdtempSync(join(tmpdir(), 'gardenhose-captures-'));
afterAll(() => rmSync(dir, { recursive: true, force: true }));

const idOf = (n: number): string => n.toString(16).padStart(32, '0');
const anchor = 1_767_225_600_000;

async function write(
  name: string,
  events: readonly CaptureEvent[],
  header: Partial<CaptureHeader> = {},
  options: { readonly maxFileBytes?: number } = {},
): Promise<string> {
  const path = join(dir, name);
  const sink = await fileSink({ path, overwrite: true, chunkBytes: 256, ...options }).open(
    aCaptureHeader({ wallMs: anchor, ...header }),
  );
  await sink.write(events);
  await sink.close();
  return path;
}

const twoExchanges = (at: number): CaptureEvent[] =>
  interleave(
    exchangeEvents({ exchange: 1, lane: 'a', at }),
    exchangeEvents({ exchange: 2, lane: 'a', at: at + 5e6 }),
  );

async function exchangesOf(paths: readonly string[]): Promise<Exchange[]> {
  await using capture = await openCaptures(paths);
  const exchanges: Exchange[] = [];
  for await (const exchange of capture.exchanges()) exchanges.push(exchange);
  return exchanges;
}

test('several captures are one, on the clock of their anchors', async () => {
  // The second began 3 ms after the first, and its exchanges lie between those of the first.
  const first = await write('first.hose', twoExchanges(1e6), { id: idOf(1) });
  const second = await write('second.hose', twoExchanges(1e6), {
    id: idOf(2),
    wallMs: anchor + 3,
    host: 'box-8',
  });
  await using capture = await openCaptures([first, second]);
  expect(capture.header).toMatchObject({
    wallMs: anchor,
    mergedFrom: [
      { id: idOf(1), skewNs: 0 },
      { id: idOf(2), host: 'box-8', wallMs: anchor + 3, skewNs: 0 },
    ],
  });
  expect(capture.header.host).toContain('box-8');
  const seen: [string, number][] = [];
  for await (const { lane, startAt } of capture.exchanges()) seen.push([lane, startAt / 1e6]);
  expect(seen).toEqual([
    ['1:a', 1],
    ['2:a', 4],
    ['1:a', 6],
    ['2:a', 9],
  ]);
  expect(capture.condition()).toMatchObject({ state: 'complete', lossless: true });
  const events: CaptureEvent[] = [];
  for await (const event of capture.events()) events.push(event);
  const last = events.at(-1);
  expect(await capture.summary()).toMatchObject({
    closed: true,
    events: events.length,
    exchanges: 4,
    firstSeq: 1,
    lastSeq: last?.seq,
    firstAt: events[0]?.at,
    lastAt: last?.at,
  });
  const part: CaptureEvent[] = [];
  for await (const event of capture.events({ fromAt: 4e6, toSeq: last?.seq ?? 0 })) part.push(event);
  expect(part).toEqual(events.filter(({ at, seq }) => at >= 4e6 && seq < (last?.seq ?? 0)));
});

test('the parts of a rotated recording are put together, in whatever order they are named', async () => {
  const events = interleave(
    exchangeEvents({ exchange: 1, lane: 'a', kind: 'sse', at: 0, stepNs: 40e6 }),
    ...Array.from({ length: 60 }, (_, i) => exchangeEvents({ exchange: i + 2, lane: 'b', at: i * 3e6 })),
  );
  const path = await write('rotated.hose', events, { id: idOf(3) }, { maxFileBytes: 4096 });
  const parts = [path];
  for (let part = 1; existsSync(join(dir, `rotated.${part}.hose`)); part++)
    parts.push(join(dir, `rotated.${part}.hose`));
  expect(parts.length).toBeGreaterThan(2);
  const exchanges = await exchangesOf(parts.toReversed());
  expect(exchanges).toHaveLength(61);
  expect(exchanges.filter(({ partial }) => partial.length > 0)).toEqual([]);
  expect(new Set(exchanges.map(({ lane }) => lane))).toEqual(new Set(['a', 'b']));
  await expect(openCaptures([path, path])).rejects.toMatchObject({
    code: 'invalid-option',
    message: expect.stringContaining('the same recording twice'),
  });
  const [first = '', , third = ''] = parts;
  await using holed = await openCaptures([first, third]);
  const gaps: CaptureEvent[] = [];
  for await (const event of holed.events()) if (event.type === 'gap') gaps.push(event);
  expect(gaps).toMatchObject([{ reason: 'damage' }]);
});

test('schemas and gaps of all are there', async () => {
  const schema = aSchema({ seq: 1, at: 0 });
  const later = twoExchanges(2e6).map((event) => ({ ...event, seq: event.seq + 1 }));
  const lost: CaptureEvent = {
    ...{ type: 'gap', reason: 'buffer-full', seq: 0, at: 1, fromAt: 0, toAt: 1 },
    ...{ exchanges: 3, events: 0, fromSeq: 1 },
  };
  const first = await write('schema.hose', [schema, ...later], { id: idOf(4) });
  const second = await write('gap.hose', [lost, ...twoExchanges(2e6)], { id: idOf(5) });
  await using capture = await openCaptures([second, first]);
  expect(await readSchemas(capture)).toEqual([schema.data]);
  let missing = 0;
  const onGap = ({ exchanges }: { readonly exchanges: number }) => {
    missing += exchanges;
  };
  for await (const _ of capture.exchanges({}, { onGap }));
  expect(missing).toBe(3);
});

test('replay() takes the paths of several captures', async () => {
  const first = await write('one.hose', twoExchanges(1e6), { id: idOf(6) });
  const second = await write('two.hose', twoExchanges(2e6), { id: idOf(7) });
  const sender = new MemorySender();
  const report = await replay([first, second], sender, { pace: 'asap' });
  expect(report.exchanges).toMatchObject({ total: 4, sent: 4 });
});

test('a capture that is cut off is told of by name, and the rest is read', async () => {
  const whole = await write('whole.hose', twoExchanges(1e6), { id: idOf(8) });
  const cut = await write('cut.hose', twoExchanges(1e6), { id: idOf(9) });
  truncateSync(cut, statSync(cut).size - 200);
  await using capture = await openCaptures([whole, cut]);
  for await (const _ of capture.events());
  expect(capture.condition().state).toBe('truncated');
  expect(capture.sources.map(({ name, condition }) => [name, condition().state])).toEqual([
    [whole, 'complete'],
    [cut, 'truncated'],
  ]);
});

test('what cannot be on one clock, or is no capture, is refused', async () => {
  const now = await write('now.hose', twoExchanges(1e6), { id: idOf(10) });
  const old = await write('old.hose', twoExchanges(1e6), { id: idOf(11), wallMs: anchor - 200 * 86_400_000 });
  await expect(openCaptures([now, old])).rejects.toMatchObject({
    code: 'capture-limit',
    place: { subject: now },
  });
  await expect(openCaptures([now, join(dir, 'none.hose')])).rejects.toMatchObject({ code: 'io' });
  await expect(openCaptures([])).rejects.toMatchObject({ code: 'invalid-option' });
});

test('the policy of several says no more than holds of all', () => {
  const masked = (over: Partial<PolicySummary>): PolicySummary => ({
    ...{ mode: 'masked', name: 'secure', digest: 'aa', keyId: 'k1', disabled: [] },
    ...over,
  });
  const unmasked: PolicySummary = { ...masked({}), mode: 'none', name: 'none' };
  expect(mergedPolicy([masked({}), masked({})])).toEqual(masked({}));
  expect(mergeNote([masked({}), masked({})])).toBeUndefined();
  expect(mergedPolicy([masked({}), unmasked]).mode).toBe('none');
  expect(mergeNote([masked({}), unmasked])).toContain('1 of 2 recordings are not masked');
  const differ = [
    masked({ disabled: ['b'] }),
    masked({ keyId: 'k2', digest: 'bb', disabled: ['a'], allowed: ['x'] }),
  ];
  expect(mergedPolicy(differ)).toMatchObject({ disabled: ['a', 'b'], allowed: ['x'] });
  expect(mergedPolicy(differ).keyId).toMatch(/^several-/);
  expect(mergeNote(differ)).toContain('masked with 2 keys (k1, k2)');
  expect(mergeNote([masked({}), masked({ digest: 'bb' })])).toContain('different policies');
});
