// Starts worker threads, which load the built packages: `npm run build` first.
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Exchange, type ReplayResult, replayExchanges } from '@gardenhose/core';
import { anExchange } from '@gardenhose/core/testing';
import { createSender, replay } from '@gardenhose/http-adapter';
import { expect, test } from 'vitest';
import { listening } from './support/servers.ts';
import { answerHeads, okAnswer, wireServer } from './support/wire-server.ts';

const ms = 1e6;

const recorded = (id: number, lane: string, from: number, to: number): Exchange =>
  anExchange({ id, lane, startAt: from * ms, endAt: to * ms, response: { endAt: to * ms } });

test('a replay over sockets runs in a worker by default', async () => {
  await using server = await wireServer(answerHeads(okAnswer));
  const exchanges = Array.from({ length: 300 }, (_, i) => recorded(i + 1, `l${i % 10}`, i, i + 0.5));
  const run = replayExchanges(exchanges, createSender(server.origin));
  const results: ReplayResult[] = [];
  for await (const result of run.results) results.push(result);
  expect(run.thread).toBe('worker');
  expect(results.map(({ entry }) => entry.outcome)).toEqual(Array(300).fill('answered'));
  expect(server.connections).toHaveLength(10);
  expect(new Set(results.map(({ entry }) => entry.exchange)).size).toBe(300);
  for (const { entry } of results) expect(entry.sentAt).toBeGreaterThanOrEqual(entry.plannedAt);
  expect(run.progress()).toMatchObject({ thread: 'worker', read: 300, answered: 300, open: 0 });
});

test('a worker is refused by a target that nobody listens at, like any other', async () => {
  let origin = '';
  {
    await using server = await wireServer(() => {});
    origin = server.origin;
  }
  const replaying = replay([anExchange()], origin, { thread: 'worker' });
  await expect(replaying).rejects.toMatchObject({ code: 'target-unreachable' });
});

test('a worker stops on a signal, with a partial report', async () => {
  await using server = await wireServer(answerHeads(okAnswer));
  const exchanges = Array.from({ length: 100 }, (_, i) => recorded(i + 1, 'a', i * 100, i * 100 + 1));
  const stop = new AbortController();
  const report = await replay(exchanges, server.origin, {
    signal: stop.signal,
    onProgress: ({ answered }) => {
      if (answered >= 3) stop.abort();
    },
  });
  expect(report.run).toMatchObject({ thread: 'worker', stopped: 'signal' });
  expect(report.exchanges.answered).toBeGreaterThanOrEqual(3);
  expect(report.exchanges.answered).toBeLessThan(30);
});

test('what a worker cannot finish is given up after the drain', async () => {
  const stop = new AbortController();
  await using server = await wireServer(() => stop.abort());
  const report = await replay([recorded(1, 'a', 0, 1)], server.origin, { signal: stop.signal, drainMs: 30 });
  expect(report.errors.map(({ code }) => code)).toEqual(['replay-aborted']);
});

test('reading no further ends the worker and its connections', async () => {
  await using server = await wireServer(answerHeads(okAnswer));
  const exchanges = Array.from({ length: 100 }, (_, i) => recorded(i + 1, 'a', i * 100, i * 100 + 1));
  const run = replayExchanges(exchanges, createSender(server.origin));
  await run.results.next();
  const closed = server.connections.map(({ socket }) => once(socket, 'close'));
  await run.results.return();
  await Promise.all(closed);
});

test('a failing sender module fails the run', async () => {
  const sender = {
    ...createSender('http://127.0.0.1:1'),
    source: { url: 'data:text/javascript,throw Error("no")', options: {} },
  };
  const results = replayExchanges([anExchange()], sender).results;
  await expect(results.next()).rejects.toMatchObject({ code: 'worker-failed' });
});

test('hooks keep the run in this thread, those that run ahead do not', async () => {
  await using server = await wireServer(answerHeads(okAnswer));
  const inline = await replay([anExchange()], server.origin, { hooks: { onSend: () => undefined } });
  expect(inline.run?.thread).toBe('inline');
  const rules = [{ do: 'set-header', name: 'x-set', value: 'by rule' }] as const;
  const ahead = await replay([anExchange()], server.origin, { rules });
  expect(ahead.run?.thread).toBe('worker');
  expect(server.connections.at(-1)?.text()).toContain('x-set: by rule\r\n');
});

test('replay() takes an origin, an app, a server or a sender, and reports', async () => {
  await using served = await listening(createServer((req, res) => res.end(req.url)));
  const app = createServer((req, res) => res.end(req.url));
  const exchanges = () => [recorded(1, 'a', 0, 1), recorded(2, 'b', 1, 2)];
  for (const target of [served.origin, new URL(served.origin), app, createSender(served.origin)]) {
    const report = await replay(exchanges(), target, { pace: 'asap' });
    expect(report.exchanges).toMatchObject({ total: 2, answered: 2, failed: 0 });
  }
  await expect(replay(exchanges(), app, { sender: {} })).rejects.toMatchObject({ code: 'invalid-option' });
});

test('replay() reads a capture from its path', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'gardenhose-replay-'));
  try {
    await expect(replay(join(directory, 'none.hose'), 'http://127.0.0.1:1')).rejects.toMatchObject({
      code: 'io',
    });
  } finally {
    await rm(directory, { recursive: true });
  }
});
