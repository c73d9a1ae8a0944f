import { expect, test } from 'vitest';
import { fanOutSink } from '../../src/record/fan-out-sink.ts';
import { memorySink } from '../../src/record/memory-sink.ts';
import { nullSink } from '../../src/record/null-sink.ts';
import type { SinkSource } from '../../src/record/sink.ts';
import { exchangeEvents } from '../../src/testing/exchange-events.ts';
import { aCaptureHeader } from '../../src/testing/factories.ts';

test('every sink gets every event', async () => {
  const [a, b] = [memorySink(), memorySink()];
  const sink = await fanOutSink([a, b]).open(aCaptureHeader());
  await sink.write(exchangeEvents());
  await sink.flush();
  await sink.close();

  expect(a.events).toEqual(exchangeEvents());
  expect(b.events).toEqual(a.events);
  expect(a.closed && b.closed).toBe(true);
});

test('when one fails the others go on, and it declares by itself what it lost', async () => {
  const [good, bad] = [memorySink(), memorySink()];
  let broken = true;
  const fragile: SinkSource = {
    async open(header) {
      const inner = await bad.open(header);
      return {
        write(events) {
          if (broken) throw new Error('full');
          return inner.write(events);
        },
        flush: () => inner.flush(),
        close: () => inner.close(),
      };
    },
  };
  const sink = await fanOutSink([good, fragile]).open(aCaptureHeader());
  await expect(sink.write(exchangeEvents())).rejects.toThrow('full');
  broken = false;
  await sink.write(exchangeEvents({ exchange: 2, seq: 6 }));

  expect(good.events).toHaveLength(10);
  expect(bad.events[0]).toMatchObject({ type: 'gap', exchanges: 1, events: 5, fromSeq: 1 });
  expect(bad.events.slice(1)).toEqual(exchangeEvents({ exchange: 2, seq: 6 }));
  expect(sink.lost?.()).toEqual({ exchanges: 1, events: 5 });
});

test('it can cross to a worker when all of its sinks can', () => {
  expect(fanOutSink([nullSink, nullSink]).module).toBeDefined();
  expect(fanOutSink([nullSink, memorySink()]).module).toBeUndefined();
});

test('when one cannot be opened, those that are open are closed again', async () => {
  const good = memorySink();
  const source = fanOutSink([good, { open: () => Promise.reject(new Error('no')) }]);
  await expect(source.open(aCaptureHeader())).rejects.toThrow('no');
  expect(good.closed).toBe(true);
  expect(() => fanOutSink([])).toThrow('sources must name at least one sink');
});
