import { expect, test } from 'vitest';
import type { Comparison } from '../src/compare/difference.ts';
import type { HookRule } from '../src/hook/rule.ts';
import type { Exchange } from '../src/model/exchange.ts';
import type { ReplayResult } from '../src/replay/transcript.ts';
import { type ReplayRunOptions, replay } from '../src/run.ts';
import { aChunk, anExchange } from '../src/testing/factories.ts';
import { ManualClock } from '../src/testing/manual-clock.ts';
import { MemorySender } from '../src/testing/memory-sender.ts';
import { settle } from './replay/drive.ts';

const ms = 1e6;
const exchangesOf = (
  count: number,
  over: (id: number) => Parameters<typeof anExchange>[0] = () => ({}),
): Exchange[] =>
  Array.from({ length: count }, (_, i) => {
    const startAt = (i + 1) * 10 * ms;
    const { response, ...rest } = over(i + 1) ?? {};
    const endAt = startAt + ms;
    return anExchange({
      id: i + 1,
      startAt,
      endAt,
      ...rest,
      response: response === null ? null : { endAt, ...response },
    });
  });

/** Runs a replay on a clock that is moved by hand, to its end. */
async function run(source: Iterable<Exchange>, sender: MemorySender, options: ReplayRunOptions = {}) {
  const clock = new ManualClock();
  let over = false;
  const report = replay(source, sender, { ...options, clock }).finally(() => {
    over = true;
  });
  report.catch(() => {});
  for (let step = 0; !over; step++) {
    if (step > 10_000) throw new Error('the replay did not end');
    await settle();
    clock.advanceMs(0);
    await settle();
    if (!over) clock.advanceMs(1);
  }
  return report;
}

test('replay() sends, compares and reports', async () => {
  const sender = new MemorySender(({ id }) => ({
    delayNs: 2 * ms,
    ...(id % 2 === 0 ? { status: 500 } : {}),
  }));
  const told: [ReplayResult, Comparison | undefined][] = [];
  const report = await run(exchangesOf(10), sender, {
    compare: true,
    onResult: (...result) => told.push(result),
  });
  expect(report).toMatchObject({
    verdict: 1,
    reasons: ['5 of 10 exchanges were answered differently'],
    comparison: 'changed',
    fidelity: { verdict: 'faithful' },
    exchanges: { total: 10, sent: 10, answered: 10 },
    run: { target: 'in-process', thread: 'inline', pace: 'recorded', order: 'causal' },
    timing: { plannedMs: 90, actualMs: 90 },
    order: { lanes: 1, pairs: 45, sendInversions: 0, answerInversions: 0 },
  });
  expect(report.differences?.groups).toMatchObject([
    { path: 'status', count: 5, exchanges: [2, 4, 6, 8, 10] },
  ]);
  expect(told.map(([{ entry }, comparison]) => [entry.exchange, comparison?.differences.length])).toEqual(
    Array.from({ length: 10 }, (_, i) => [i + 1, i % 2]),
  );
});

test('replay() compares nothing but statuses unless asked', async () => {
  const report = await run(exchangesOf(2), new MemorySender(() => ({ status: 500 })));
  expect(report).toMatchObject({
    verdict: 1,
    reasons: ['2 exchanges were answered with another status'],
    comparison: 'off',
    differences: undefined,
  });
});

test('replay() gives its compare and report options on', async () => {
  const sender = new MemorySender(() => ({ status: 500, delayNs: ms }));
  const report = await run(exchangesOf(3), sender, {
    compare: { ignore: ['status'] },
    report: { maxOperations: 1 },
  });
  expect(report).toMatchObject({ verdict: 0, comparison: 'clean' });
  expect(report.differences?.ignored).toEqual([{ path: 'status', count: 3 }]);
});

test('replay() applies rules to what is sent and to what it is compared with', async () => {
  const rules: HookRule[] = [
    { do: 'drop', where: { path: '/health' } },
    { do: 'rewrite-path', from: '/orders/:id', to: '/v2/orders/:id' },
    {
      do: 'patch-body',
      side: 'response',
      patch: [{ op: 'replace', path: '/id', value: 8 }],
      where: { status: 200 },
    },
    { do: 'patch-body', patch: [{ op: 'remove', path: '/missing' }], where: { method: 'POST' } },
  ];
  const seen: string[] = [];
  const sender = new MemorySender((exchange) => {
    seen.push(`${exchange.request.method} ${exchange.request.target}`);
    return {};
  });
  const exchanges = exchangesOf(4, (id) => ({
    request: id === 1 ? { target: '/health' } : id === 4 ? { method: 'POST', chunks: [aChunk('{}')] } : {},
    response: id === 3 ? { status: 404 } : {},
  }));
  const report = await run(exchanges, sender, { rules, compare: true });
  expect(seen).toEqual(['GET /v2/orders/7', 'GET /v2/orders/7', 'POST /v2/orders/7']);
  expect(report.exchanges.skips).toEqual([{ reason: 'hook', count: 1 }]);
  expect(report.notes).toEqual([{ name: 'patch-missed 3', count: 1 }]);
  // The sender in memory answers with the response of what it was given, which has the new id.
  expect(report.comparison).toBe('clean');
});

test('replay() runs rules before hooks', async () => {
  const targets: string[] = [];
  await run(exchangesOf(1), new MemorySender(), {
    rules: [{ do: 'rewrite-path', from: '/orders/*', to: '/v2/*' }],
    hooks: { onSend: ({ request }) => void targets.push(request.target) },
  });
  expect(targets).toEqual(['/v2/7']);
});

test('replay() refuses options that make no sense before anything is sent', async () => {
  const sender = new MemorySender();
  const source = exchangesOf(1);
  await expect(replay(source, sender, { compare: { ignore: ['nowhere'] } })).rejects.toThrow(/^ignore\[0\]/);
  await expect(replay(source, sender, { rules: [{ do: 'sample', ratio: 2 }] })).rejects.toThrow(
    /^rules\[0\]/,
  );
  await expect(replay(source, sender, { report: { maxLagP99Ms: Number.NaN } })).rejects.toThrow(
    /^maxLagP99Ms/,
  );
  await expect(replay(source, sender, { speed: 0 })).rejects.toThrow(/^speed/);
  expect(sender.sent).toEqual([]);
});

test('a misspelt option is refused, also one within another', async () => {
  const misspelt: readonly (readonly [string, object])[] = [
    ['guard has no option "allowMutation"; known are', { guard: { allowMutation: true } }],
    ['compare has no option "ignores"; known are', { compare: { ignores: ['status'] } }],
    ['report has no option "maxLagMs"; known are', { report: { maxLagMs: 5 } }],
    ['mark has no option "runID"; known are', { mark: { runID: 'a' } }],
    ['a replay has no option "pase"; known are', { pase: 'asap' }],
  ];
  for (const [message, options] of misspelt) {
    await expect(replay([], new MemorySender(() => ({})), options)).rejects.toThrow(message);
  }
});
