import { expect, test } from 'vitest';
import { parseHeaderLines, parseWireHead, wireStatus } from '../../src/record/wire-head.ts';

const head = 'HTTP/1.1 404 Not  Found\r\nX-A: 1\r\nx-a: \r\nX-B: a: b\xff\r\n\r\n';

test('a head is read as it stands, with repeats, case, empty values and its whole reason', () => {
  expect(wireStatus(head)).toBe(404);
  expect(parseWireHead(head)).toEqual({
    status: 404,
    reason: 'Not  Found',
    version: '1.1',
    headers: ['X-A', '1', 'x-a', '', 'X-B', 'a: b\xff'],
  });
  expect(parseWireHead('HTTP/1.0 200 \r\n\r\n')).toEqual({
    status: 200,
    reason: '',
    version: '1.0',
    headers: [],
  });
});

test('lines without a first line are trailers', () => {
  expect(parseHeaderLines('X-Sum: 1\r\nX-Other: 2\r\n')).toEqual(['X-Sum', '1', 'X-Other', '2']);
  expect(parseHeaderLines('')).toEqual([]);
});

test.each([
  ['', 'nothing'],
  ['HTTP/2.0 200 OK\r\n\r\n', 'another version'],
  ['HTTP/1.1 20 OK\r\n\r\n', 'two digits'],
  ['HTTP/1.1 099 OK\r\n\r\n', 'a status under 100'],
  ['HTTP/1.1  20 OK\r\n\r\n', 'two spaces'],
  ['HTTP/1.1 200 OK\r\n', 'no empty line'],
])('%j is no head: %s', (text) => {
  expect(wireStatus(text)).toBeUndefined();
});
