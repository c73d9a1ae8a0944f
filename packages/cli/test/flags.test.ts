import { InvalidArgumentError } from 'commander';
import { expect, test } from 'vitest';
import {
  collect,
  parseAddress,
  parseCount,
  parseOrigin,
  parsePace,
  parsePositive,
  parseTime,
} from '../src/flags.ts';

test.each([
  ['127.0.0.1:8080', '127.0.0.1', 8080],
  [':8080', '127.0.0.1', 8080],
  ['8080', '127.0.0.1', 8080],
  ['localhost:0', 'localhost', 0],
  ['[::1]:65535', '::1', 65535],
])('%s is an address', (text, host, port) => {
  expect(parseAddress(text)).toEqual({ host, port });
});

test.each([
  '',
  'localhost',
  'localhost:',
  'localhost:65536',
  '::1:80',
  'http://localhost:80',
  'a b:80',
  '1:2:3',
])('%j is no address', (text) => {
  expect(() => parseAddress(text)).toThrow(InvalidArgumentError);
});

test.each([
  ['http://127.0.0.1:3000', 'http://127.0.0.1:3000'],
  ['HTTP://LocalHost:80/', 'http://localhost'],
  ['https://shop.example', 'https://shop.example'],
])('%s is an origin', (text, origin) => {
  expect(parseOrigin(text)).toBe(origin);
});

test.each(['', 'localhost:3000', 'ftp://x', 'http://x/path', 'http://x/?q', 'http://me:pass@x', '//x'])(
  '%j is no origin',
  (text) => {
    expect(() => parseOrigin(text)).toThrow(InvalidArgumentError);
  },
);

test('a pace is a word or a rate', () => {
  expect(parsePace('recorded')).toBe('recorded');
  expect(parsePace('asap')).toBe('asap');
  expect(parsePace('12.5')).toEqual({ rate: 12.5 });
  for (const text of ['', 'fast', '0', '-1', '1e3', 'Infinity', 'NaN']) {
    expect(() => parsePace(text)).toThrow(InvalidArgumentError);
  }
});

test('numbers are over 0 and written plainly', () => {
  expect(parsePositive('0.5')).toBe(0.5);
  expect(parseCount('17')).toBe(17);
  for (const text of ['', '0', '-1', '0x10', '1e3', ' 1', '99999999999999999999']) {
    expect(() => parseCount(text)).toThrow(InvalidArgumentError);
  }
  expect(() => parsePositive('nan')).toThrow(InvalidArgumentError);
});

test('a flag that is given twice keeps both values', () => {
  const parse = collect(parseCount);
  expect(parse('2', parse('1', undefined))).toEqual([1, 2]);
});

test.each([
  ['500ms', 500],
  ['90s', 90_000],
  ['1.5m', 90_000],
  ['12h', 43_200_000],
  ['7d', 604_800_000],
])('%s is a time', (text, ms) => {
  expect(parseTime(text)).toBe(ms);
});

test.each(['', '5', 's', '0s', '-1s', '1 h', '1w', '1e9d', '999999999999d'])('%j is no time', (text) => {
  expect(() => parseTime(text)).toThrow(InvalidArgumentError);
});
