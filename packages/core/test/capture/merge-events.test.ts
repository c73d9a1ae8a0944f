import fc from 'fast-check';
import { expect, test } from 'vitest';
import { type MergeInput, mergedId, mergeRuns } from '../../src/capture/merge-events.ts';
import { assemble } from '../../src/model/assemble.ts';
import type { CaptureEvent, GapEvent } from '../../src/model/event.ts';
import { exchangeEvents, interleave } from '../../src/testing/exchange-events.ts';

/** Gives events in runs of so many. */
async function* inRuns(events: readonly CaptureEvent[], length = 3): AsyncGenerator<CaptureEvent[]> {
  for (let at = 0; at < events.length; at += length) yield events.slice(at, at + length);
}

const input = (events: readonly CaptureEvent[], offsetNs = 0, length = 3): MergeInput => ({
  runs: inRuns(events, length),
  timeOf: (at) => at + offsetNs,
  wallShiftMs: 0,
});

async function merged(inputs: readonly MergeInput[]): Promise<CaptureEvent[]> {
  const events: CaptureEvent[] = [];
  for await (const run of mergeRuns(inputs)) events.push(...run);
  return events;
}

const gap = (over: Partial<GapEvent>): GapEvent => ({
  type: 'gap',
  reason: 'buffer-full',
  seq: 0,
  at: 0,
  fromAt: 0,
  toAt: 0,
  exchanges: 0,
  events: 0,
  fromSeq: 1,
  ...over,
});

const recording = fc
  .array(
    fc.record({
      at: fc.integer({ min: 0, max: 50 }),
      stepNs: fc.integer({ min: 0, max: 9 }),
      kind: fc.constantFrom('http', 'sse', 'grpc-bidi', 'aborted'),
      lane: fc.constantFrom('1', '2'),
      masked: fc.boolean(),
    }),
    { maxLength: 5 },
  )
  .map((exchanges) =>
    interleave(...exchanges.map((each, i) => exchangeEvents({ ...each, exchange: i + 1 }))),
  );

test('any recordings come together in order of time, whole, each in its own order', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.tuple(recording, fc.integer({ min: 0, max: 40 }), fc.integer({ min: 1, max: 7 })), {
        minLength: 1,
        maxLength: 4,
      }),
      async (recordings) => {
        const count = recordings.length;
        const events = await merged(recordings.map(([own, offset, length]) => input(own, offset, length)));
        for (const [i, event] of events.entries()) {
          const before = events[i - 1];
          if (before === undefined) continue;
          expect(event.at).toBeGreaterThanOrEqual(before.at);
          expect([0, 1]).toContain(event.seq - before.seq);
        }
        for (const [place, [own, offset]] of recordings.entries()) {
          const back = events.filter(
            (event) => 'exchange' in event && ((event.exchange ?? 0) - 1) % count === place,
          );
          expect(back.map((event) => ({ ...event, seq: 0, lane: undefined, exchange: 0 }))).toEqual(
            own.map((event) => ({ ...event, at: event.at + offset, seq: 0, lane: undefined, exchange: 0 })),
          );
          expect(back.map((event) => ('exchange' in event ? event.exchange : 0))).toEqual(
            own.map((event) => ('exchange' in event ? mergedId(event.exchange ?? 0, place, count) : 0)),
          );
        }
      },
    ),
    { numRuns: 40 },
  );
});

test('events made while recording repeat the number of the one before them, whoever that is of', async () => {
  const masked = exchangeEvents({ masked: true, at: 0, stepNs: 2 });
  const events = await merged([input(masked), input(exchangeEvents({ at: 1, stepNs: 2 }))]);
  const derived = events.filter(({ type }) => type === 'body' || type === 'audit');
  expect(derived.length).toBeGreaterThan(0);
  for (const event of derived) expect(events[events.indexOf(event) - 1]?.seq).toBe(event.seq);
  expect(new Set(events.map(({ seq }) => seq)).size).toBe(events.length - derived.length);
});

test('lanes and parents are kept apart like ids', async () => {
  const own = interleave(
    exchangeEvents({ exchange: 1, lane: '7' }),
    exchangeEvents({ exchange: 2, lane: 'out', start: { direction: 'outbound', parent: 1 } }),
  );
  const exchanges = [];
  for await (const exchange of assemble(await merged([input(own), input(own)]))) exchanges.push(exchange);
  expect(exchanges.map(({ id, lane, parent }) => ({ id, lane, parent }))).toEqual([
    { id: 1, lane: '1:7', parent: undefined },
    { id: 3, lane: '1:out', parent: 1 },
    { id: 2, lane: '2:7', parent: undefined },
    { id: 4, lane: '2:out', parent: 2 },
  ]);
  expect(exchanges.every(({ partial }) => partial.length === 0)).toBe(true);
});

test('what a gap declares as missing keeps its numbers, and its exchange', async () => {
  const [start, ...rest] = exchangeEvents({ at: 10, stepNs: 10 });
  if (start === undefined) throw new Error('no events');
  // Five events of exchange 1 are missing after its start; meanwhile the other recording goes on.
  const cut = [
    start,
    gap({ seq: 1, at: 12, fromAt: 11, toAt: 12, fromSeq: 2, events: 5, exchange: 1 }),
    ...rest.map((event) => ({ ...event, seq: event.seq + 5, at: event.at + 100 })),
  ];
  const events = await merged([input(cut, 1000), input(exchangeEvents({ at: 1015, stepNs: 1 }))]);
  const found = events.find((event) => event.type === 'gap');
  expect(found).toMatchObject({
    seq: 1,
    at: 1012,
    fromAt: 1011,
    toAt: 1012,
    fromSeq: 2,
    events: 5,
    exchange: 1,
  });
  const numbers = events.filter(({ type }) => type !== 'gap').map(({ seq }) => seq);
  expect(numbers).toEqual([1, ...numbers.slice(1).map((_, i) => 7 + i)]);
});

test('a clock event says what the corrected wall clock said', async () => {
  const clock: CaptureEvent = { type: 'clock', seq: 1, at: 5, wallMs: 1_000 };
  const [event] = await merged([{ ...input([clock]), wallShiftMs: -2.5 }]);
  expect(event).toMatchObject({ type: 'clock', wallMs: 997.5 });
});

test('reading that stops closes all recordings', async () => {
  let closed = 0;
  async function* endless(): AsyncGenerator<CaptureEvent[]> {
    try {
      for (let seq = 1; ; seq++) yield [{ type: 'clock', seq, at: seq, wallMs: seq }];
    } finally {
      closed++;
    }
  }
  const inputs = [1, 2].map(() => ({ ...input([]), runs: endless() }));
  let events = 0;
  for await (const run of mergeRuns(inputs)) {
    for (const _ of run) events++;
    if (events > 50) break;
  }
  expect(closed).toBe(2);
});

test('hostile numbers and ids are refused rather than made ambiguous', async () => {
  const far: CaptureEvent[] = [
    { type: 'clock', seq: 1, at: 0, wallMs: 0 },
    { type: 'clock', seq: Number.MAX_SAFE_INTEGER, at: 1, wallMs: 0 },
  ];
  await expect(merged([input(far), input(far)])).rejects.toMatchObject({ code: 'capture-limit' });
  for (const exchange of [0, Number.MAX_SAFE_INTEGER]) {
    const odd = exchangeEvents({ exchange });
    await expect(merged([input(odd), input([])])).rejects.toMatchObject({ code: 'capture-limit' });
  }
});
