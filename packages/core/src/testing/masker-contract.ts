import { deepStrictEqual, ok, strictEqual } from 'node:assert/strict';
import { isExchangeEvent } from '../hook/hook.ts';
import type { Masker } from '../mask/masker.ts';
import type { CaptureEvent, ExchangeEvent, Side } from '../model/event.ts';
import type { ContractCase } from './contract.ts';
import { exchangeEvents, exchangeKinds, interleave } from './exchange-events.ts';

/** What every {@link Masker} keeps to. `create` makes a fresh one for each case. */
export function maskerContract(create: () => Masker): ContractCase[] {
  return [
    {
      name: 'tells its policy as data that stays the same',
      async run() {
        const masker = create();
        const before = structuredClone(masker.summary);
        maskAll(masker, traffic());
        deepStrictEqual(masker.summary, before);
      },
    },
    {
      name: 'keeps the order, numbers, times and sizes of events, and adds only body and audit events',
      async run() {
        const events = traffic();
        const masked = maskAll(create(), events);
        deepStrictEqual(
          masked.filter(({ type }) => type !== 'body' && type !== 'audit').map(place),
          events.map(place),
        );
        let last = { seq: 0, at: 0 };
        for (const event of masked) {
          ok(
            event.seq >= last.seq && event.at >= last.at,
            `a ${event.type} event falls behind the one before it`,
          );
          last = event;
        }
      },
    },
    {
      name: 'changes nothing of what it is given',
      async run() {
        const events = traffic();
        const before = structuredClone(events);
        maskAll(create(), events);
        deepStrictEqual(structuredClone(events), before);
      },
    },
    {
      name: 'gives the bytes of chunks in body events that say which chunk each belongs to, before their side ends',
      async run() {
        const masker = create();
        if (masker.summary.mode === 'none') return;
        const waiting = new Map<string, number>();
        for (const event of maskAll(masker, traffic())) {
          if (!('exchange' in event)) continue;
          if (event.type === 'chunk') {
            strictEqual(event.data, undefined);
            add(waiting, event.exchange, event.side);
          } else if (event.type === 'body') {
            strictEqual(event.ends.length, take(waiting, event.exchange, event.side));
            strictEqual(event.ends.at(-1), event.data.length);
            deepStrictEqual(
              [...event.ends],
              event.ends.toSorted((a, b) => a - b),
            );
          } else if (event.type === 'end' && !event.state.startsWith('dropped')) {
            strictEqual(
              take(waiting, event.exchange, event.side),
              0,
              'a side ended and its bytes had not come',
            );
          }
        }
      },
    },
    {
      name: 'audits each exchange before its last event',
      async run() {
        const masker = create();
        if (masker.summary.mode === 'none') return;
        const masked = maskAll(masker, traffic()).filter(isExchangeEvent);
        for (let exchange = 1; exchange <= exchangeKinds.length; exchange++) {
          const own = masked.filter((event) => event.exchange === exchange).map(({ type }) => type);
          strictEqual(own.filter((type) => type === 'audit').length, 1);
          strictEqual(own.indexOf('audit'), own.length - 2);
        }
      },
    },
    {
      name: 'never throws, whatever comes in whatever order',
      async run() {
        const events = traffic();
        const masker = create();
        maskAll(masker, events.toReversed());
        maskAll(masker, [...events, ...events]);
        maskAll(
          masker,
          events.map((event) => ('exchange' in event ? { ...event, exchange: 1 } : event)),
        );
        maskAll(masker, events.flatMap(broken));
      },
    },
  ];
}

function traffic(): CaptureEvent[] {
  return interleave(
    ...exchangeKinds.map((kind, i) => exchangeEvents({ kind, exchange: i + 1, at: 500 * i, stepNs: 1000 })),
  );
}

function maskAll(masker: Masker, events: readonly CaptureEvent[]): CaptureEvent[] {
  return events.flatMap((event) => [...masker.mask(event)]);
}

function place(event: CaptureEvent): unknown {
  const exchange = 'exchange' in event ? event.exchange : undefined;
  const size = 'size' in event ? event.size : undefined;
  return [event.type, event.seq, event.at, exchange, size];
}

/** Events with contents that no reader of bodies, headers or targets expects. */
function broken(event: CaptureEvent): ExchangeEvent[] {
  const odd = Uint8Array.from({ length: 64 }, (_, i) => (i * 37) % 256);
  const exchange = 5000 + event.seq;
  if (event.type === 'start') {
    const headers = [
      'Content-Type',
      'application/json; charset=\xff',
      'Content-Encoding',
      'br, gzip, x',
      '',
      '',
      'odd',
    ];
    return [{ ...event, exchange, target: '%%%?=&&=%zz&a[b]c=%u0000#\xff', headers }];
  }
  if (event.type === 'chunk' || event.type === 'message')
    return [{ ...event, exchange, data: odd, size: 64 }];
  if (event.type === 'headers') return [{ ...event, exchange, status: 0, headers: ['x'] }];
  return 'exchange' in event && event.type !== 'gap' ? [{ ...event, exchange }] : [];
}

function add(counts: Map<string, number>, exchange: number, side: Side): void {
  const key = `${exchange} ${side}`;
  counts.set(key, (counts.get(key) ?? 0) + 1);
}

function take(counts: Map<string, number>, exchange: number, side: Side): number {
  const key = `${exchange} ${side}`;
  const count = counts.get(key) ?? 0;
  counts.delete(key);
  return count;
}
