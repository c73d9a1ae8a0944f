import { expect, test } from 'vitest';
import { noMask } from '../../src/mask/masker.ts';
import { memorySink } from '../../src/record/memory-sink.ts';
import { createRecorder } from '../../src/record/recorder.ts';
import { type Loads, memoryShare, Shedder, shedLimits } from '../../src/record/shedding.ts';
import type { Sink } from '../../src/record/sink.ts';
import { aStart } from '../../src/testing/factories.ts';
import { ManualClock } from '../../src/testing/manual-clock.ts';

const none: Loads = { bufferShare: 0, memoryShare: 0, loopDelayMs: 0, workerLagMs: 0 };
const limits = { bufferShare: 0.8, memoryShare: 0.9, loopDelayMs: 200, workerLagMs: 5_000 };

function shedder() {
  const now = { loads: none, room: true };
  const told: string[] = [];
  const made = new Shedder(
    limits,
    () => now.loads,
    (share, reason) => {
      if (now.room) told.push(`${share} ${reason}`);
      return now.room;
    },
  );
  const look = (loads: Partial<Loads>, times = 1) => {
    now.loads = { ...none, ...loads };
    for (let i = 0; i < times; i++) made.look(0);
  };
  return { made, told, look, now };
}

test.each([
  ['bufferShare', 0.81, 'buffer'],
  ['memoryShare', 0.91, 'memory'],
  ['loopDelayMs', 201, 'event-loop'],
  ['workerLagMs', 5_001, 'worker-lag'],
])('%s over its limit makes less and less be recorded, and returns step by step', (name, over, reason) => {
  const { made, told, look } = shedder();
  look({ [name]: over }, 6);
  expect(made.share).toBe(0);
  const down = [0.25, 0.0625, 0.015625, 0].map((share) => `${share} ${reason}`);
  expect(told).toEqual(down);
  // Neither over its limit nor low: it stays.
  look({ [name]: over * 0.8 }, 50);
  expect(made.share).toBe(0);
  look({}, 7);
  look({ [name]: over * 0.8 });
  look({}, 7);
  expect(made.share).toBe(0);
  look({}, 1 + 3 * 8);
  expect(made.share).toBe(1);
  look({}, 100);
  expect(told).toEqual([...down, ...[0.015625, 0.0625, 0.25, 1].map((share) => `${share} recovered`)]);
});

test('what is shed is spread evenly, and exactly the share', () => {
  const { made, look } = shedder();
  expect(Array.from({ length: 10 }, () => made.takes())).not.toContain(false);
  look({ loopDelayMs: 300 });
  const taken = Array.from({ length: 400 }, () => made.takes());
  expect(taken.filter((one) => one)).toHaveLength(100);
  expect(taken.slice(0, 8)).toEqual([false, false, false, true, false, false, false, true]);
  look({ loopDelayMs: 300 }, 3);
  expect(Array.from({ length: 100 }, () => made.takes())).not.toContain(true);
});

test('a change that found no room in the capture is told when there is some', () => {
  const { told, look, now } = shedder();
  now.room = false;
  look({ bufferShare: 1 }, 2);
  expect(told).toEqual([]);
  now.room = true;
  look({ bufferShare: 0.75 });
  expect(told).toEqual(['0.0625 buffer']);
});

test('its limits are checked', () => {
  expect(shedLimits(undefined)).toBeUndefined();
  expect(shedLimits(false)).toBeUndefined();
  expect(shedLimits(true)).toEqual(limits);
  expect(shedLimits({ loopDelayMs: 50 })).toEqual({ ...limits, loopDelayMs: 50 });
  for (const wrong of [
    { bufferShare: 1.1 },
    { memoryShare: 0 },
    { loopDelayMs: -1 },
    { workerLagMs: Number.NaN },
  ]) {
    expect(() => shedLimits(wrong)).toThrow(/shed\.\w+ must be a number over 0/);
  }
  const unknown = { loopDelayMs: 5, most: 1 };
  expect(() => shedLimits(unknown)).toThrow(/shed has no option "most"/);
  expect(() => createRecorder({ service: 's', sink: memorySink(), shed: { bufferShare: 2 } })).toThrow(
    /shed\./,
  );
  expect(memoryShare()).toBeGreaterThan(0);
  expect(memoryShare()).toBeLessThan(1);
});

test('a recorder whose worker is stuck sheds, says so, counts it, and records again when it goes on', async () => {
  const clock = new ManualClock();
  const kept = memorySink();
  let goOn = (): void => undefined;
  const stuck = new Promise<void>((done) => {
    goOn = done;
  });
  const inner = kept;
  const sink = {
    async open(header: Parameters<typeof inner.open>[0]): Promise<Sink> {
      const real = await inner.open(header);
      return {
        ...{ flush: () => real.flush(), close: () => real.close() },
        write: async (events) => {
          await stuck;
          await real.write(events);
        },
      };
    },
  };
  // Other loads of this machine do not matter here.
  const shed = { workerLagMs: 1_000, memoryShare: 1, loopDelayMs: 60_000 };
  const recorder = createRecorder({ service: 's', sink, mask: noMask, clock, shed });
  await recorder.ready;
  const offer = (count: number) => {
    let taken = 0;
    for (let i = 0; i < count; i++) {
      const tap = recorder.begin(aStart(), true);
      if (tap === undefined) continue;
      taken++;
      tap.headers(204, '', '1.1', []);
      tap.end('response');
    }
    return taken;
  };
  expect(offer(10)).toBe(10);
  clock.advanceMs(250);
  expect(recorder.stats()).toMatchObject({ shedding: 1, workerLagMs: 0 });
  clock.advanceMs(1_250);
  expect(recorder.stats().workerLagMs).toBeGreaterThan(1_000);
  expect(recorder.stats().shedding).toBe(0.25);
  expect(offer(40)).toBe(10);
  clock.advanceMs(1_000);
  expect(offer(40)).toBe(0);
  expect(recorder.stats()).toMatchObject({ shedding: 0, dropped: { shed: 70 } });
  goOn();
  while (recorder.stats().queueBytes > 0) await recorder.flush();
  // Each note of a change has to pass before it, too, has waited for long.
  for (let looks = 0; recorder.stats().shedding < 1 && looks < 100; looks++) {
    clock.advanceMs(250);
    await recorder.flush();
  }
  expect(recorder.stats()).toMatchObject({ shedding: 1, workerLagMs: 0 });
  expect(offer(5)).toBe(5);
  const stats = await recorder.close();
  expect(stats).toMatchObject({ offered: 95, recorded: 25, sampledOut: 0, dropped: { shed: 70 } });
  const rates = kept.events.flatMap((event) => (event.type === 'start' ? event.sampleRate : []));
  expect(rates).toEqual([...Array(10).fill(1), ...Array(10).fill(0.25), ...Array(5).fill(1)]);
  const changes = kept.events.flatMap((event) =>
    event.type === 'control' ? `${event.name} ${event.value}` : [],
  );
  expect(changes).toEqual([
    ...['shed 0.25 worker-lag', 'shed 0.0625 worker-lag', 'shed 0.015625 worker-lag', 'shed 0 worker-lag'],
    ...['shed 0.015625 recovered', 'shed 0.0625 recovered', 'shed 0.25 recovered', 'shed 1 recovered'],
  ]);
});
