// Starts worker threads, which load the built packages: `npm run build` first.
import {
  type Exchange,
  isGardenhoseError,
  type ReplayRunOptions,
  type Report,
  replayExchanges,
} from '@gardenhose/core';
import { anExchange } from '@gardenhose/core/testing';
import { createSender, replay } from '@gardenhose/http-adapter';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { distinctAffinities, whyNoOwnProcessor } from '../../../test/support/affinity.ts';
import { answerHeads, okAnswer, wireServer } from './support/wire-server.ts';

const why = whyNoOwnProcessor();
beforeEach(({ skip }) => skip(why !== undefined, why));
afterEach(() => vi.unstubAllEnvs());

const ms = 1e6;
const exchanges = (count: number, everyMs: number): Exchange[] =>
  Array.from({ length: count }, (_, i) => {
    const startAt = i * everyMs * ms;
    return anExchange({
      id: i + 1,
      lane: 'a',
      startAt,
      endAt: startAt + ms,
      response: { endAt: startAt + ms },
    });
  });

/** Replays; gives the report, or what it threw, and who was tied to what meanwhile. */
async function replayed(source: Iterable<Exchange>, target: string, options: ReplayRunOptions) {
  const during: string[][] = [];
  let report: Report | undefined;
  let error: unknown;
  try {
    report = await replay(source, target, {
      ...options,
      onResult: (...result) => {
        during.push(distinctAffinities());
        options.onResult?.(...result);
      },
    });
  } catch (thrown) {
    error = thrown;
  }
  return { error, run: report?.run, during };
}

test('the thread that sends has a processor to itself for the run, and the report says so', async () => {
  await using server = await wireServer(answerHeads(okAnswer));
  const before = distinctAffinities();
  for (const ownProcessor of [true, 'auto'] as const) {
    const { run, during } = await replayed(exchanges(5, 20), server.origin, { ownProcessor });
    expect(run).toMatchObject({ thread: 'worker', ownProcessor: true });
    expect(during[0]).toHaveLength(2);
    expect(during[0]).not.toContain(before[0]);
    expect(distinctAffinities()).toEqual(before);
  }
});

test.each([
  ['by default', {}],
  ['when it is not wanted', { ownProcessor: false }],
  ['without a schedule to keep to', { ownProcessor: 'auto', pace: 'asap' }],
  ['when the engine runs inline', { ownProcessor: 'auto', thread: 'inline' }],
] as const)('no thread is tied to a processor %s', async (_, options) => {
  await using server = await wireServer(answerHeads(okAnswer));
  const before = distinctAffinities();
  const { run, during } = await replayed(exchanges(2, 10), server.origin, options);
  expect(run).toMatchObject({ ownProcessor: false });
  expect(during).toEqual([before, before]);
});

test('the processor is given back by a run that fails, is stopped, or is read no further', async () => {
  await using server = await wireServer(answerHeads(okAnswer));
  const before = distinctAffinities();
  const refused = await replayed(exchanges(1, 1), 'http://127.0.0.1:1', { ownProcessor: true });
  expect(refused.error).toMatchObject({ code: 'target-unreachable' });
  expect(distinctAffinities()).toEqual(before);

  const onResult = () => {
    throw new Error('enough');
  };
  const thrown = await replayed(exchanges(5, 10), server.origin, { ownProcessor: true, onResult });
  expect(thrown.error).toMatchObject({ message: 'enough' });
  expect(thrown.during[0]).toHaveLength(2);
  expect(distinctAffinities()).toEqual(before);

  const stop = new AbortController();
  const stopped = await replayed(exchanges(50, 100), server.origin, {
    ownProcessor: true,
    signal: stop.signal,
    onResult: () => stop.abort(),
  });
  expect(stopped.run).toMatchObject({ stopped: 'signal', ownProcessor: true });
  expect(distinctAffinities()).toEqual(before);
});

test('a worker that cannot open its sender leaves nothing tied', async () => {
  const before = distinctAffinities();
  const sender = {
    ...createSender('http://127.0.0.1:1'),
    source: { url: 'data:text/javascript,throw Error("no")', options: {} },
  };
  const replaying = replay(exchanges(1, 1), sender, { ownProcessor: true });
  await expect(replaying).rejects.toMatchObject({ code: 'worker-failed' });
  expect(distinctAffinities()).toEqual(before);
});

test('of two replays at once one has a processor to itself; the other goes without, or fails when it must have one', async () => {
  await using server = await wireServer(answerHeads(okAnswer));
  const before = distinctAffinities();
  const both = (ownProcessor: true | 'auto') =>
    Promise.all([1, 2].map(() => replayed(exchanges(20, 20), server.origin, { ownProcessor })));
  const lenient = await both('auto');
  expect(lenient.map(({ run }) => run?.ownProcessor).sort()).toEqual([false, true]);
  const strict = await both(true);
  const failures = strict.flatMap(({ error }) => (isGardenhoseError(error, 'invalid-option') ? [error] : []));
  expect(failures.map(({ message }) => message)).toEqual([expect.stringContaining('by another replay')]);
  expect(distinctAffinities()).toEqual(before);
});

test('where it cannot be had, true says why before anything is sent, and auto goes without', async () => {
  await using server = await wireServer(answerHeads(okAnswer));
  const inline = await replayed(exchanges(1, 1), server.origin, { ownProcessor: true, thread: 'inline' });
  expect(inline.error).toMatchObject({ code: 'invalid-option', place: { subject: 'ownProcessor' } });
  vi.stubEnv('PATH', '/nowhere');
  const without = await replayed(exchanges(1, 1), server.origin, { ownProcessor: true });
  expect(without.error).toMatchObject({
    code: 'invalid-option',
    message: expect.stringContaining('taskset'),
  });
  expect(server.connections).toHaveLength(0);
  const { run } = await replayed(exchanges(1, 1), server.origin, { ownProcessor: 'auto' });
  expect(run).toMatchObject({ thread: 'worker', ownProcessor: false });
});

test('ownProcessor takes a boolean or auto', async () => {
  const options = { ownProcessor: JSON.parse('"yes"') };
  await expect(replay(exchanges(1, 1), 'http://127.0.0.1:1', options)).rejects.toMatchObject({
    code: 'invalid-option',
    message: "ownProcessor must be true, false or 'auto', got 'yes'",
  });
});

/** Answers at once, and takes its thread down a moment later. */
const failing = `
  const answer = (exchange) => ({
    exchange, sentAt: 0, endAt: 1, informational: [], chunks: [], trailers: [], size: 0, truncated: false,
  });
  const lane = {
    warm: async () => undefined,
    send: async ({ exchange }) => {
      setTimeout(() => { throw new Error('broken'); }, 150);
      return answer(exchange);
    },
    abandon() {},
    close() {},
  };
  export const openSender = () => ({ target: 'http://127.0.0.1:1', openLane: () => lane, close: async () => {} });
`;

test('the processor is given back when the worker fails, while nobody reads the results', async () => {
  const before = distinctAffinities();
  const url = `data:text/javascript,${encodeURIComponent(failing)}`;
  const sender = { ...createSender('http://127.0.0.1:1'), source: { url, options: null } };
  const { results } = replayExchanges(exchanges(2, 60_000), sender, { ownProcessor: true });
  await results.next();
  expect(distinctAffinities()).toHaveLength(2);
  await expect.poll(distinctAffinities, { timeout: 5_000 }).toEqual(before);
  await expect(results.next()).rejects.toMatchObject({ code: 'worker-failed' });
});
