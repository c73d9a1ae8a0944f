import { InvalidArgumentError } from 'commander';
import { expect, test } from 'vitest';
import { paceOptions, parseMoment, parseRamp, parseTime, parseWindow } from '../src/pace-flags.ts';

test.each([
  ['500ms', 500],
  ['2.5s', 2_500],
  ['10m', 600_000],
  ['1h', 3_600_000],
])('%s is a time', (text, ms) => {
  expect(parseTime(text)).toBe(ms);
});

test.each(['', '5', 's', '-1s', '1d', '1 s', '1e3s'])('%j is no time', (text) => {
  expect(() => parseTime(text)).toThrow(InvalidArgumentError);
});

test('a ramp is two rates and a time', () => {
  expect(parseRamp('0.5:500:60s')).toEqual({ from: 0.5, to: 500, overMs: 60_000 });
  for (const text of ['', '10:20', '10:20:30', 'a:20:1s', '1:2:3s:4']) {
    expect(() => parseRamp(text)).toThrow(InvalidArgumentError);
  }
});

test('a window is two times, of which either may be left out', () => {
  expect(parseWindow('10s:1m')).toEqual({ fromMs: 10_000, toMs: 60_000 });
  expect(parseWindow('10s:')).toEqual({ fromMs: 10_000 });
  expect(parseWindow(':1m')).toEqual({ toMs: 60_000 });
  for (const text of ['', ':', '10s', '1s:2s:3s', '1:2']) {
    expect(() => parseWindow(text)).toThrow(InvalidArgumentError);
  }
});

test('a moment has its zone', () => {
  expect(parseMoment('2030-01-31T09:30:00Z').getTime()).toBe(Date.UTC(2030, 0, 31, 9, 30));
  expect(parseMoment('2030-01-31T09:30+01:00').getTime()).toBe(Date.UTC(2030, 0, 31, 8, 30));
  for (const text of ['', 'tomorrow', '2030-01-31', '2030-01-31T09:30:00', '2030-13-31T09:30:00Z']) {
    expect(() => parseMoment(text)).toThrow(InvalidArgumentError);
  }
});

test('flags of pacing become options, and two paces are one too many', () => {
  const ramp = { from: 1, to: 2, overMs: 3 };
  expect(paceOptions({ ramp, loop: 2 })).toMatchObject({ pace: { ramp }, loop: 2 });
  expect(paceOptions({ pace: 'recorded', maxIdle: 5 })).toMatchObject({ pace: 'recorded', maxIdleMs: 5 });
  expect(() => paceOptions({ ramp, pace: 'asap' })).toThrow(/--ramp is a pace of its own/);
});
