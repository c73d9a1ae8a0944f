import { expect, test } from 'vitest';
import type { CaptureEvent, GapEvent } from '../../src/model/event.ts';
import { type MirrorOptions, mirrorExchanges } from '../../src/replay/mirror-exchanges.ts';
import { exchangeEvents } from '../../src/testing/exchange-events.ts';
import { ManualClock } from '../../src/testing/manual-clock.ts';
import { settle } from './drive.ts';

const ms = 1e6;

/** A recording whose events come when the test says so, and a mirror of it that is read all the time. */
function mirrored(options: MirrorOptions = {}, take = true) {
  const clock = new ManualClock({ nowNs: 5e12 });
  const began = clock.nowNs();
  const waiting: CaptureEvent[] = [];
  let wake = () => {};
  let over = false;
  async function* events(): AsyncGenerator<CaptureEvent> {
    for (;;) {
      for (let event = waiting.shift(); event !== undefined; event = waiting.shift()) yield event;
      if (over) return;
      await new Promise<void>((resolve) => {
        wake = resolve;
      });
    }
  }
  const gaps: GapEvent[] = [];
  const mirror = mirrorExchanges(events(), { clock, onGap: (gap) => gaps.push(gap), ...options });
  const got: (readonly [target: string, atMs: number, partial: readonly string[]])[] = [];
  const reading = take
    ? (async () => {
        for await (const { request, partial } of mirror) {
          got.push([request.target, (clock.nowNs() - began) / ms, partial]);
        }
      })()
    : undefined;
  return {
    ...{ mirror, clock, got, gaps, reading },
    /** Time goes on; what was recorded until then comes. */
    async until(atMs: number, recorded: readonly CaptureEvent[] = []) {
      while ((clock.nowNs() - began) / ms < atMs) {
        clock.advanceMs(1);
        const now = (clock.nowNs() - began) / ms;
        const due = recorded.filter(({ at }) => at <= now * ms && at > (now - 1) * ms);
        if (due.length > 0) {
          waiting.push(...due);
          wake();
        }
        await settle();
      }
    },
    async end() {
      over = true;
      wake();
      await reading;
    },
  };
}

const request = (exchange: number, atMs: number, lastsMs: number): CaptureEvent[] =>
  exchangeEvents({ exchange, at: atMs * ms, stepNs: (lastsMs * ms) / 4, start: { target: `/${exchange}` } });

const inOrder = (...each: readonly CaptureEvent[][]): CaptureEvent[] =>
  each
    .flat()
    .sort((a, b) => a.at - b.at)
    .map((event, i) => ({ ...event, seq: i + 1 }));

test('the first exchange comes when the delay has passed, the others as soon as they are over', async () => {
  const run = mirrored({ delayMs: 100 });
  const recorded = inOrder(request(1, 10, 20), request(2, 40, 8), request(3, 150, 8));
  await run.until(200, recorded);
  expect(run.got.map(([target]) => target)).toEqual(['/1', '/2', '/3']);
  const [first = 0, second = 0, third = 0] = run.got.map(([, at]) => at);
  expect(first).toBeGreaterThanOrEqual(110);
  expect(first).toBeLessThanOrEqual(113);
  expect(second).toBe(first);
  expect(third).toBeLessThanOrEqual(160);
  await run.end();
  expect(run.mirror.stats()).toEqual({ exchanges: 3, unfinished: 0, late: 0, overflowed: 0 });
});

test('nothing waits for an exchange that takes longer than the delay', async () => {
  const run = mirrored({ delayMs: 50 });
  const recorded = inOrder(request(1, 1, 400), request(2, 5, 8), request(3, 60, 8), request(4, 300, 8));
  await run.until(310, recorded);
  expect(run.got.map(([target, , partial]) => [target, partial])).toEqual([
    ['/1', ['no-end']],
    ['/2', []],
    ['/3', []],
    ['/4', []],
  ]);
  expect(run.got[0]?.[1]).toBeLessThanOrEqual(56);
  // What the long one says later belongs to nothing any more.
  await run.until(420, recorded);
  await run.end();
  expect(run.got).toHaveLength(4);
  expect(run.mirror.stats().unfinished).toBe(1);
});

test('a clock that is far from that of the recording does not matter', async () => {
  const run = mirrored({ delayMs: 20 });
  const far = inOrder(request(1, 10, 4), request(2, 20, 4)).map((event) => ({
    ...event,
    at: event.at + 7e14,
  }));
  await run.until(60, []);
  expect(run.got).toEqual([]);
  const { mirror } = run;
  await run.end();
  // The same events, now from a recorder that has run for days.
  const clock = new ManualClock();
  async function* late() {
    yield* far;
  }
  const targets: string[] = [];
  for await (const exchange of mirrorExchanges(late(), { clock, delayMs: 20 }))
    targets.push(exchange.request.target);
  expect(targets).toEqual(['/1', '/2']);
  expect(mirror.stats().exchanges).toBe(0);
});

test('a replay that takes exchanges too late loses whole ones, which are counted and told of as gaps', async () => {
  const run = mirrored({ delayMs: 50, maxLagMs: 100 }, false);
  const recorded = inOrder(...Array.from({ length: 40 }, (_, i) => request(i + 1, 10 * (i + 1), 4)));
  const first = run.mirror.next();
  await run.until(70, recorded);
  expect(await first).toMatchObject({ value: { request: { target: '/1' } } });
  // Nobody asks for more until long after.
  await run.until(420, recorded);
  const next = await run.mirror.next();
  const { late } = run.mirror.stats();
  expect(late).toBeGreaterThan(20);
  expect(next).toMatchObject({ value: { request: { target: `/${late + 2}` } } });
  expect(run.gaps).toHaveLength(late);
  expect(run.gaps[0]).toMatchObject({ reason: 'sink-slow', exchanges: 1, events: 0, fromAt: 20 * ms });
});

test('what waits is bounded: beyond it, whole exchanges are dropped as they come', async () => {
  const run = mirrored({ delayMs: 500, maxHeldBytes: 7_000 }, false);
  const recorded = inOrder(...Array.from({ length: 10 }, (_, i) => request(i + 1, 10 * (i + 1), 4)));
  const first = run.mirror.next();
  await run.until(520, recorded);
  await first;
  expect(run.mirror.stats()).toMatchObject({ overflowed: 7 });
  expect(run.gaps.filter(({ reason }) => reason === 'sink-slow')).toHaveLength(7);
});

test('stopping does not wait for a recording that says nothing', async () => {
  const run = mirrored({}, false);
  const pending = run.mirror.next();
  await settle();
  await run.mirror.return?.();
  expect(await pending).toEqual({ done: true, value: undefined });
  await run.end();
});

test('what reading throws is thrown after what was read before', async () => {
  async function* broken(): AsyncGenerator<CaptureEvent> {
    yield* request(1, 1, 4);
    throw new Error('cut');
  }
  const mirror = mirrorExchanges(broken(), { clock: new ManualClock(), delayMs: 1 });
  expect(await mirror.next()).toMatchObject({ value: { request: { target: '/1' } } });
  await expect(mirror.next()).rejects.toThrow('cut');
});

test('options are checked', () => {
  async function* none(): AsyncGenerator<CaptureEvent> {}
  for (const wrong of [{ delayMs: 0 }, { delayMs: 600_001 }, { maxLagMs: -1 }, { maxHeldBytes: 0.5 }]) {
    expect(() => mirrorExchanges(none(), wrong)).toThrow(expect.objectContaining({ code: 'invalid-option' }));
  }
});
