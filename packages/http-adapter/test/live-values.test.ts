// Starts worker threads, which load the built packages: `npm run build` first.
import { randomBytes } from 'node:crypto';
import { createServer } from 'node:http';
import type { Exchange, ReplayResult } from '@gardenhose/core';
import { aChunk, anExchange } from '@gardenhose/core/testing';
import { type HttpReplayOptions, replay } from '@gardenhose/http-adapter';
import { expect, test } from 'vitest';
import { listening } from './support/servers.ts';

const ms = 1e6;
const recordedId = (n: number) => `ord_${n}8f3a2b1c9d4e`;

/** An order is made in one lane, and asked for in two others. */
function orders(count: number, everyMs: number): Exchange[] {
  const one = (id: number, lane: string, at: number, method: string, target: string, answer: unknown) => {
    const body = JSON.stringify(answer);
    return anExchange({
      ...{ id, lane, startAt: at * ms, endAt: (at + 1) * ms },
      request: { method, target, headers: ['Host', 'shop.test'] },
      response: {
        at: (at + 1) * ms,
        endAt: (at + 1) * ms,
        headers: ['Content-Type', 'application/json', 'Content-Length', String(body.length)],
        chunks: [aChunk(body, (at + 1) * ms)],
        size: body.length,
      },
    });
  };
  return Array.from({ length: count }, (_, i) => {
    const at = i * everyMs;
    const id = recordedId(i);
    return [
      one(3 * i + 1, `a${i % 3}`, at, 'POST', '/orders', { id }),
      one(3 * i + 2, `b${i % 4}`, at + 2, 'GET', `/orders/${id}`, { id, state: 'open' }),
      one(3 * i + 3, `a${i % 3}`, at + 4, 'GET', `/orders/${id}?full=1`, { id, state: 'open' }),
    ];
  }).flat();
}

/** Makes ids anew; answers the first after a while; and knows no others. */
async function shop(firstAfterMs = 0) {
  const known = new Set<string>();
  const server = createServer((request, response) => {
    const { method, url = '' } = request;
    const answer = (status: number, body: unknown) => {
      const text = JSON.stringify(body);
      response.writeHead(status, { 'content-type': 'application/json', 'content-length': text.length });
      response.end(text);
    };
    if (method === 'POST') {
      const id = `live-${randomBytes(8).toString('hex')}`;
      const wait = known.size === 0 ? firstAfterMs : 0;
      known.add(id);
      setTimeout(() => answer(200, { id }), wait);
      return;
    }
    const id = url.slice('/orders/'.length).replace(/\?.*/, '');
    answer(known.has(id) ? 200 : 404, { id, state: 'open' });
  });
  return await listening(server);
}

async function replayed(exchanges: readonly Exchange[], firstAfterMs: number, options: HttpReplayOptions) {
  await using served = await shop(firstAfterMs);
  const results: ReplayResult[] = [];
  const report = await replay([...exchanges], served.origin, {
    correlate: true,
    ...options,
    onResult: (result) => results.push(result),
  });
  const of = (id: number) => {
    const entry = results.find((result) => result.entry.exchange === id)?.entry;
    if (entry === undefined) throw new Error(`no result of ${id}`);
    return entry;
  };
  return { report, of };
}

const wrong = (report: Awaited<ReturnType<typeof replayed>>['report']) =>
  report.statuses.filter(({ recorded, replayed: now }) => recorded !== now);

test.each([
  ['one thread', { threads: 1 }],
  ['several threads, whose lanes need the answers of each other', { threads: 3 }],
  ['several threads at once', { threads: 2, pace: 'asap' }],
] as const)('live values are put in for %s', async (_, options) => {
  const { report } = await replayed(orders(60, 3), 0, options);
  expect(report.run).toMatchObject({ thread: 'worker', threads: options.threads });
  expect(wrong(report)).toEqual([]);
  expect(report.exchanges).toMatchObject({ total: 180, answered: 180 });
  expect(report.bindings).toMatchObject({ bindings: 1, used: 120, unresolved: 0 });
});

test('an exchange waits for an answer of another lane, as blocked and not as lag', async () => {
  const { report, of } = await replayed(orders(1, 3), 120, { threads: 2 });
  expect(wrong(report)).toEqual([]);
  expect(report.bindings).toMatchObject({ used: 2, unresolved: 0, blocked: 1 });
  expect(of(2).blockedNs).toBeGreaterThan(100 * ms);
  expect(of(2).sentAt).toBeGreaterThanOrEqual(of(1).endAt ?? Number.NaN);
  expect(of(2).blockedNs).toBeLessThanOrEqual((of(1).endAt ?? Number.NaN) - of(2).plannedAt);
});

test('it waits no longer than it may, and is sent as it was recorded then', async () => {
  const { report, of } = await replayed(orders(1, 3), 400, { correlate: { maxWaitMs: 20 } });
  expect(wrong(report)).toMatchObject([{ recorded: 200, replayed: 404, count: 1 }]);
  expect(report.bindings).toMatchObject({ used: 1, unresolved: 1, blocked: 1 });
  expect(of(2).sentAt).toBeLessThan(of(1).endAt ?? Number.NaN);
  expect(of(2).blockedNs).toBeGreaterThanOrEqual(19 * ms);
});

test('what waits for an answer when a run is stopped is skipped', async () => {
  const stop = new AbortController();
  const { report } = await replayed(orders(1, 3), 5_000, {
    signal: stop.signal,
    drainMs: 10,
    onProgress: ({ elapsedMs }) => {
      if (elapsedMs > 20) stop.abort();
    },
  });
  expect(report.exchanges).toMatchObject({ sent: 1, failed: 1, skips: [{ reason: 'aborted', count: 2 }] });
});
