import { expect, test } from 'vitest';
import { Engine } from '../../src/replay/engine.ts';
import type { Job } from '../../src/replay/job.ts';
import { orderRule } from '../../src/replay/order.ts';
import { ownRoom } from '../../src/replay/room.ts';
import { isUnsendable } from '../../src/replay/sender.ts';
import { anExchange, MemorySender } from '../../src/testing/index.ts';

const ms = 1e6;

/** What an engine asks its waiter for when it has begun, with exchanges that are due at these times. */
function asked(...plannedMs: readonly number[]): {
  readonly atMs: number;
  readonly coarse: boolean | undefined;
} {
  const sender = new MemorySender();
  let last = { atMs: Number.NaN, coarse: undefined as boolean | undefined };
  const engine = new Engine({
    ...{ sender, order: orderRule('causal'), nowNs: () => 0, room: ownRoom(8), maxWarm: 8, maxLanes: 8 },
    waiter: {
      waitUntil: (atNs, _wake, _awaitedSince, coarse) => {
        last = { atMs: atNs / ms, coarse };
      },
      stop: () => undefined,
    },
    onSettled: () => undefined,
  });
  for (const [index, planned] of plannedMs.entries()) {
    const exchange = anExchange({ id: index + 1 });
    const shipment = sender.prepare(exchange);
    if (isUnsendable(shipment)) throw new Error(shipment.skip);
    const job: Job = {
      ...{ index, exchange: exchange.id, lane: 'a', protocol: 'http', plannedAt: planned * ms },
      ...{ startAt: 0, finishedAt: 0, timeoutNs: 1e9, shipment },
    };
    engine.add(job);
  }
  engine.start(0);
  const wish = last;
  engine.close();
  return wish;
}

test('the engine looks every 50 ms for what has run out of time, and does not wait for that to the moment', () => {
  expect(asked(200)).toEqual({ atMs: 50, coarse: true });
});

test('a chore that comes shortly before something is due waits for it', () => {
  expect(asked(51)).toEqual({ atMs: 51, coarse: false });
  expect(asked(52.9)).toEqual({ atMs: 52.9, coarse: false });
  expect(asked(20)).toEqual({ atMs: 20, coarse: false });
});

test('time zero is the moment that was told, however late this thread gets to it', () => {
  let now = 5 * ms;
  const engine = new Engine({
    ...{ sender: new MemorySender(), order: orderRule('causal'), room: ownRoom(8), maxWarm: 8, maxLanes: 8 },
    waiter: { waitUntil: () => undefined, stop: () => undefined },
    onSettled: () => undefined,
    nowNs: () => {
      now += ms;
      return now;
    },
  });
  engine.start(3 * ms);
  const at = now;
  expect(engine.timer.nowNs()).toBe(at + ms - 3 * ms);
  engine.close();
});
