import { deepStrictEqual, ok } from 'node:assert/strict';
import type { CaptureEvent } from '../model/event.ts';
import type { SinkModule, SinkSource } from '../record/sink.ts';
import type { ContractCase } from './contract.ts';
import { exchangeEvents, exchangeKinds, interleave } from './exchange-events.ts';
import { aCaptureHeader, aSchema } from './factories.ts';

/** A fresh sink and a way to read what it kept. */
export interface SinkUnderTest {
  readonly source: SinkSource;
  /** What was kept so far, in order. */
  readonly read: () => Promise<readonly CaptureEvent[]> | readonly CaptureEvent[];
}

/** What every {@link Sink} keeps to. `setUp` makes a fresh one for each case. */
export function sinkContract(setUp: () => Promise<SinkUnderTest> | SinkUnderTest): ContractCase[] {
  const opened = async () => {
    const { source, read } = await setUp();
    return { source, read, sink: await source.open(aCaptureHeader()) };
  };
  return [
    {
      name: 'keeps every kind of event whole and in order',
      async run() {
        const { sink, read } = await opened();
        const events = everyEvent();
        for (let i = 0; i < events.length; i += 7) await sink.write(events.slice(i, i + 7));
        await sink.close();
        deepStrictEqual((await read()).map(plain), events.map(plain));
      },
    },
    {
      name: 'has kept everything that was written before a flush, while it is open',
      async run() {
        const { sink, read } = await opened();
        const events = exchangeEvents({ kind: 'sse' });
        await sink.write(events);
        await sink.flush();
        deepStrictEqual((await read()).map(plain), events.map(plain));
        await sink.close();
      },
    },
    {
      name: 'can be flushed and closed without having been given an event',
      async run() {
        const { sink, read } = await opened();
        await sink.flush();
        await sink.write([]);
        await sink.close();
        deepStrictEqual(await read(), []);
      },
    },
    {
      name: 'takes many events in small pieces',
      async run() {
        const { sink, read } = await opened();
        let seq = 1;
        for (let exchange = 1; exchange <= 500; exchange++) {
          const events = exchangeEvents({ exchange, seq, at: seq * 1000, stepNs: 1000 });
          for (const event of events) await sink.write([event]);
          seq += events.length;
        }
        await sink.close();
        deepStrictEqual(
          (await read()).map((event) => event.seq),
          Array.from({ length: seq - 1 }, (_, i) => i + 1),
        );
      },
    },
    {
      name: 'opens in the same way from its module, if it names one',
      async run() {
        const { source, read } = await setUp();
        if (source.module === undefined) return;
        const options: unknown = structuredClone(source.module.options);
        const module: unknown = await import(source.module.url);
        ok(isSinkModule(module), `${source.module.url} exports no function openSink`);
        const sink = await module.openSink(options, aCaptureHeader());
        const events = exchangeEvents();
        await sink.write(events);
        await sink.close();
        deepStrictEqual((await read()).map(plain), events.map(plain));
      },
    },
  ];
}

/** Exchanges of all kinds at once, and the events that belong to none. */
function everyEvent(): CaptureEvent[] {
  const exchanges = exchangeKinds.map((kind, i) =>
    exchangeEvents({ kind, exchange: i + 1, at: 1000 * i, stepNs: 700, masked: i % 2 === 0 }),
  );
  const at = 1_000_000;
  const seq = 0;
  return interleave(...exchanges, [
    { type: 'control', seq, at, name: 'pause', value: '' },
    { type: 'clock', seq, at, wallMs: 1_767_225_600_000.25 },
    aSchema({ seq, at }),
    {
      type: 'gap',
      seq,
      at,
      reason: 'buffer-full',
      fromAt: at - 10,
      toAt: at,
      exchanges: 3,
      events: 0,
      fromSeq: 1,
    },
    { type: 'mark', seq, at, exchange: 1, name: 'tenant', value: 'gärten ✓' },
  ]);
}

/** Events as they can be compared: without what is absent, bytes as numbers. */
function plain(event: CaptureEvent): unknown {
  return Object.fromEntries(
    Object.entries(event)
      .filter(([, value]) => value !== undefined)
      .map(([name, value]: [string, unknown]) => [name, value instanceof Uint8Array ? [...value] : value])
      .sort(([a], [b]) => (String(a) < String(b) ? -1 : 1)),
  );
}

function isSinkModule(module: unknown): module is SinkModule {
  return typeof module === 'object' && module !== null && 'openSink' in module;
}
