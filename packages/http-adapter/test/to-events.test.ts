import { IncomingMessage } from 'node:http';
import { Socket } from 'node:net';
import { expect, test } from 'vitest';
import { declaresBody, headerOf } from '../src/to-events.ts';

function made(rawHeaders: string[] | undefined, headers: Record<string, string>): IncomingMessage {
  const req = new IncomingMessage(new Socket());
  return Object.assign(req, { rawHeaders, headers });
}

test.each([
  ['parsed by Node', ['Content-Length', '5', 'X-Shadow-Traffic', 'true'], {}],
  ['made with an object of headers alone', [], { 'content-length': '5', 'x-shadow-traffic': 'true' }],
  ['made without a list of headers', undefined, { 'content-length': '5', 'x-shadow-traffic': 'true' }],
])('headers of a request that was %s are found', (_, list, headers) => {
  const req = made(list, headers);
  expect(declaresBody(req)).toBe(true);
  expect(headerOf(req, 'x-shadow-traffic')).toBe('true');
  expect(headerOf(req, 'x-other')).toBeUndefined();
});

test('a length of zero is no body, and neither is no header', () => {
  expect(declaresBody(made(['Content-Length', '0'], {}))).toBe(false);
  expect(declaresBody(made([], {}))).toBe(false);
  expect(declaresBody(made(['Transfer-Encoding', 'chunked'], {}))).toBe(true);
});
