import fc from 'fast-check';
import { expect, test } from 'vitest';
import { noMask } from '../../src/mask/masker.ts';
import type { PackedBuffer } from '../../src/record/buffer-pool.ts';
import { memorySink } from '../../src/record/memory-sink.ts';
import { RecordedExchange } from '../../src/record/recorded-exchange.ts';
import { createRecorder } from '../../src/record/recorder.ts';
import { RequestPath } from '../../src/record/request-path.ts';
import { assembleAll } from '../../src/testing/assemble-all.ts';
import { aStart } from '../../src/testing/factories.ts';
import { ManualClock } from '../../src/testing/manual-clock.ts';

const step = fc.oneof(
  { weight: 12, arbitrary: fc.record({ do: fc.constant('begin' as const), bytes: fc.nat(20_000) }) },
  {
    weight: 12,
    arbitrary: fc.record({ do: fc.constant('chunk' as const), of: fc.nat(30), bytes: fc.nat(30_000) }),
  },
  {
    weight: 3,
    arbitrary: fc.record({ do: fc.constantFrom('end' as const, 'abort' as const), of: fc.nat(30) }),
  },
  { weight: 1, arbitrary: fc.constant({ do: 'turn' as const }) },
  { weight: 1, arbitrary: fc.constant({ do: 'control' as const }) },
);

test('property: with hardly any room, every exchange and every event is recorded, or counted and declared', async () => {
  const hit = { dropped: 0, givenUp: 0 };
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 40, maxLength: 150 }), async (steps) => {
      const clock = new ManualClock();
      const sink = memorySink();
      const recorder = createRecorder({
        service: 'shop',
        sink,
        mask: noMask,
        clock,
        maxBufferedBytes: 100_000,
        maxBodyBytes: 30_000,
      });
      const taps = [];
      let paused = false;
      for (const step of steps) {
        clock.advanceNs(1000);
        if (step.do === 'turn') {
          clock.advanceMs(250);
          await recorder.flush();
        } else if (step.do === 'control') {
          if (paused) recorder.resume();
          else recorder.pause();
          paused = !paused;
        } else if (step.do === 'begin') {
          const tap = recorder.begin(aStart({ headers: ['X', 'x'.repeat(step.bytes)] }));
          tap?.headers(200, 'OK', '1.1', []);
          if (tap !== undefined) taps.push(tap);
        } else {
          const tap = taps[step.of % Math.max(1, taps.length)];
          if (step.do === 'chunk') tap?.chunk('response', Buffer.alloc(step.bytes, 'x'));
          else if (step.do === 'abort') tap?.abort('client', 'gone');
          else for (const side of ['request', 'response'] as const) tap?.end(side);
        }
        expect(recorder.stats().queueBytes).toBeLessThanOrEqual(100_000);
      }
      const stats = await recorder.close();

      const dropped = Object.values(stats.dropped).reduce((sum, count) => sum + count, 0);
      expect(stats.offered).toBe(stats.recorded + stats.sampledOut + dropped);
      expect(stats).toMatchObject({ underWay: 0, queueBytes: 0, tapFailures: 0 });

      let next = 1;
      let exchangesMissing = 0;
      let eventsMissing = 0;
      for (const event of sink.events) {
        if (event.type === 'gap') {
          expect(event.fromSeq).toBe(next);
          next += event.events;
          exchangesMissing += event.exchanges;
          eventsMissing += event.events;
        }
        expect(event.seq).toBe(next++);
      }
      expect(next - 1).toBe(stats.events);
      expect(exchangesMissing).toBe(stats.dropped['buffer-full']);
      expect(eventsMissing).toBe(stats.eventsLost['buffer-full']);

      hit.dropped += exchangesMissing;
      hit.givenUp += eventsMissing;

      const exchanges = assembleAll(sink.events);
      expect(exchanges).toHaveLength(stats.recorded);
      for (const { partial, abort, request, response } of exchanges) {
        const whole = request.complete && response?.complete === true;
        expect(partial).toEqual(abort?.by === 'recorder' ? ['no-end'] : []);
        expect(whole || abort !== undefined).toBe(true);
      }
    }),
    { numRuns: 60 },
  );
  expect(hit.dropped).toBeGreaterThan(50);
  expect(hit.givenUp).toBeGreaterThan(50);
});

test('with room beyond what a number of 32 bits counts, many events still share a buffer', () => {
  const posted: number[] = [];
  const path = new RequestPath({
    clock: new ManualClock(),
    anchorNs: 0,
    maxBufferedBytes: 3 * 2 ** 30,
    maxBodyBytes: 1000,
    onBodyLimit: 'drop',
    post: ({ used }) => posted.push(used),
    reclaim: () => undefined,
    planFlush: () => undefined,
    failed: (error) => {
      throw error;
    },
  });
  for (let i = 0; i < 100; i++) path.begin(path.nextId(), aStart(), 1, true);
  path.seal();
  expect(posted).toHaveLength(1);
});

/** A path with little room, whose buffers come back when they are let. */
function narrowPath(maxBufferedBytes = 600_000): {
  path: RequestPath;
  clock: ManualClock;
  read: (on: boolean) => void;
} {
  const out: PackedBuffer[] = [];
  let reading = true;
  const clock = new ManualClock();
  const path: RequestPath = new RequestPath({
    clock,
    anchorNs: 0,
    maxBufferedBytes,
    maxBodyBytes: 1000,
    onBodyLimit: 'drop',
    post: (buffer) => out.push(buffer),
    reclaim: () => {
      for (const buffer of reading ? out.splice(0) : []) path.giveBack(buffer);
    },
    planFlush: () => undefined,
    failed: (error) => {
      throw error;
    },
  });
  return {
    path,
    clock,
    read: (on) => {
      reading = on;
    },
  };
}

test('what has been read is packed again without a message for it, also when room was short', () => {
  const { path, read } = narrowPath();
  const begin = () => path.begin(path.nextId(), aStart(), 1, true);
  // Many times what there is room for.
  for (let i = 0; i < 30_000; i++) begin();
  expect(path.refused).toBe(0);
  read(false);
  while (begin());
  expect(begin()).toBe(false);
  read(true);
  expect(begin()).toBe(true);
  expect(path.refused).toBe(2);
  expect(path.owesGap).toBe(false);
});

test('when room was short, the next event of any kind finds what has been read since', () => {
  const next: Record<string, (path: RequestPath, open: RecordedExchange) => void> = {
    note: (path) => expect(path.note((writer, at) => writer.control(at, 'pause', ''))).toBe(true),
    mark: (_, open) => open.mark('tenant', 'garden'),
    headers: (_, open) => open.headers(200, 'OK', '1.1', []),
    answer: (_, open) => expect(open.wireAnswer('HTTP/1.1 200 OK\r\n\r\n', 'hello')).toBe(true),
    text: (_, open) => open.text('response', 'hello'),
    chunk: (_, open) => open.chunk('response', Buffer.from('hello')),
    message: (_, open) => open.message('request', 0, Buffer.from('hello')),
    end: (_, open) => open.end('request'),
    abort: (_, open) => open.abort('client', 'gone'),
  };
  for (const [name, tell] of Object.entries(next)) {
    const { path, clock, read } = narrowPath();
    const id = path.nextId();
    expect(path.begin(id, aStart(), 1, true)).toBe(true);
    const open = new RecordedExchange(path, id, false);
    read(false);
    while (path.begin(path.nextId(), aStart(), 1, true)) clock.advanceNs(10);
    read(true);
    tell(path, open);
    expect([name, path.owesGap, path.eventsLost, path.underWay.size]).toEqual([
      name,
      false,
      0,
      name === 'abort' ? 0 : 1,
    ]);
  }
});
