// Starts worker threads, which load the built packages: `npm run build` first.
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  assemble,
  type CaptureEvent,
  type Exchange,
  fileSink,
  openCapture,
  type ReplayResult,
  replayExchanges,
} from '@gardenhose/core';
import { aCaptureHeader, anExchange, exchangeEvents, interleave } from '@gardenhose/core/testing';
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

test('a report is the same whether anyone looks at the answers or not', async () => {
  await using server = await wireServer(
    answerHeads((count) => {
      const status = count % 3 === 0 ? '404 Not Found' : '200 OK';
      return `HTTP/1.1 ${status}\r\nContent-Length: 2\r\nX-A: b\r\n\r\nok`;
    }),
  );
  const exchanges = Array.from({ length: 60 }, (_, i) =>
    anExchange({
      ...{ id: i + 1, lane: `l${i % 4}`, startAt: i * ms, endAt: (i + 0.5) * ms },
      request: { target: `/n${i}` },
    }),
  );
  let looked = 0;
  const brief = await replay(exchanges, server.origin, { pace: 'asap' });
  const whole = await replay(exchanges, server.origin, {
    pace: 'asap',
    onResult: ({ replayed }) => {
      if (replayed?.response?.headers.at(-1) === 'b') looked++;
    },
  });
  expect(looked).toBe(60);
  expect(brief.statuses).toEqual(whole.statuses);
  expect(brief.statuses).toHaveLength(2);
  expect(brief.exchanges).toEqual(whole.exchanges);
  expect(brief.reasons).toEqual(whole.reasons);
  expect(brief.fidelity).toEqual(whole.fidelity);
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

test('a run that is stopped while a recorded host is looked up ends, and sends nothing', async () => {
  await using server = await wireServer(answerHeads(okAnswer));
  const stop = new AbortController();
  const headers = ['Host', `other.test:${new URL(server.origin).port}`];
  const report = await replay([anExchange({ request: { headers } })], server.origin, {
    signal: stop.signal,
    guard: {
      allowRecordedOrigin: false,
      async resolve() {
        stop.abort();
        return ['203.0.113.7'];
      },
    },
  });
  expect(report.run).toMatchObject({ thread: 'worker', stopped: 'signal' });
  expect(report.exchanges).toMatchObject({ total: 1, sent: 0, skipped: 1 });
  expect(server.connections).toHaveLength(0);
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

/** A capture in a directory of its own. */
async function captureOf(events: readonly CaptureEvent[]): Promise<AsyncDisposable & { path: string }> {
  const directory = await mkdtemp(join(tmpdir(), 'gardenhose-replay-'));
  const path = join(directory, 'made.hose');
  const sink = await fileSink({ path }).open(aCaptureHeader());
  await sink.write(events);
  await sink.close();
  return { path, [Symbol.asyncDispose]: () => rm(directory, { recursive: true }) };
}

const eventsFor = (count: number, hostOf: (exchange: number) => string): CaptureEvent[] =>
  interleave(
    ...Array.from({ length: count }, (_, i) =>
      exchangeEvents({
        exchange: i + 1,
        at: (i + 1) * ms,
        stepNs: 1_000,
        lane: `l${i % 5}`,
        start: { method: 'GET', target: '/', headers: ['Host', hostOf(i + 1)] },
      }),
    ),
  );

test('a report on a capture says what the capture lacks', async () => {
  await using server = await wireServer(answerHeads(okAnswer));
  const gap: CaptureEvent = {
    ...{ type: 'gap', seq: 0, at: 9e9, reason: 'buffer-full', fromAt: 1e9, toAt: 9e9 },
    ...{ exchanges: 7, events: 0, fromSeq: 0 },
  };
  const events = eventsFor(3, () => 'shop.test');
  await using made = await captureOf([...events, { ...gap, seq: events.length + 1 }]);
  await using opened = await openCapture(made.path);
  for (const source of [made.path, opened]) {
    const report = await replay(source, server.origin, { pace: 'asap' });
    expect(report.losses).toEqual({
      state: 'complete',
      exchanges: 7,
      events: 0,
      gaps: [{ reason: 'buffer-full', count: 1, exchanges: 7, events: 0 }],
    });
    expect(report.fidelity.verdict).toBe('incomplete');
  }
});

test('a target that the last exchange of a capture names gets nothing', async () => {
  await using server = await wireServer(answerHeads(okAnswer));
  // The same machine under a name that is not loopback.
  const target = server.origin.replace('127.0.0.1', '0.0.0.0');
  const count = 6_000;
  const events = eventsFor(count, (id) => (id === count ? new URL(target).host : 'shop.test'));
  await using made = await captureOf(events);
  const options = { pace: 'asap', guard: { allow: [target] } } as const;
  await expect(replay(made.path, target, options)).rejects.toMatchObject({ code: 'target-refused' });
  expect(server.connections).toHaveLength(0);
});

test('a target that a stream names too late is not said to have got nothing', async () => {
  await using server = await wireServer(answerHeads(okAnswer));
  const target = server.origin.replace('127.0.0.1', '0.0.0.0');
  const count = 6_000;
  const events = eventsFor(count, (id) => (id === count ? new URL(target).host : 'shop.test'));
  const options = { pace: 'asap', guard: { allow: [target] } } as const;
  const replaying = replay(assemble(events), target, options);
  await expect(replaying).rejects.toMatchObject({ code: 'replay-aborted' });
  expect(server.connections.length).toBeGreaterThan(0);
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

test('a capture is replayed from its file several times over, in part, and begins when it is told to', async () => {
  const events = Array.from({ length: 20 }, (_, i) =>
    exchangeEvents({ exchange: i + 1, at: i * 5 * ms, lane: 'a' }),
  );
  await using made = await captureOf(interleave(...events));
  const came: { readonly iteration: unknown; readonly port: unknown; readonly at: number }[] = [];
  await using served = await listening(
    createServer(({ headers, socket }, res) => {
      came.push({ iteration: headers['x-shadow-iteration'], port: socket.remotePort, at: Date.now() });
      res.end('ok');
    }),
  );
  const startAt = Date.now() + 700;
  const report = await replay(made.path, served.origin, {
    ...{ loop: 2, window: { fromMs: 50 }, startAt, maxIdleMs: 2 },
  });
  expect(report.errors).toEqual([]);
  // The last of one may come behind the first of the next: they are on connections of their own.
  expect(came.map(({ iteration }) => String(iteration)).sort()).toEqual([
    ...[...Array(10).fill('1'), ...Array(10).fill('2')],
  ]);
  expect(new Set(came.map(({ port }) => port)).size).toBe(2);
  expect(Math.min(...came.map(({ at }) => at))).toBeGreaterThanOrEqual(startAt - 1);
  expect(report.exchanges).toMatchObject({ total: 20, answered: 20 });
  expect(report.losses?.gaps).toEqual([]);
  expect(report.run?.pacing).toMatchObject({ loop: 2, startAt: new Date(startAt).toISOString() });
});
