import fc from 'fast-check';
import { expect, test } from 'vitest';
import { clockFindings, PairTable } from '../../src/capture/clock-corrections.ts';
import { estimateSkew, type PairedExchange, PairFinder } from '../../src/capture/clock-skew.ts';
import type { CaptureEvent, Direction } from '../../src/model/event.ts';
import { exchangeEvents } from '../../src/testing/exchange-events.ts';

const ms = 1e6;

/** An exchange that took so long on its way there and back, with a server whose clock is ahead by `skew`. */
const pair = (at: number, skew: number, there: number, back: number): PairedExchange => ({
  ...{ client: 0, server: 1, at },
  low: skew - back,
  high: skew + there,
});

test('the true skew lies within the error of the estimate, whatever the ways took', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: -1e12, max: 1e12 }),
      fc.array(fc.tuple(fc.nat(50 * ms), fc.nat(50 * ms)), { minLength: 1, maxLength: 40 }),
      (skew, ways) => {
        const pairs = ways.map(([there, back], i) => pair(i * ms, skew, there, back));
        const found = estimateSkew(pairs);
        expect(found?.agree).toBe(pairs.length);
        expect(Math.abs((found?.skewNs ?? Number.NaN) - skew)).toBeLessThanOrEqual((found?.errorNs ?? 0) + 1);
        const best = Math.min(...ways.map(([there, back]) => (there + back) / 2));
        expect(found?.errorNs).toBeLessThanOrEqual(best + 1);
      },
    ),
    { numRuns: 60 },
  );
});

test('wrong pairs do no harm while they are fewer, and no estimate is made where they are not', () => {
  const right = Array.from({ length: 30 }, (_, i) => pair(i * ms, 7 * ms, 1 * ms, 2 * ms));
  const wrong = Array.from({ length: 14 }, (_, i) => pair(i * ms, (i - 20) * 100 * ms, ms, ms));
  const found = estimateSkew([...right, ...wrong]);
  expect(found).toMatchObject({ pairs: 44, agree: 30 });
  expect(Math.abs((found?.skewNs ?? 0) - 7 * ms)).toBeLessThanOrEqual(1.5 * ms);
  expect(estimateSkew(wrong)).toBeUndefined();
  expect(estimateSkew([])).toBeUndefined();
});

test('a clock that drifts is followed; one that was set is not taken for one that drifts', () => {
  const drifting = Array.from({ length: 400 }, (_, i) => {
    const at = i * 10e9;
    return pair(at, 5 * ms + (80 * at) / 1e6, 0.2 * ms, (i % 7) * ms);
  });
  const found = estimateSkew(drifting);
  expect(found?.driftPpm).toBeCloseTo(80, 0);
  for (const at of [0, 2e12, 4e12]) {
    const skew = (found?.skewNs ?? 0) + ((found?.driftPpm ?? 0) * at) / 1e6;
    expect(Math.abs(skew - (5 * ms + (80 * at) / 1e6))).toBeLessThanOrEqual(found?.errorNs ?? 0);
  }
  expect(found?.errorNs).toBeLessThan(20 * ms);
  const set = Array.from({ length: 100 }, (_, i) => pair(i * 1e9, i < 60 ? 0 : 3_600e9, ms, ms));
  expect(estimateSkew(set)).toMatchObject({ driftPpm: 0, agree: 60 });
});

test('clocks are put right from recording to recording, both ways, along the best links', () => {
  // 1 is 10 ms ahead of 0, 2 is 5 ms behind 1; 3 stands alone; a bad direct link from 0 to 2.
  const table = new PairTable();
  const add = (client: number, server: number, skew: number, way: number) => {
    for (let i = 0; i < 5; i++) table.add({ ...pair(i * ms, skew, way, way), client, server });
  };
  add(0, 1, 10 * ms, 0.1 * ms);
  add(2, 1, 5 * ms, 0.1 * ms);
  add(0, 2, 20 * ms, 50 * ms);
  const findings = clockFindings(table.estimates(), [0, 100 * ms, 200 * ms, 300 * ms]);
  expect(findings.map(({ skewNs }) => Math.round(skewNs / ms))).toEqual([0, -10, -5, 0]);
  expect(findings[2]).toMatchObject({ against: 1, pairs: 5, agree: 5 });
  expect(findings[2]?.skewErrorNs).toBeCloseTo(0.2 * ms, -2);
  expect(findings[3]).toEqual({ skewNs: 0, driftPpm: 0, pairs: 0, agree: 0 });
});

const end = (
  recording: number,
  n: number,
  direction: Direction,
  headers: readonly string[],
  over: { readonly at?: number; readonly stepNs?: number } = {},
): CaptureEvent[] =>
  exchangeEvents({
    exchange: (n - 1) * 2 + recording + 1,
    start: { direction, headers: [...headers] },
    ...over,
  });

function pairsOf(...ends: readonly CaptureEvent[][]): PairedExchange[] {
  const pairs: PairedExchange[] = [];
  const finder = new PairFinder(2, (found) => pairs.push(found));
  for (const event of ends.flat()) finder.event(event);
  return pairs;
}

test('exchanges are paired by what both ends have of them', () => {
  const trace = ['traceparent', '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01'];
  const id = ['x-request-id', 'c0ffee00c0ffee00'];
  const asked = { at: 10 * ms, stepNs: 3 * ms };
  const served = { at: 111 * ms, stepNs: 2 * ms };
  for (const headers of [trace, id]) {
    // Sent at 10 and answered at 16 on the one clock; come at 111 and answered at 115 on the other.
    expect(pairsOf(end(0, 1, 'outbound', headers, asked), end(1, 1, 'inbound', headers, served))).toEqual([
      { client: 0, server: 1, at: 10 * ms, low: 99 * ms, high: 101 * ms },
    ]);
  }
  // In either order, and not within one recording, for both ends alike, or by nothing.
  expect(pairsOf(end(1, 1, 'inbound', trace, served), end(0, 1, 'outbound', trace, asked))).toHaveLength(1);
  expect(pairsOf(end(0, 1, 'outbound', trace, asked), end(0, 2, 'inbound', trace, served))).toEqual([]);
  expect(pairsOf(end(0, 1, 'inbound', trace, asked), end(1, 1, 'inbound', trace, served))).toEqual([]);
  expect(pairsOf(end(0, 1, 'outbound', [], asked), end(1, 1, 'inbound', [], served))).toEqual([]);
});

test('what cannot be one exchange is not paired', () => {
  const id = ['x-request-id', 'c0ffee00c0ffee00'];
  const short = { at: 10 * ms, stepNs: 1 * ms };
  const long = { at: 111 * ms, stepNs: 20 * ms };
  expect(pairsOf(end(0, 1, 'outbound', id, short), end(1, 1, 'inbound', id, long))).toEqual([]);
  // An id that one side has twice tells nothing.
  expect(
    pairsOf(
      end(0, 1, 'outbound', id, long),
      end(0, 2, 'outbound', id, long),
      end(1, 1, 'inbound', id, short),
    ),
  ).toEqual([]);
});
