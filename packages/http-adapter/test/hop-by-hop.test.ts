import { expect, test } from 'vitest';
import { endToEnd } from '../src/hop-by-hop.ts';

test('endToEnd() keeps order, case and repeats, and drops the fields of the connection', () => {
  expect(
    endToEnd([
      ...['Host', 'a', 'X-A', '1', 'Connection', 'keep-alive, X-Own', 'x-a', '2', 'x-own', 'gone'],
      ...['Keep-Alive', 'timeout=5', 'Upgrade', 'h2c', 'Proxy-Connection', 'keep-alive', 'Via', '1.1 b'],
    ]),
  ).toEqual(['Host', 'a', 'X-A', '1', 'x-a', '2', 'Via', '1.1 b']);
});

test('endToEnd() keeps the coding of the body, and the wish for trailers', () => {
  expect(endToEnd(['Transfer-Encoding', 'chunked', 'TE', 'trailers, deflate'])).toEqual([
    ...['Transfer-Encoding', 'chunked', 'TE', 'trailers', 'Connection', 'TE'],
  ]);
});

test('endToEnd() does not let Connection name away what frames the message', () => {
  expect(endToEnd(['Connection', 'content-length, host', 'Content-Length', '3', 'Host', 'a'])).toEqual([
    ...['Content-Length', '3', 'Host', 'a'],
  ]);
});
