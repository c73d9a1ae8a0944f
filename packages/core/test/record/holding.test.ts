import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  always as builtAlways,
  never as builtNever,
  sampleBy as builtSampleBy,
  createRecorder as createBuiltRecorder,
  fileSink,
  openCapture,
  verifyCapture,
} from '@gardenhose/core';
import fc from 'fast-check';
import { afterAll, expect, test } from 'vitest';
import type { CaptureEvent, StartEvent } from '../../src/model/event.ts';
import { memorySink } from '../../src/record/memory-sink.ts';
import type { SampledOutcome } from '../../src/record/outcome.ts';
import { createRecorder, type Recorder } from '../../src/record/recorder.ts';
import type { RecorderStats } from '../../src/record/recorder-stats.ts';
import { type SampleByOptions, sampleBy } from '../../src/record/sample-rules.ts';
import { always, never, type Sampler, sampleRatio } from '../../src/record/sampler.ts';
import { aStart } from '../../src/testing/factories.ts';
import { ManualClock } from '../../src/testing/manual-clock.ts';

const folder = mkdtempSync(join(tmpdir(), 'gardenhose-holding-'));
afterAll(() => rmSync(folder, { recursive: true }));

/** Numbers rise by one, but for those that gaps declare. */
function expectNumbered(events: readonly CaptureEvent[]): void {
  let next = 1;
  for (const event of events) {
    if (event.type === 'gap' && event.events > 0) {
      expect(event.fromSeq).toBe(next);
      next += event.events;
    }
    if (event.type === 'audit' || event.type === 'body') continue;
    expect(event.seq).toBe(next);
    next++;
  }
}

function expectBalanced(stats: RecorderStats): void {
  const dropped = Object.values(stats.dropped).reduce((sum, count) => sum + count, 0);
  expect(stats.recorded + stats.sampledOut + dropped).toBe(stats.offered);
}

const starts = (events: readonly CaptureEvent[]) =>
  events.filter((event): event is StartEvent => event.type === 'start');

function recording(sampler: Sampler, clock = new ManualClock(), maxBufferedBytes?: number) {
  const sink = memorySink();
  const recorder = createRecorder({
    ...{ service: 'shop', sink, sampler, clock, maxBufferedBytes, mask: { version: 1, extends: 'none' } },
    ...(maxBufferedBytes === undefined ? {} : { maxBodyBytes: 1024 }),
  });
  return { sink, recorder, clock };
}

function answer(recorder: Recorder, status: number, target = `/${status}`): void {
  const tap = recorder.begin(aStart({ target }), true);
  tap?.headers(status, '', '1.1', []);
  tap?.end('response');
}

const keepErrors = (otherwise: Sampler = never, options?: SampleByOptions) =>
  sampleBy([{ outcome: { error: true }, sampler: always }], otherwise, options);

test('an exchange that fails is recorded whatever the ratio, with the rate of what fails', async () => {
  const { sink, recorder } = recording(keepErrors());
  answer(recorder, 200);
  answer(recorder, 503);
  answer(recorder, 200);
  const stats = await recorder.close();
  expect(starts(sink.events).map(({ target, sampleRate }) => [target, sampleRate])).toEqual([['/503', 1]]);
  expect(sink.events.map(({ type, seq }) => `${seq} ${type}`)).toEqual([
    '1 start',
    '2 end',
    '3 headers',
    '4 end',
  ]);
  expect(stats).toMatchObject({ offered: 3, recorded: 1, sampledOut: 2, undecided: 0, events: 4 });
});

test('what is not decided holds back what comes behind it, and the order is whole when it goes on', async () => {
  const { sink, recorder, clock } = recording(
    sampleBy([{ where: { path: '/held' }, outcome: { error: true }, sampler: always }]),
  );
  const other = recorder.begin(aStart({ target: '/plain' }));
  const held = recorder.begin(aStart({ target: '/held' }));
  other?.end('request');
  held?.end('request');
  await recorder.flush();
  // Recorded whatever it ends in: sampled alike by both.
  expect(sink.events).toHaveLength(4);

  const rare = recording(
    sampleBy([{ where: { path: '/held' }, outcome: { error: true }, sampler: never }], always),
    clock,
  );
  const first = rare.recorder.begin(aStart({ target: '/plain' }));
  const second = rare.recorder.begin(aStart({ target: '/held' }));
  first?.end('request');
  await rare.recorder.flush();
  expect(rare.sink.events.map(({ type }) => type)).toEqual(['start']);
  second?.headers(500, '', '1.1', []);
  await rare.recorder.flush();
  expect(rare.sink.events.map(({ type, seq }) => [type, seq])).toEqual([
    ['start', 1],
    ['end', 2],
  ]);
  first?.end('response');
  await Promise.all([recorder.close(), rare.recorder.close()]);
  expectNumbered(rare.sink.events);
  expect(starts(rare.sink.events)).toHaveLength(1);
});

test.each<[string, SampledOutcome, string[]]>([
  ['a class of status', { status: '4xx' }, ['/404']],
  ['one of several', { status: [200, '5xx'] }, ['/200', '/500']],
  ['what broke off', { aborted: true }, ['/client']],
  ['errors', { error: true }, ['/500', '/client', '/call-14']],
  ['a status of gRPC', { grpcStatus: [14, 4] }, ['/call-14']],
  ['slow ones', { slowerThanMs: 99 }, ['/slow']],
  ['all of several', { slowerThanMs: 99, status: 200 }, ['/slow']],
  ['what nothing is', { slowerThanMs: 99, status: 404 }, []],
])('kept by outcome: %s', async (_, outcome, expected) => {
  const { sink, recorder, clock } = recording(sampleBy([{ outcome, sampler: always }], never));
  for (const status of [200, 404, 500]) answer(recorder, status);
  recorder.begin(aStart({ target: '/client' }))?.abort('client', 'ECONNRESET');
  recorder.begin(aStart({ target: '/ours' }))?.abort('recorder', 'tap-failed');
  for (const code of ['0', '14']) {
    const call = recorder.begin(aStart({ target: `/call-${code}`, protocol: 'grpc' }));
    call?.end('request');
    call?.headers(200, '', '2', []);
    call?.trailers('response', ['grpc-status', code]);
    call?.end('response');
  }
  const slow = recorder.begin(aStart({ target: '/slow' }), true);
  clock.advanceMs(100);
  slow?.headers(200, '', '1.1', []);
  slow?.end('response');
  const stats = await recorder.close();
  const wanted =
    outcome.status !== undefined && expected.includes('/200')
      ? [...expected, '/call-0', '/call-14', '/slow']
      : expected;
  expect(
    starts(sink.events)
      .map(({ target }) => target)
      .sort(),
  ).toEqual(wanted.sort());
  expectBalanced(stats);
  expectNumbered(sink.events);
});

test('the first outcome that an exchange ends in counts, also when a later one is known before it', async () => {
  const { sink, recorder, clock } = recording(
    sampleBy(
      [
        { outcome: { aborted: true }, sampler: { description: 'some', sample: () => 0.25 } },
        { outcome: { slowerThanMs: 10 }, sampler: always },
      ],
      never,
    ),
  );
  const broken = recorder.begin(aStart({ target: '/broken' }));
  const whole = recorder.begin(aStart({ target: '/whole' }), true);
  clock.advanceMs(20);
  whole?.headers(200, '', '1.1', []);
  whole?.end('response');
  broken?.abort('client', 'ECONNRESET');
  await recorder.close();
  expect(starts(sink.events).map(({ target, sampleRate }) => [target, sampleRate])).toEqual([
    ['/broken', 0.25],
    ['/whole', 1],
  ]);
});

test('an exchange is waited for no longer than its time, and in no more than its bytes', async () => {
  const inTime = recording(keepErrors(never, { maxHeldMs: 1000 }));
  const slow = inTime.recorder.begin(aStart({ target: '/slow' }));
  answer(inTime.recorder, 500);
  inTime.clock.advanceMs(1001);
  answer(inTime.recorder, 502);
  await inTime.recorder.flush();
  expect(starts(inTime.sink.events).map(({ target }) => target)).toEqual(['/500', '/502']);
  slow?.headers(500, '', '1.1', []);
  slow?.end('response');
  const stats = await inTime.recorder.close();
  expect(stats).toMatchObject({ recorded: 2, sampledOut: 1, undecided: 1 });
  expectNumbered(inTime.sink.events);

  const inRoom = recording(keepErrors(always, { maxHeldBytes: 20_000 }));
  expect(starts(inRoom.sink.events)).toHaveLength(0);
  const large = recording(keepErrors({ description: 'tenth', sample: () => 0.1 }, { maxHeldBytes: 20_000 }));
  const upload = large.recorder.begin(aStart({ target: '/upload' }));
  upload?.chunk('request', Buffer.alloc(15_000));
  await large.recorder.flush();
  expect(large.sink.events).toHaveLength(0);
  upload?.chunk('request', Buffer.alloc(15_000));
  await large.recorder.flush();
  expect(starts(large.sink.events).map(({ sampleRate }) => sampleRate)).toEqual([0.1]);
  expect(large.sink.events).toHaveLength(3);
  expect(await large.recorder.close()).toMatchObject({ recorded: 1, undecided: 1 });
});

test('exchanges are held in the worker as they are inline', async () => {
  const path = join(folder, 'held.hose');
  const recorder = createBuiltRecorder({
    ...{ service: 'shop', sink: fileSink({ path }), mask: { version: 1, extends: 'none' } },
    sampler: builtSampleBy([{ outcome: { error: true }, sampler: builtAlways }], builtNever),
  });
  for (const status of [200, 500, 404, 503]) {
    const tap = recorder.begin(aStart({ target: `/${status}` }), true);
    tap?.headers(status, '', '1.1', []);
    tap?.end('response');
  }
  const stats = await recorder.close();
  expect(stats).toMatchObject({ offered: 4, recorded: 2, sampledOut: 2, events: 8 });
  await using capture = await openCapture(path);
  const events: CaptureEvent[] = [];
  for await (const event of capture.events()) events.push(event);
  expect(starts(events).map(({ target, sampleRate }) => [target, sampleRate])).toEqual([
    ['/500', 1],
    ['/503', 1],
  ]);
  expectNumbered(events);
  expect(capture.header.sampling).toBe('error: always; otherwise: never');
  expect(await verifyCapture(path)).toMatchObject({ state: 'complete' });
});

/** What one of many exchanges does. */
const life = fc.record({
  from: fc.nat(300),
  takesMs: fc.nat(120),
  status: fc.constantFrom(200, 204, 301, 404, 500, 503),
  ends: fc.constantFrom('whole', 'whole', 'whole', 'client', 'never'),
  bytes: fc.nat(2000),
});
type Life = typeof life extends fc.Arbitrary<infer T> ? T : never;

/** Lives them side by side, by the clock. */
async function lived(lives: readonly Life[], recorder: Recorder, clock: ManualClock): Promise<void> {
  const steps: { at: number; run: () => void }[] = [];
  for (const [i, { from, takesMs, status, ends, bytes }] of lives.entries()) {
    let tap: ReturnType<Recorder['begin']>;
    const begin = () => {
      tap = recorder.begin(aStart({ target: `/${i}` }), true);
    };
    steps.push({ at: from, run: begin });
    steps.push({ at: from + takesMs / 2, run: () => tap?.headers(status, '', '1.1', []) });
    steps.push({ at: from + takesMs / 2, run: () => tap?.chunk('response', Buffer.alloc(bytes)) });
    if (ends === 'whole') steps.push({ at: from + takesMs, run: () => tap?.end('response') });
    if (ends === 'client') steps.push({ at: from + takesMs, run: () => tap?.abort('client', 'ECONNRESET') });
  }
  steps.sort((a, b) => a.at - b.at);
  let now = 0;
  for (const { at, run } of steps) {
    if (at > now) clock.advanceMs(at - now);
    now = Math.max(at, now);
    run();
    // Now and then the pipeline gets a turn.
    if (Math.floor(now) % 7 === 0) await recorder.flush();
  }
}

test('of any traffic all that ends so is recorded, the rest by its ratio, in order, numbered and stamped', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(life, { maxLength: 40 }), fc.constantFrom(0, 0.3, 1), async (lives, ratio) => {
      const base = sampleRatio(ratio);
      const sampler = sampleBy(
        [
          { outcome: { status: 404 }, sampler: never },
          { outcome: { error: true }, sampler: always },
          { outcome: { slowerThanMs: 60 }, sampler: always },
        ],
        base,
      );
      const { sink, recorder, clock } = recording(sampler);
      await lived(lives, recorder, clock);
      const stats = await recorder.close();
      expectBalanced(stats);
      expectNumbered(sink.events);
      const recorded = starts(sink.events);
      expect(recorded).toHaveLength(stats.recorded);
      expect(stats.offered).toBe(lives.length);
      expect(recorded.map(({ exchange }) => exchange)).toEqual(
        recorded.map(({ exchange }) => exchange).toSorted((a, b) => a - b),
      );
      const byTarget = new Map(recorded.map((start) => [start.target, start]));
      // Ids are given in the order in which exchanges begin.
      const order = [...lives.entries()].sort(([, a], [, b]) => a.from - b.from).map(([i]) => i);
      for (const [place, i] of order.entries()) {
        const { status, ends, takesMs } = lives[i] ?? expect.fail();
        if (ends === 'never') continue;
        const kept = byTarget.get(`/${i}`);
        const always = status !== 404 && (status >= 500 || ends === 'client' || takesMs > 60);
        const share = status === 404 ? 0 : always ? 1 : base.sample(aStart(), place + 1);
        expect(kept?.sampleRate ?? 0).toBe(share);
      }
    }),
    { numRuns: 40 },
  );
});

test('offered is recorded, sampled out and dropped, as stats and gaps say, whatever finds no room', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(life, { minLength: 60, maxLength: 120 }),
      fc.constantFrom(600, 20_000),
      async (lives, maxHeldBytes) => {
        const { sink, recorder, clock } = recording(
          keepErrors(sampleRatio(0.5), { maxHeldBytes, maxHeldMs: 50 }),
          new ManualClock(),
          70_000,
        );
        const crowded = lives.map((each) => ({ ...each, from: each.from % 6, bytes: each.bytes / 2 }));
        await lived(crowded, recorder, clock);
        const stats = await recorder.close();
        expectBalanced(stats);
        expectNumbered(sink.events);
        const gaps = sink.events.filter((event) => event.type === 'gap');
        const sum = (of: 'exchanges' | 'events') => gaps.reduce((total, gap) => total + gap[of], 0);
        expect(sum('exchanges')).toBe(stats.dropped['buffer-full']);
        expect(sum('events')).toBe(stats.eventsLost['buffer-full']);
        expect(starts(sink.events)).toHaveLength(stats.recorded);
        expect(sink.events.filter(({ type }) => type !== 'audit').length).toBe(stats.events - sum('events'));
      },
    ),
    { numRuns: 25 },
  );
});
