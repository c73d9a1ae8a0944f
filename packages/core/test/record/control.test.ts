import { expect, test } from 'vitest';
import { GardenhoseError } from '../../src/errors.ts';
import { noMask } from '../../src/mask/masker.ts';
import type { ControlChange } from '../../src/record/control.ts';
import { memorySink } from '../../src/record/memory-sink.ts';
import { createRecorder, type Recorder } from '../../src/record/recorder.ts';
import { sampleBy } from '../../src/record/sample-rules.ts';
import { always, sampleRatio } from '../../src/record/sampler.ts';
import type { Sink } from '../../src/record/sink.ts';
import { aStart } from '../../src/testing/factories.ts';
import { ManualClock } from '../../src/testing/manual-clock.ts';

function recorderTo(sink = memorySink(), options: Partial<Parameters<typeof createRecorder>[0]> = {}) {
  const clock = new ManualClock();
  return { sink, recorder: createRecorder({ service: 's', sink, mask: noMask, clock, ...options }) };
}

/** How many of these were taken. */
function offer(recorder: Recorder, count: number): number {
  let taken = 0;
  for (let i = 0; i < count; i++) {
    const tap = recorder.begin(aStart(), true);
    if (tap === undefined) continue;
    taken++;
    tap.headers(204, '', '1.1', []);
    tap.end('response');
  }
  return taken;
}

test('a ratio holds from the next exchange on, is stamped on it, and stands in the capture', async () => {
  const { sink, recorder } = recorderTo();
  const early = recorder.begin(aStart(), true);
  expect(recorder.control.set({ ratio: 0 })).toEqual({
    ...{ paused: false, killed: false, ratio: 0, rules: 0, sampling: 'ratio 0' },
  });
  expect(offer(recorder, 50)).toBe(0);
  early?.end('response');
  recorder.control.set({ ratio: 0.5 });
  const half = offer(recorder, 200);
  expect(half).toBeGreaterThan(60);
  expect(half).toBeLessThan(140);
  recorder.control.set({ ratio: null });
  expect(offer(recorder, 10)).toBe(10);
  const stats = await recorder.close();
  expect(stats).toMatchObject({ recorded: 11 + half, sampledOut: 250 - half, tapFailures: 0 });
  const rates = sink.events.flatMap((event) => (event.type === 'start' ? event.sampleRate : []));
  expect(rates).toEqual([1, ...Array(half).fill(0.5), ...Array(10).fill(1)]);
  const controls = sink.events.flatMap((event) =>
    event.type === 'control' ? [event.name, event.value] : [],
  );
  expect(controls).toEqual([
    ...['sampling', 'ratio 0 (api)', 'sampling', 'ratio 0.5 (api)'],
    ...['sampling', 'always (api)'],
  ]);
});

test('null is the sampler that the recorder was made with, and what does not change is not told again', async () => {
  const { sink, recorder } = recorderTo(memorySink(), { sampler: sampleRatio(0) });
  expect(offer(recorder, 5)).toBe(0);
  recorder.control.set({ ratio: 1, paused: false });
  recorder.control.set({ ratio: 1 }, 'http');
  expect(offer(recorder, 5)).toBe(5);
  recorder.control.set({ ratio: null, paused: true }, 'http');
  recorder.control.set({}, 'http');
  expect(recorder.control.state).toMatchObject({ paused: true, ratio: null, sampling: 'ratio 0' });
  await recorder.close();
  const controls = sink.events.flatMap((event) =>
    event.type === 'control' ? `${event.name} ${event.value}` : [],
  );
  expect(controls).toEqual(['sampling ratio 1 (api)', 'sampling ratio 0 (http)', 'pause http']);
});

test('rules come before the ratio, and name no value of a header in the capture', async () => {
  const { sink, recorder } = recorderTo();
  const header = { name: 'x-debug', equals: 'hush-hush' };
  recorder.control.set({
    ratio: 0,
    rules: [
      { where: { path: '/health' }, ratio: 0 },
      { where: { header }, ratio: 1 },
      { where: { method: 'POST' }, perSecond: 0.5 },
    ],
  });
  const taken = (facts: Parameters<typeof aStart>[0]) => recorder.begin(aStart(facts), true) !== undefined;
  const headers = ['X-Debug', 'hush-hush'];
  expect([taken({ target: '/health', headers }), taken({ headers }), taken({})]).toEqual([
    false,
    true,
    false,
  ]);
  expect([1, 2, 3].map(() => taken({ method: 'POST' }))).toEqual([false, false, false]);
  expect(recorder.control.state).toMatchObject({ ratio: 0, rules: 3 });
  recorder.control.set({ rules: null });
  expect([taken({ headers }), taken({ method: 'POST' })]).toEqual([false, false]);
  await recorder.close();
  const controls = sink.events.flatMap((event) => (event.type === 'control' ? event.value : []));
  expect(controls).toEqual([
    '/health: ratio 0; header x-debug: always; POST: at most 0.5 a second; otherwise: ratio 0 (api)',
    'ratio 0 (api)',
  ]);
});

test('what is kept by its outcome is kept at any ratio, but for what a rule says', async () => {
  const sampler = sampleBy([{ outcome: { error: true }, sampler: always }], sampleRatio(0.5));
  const { sink, recorder } = recorderTo(memorySink(), { sampler });
  recorder.control.set({ ratio: 0, rules: [{ where: { path: '/health' }, ratio: 0 }] });
  for (const [target, status] of [
    ['/a', 200],
    ['/b', 503],
    ['/health', 503],
  ] as const) {
    const tap = recorder.begin(aStart({ target }), true);
    tap?.headers(status, '', '1.1', []);
    tap?.end('response');
  }
  const stats = await recorder.close();
  expect(stats).toMatchObject({ offered: 3, recorded: 1, sampledOut: 2 });
  expect(sink.events.flatMap((event) => (event.type === 'start' ? event.target : []))).toEqual(['/b']);
});

test('a change that is wrong changes nothing, whatever else it asks for', async () => {
  const { sink, recorder } = recorderTo();
  const wrong: unknown[] = [
    ...[null, 3, 'pause', [], { ratio: 2 }, { ratio: -1 }, { ratio: Number.NaN }, { ratio: '1' }],
    ...[
      { rules: {} },
      { rules: [1] },
      { rules: [{ ratio: 2 }] },
      { rules: [{ where: { path: 1 }, ratio: 1 }] },
    ],
    ...[{ rules: [{ outcome: { error: true }, ratio: 1 }] }, { rules: [{ where: {} }] }],
    ...[{ paused: 1 }, { paused: true, ratio: 7 }, { paused: true, rate: 1 }, { __proto__x: 1 }],
  ];
  for (const change of wrong) {
    const set: (change: ControlChange) => unknown = (given) => recorder.control.set(given);
    expect(() => Reflect.apply(set, undefined, [change])).toThrow(GardenhoseError);
  }
  expect(recorder.control.state).toMatchObject({ paused: false, ratio: null, rules: 0 });
  await recorder.close();
  expect(sink.events).toEqual([]);
});

test('kill ends the recording at once, and leaves a whole capture', async () => {
  const { sink, recorder } = recorderTo();
  const open = recorder.begin(aStart());
  const told: string[] = [];
  recorder.whenKilled(() => told.push('early'));
  recorder.whenKilled(() => {
    throw new TypeError('a tap that cannot be taken off');
  });
  const killing = recorder.control.kill('http');
  expect(told).toEqual(['early']);
  expect(offer(recorder, 3)).toBe(0);
  open?.chunk('response', Buffer.from('late'));
  recorder.resume();
  recorder.control.set({ paused: false, ratio: 1 });
  expect(offer(recorder, 1)).toBe(0);
  const stats = await killing;
  recorder.whenKilled(() => told.push('late'));
  expect(told).toEqual(['early', 'late']);
  expect(stats).toMatchObject({ state: 'closed', recorded: 1, dropped: { closed: 4 }, tapFailures: 1 });
  expect(await recorder.control.kill()).toEqual(await recorder.close());
  expect(recorder.control.state.killed).toBe(true);
  expect(sink.closed).toBe(true);
  expect(sink.events.map((event) => (event.type === 'control' ? event.name : event.type))).toEqual([
    ...['start', 'kill', 'abort'],
  ]);
  expect(sink.events.at(-1)).toMatchObject({ by: 'recorder', code: 'recorder-killed' });
});

test('kill ends also where the sink never ends', async () => {
  const clock = new ManualClock();
  const never = new Promise<void>(() => undefined);
  const hung: Sink = { write: () => never, flush: () => never, close: () => never };
  const sink = { open: () => hung };
  const recorder = createRecorder({ service: 's', sink, mask: noMask, clock, closeWaitMs: 100 });
  await recorder.ready;
  offer(recorder, 1);
  const killing = recorder.control.kill();
  expect(offer(recorder, 1)).toBe(0);
  clock.advanceMs(101);
  expect((await killing).state).toBe('failed');
});

test('a recorder that is closed cannot be changed any more', async () => {
  const { recorder } = recorderTo();
  await recorder.close();
  expect(recorder.control.set({ ratio: 0.5, paused: true })).toMatchObject({ ratio: null, paused: false });
  expect((await recorder.control.kill()).state).toBe('closed');
});
