import fc from 'fast-check';
import { expect, it } from 'vitest';
import { CaptureWriter } from '../../src/capture/writer.ts';
import type { CaptureEvent } from '../../src/model/event.ts';
import { gapReasons } from '../../src/model/event.ts';
import { aHeader, aStart, MemoryOutput, readAll, written } from './support.ts';

const int = fc.oneof(fc.nat(300), fc.maxSafeNat());
const text = fc.string({ unit: 'grapheme', maxLength: 20 });
/** Any characters that are bytes. */
const wire = fc.uint8Array({ maxLength: 20 }).map((bytes) => Buffer.from(bytes).toString('latin1'));
const list = fc.array(fc.tuple(wire, wire), { maxLength: 5 }).map((pairs) => pairs.flat());
const bytes = fc.uint8Array({ maxLength: 200 });
const side = fc.constantFrom('request' as const, 'response' as const);
const state = fc.oneof(
  fc.constantFrom('kept' as const, 'masked' as const, 'truncated' as const),
  text.map((reason) => `dropped:${reason}` as const),
);
const optional = <T>(value: fc.Arbitrary<T>) => fc.option(value, { nil: undefined });
const start = {
  direction: fc.constantFrom('inbound' as const, 'outbound' as const),
  protocol: fc.constantFrom('http' as const, 'grpc' as const, 'websocket' as const),
  lane: text,
  parent: optional(int),
  operation: optional(text),
  peer: optional(text),
  scheme: fc.constantFrom('http' as const, 'https' as const),
  version: text,
  method: wire,
  target: wire,
  authority: optional(wire),
  headers: list,
  sampleRate: fc.double({ min: 0, max: 1, noNaN: true }).map(Math.abs),
};
const ends = fc.tuple(bytes, fc.array(fc.nat(200), { maxLength: 6 })).map(([data, places]) => ({
  data,
  ends: places.map((end) => Math.min(end, data.length)).sort((a, b) => a - b),
}));

const constant = fc.constant;
const payload = fc.oneof(
  fc.record({ type: constant('start' as const), exchange: int, ...start }),
  fc.record({
    type: constant('headers' as const),
    exchange: int,
    status: int,
    reason: wire,
    version: text,
    headers: list,
  }),
  fc.record({ type: constant('chunk' as const), exchange: int, side, size: int, data: optional(bytes) }),
  fc
    .tuple(ends, side, int)
    .map(([body, bodySide, exchange]) => ({ type: 'body' as const, exchange, side: bodySide, ...body })),
  fc.record({
    type: constant('message' as const),
    exchange: int,
    side,
    index: int,
    kind: int,
    size: int,
    state,
    data: optional(bytes),
  }),
  fc.record({ type: constant('trailers' as const), exchange: int, side, headers: list }),
  fc.record({
    type: constant('end' as const),
    exchange: int,
    side,
    size: int,
    state,
    complete: fc.boolean(),
  }),
  fc.record({
    type: constant('abort' as const),
    exchange: int,
    by: fc.constantFrom('client' as const, 'server' as const, 'recorder' as const, 'unknown' as const),
    code: text,
  }),
  fc.record({ type: constant('mark' as const), exchange: int, name: text, value: text }),
  fc.record({
    type: constant('audit' as const),
    exchange: int,
    entries: fc.array(
      fc.record({ rule: text, part: fc.constantFrom('target' as const, 'body' as const), side, count: int }),
      { maxLength: 3 },
    ),
    unknownHeaders: fc.array(wire, { maxLength: 3 }),
  }),
  fc.record({ type: constant('resume' as const), exchange: int, startSeq: int, startAt: int, ...start }),
  fc.record({
    type: constant('gap' as const),
    reason: fc.constantFrom(...gapReasons),
    fromAt: int,
    toAt: int,
    exchanges: int,
    events: int,
    fromSeq: int,
    exchange: optional(int),
  }),
  fc.record({ type: constant('control' as const), name: text, value: text }),
  fc.record({ type: constant('schema' as const), format: constant('protobuf' as const), data: bytes }),
  fc.record({
    type: constant('clock' as const),
    wallMs: fc.double({ min: 0, max: 1e13, noNaN: true }).map(Math.abs),
  }),
);
/** Any events, in an order that a capture can have. */
const events = fc
  .array(
    fc.tuple(
      payload,
      fc.nat(3),
      fc.oneof(fc.nat(1000), fc.nat(2 ** 31)).map((n) => n * 3),
    ),
    { maxLength: 40 },
  )
  .map((list) => {
    let seq = 1;
    let at = 0;
    return list.map(([event, dSeq, dNs]): CaptureEvent => {
      seq += dSeq;
      at += dNs;
      return { ...event, seq, at };
    });
  });

it('any events come back as they were written, in any shape of capture and any pieces', async () => {
  await fc.assert(
    fc.asyncProperty(
      events,
      fc.constantFrom('none' as const, 'brotli' as const),
      fc.integer({ min: 1, max: 50 }),
      fc.boolean(),
      fc.integer({ min: 1, max: 5000 }),
      async (all, compression, flushEvery, close, pieceBytes) => {
        const file = await written(all, { compression, flushEvery, close, chunkBytes: 512 });
        const read = await readAll(file, close ? 'strict' : 'tail', pieceBytes);
        expect(read.events).toEqual(all);
        expect(read.condition.faultCount).toBe(0);
      },
    ),
    { numRuns: 150 },
  );
});

it('any damage leaves a reader standing, and the events that it gives are those that were written', async () => {
  await fc.assert(
    fc.asyncProperty(
      events,
      fc.nat(1_000_000),
      fc.nat(300),
      fc.uint8Array({ maxLength: 300 }),
      async (all, place, cut, insert) => {
        const file = await written(all, { flushEvery: 3, compression: 'none' });
        const at = place % file.length;
        const damaged = Buffer.concat([file.subarray(0, at), insert, file.subarray(at + cut)]);
        let found: CaptureEvent[];
        try {
          found = (await readAll(damaged, 'salvage')).events;
        } catch (error) {
          expect(error).toMatchObject({ name: 'GardenhoseError' });
          return;
        }
        const known = new Set(all.map(fingerprint));
        for (const event of found) {
          if (event.type !== 'gap') expect(known.has(fingerprint(event))).toBe(true);
        }
      },
    ),
    { numRuns: 300 },
  );
});

it('a message that compresses to next to nothing comes back whole', async () => {
  const data = Buffer.alloc(3_000_000, 'x');
  const event: CaptureEvent = {
    ...{ type: 'message', seq: 2, at: 2, exchange: 1, side: 'request', index: 0, kind: 0 },
    ...{ size: data.length, state: 'kept', data },
  };
  const { events } = await readAll(await written([aStart(1, 1, 1), event]), 'strict');
  expect(events[1]).toMatchObject({ type: 'message', size: data.length });
  expect(events[1]?.type === 'message' && data.equals(events[1].data ?? noBytes)).toBe(true);
});

const noBytes = new Uint8Array(0);

const fingerprint = (event: CaptureEvent): string =>
  JSON.stringify(
    Object.entries(event).sort(([a], [b]) => (a < b ? -1 : 1)),
    (_, value) => (value instanceof Uint8Array ? [...value] : value),
  );

it('a header comes back with what the capture was merged from, before and after its time', async () => {
  const from = { id: 'ab'.repeat(16), service: 'orders', host: 'box', pid: 7, wallMs: 1.5 };
  const header = {
    ...aHeader,
    mergedFrom: [
      { ...from, policy: aHeader.policy, skewNs: -3e12 - 0.5, driftPpm: -12.5, skewErrorNs: 250 },
      { ...from, policy: { ...aHeader.policy, allowed: ['x-a'] }, skewNs: 7, driftPpm: 0 },
    ],
  };
  const output = new MemoryOutput();
  const writer = new CaptureWriter(output, header);
  await writer.close();
  expect((await readAll(output.bytes)).header).toEqual(header);
});
