// What is replayed to a server that answers after random times: in a worker, which loads the built packages.
import { createServer } from 'node:http';
import { setTimeout as wait } from 'node:timers/promises';
import {
  type Exchange,
  type ReplayOptions,
  type ReplayOrder,
  type ReplayResult,
  ReportBuilder,
  replayExchanges,
} from '@gardenhose/core';
import { anExchange } from '@gardenhose/core/testing';
import { createSender } from '@gardenhose/http-adapter';
import { expect, test } from 'vitest';
import { listening } from './support/servers.ts';

const ms = 1e6;

/** Numbers from 0 to 1, the same for each seed (mulberry32). */
function random(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** Lanes in which some exchanges follow each other, some overlap, and some begin together, as pipelined ones do. */
function capture(seed: number, lanes: number, count: number): Exchange[] {
  const next = random(seed);
  const clocks = new Float64Array(lanes);
  const shapes = Array.from({ length: count }, () => {
    const lane = Math.floor(next() * lanes);
    const gap = next() < 0.3 ? 0 : next() * 40;
    const startAt = ((clocks[lane] ?? 0) + gap) * ms;
    clocks[lane] = startAt / ms;
    return { lane, startAt, endAt: startAt + next() * 60 * ms };
  });
  shapes.sort((a, b) => a.startAt - b.startAt);
  return shapes.map(({ lane, startAt, endAt }, i) =>
    anExchange({
      ...{ id: i + 1, lane: `l${lane}`, startAt, endAt, response: { at: endAt, endAt } },
      request: { target: `/${i + 1}` },
    }),
  );
}

async function replayed(exchanges: readonly Exchange[], order: ReplayOrder, options: ReplayOptions = {}) {
  const delay = random(exchanges.length);
  const came = new Map<string, number[]>();
  await using served = await listening(
    createServer(async ({ url = '', headers }, res) => {
      const lane = exchanges[Number(url.slice(1)) - 1]?.lane ?? '';
      came.set(lane, [...(came.get(lane) ?? []), Number(url.slice(1))]);
      await wait(delay() * 200);
      res.end(headers['x-shadow-seq']);
    }),
  );
  const run = replayExchanges(exchanges, createSender(served.origin), { ...options, order });
  const results: ReplayResult[] = [];
  const report = new ReportBuilder();
  for await (const result of run.results) {
    results.push(result);
    report.add(result);
  }
  return { run, came, report: report.build(run.progress()), results };
}

/** Pairs that the definition of the order forbids, each looked at. */
function forbidden(
  exchanges: readonly Exchange[],
  results: readonly ReplayResult[],
  order: 'causal' | 'lane',
) {
  const times = new Map(results.map(({ entry }) => [entry.exchange, entry]));
  let inversions = 0;
  let edges = 0;
  for (const [i, later] of exchanges.entries()) {
    for (const earlier of exchanges.slice(0, i)) {
      if (earlier.lane !== later.lane) continue;
      const [before, after] = [times.get(earlier.id), times.get(later.id)];
      const depends = order === 'lane' || earlier.endAt <= later.startAt;
      if (depends) edges++;
      const sentAt = after?.sentAt ?? Number.NaN;
      if (!(sentAt >= (before?.sentAt ?? Number.NaN))) inversions++;
      else if (depends && !(sentAt >= (before?.endAt ?? Number.NaN))) inversions++;
    }
  }
  return { inversions, edges };
}

test.each(['causal', 'lane'] as const)(
  'in %s order nothing is turned around, however long a server takes to answer',
  async (order) => {
    const exchanges = capture(7, 30, 300);
    const { results, came, report, run } = await replayed(exchanges, order);
    expect(run.thread).toBe('worker');
    expect(report.exchanges).toMatchObject({ total: 300, answered: 300 });
    const { inversions, edges } = forbidden(exchanges, results, order);
    expect(inversions).toBe(0);
    expect(edges).toBeGreaterThan(order === 'lane' ? 1_300 : 800);
    expect(report.order).toMatchObject({ lanes: 30, sendInversions: 0, answerInversions: 0 });
    expect(report.order.pairs).toBeGreaterThan(1_000);
    // As the server saw it: the requests of each lane came in their order.
    for (const [lane, numbers] of came) {
      expect(numbers).toEqual(exchanges.filter((one) => one.lane === lane).map(({ id }) => id));
    }
  },
);

test('several threads keep one clock, the order of each lane, and one limit', async () => {
  const exchanges = capture(23, 40, 200);
  const guard = { maxInFlight: 12 };
  const { results, came, report } = await replayed(exchanges, 'causal', { threads: 3, guard, speed: 4 });
  expect(report.run?.threads).toBe(3);
  expect(report.exchanges).toMatchObject({ total: 200, answered: 200 });
  expect(forbidden(exchanges, results, 'causal').inversions).toBe(0);
  expect(report.order).toMatchObject({ sendInversions: 0, answerInversions: 0 });
  for (const [lane, numbers] of came) {
    expect(numbers).toEqual(exchanges.filter((one) => one.lane === lane).map(({ id }) => id));
  }
  // Sends and answers of all threads on their one clock: never more under way than are allowed.
  const steps = results.flatMap(({ entry: { sentAt = 0, endAt = 0 } }) => [
    { at: sentAt, step: 1 },
    { at: endAt, step: -1 },
  ]);
  let underWay = 0;
  for (const { step } of steps.sort((a, b) => a.at - b.at || a.step - b.step)) {
    underWay += step;
    expect(underWay).toBeLessThanOrEqual(12);
  }
  for (const { entry } of results) expect(entry.sentAt).toBeGreaterThanOrEqual(entry.plannedAt);
});

test('what no order kept apart is found and counted', async () => {
  const exchanges = capture(11, 5, 100);
  const { results, report } = await replayed(exchanges, 'none');
  const { inversions } = forbidden(exchanges, results, 'causal');
  expect(inversions).toBeGreaterThan(50);
  expect(report.order.sendInversions + report.order.answerInversions).toBe(inversions);
});
