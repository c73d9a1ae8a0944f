import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { CaptureEvent } from '../../src/model/event.ts';
import { declaringSink } from '../../src/record/declaring-sink.ts';
import type { Sink } from '../../src/record/sink.ts';
import { assembleAll } from '../../src/testing/assemble-all.ts';
import { exchangeEvents, exchangeKinds, interleave } from '../../src/testing/exchange-events.ts';

/** A sink that fails when told. */
class Fragile implements Sink {
  readonly events: CaptureEvent[] = [];
  broken = false;

  write(events: readonly CaptureEvent[]): void {
    if (this.broken) throw new Error('refused');
    this.events.push(...events);
  }

  async flush(): Promise<void> {}

  async close(): Promise<void> {}
}

test('a sink that declares its own losses is used as it is', () => {
  const sink = Object.assign(new Fragile(), { lost: () => ({ exchanges: 1, events: 2 }) });
  expect(declaringSink(sink)).toBe(sink);
});

test('what is refused at the end is declared at the close, if the sink works again', async () => {
  const inner = new Fragile();
  const sink = declaringSink(inner);
  const events = exchangeEvents({ kind: 'sse' });
  await sink.write(events.slice(0, 3));
  inner.broken = true;
  await expect(sink.write(events.slice(3))).rejects.toThrow('refused');
  inner.broken = false;
  await sink.close();

  expect(inner.events.slice(3)).toMatchObject([
    { type: 'gap', reason: 'sink-failed', seq: 3, fromSeq: 4, events: 4, exchanges: 0 },
    { type: 'abort', seq: 7, exchange: 1, by: 'recorder', code: 'sink-failed' },
  ]);
  expect(sink.lost()).toEqual({ exchanges: 1, events: 4 });
});

const anyTraffic = fc
  .array(
    fc.record({
      kind: fc.constantFrom(...exchangeKinds),
      at: fc.nat(2000),
      step: fc.integer({ min: 1, max: 300 }),
    }),
    { minLength: 1, maxLength: 10 },
  )
  .map((list) =>
    interleave(
      ...list.map(({ kind, at, step }, i) =>
        exchangeEvents({ kind, exchange: i + 1, at, stepNs: step, masked: i % 2 === 0 }),
      ),
    ),
  );

/** Whether an event repeats the number of another. */
function madeOnTheWay(event: CaptureEvent): boolean {
  return (
    event.type === 'body' ||
    event.type === 'audit' ||
    (event.type === 'abort' && event.code === 'sink-failed')
  );
}

test('property: whichever writes fail, every number is written once or declared, and no exchange is half without a mark', async () => {
  await fc.assert(
    fc.asyncProperty(
      anyTraffic,
      fc.array(fc.tuple(fc.integer({ min: 1, max: 7 }), fc.boolean()), { minLength: 1 }),
      async (events, plan) => {
        const inner = new Fragile();
        const sink = declaringSink(inner);
        for (let from = 0, i = 0; from < events.length; i++) {
          const [size, fails] = plan[i % plan.length] ?? [1, false];
          inner.broken = fails;
          await Promise.resolve(sink.write(events.slice(from, from + size))).catch(() => undefined);
          from += size;
        }
        inner.broken = false;
        await sink.close();

        const missing = new Set<number>();
        const written = new Set<number>();
        let before = { seq: 0, at: 0 };
        for (const event of inner.events) {
          expect(event.seq).toBeGreaterThanOrEqual(before.seq);
          expect(event.at).toBeGreaterThanOrEqual(before.at);
          before = event;
          if (event.type === 'gap') for (let k = 0; k < event.events; k++) missing.add(event.fromSeq + k);
          else if (!madeOnTheWay(event)) written.add(event.seq);
        }
        for (const { seq } of events) expect(written.has(seq) !== missing.has(seq)).toBe(true);
        const numbered = new Set(events.map(({ seq }) => seq));
        expect(sink.lost().events).toBe([...numbered].filter((seq) => missing.has(seq)).length);

        const whole = new Map(assembleAll(events).map((exchange) => [exchange.id, exchange]));
        for (const exchange of assembleAll(inner.events)) {
          if (exchange.partial.length === 0) expect(exchange).toEqual(whole.get(exchange.id));
        }
      },
    ),
  );
});
