import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { CaptureEvent } from '../../src/model/event.ts';
import type { Exchange } from '../../src/model/exchange.ts';
import { openStub } from '../../src/stub/open-stub.ts';
import {
  aCaptureHeader,
  aSchema,
  aStart,
  exchangeEvents,
  interleave,
  ManualClock,
} from '../../src/testing/index.ts';
import { StubHarness, unaryCall } from './support.ts';

/** What a capture has of these events. */
const captureOf = (events: readonly CaptureEvent[]) => ({
  header: aCaptureHeader(),
  async *events() {
    yield* events;
  },
});

const orders = { protocol: 'grpc', method: 'POST', target: '/shop.Orders/Get' } as const;

test('a stub is made of the events of a capture, of those of its protocol', async () => {
  const events = interleave(
    exchangeEvents({ kind: 'grpc-unary', exchange: 1 }),
    exchangeEvents({ kind: 'http', exchange: 2 }),
  );
  const clock = new ManualClock();
  const stub = await openStub(captureOf(events), 'grpc', { clock });
  const log: string[] = [];
  const request = stub.begin(aStart(orders), {
    step: ({ kind }) => log.push(kind),
    miss: (detail) => log.push(detail),
  });
  request.message(Buffer.from('order 7'), 0);
  request.end();
  clock.advanceMs(1_000);
  expect(log).toEqual(['head', 'message', 'end']);
  expect(stub.summary()).toMatchObject({ recorded: { exchanges: 1, direction: 'inbound' }, verdict: 0 });
});

test('schemas of the capture are known to the comparison', async () => {
  // Fields in another order are the same message.
  const bytes = (...list: number[]) => Buffer.from(list);
  const events = exchangeEvents({ kind: 'grpc-unary' }).map((event) =>
    event.type === 'message' && event.side === 'request'
      ? { ...event, data: bytes(0x0a, 1, 0x61, 0x0a, 1, 0x62) }
      : event,
  );
  const stub = await openStub(captureOf([aSchema({ seq: 0 }), ...events]), 'grpc');
  const log: string[] = [];
  const ask = (data: Buffer) => {
    const request = stub.begin(aStart(orders), { step: () => undefined, miss: (detail) => log.push(detail) });
    request.message(data, 0);
    return request;
  };
  ask(bytes(0x0a, 1, 0x63));
  expect(log).toEqual([
    'no recorded request of shop.Orders/Get is like this one; the nearest is exchange 1: body:$[0].id is "c", was recorded as "b"',
  ]);
  ask(bytes(0x0a, 1, 0x62)).closed();
  expect(stub.summary()).toMatchObject({ matched: 1, missed: 1 });
});

test('more than maxHeldBytes is refused', async () => {
  const calls = Array.from({ length: 10 }, (_, i) => unaryCall(i + 1, 'x'.repeat(1_000), 'y'));
  await expect(StubHarness.over(calls, { maxHeldBytes: 10_000 })).rejects.toMatchObject({
    code: 'capture-limit',
  });
});

test('nothing to serve is an error that says why', async () => {
  const kept = unaryCall(1, 'tea', 'one');
  const [message] = kept.response?.messages ?? [];
  if (kept.response === undefined || message === undefined) throw new Error('no answer');
  const messages = [{ ...message, state: 'dropped:schema-unknown', data: new Uint8Array(0) } as const];
  const dropped: Exchange = { ...kept, response: { ...kept.response, messages } };
  await expect(StubHarness.over([dropped])).rejects.toThrow(
    /^none of the recorded exchanges can be served: 1 because its answer was not kept \(dropped:schema-unknown\); record with the schemas/,
  );
  await expect(StubHarness.over([kept], { operations: ['shop.Other'] })).rejects.toThrow(
    /^the recording has no exchange of shop\.Other to serve; it has shop\.Stock\/Get/,
  );
  const some = await StubHarness.over([kept], { operations: ['shop.Stock', 'shop.Other'] });
  expect(some.stub.summary().notes).toEqual(['nothing was recorded of shop.Other']);
});

test('no capture, and no request, makes a stub fail', async () => {
  const time = fc.oneof(fc.nat(50), fc.constantFrom(0, 1e15, -5)).map((ms) => ms * 1e6);
  const text = fc.string({ maxLength: 6 });
  const message = fc.record({
    at: time,
    seq: fc.nat(),
    kind: fc.nat(2),
    size: fc.nat(),
    state: fc.constantFrom('kept', 'masked', 'truncated', 'dropped:size') as fc.Arbitrary<'kept'>,
    data: fc.uint8Array({ maxLength: 5 }),
  });
  const exchange = fc
    .record({
      ask: text,
      startAt: time,
      request: fc.record({
        messages: fc.array(message, { maxLength: 3 }),
        complete: fc.boolean(),
        endAt: fc.option(time, { nil: undefined }),
      }),
      response: fc.record({
        at: time,
        messages: fc.array(message, { maxLength: 3 }),
        endAt: fc.option(time, { nil: undefined }),
        trailers: fc.array(text, { maxLength: 4 }),
      }),
      abort: fc.option(
        fc.record({
          at: time,
          by: fc.constantFrom('client' as const, 'server' as const, 'unknown' as const),
          code: text,
        }),
        { nil: undefined },
      ),
    })
    .map(({ ask, startAt, request, response, abort }): Exchange => {
      const base = unaryCall(1, ask, 'one', { startAt });
      if (base.response === undefined) return base;
      return {
        ...base,
        abort,
        request: { ...base.request, ...request },
        response: { ...base.response, ...response },
      };
    });
  const step = fc.oneof(
    fc.uint8Array({ maxLength: 5 }).map((data) => ({ do: 'message', data }) as const),
    fc.constantFrom({ do: 'end' } as const, { do: 'closed' } as const, { do: 'wait' } as const),
  );
  await fc.assert(
    fc.asyncProperty(
      fc.array(exchange, { minLength: 1, maxLength: 4 }),
      fc.array(step, { maxLength: 6 }),
      fc.constantFrom('strict' as const, 'ordered' as const, 'lenient' as const),
      fc.constantFrom('fail' as const, 'last' as const, 'loop' as const),
      async (exchanges, steps, match, onExhausted) => {
        let harness: StubHarness;
        try {
          harness = await StubHarness.over([...exchanges, unaryCall(9, 'tea', 'one')], {
            match,
            onExhausted,
          });
        } catch (error) {
          expect(error).toMatchObject({ name: 'GardenhoseError' });
          return;
        }
        for (let call = 0; call < 3; call++) {
          const { request, log } = harness.call();
          for (const one of steps) {
            if (one.do === 'message') request.message(one.data, 0);
            else if (one.do === 'wait') harness.clock.advanceMs(40);
            else request[one.do]();
          }
          request.closed();
          // At most one thing ends an answer.
          expect(log.filter((line) => / (?:status|break|miss)/.test(line)).length).toBeLessThan(2);
        }
        const { calls, matched, missed, abandoned, underWay } = harness.stub.summary();
        expect([calls, underWay, matched + missed + abandoned]).toEqual([3, 0, 3]);
        expect(harness.clock.pending).toBe(0);
      },
    ),
    { numRuns: 300 },
  );
});
