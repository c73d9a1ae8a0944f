import { spawn } from 'node:child_process';
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { once } from 'node:events';
import { expect, test, vi } from 'vitest';
import { noMask } from '../../src/mask/masker.ts';
import { memorySink } from '../../src/record/memory-sink.ts';
import { createRecorder } from '../../src/record/recorder.ts';
import { newsChannel, type RecorderNews } from '../../src/record/recorder-news.ts';
import type { RecorderOptions } from '../../src/record/recorder-options.ts';
import { ManualClock } from '../../src/testing/manual-clock.ts';

const recorderTo = (options: Partial<RecorderOptions> = {}) =>
  createRecorder({ service: 'shop', sink: memorySink(), mask: noMask, clock: new ManualClock(), ...options });

test('each change of state and of control is told once, to a function and on the diagnostics channel', async () => {
  const [logged, published]: [RecorderNews[], unknown[]] = [[], []];
  const hear = (news: unknown): void => void published.push(news);
  subscribe(newsChannel, hear);
  const recorder = recorderTo({ log: (news) => void logged.push(news) });
  await recorder.ready;
  recorder.control.set({ ratio: 0.5 });
  recorder.control.set({ ratio: 0.5, paused: true }, 'http');
  recorder.resume();
  await recorder.control.kill('file');
  await recorder.close();
  unsubscribe(newsChannel, hear);
  expect(
    logged.map(({ event, level, state, before, name, value }) => [
      event,
      level,
      state,
      before ?? name,
      value,
    ]),
  ).toEqual([
    ['state', 'info', 'recording', 'opening', undefined],
    ['control', 'info', 'recording', 'sampling', 'ratio 0.5 (api)'],
    ['state', 'info', 'paused', 'recording', undefined],
    ['control', 'info', 'paused', 'pause', 'http'],
    ['state', 'info', 'recording', 'paused', undefined],
    ['control', 'info', 'recording', 'resume', 'api'],
    ['control', 'warn', 'recording', 'kill', 'file'],
    ['state', 'info', 'closed', 'recording', undefined],
  ]);
  expect(published).toEqual(logged);
  expect(logged[0]).toMatchObject({ service: 'shop', capture: recorder.captureId });
  expect(logged[0]?.time).toMatch(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/);
});

test('a recorder that fails tells why, and says so to the end', async () => {
  const logged: RecorderNews[] = [];
  const sink = {
    open: () => {
      throw new Error('no room');
    },
  };
  const recorder = recorderTo({ sink, log: (news) => void logged.push(news) });
  await expect(recorder.ready).rejects.toThrow('no room');
  await recorder.close();
  expect(logged).toMatchObject([
    { state: 'failed', before: 'opening', level: 'error', reason: expect.stringContaining('no room') },
  ]);
});

test('a logger that throws is counted, and harms nobody', async () => {
  const recorder = recorderTo({
    log: () => {
      throw new TypeError('a secret');
    },
  });
  await recorder.ready;
  recorder.pause();
  const stats = await recorder.close();
  expect(stats).toMatchObject({ state: 'closed', tapFailures: 4, lastError: 'a tap failed: TypeError' });
});

test('by itself nothing is told anywhere; true is lines of JSON on standard error', async () => {
  const written: string[] = [];
  const spy = vi.spyOn(process.stderr, 'write').mockImplementation((text) => {
    written.push(String(text));
    return true;
  });
  try {
    await recorderTo().close();
    expect(written).toEqual([]);
    const recorder = recorderTo({ log: true });
    await recorder.ready;
    await recorder.close();
  } finally {
    spy.mockRestore();
  }
  expect(written).toHaveLength(2);
  expect(written.map((line) => JSON.parse(line))).toMatchObject([
    { name: 'gardenhose', event: 'state', state: 'recording' },
    { name: 'gardenhose', event: 'state', state: 'closed' },
  ]);
  const wrong: unknown = 'stderr';
  expect(() => Reflect.apply(recorderTo, undefined, [{ log: wrong }])).toThrow(
    /log must be true, false or a function/,
  );
});

test('a service whose standard error nobody reads any more is not ended by what is told there, however often', async () => {
  const service = `
    import { createRecorder, memorySink } from '@gardenhose/core';
    const recorder = createRecorder({ service: 'shop', sink: memorySink(), pipeline: 'inline', log: true });
    await recorder.ready;
    process.on('message', async () => {
      // What cannot be written is told by an event, which comes later.
      for (let i = 0; i < 20; i++) {
        if (i % 2 === 0) recorder.pause();
        else recorder.resume();
        await new Promise((next) => setImmediate(next));
      }
      // An error of what the service itself writes is its own: no listener of ours stays.
      while (process.stderr.listenerCount('error') > 0) await new Promise((next) => setImmediate(next));
      process.send('gone on');
      process.disconnect();
    });
    process.send('ready');
  `;
  const child = spawn(process.execPath, ['--input-type=module', '-e', service], {
    stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
  });
  const ended = once(child, 'exit');
  await once(child, 'message');
  child.stderr?.destroy();
  await once(child.stderr ?? child, 'close');
  const told = Promise.race([once(child, 'message'), ended]);
  child.send('go on');
  expect(await told).toEqual(['gone on', undefined]);
  expect(await ended).toEqual([0, null]);
});
