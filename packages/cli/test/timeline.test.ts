import { anExchange } from '@gardenhose/core/testing';
import { expect, test } from 'vitest';
import { Timeline } from '../src/timeline.ts';

const ms = 1e6;

function timelineOf(...spans: [lane: string, fromMs: number, toMs: number, status?: number][]): Timeline {
  const timeline = new Timeline();
  for (const [lane, from, to, status = 200] of spans) {
    timeline.add(anExchange({ lane, startAt: from * ms, endAt: to * ms, response: { status } }));
  }
  return timeline;
}

test('a lane shows its starts, what is in flight, and failures', () => {
  const [row] = timelineOf(['a', 0, 3], ['a', 6, 8, 500]).lanes(5);
  expect(row?.picture.trimEnd()).toBe('●───  ●─✗');
  expect(row).toMatchObject({ lane: 'a', exchanges: 2, failed: 1 });
});

test('the picture has the same width whatever the length of the capture', () => {
  for (const length of [1, 63, 64, 65, 1000, 3_600_000]) {
    const timeline = timelineOf(['a', 0, 1], ['a', length, length]);
    expect(timeline.traffic()).toHaveLength(64);
    expect(timeline.lanes(1)[0]?.picture).toHaveLength(64);
    expect(timeline.spanNs).toBeGreaterThan(length * ms);
    expect(timeline.spanNs).toBeLessThanOrEqual(Math.max(64, length * 2) * ms);
  }
});

test('joining stretches of time loses no exchange', () => {
  const timeline = timelineOf(
    ...Array.from({ length: 100 }, (_, i): [string, number, number] => ['a', i * 7, i * 7]),
  );
  expect(timeline.lanes(1)[0]?.exchanges).toBe(100);
  expect(timeline.traffic()).not.toContain('█ █');
  expect(timeline.peak).toBeGreaterThan(1);
});

test('the busiest lanes are shown, in the order of their first exchange', () => {
  const timeline = timelineOf(['a', 0, 1], ['b', 1, 2], ['c', 2, 3], ['c', 4, 5], ['b', 5, 6]);
  expect(timeline.lanes(2).map((row) => row.lane)).toEqual(['b', 'c']);
  expect(timeline.lanes(10).map((row) => row.lane)).toEqual(['a', 'b', 'c']);
  expect(timeline.laneCount).toBe(3);
});

test('an empty timeline is blank', () => {
  const timeline = new Timeline();
  expect(timeline.traffic().trim()).toBe('');
  expect(timeline.lanes(3)).toEqual([]);
  expect(timeline.peak).toBe(0);
});
