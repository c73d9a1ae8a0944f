import fc from 'fast-check';
import { expect, test } from 'vitest';
import { movedTime } from '../../src/correlate/moved-time.ts';

const recorded = Date.UTC(2026, 10, 22, 10);
const dayMs = 86_400_000;
const move = (text: string, name = 'createdAt', byMs = 3 * dayMs + 90_061_001) =>
  movedTime(text, name, byMs, recorded);

test('times keep the form that they have', () => {
  expect(
    [
      '2026-11-22T10:00:00.000Z',
      '2026-11-22T10:00:00Z',
      '2026-11-22T10:00Z',
      '2026-11-22 10:00:00,5',
      '2026-11-22t10:00:00.123456789+01:00',
      '2026-11-22T10:00:00-0530',
      '2026-11-22',
      'Sun, 22 Nov 2026 10:00:00 GMT',
    ].map((text) => move(text)),
  ).toEqual([
    '2026-11-26T11:01:01.001Z',
    '2026-11-26T11:01:01Z',
    '2026-11-26T11:01Z',
    '2026-11-26 11:01:01,5',
    '2026-11-26t11:01:01.124456789+01:00',
    '2026-11-26T11:01:01-0530',
    '2026-11-26',
    'Thu, 26 Nov 2026 11:01:01 GMT',
  ]);
});

test('numbers are times where their name says so, and where they are near the recording', () => {
  const seconds = String(recorded / 1_000);
  for (const name of [
    'at',
    'ts',
    'exp',
    'created_at',
    'createdAt',
    'validUntil',
    'start',
    'timestamp',
    'x-expires',
  ]) {
    expect(movedTime(seconds, name, 5_000, recorded), name).toBe(String(recorded / 1_000 + 5));
    expect(movedTime(String(recorded), name, 5_000, recorded), name).toBe(String(recorded + 5_000));
  }
  for (const name of ['id', 'format', 'phone', 'customer', 'flat', 'path[1]', 'list']) {
    expect(movedTime(seconds, name, 5_000, recorded), name).toBeUndefined();
  }
  expect(movedTime('9999999999', 'at', 5_000, recorded)).toBeUndefined();
  expect(movedTime('17953093', 'at', 5_000, recorded)).toBeUndefined();
});

test('what is no time stays', () => {
  const none = [
    '',
    'now',
    '2026',
    '2026-13-41',
    '2026-11-22T25:00:00Z',
    '1066-10-14T09:00:00Z',
    '2026-11-22T10:00:00Zx',
  ];
  expect(none.map((text) => move(text)).filter((text) => text !== undefined)).toEqual([]);
});

test('any time moves there and back', () => {
  const thereAndBack = (ms: number, byMs: number) => {
    const text = new Date(ms).toISOString();
    const there = movedTime(text, 'at', byMs, ms) ?? '';
    expect(Date.parse(there) - ms).toBe(byMs);
    expect(movedTime(there, 'at', -byMs, ms)).toBe(text);
  };
  const year = 365 * dayMs;
  const any = fc.integer({ min: recorded - year, max: recorded + year });
  fc.assert(fc.property(any, fc.integer({ min: -year, max: year }), thereAndBack), { numRuns: 200 });
});
