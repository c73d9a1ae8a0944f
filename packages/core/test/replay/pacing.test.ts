import { expect, test } from 'vitest';
import type { Exchange } from '../../src/model/exchange.ts';
import { headerValues } from '../../src/model/headers.ts';
import { checkStartAt, describePacing } from '../../src/replay/pacing.ts';
import { planReplay } from '../../src/replay/plan.ts';
import { replayExchanges } from '../../src/replay/replay-exchanges.ts';
import { ReportBuilder } from '../../src/report/report-builder.ts';
import { anExchange, MemorySender } from '../../src/testing/index.ts';
import { drive } from './drive.ts';

const ms = 1e6;

/** An exchange that was recorded from `from` to `to`, in milliseconds. */
const recorded = (id: number, lane: string, from: number, to: number): Exchange =>
  anExchange({ id, lane, startAt: from * ms, endAt: to * ms, response: { at: to * ms, endAt: to * ms } });

const sentMs = (sender: MemorySender) => sender.sent.map(({ exchange, sentAt }) => [exchange, sentAt / ms]);

test('what is replayed several times goes on from where the recording ended, on lanes of its own, and says which time it is', async () => {
  const sender = new MemorySender();
  const { results, run } = await drive([recorded(1, 'a', 5, 6), recorded(2, 'a', 8, 15)], sender, {
    loop: 3,
  });
  expect(sentMs(sender)).toEqual([
    [1, 0],
    [2, 3],
    [1, 10],
    [2, 13],
    [1, 20],
    [2, 23],
  ]);
  expect(sender.lanesOpened).toBe(3);
  const marks = results.map(({ replayed }) =>
    headerValues(replayed?.request.headers ?? [], 'x-shadow-iteration'),
  );
  expect(marks).toEqual([['1'], ['1'], ['2'], ['2'], ['3'], ['3']]);
  expect(results.map(({ entry }) => [entry.lane, entry.iteration])).toEqual([
    ['a', 1],
    ['a', 1],
    ['a', 2],
    ['a', 2],
    ['a', 3],
    ['a', 3],
  ]);
  expect(run.progress()).toMatchObject({ read: 6, answered: 6, pacing: { loop: 3, iteration: 3 } });
});

test('an answer that is late in one iteration holds up nothing of the next', async () => {
  let asked = 0;
  const sender = new MemorySender(() => ({ delayNs: asked++ === 0 ? 100 * ms : 0 }));
  const { results } = await drive([recorded(1, 'a', 0, 1), recorded(2, 'a', 5, 10)], sender, { loop: 2 });
  expect(sentMs(sender)).toEqual([
    [1, 0],
    [1, 10],
    [2, 15],
    [2, 100],
  ]);
  const report = new ReportBuilder();
  for (const result of results) report.add(result);
  expect(report.build().order).toMatchObject({ lanes: 2, pairs: 2, sendInversions: 0, answerInversions: 0 });
});

test('one iteration is marked by no number', async () => {
  const sender = new MemorySender();
  const { results, run } = await drive([recorded(1, 'a', 0, 1)], sender, { loop: 1 });
  expect(results[0]?.entry.iteration).toBeUndefined();
  expect(headerValues(results[0]?.replayed?.request.headers ?? [], 'x-shadow-iteration')).toEqual([]);
  expect(run.progress().pacing).toBeUndefined();
});

test('a source that can be read once is not taken for a loop', () => {
  function* once() {
    yield recorded(1, 'a', 0, 1);
  }
  expect(() => replayExchanges(once(), new MemorySender(), { loop: 2 })).toThrow(
    /^loop needs a source that can be read 2 times: a capture in a file, or a list/,
  );
});

test('a window is sent as if it were all, and the rest is neither sent nor counted nor read', async () => {
  let read = 0;
  const source = {
    *[Symbol.iterator]() {
      for (let i = 0; i < 100; i++) {
        read++;
        yield recorded(i + 1, 'a', i * 10, i * 10 + 1);
      }
    },
  };
  const sender = new MemorySender();
  const { run } = await drive(source, sender, { window: { fromMs: 25, toMs: 50 }, loop: 2 });
  expect(sentMs(sender)).toEqual([
    [4, 0],
    [5, 10],
    [4, 11],
    [5, 21],
  ]);
  expect(run.progress()).toMatchObject({
    read: 4,
    answered: 4,
    pacing: { window: { fromMs: 25, toMs: 50 } },
  });
  expect(read).toBe(12);
});

test('idle times are cut, and the report says by how much', async () => {
  const sender = new MemorySender();
  const source = [recorded(1, 'a', 0, 1), recorded(2, 'a', 5_001, 5_002), recorded(3, 'a', 5_003, 5_004)];
  const { run, results } = await drive(source, sender, { maxIdleMs: 10 });
  expect(sentMs(sender)).toEqual([
    [1, 0],
    [2, 11],
    [3, 13],
  ]);
  const report = new ReportBuilder();
  for (const result of results) report.add(result);
  expect(report.build(run.progress()).run?.pacing).toEqual({ maxIdleMs: 10, idleCutMs: 4_990 });
});

test('a run that is to start at a time does so, made ready before', async () => {
  const sender = new MemorySender();
  const startAt = new Date(Date.UTC(2026, 0, 1) + 5_000);
  let warmAt = Number.NaN;
  const { run, clock } = await drive([recorded(1, 'a', 7, 8)], sender, { startAt }, (at) => {
    if (sender.lanesOpened > 0 && Number.isNaN(warmAt)) warmAt = at;
  });
  // Time zero, to the millisecond: the exchange is answered at once.
  expect(clock.nowNs() / ms).toBe(5_000);
  expect(warmAt).toBe(2_000);
  expect(run.progress().pacing).toEqual({ startAt: '2026-01-01T00:00:05.000Z' });
});

test('a run that waits for its start can be stopped', async () => {
  const controller = new AbortController();
  const sender = new MemorySender();
  const { results, run } = await drive(
    [recorded(1, 'a', 7, 8)],
    sender,
    { startAt: Date.UTC(2026, 0, 1) + 60_000, signal: controller.signal },
    (at) => {
      if (at === 500) controller.abort();
    },
  );
  expect(results.map(({ entry }) => entry.skip)).toEqual(['aborted']);
  expect(run.progress().stopped).toBe('signal');
  expect(sender.sent).toEqual([]);
});

test('a start must be a time that is ahead, and not far', () => {
  const now = Date.UTC(2030, 0, 1);
  expect(checkStartAt(undefined, now)).toBeUndefined();
  expect(checkStartAt(new Date(now + 5), now)).toBe(now + 5);
  expect(() => checkStartAt(now - 1_500, now)).toThrow(
    /^startAt must lie ahead, got 2029-12-31T23:59:58.500Z, which was 2 s ago/,
  );
  expect(() => checkStartAt(now * 1_000, now)).toThrow(/^startAt must be/);
  expect(() => checkStartAt(new Date('no date'), now)).toThrow(/^startAt must be a Date/);
  expect(() => checkStartAt(JSON.parse('"tomorrow"'), now)).toThrow(/^startAt must be a Date/);
});

test('a plan counts what comes several times as often as it comes', async () => {
  const plan = await planReplay(
    [
      recorded(1, 'a', 0, 1),
      recorded(2, 'b', 5, 6),
      recorded(3, 'b', 60_000, 60_010),
      recorded(4, 'b', 9e5, 9e5),
    ],
    new MemorySender(),
    { loop: 2, maxIdleMs: 1_000, window: { toMs: 100_000 } },
  );
  expect(plan).toMatchObject({ exchanges: 6, toSend: 6, lanes: 4, methods: new Map([['GET', 6]]) });
  expect(plan.durationMs).toBe(1_006 + 1_016);
  expect(plan.pacing).toEqual({
    ...{ loop: 2, maxIdleMs: 1_000, idleCutMs: 58_994 },
    window: { toMs: 100_000 },
  });
  expect(describePacing(plan.pacing)).toBe(
    ', the part from 0 s to 100 s, 2 times, idle at most 1000 ms (59.0 s cut out)',
  );
});
