import { isUnsendable, type Request, type Shipment } from '@gardenhose/core';
import { aChunk, anExchange } from '@gardenhose/core/testing';
import { expect, test } from 'vitest';
import { toRequest } from '../src/to-request.ts';

const ms = 1e6;
const options = { authority: '127.0.0.1:3000', host: 'target' } as const;

function made(request: Partial<Request>, over: Partial<Parameters<typeof toRequest>[1]> = {}): Shipment {
  const shipment = toRequest(anExchange({ startAt: 0, request }), { ...options, ...over });
  if (isUnsendable(shipment)) throw new Error(shipment.skip);
  return shipment;
}

const textOf = (shipment: Shipment) =>
  Buffer.concat(shipment.parts.map(({ bytes }) => bytes)).toString('latin1');
const wire = (request: Partial<Request>, over: Partial<Parameters<typeof toRequest>[1]> = {}) =>
  textOf(made(request, over));
const skipOf = (request: Partial<Request>) => {
  const shipment = toRequest(anExchange({ request }), options);
  return isUnsendable(shipment) ? shipment.skip : undefined;
};
const body = (...texts: string[]) => {
  const chunks = texts.map((text) => aChunk(text, 0));
  return { chunks, size: texts.join('').length };
};

test('a head keeps its order, its case, its repeats and its bytes', () => {
  const headers = ['x-B', '1', 'X-b', '2', 'accept', '*/*', 'X-Latin', 'D\xe9j\xe0'];
  expect(wire({ method: 'PROPFIND', target: '/a?b=c#d', headers: ['Host', 'shop.test', ...headers] })).toBe(
    'PROPFIND /a?b=c#d HTTP/1.1\r\nHost: 127.0.0.1:3000\r\nx-B: 1\r\nX-b: 2\r\naccept: */*\r\nX-Latin: D\xe9j\xe0\r\n\r\n',
  );
});

test('the host is put in the place and case of the recorded one, or left when asked for', () => {
  const request = { headers: ['A', 'b', 'hOST', 'shop.test', 'C', 'd'] };
  expect(wire(request)).toContain('A: b\r\nhOST: 127.0.0.1:3000\r\nC: d');
  expect(wire(request, { host: 'recorded' })).toContain('A: b\r\nhOST: shop.test\r\nC: d');
});

test('a host that a hook has set is left', () => {
  const recorded = anExchange();
  const hooked = anExchange({ request: { headers: ['Host', 'tenant-a.test'] } });
  const shipment = toRequest(hooked, options, recorded);
  expect(isUnsendable(shipment) ? '' : textOf(shipment)).toContain('Host: tenant-a.test\r\n');
});

test('only the first of several hosts is sent, unless the recorded ones are asked for', () => {
  const request = { headers: ['Host', 'a', 'Host', 'b'] };
  expect(wire(request)).toBe('GET /orders/7 HTTP/1.1\r\nHost: 127.0.0.1:3000\r\n\r\n');
  expect(wire(request, { host: 'recorded' })).toContain('Host: a\r\nHost: b\r\n');
});

test('a counted body is counted anew', () => {
  const headers = ['Host', 'a', 'content-LENGTH', '999', 'X', 'y'];
  expect(wire({ method: 'POST', headers, ...body('hello', '!') })).toBe(
    'POST /orders/7 HTTP/1.1\r\nHost: 127.0.0.1:3000\r\ncontent-LENGTH: 6\r\nX: y\r\n\r\nhello!',
  );
  expect(wire({ method: 'POST', headers })).toContain('content-LENGTH: 0\r\n');
});

test('chunks are framed as they were recorded, with their trailers, and without a length', () => {
  const headers = ['Host', 'a', 'Content-Length', '5', 'Transfer-Encoding', 'Chunked'];
  expect(
    wire({
      method: 'PUT',
      headers,
      ...body('hello', '', '0123456789abcdef'),
      trailers: ['X-T', '1', 'x-t', '2'],
    }),
  ).toBe(
    'PUT /orders/7 HTTP/1.1\r\nHost: 127.0.0.1:3000\r\nTransfer-Encoding: Chunked\r\n\r\n' +
      '5\r\nhello\r\n10\r\n0123456789abcdef\r\n0\r\nX-T: 1\r\nx-t: 2\r\n\r\n',
  );
  expect(wire({ method: 'PUT', headers })).toMatch(/\r\n\r\n0\r\n\r\n$/);
});

test('a body that a hook gave to a request without one is counted', () => {
  expect(wire({ method: 'POST', headers: ['Host', 'a'], ...body('x') })).toContain(
    'Content-Length: 1\r\n\r\nx',
  );
});

test('pieces keep their offsets, those of nearly one moment leave together', () => {
  const chunks = [aChunk('a', 0.1 * ms), aChunk('b', 20 * ms), aChunk('c', 20.2 * ms), aChunk('d', 30 * ms)];
  const headers = ['Host', 'a', 'Transfer-Encoding', 'chunked'];
  const { parts } = made({ method: 'POST', headers, chunks, size: 4, endAt: 45 * ms });
  expect(
    parts.map(({ offsetNs, bytes }) => [
      offsetNs / ms,
      Buffer.from(bytes).toString().split('\r\n\r\n').at(-1),
    ]),
  ).toEqual([
    [0, '1\r\na\r\n'],
    [20, '1\r\nb\r\n1\r\nc\r\n'],
    [30, '1\r\nd\r\n'],
    [45, ''],
  ]);
});

test('what asks for another protocol is not sent', () => {
  const headers = [
    'Host',
    'a',
    'Connection',
    'Upgrade, HTTP2-Settings, keep-alive',
    'Upgrade',
    'h2c',
    'HTTP2-Settings',
    'x',
  ];
  expect(wire({ headers })).toBe(
    'GET /orders/7 HTTP/1.1\r\nHost: 127.0.0.1:3000\r\nConnection: keep-alive\r\n\r\n',
  );
  expect(wire({ headers: ['Host', 'a', 'Connection', 'Upgrade', 'Proxy-Connection', 'close'] })).toBe(
    'GET /orders/7 HTTP/1.1\r\nHost: 127.0.0.1:3000\r\n\r\n',
  );
  expect(wire({ headers: ['Host', 'a', 'Connection', 'close'] })).toContain('Connection: close\r\n');
});

test('a target in absolute form is sent in origin form', () => {
  expect(wire({ target: 'http://shop.test/a?b' })).toMatch(/^GET \/a\?b HTTP/);
  expect(wire({ target: 'HTTPS://shop.test' })).toMatch(/^GET \/ HTTP/);
  expect(wire({ target: 'http://shop.test?q' })).toMatch(/^GET \/\?q HTTP/);
  expect(wire({ method: 'OPTIONS', target: '*' })).toMatch(/^OPTIONS \* HTTP/);
});

test('HTTP/2 becomes HTTP/1.1, on a connection of its own', () => {
  const headers = [
    ':method',
    'POST',
    ':authority',
    'shop.test',
    'accept',
    '*/*',
    'transfer-encoding',
    'chunked',
  ];
  const request = { method: 'POST', version: '2', authority: 'shop.test', headers, ...body('hi') };
  expect(wire(request)).toBe(
    'POST /orders/7 HTTP/1.1\r\nHost: 127.0.0.1:3000\r\naccept: */*\r\nContent-Length: 2\r\n\r\nhi',
  );
  expect(wire(request, { host: 'recorded' })).toContain('Host: shop.test\r\n');
  expect(made(request).alone).toBe(true);
  expect(made({}).alone).toBe(false);
});

test('cookies that HTTP/2 sent apart are one field of HTTP/1.1; those of HTTP/1.1 stay as they were', () => {
  const headers = ['cookie', 'a=1', 'accept', '*/*', 'cookie', 'b=2', 'cookie', 'c=3'];
  const request = { version: '2', authority: 'shop.test', headers };
  expect(wire(request)).toBe(
    'GET /orders/7 HTTP/1.1\r\nHost: 127.0.0.1:3000\r\ncookie: a=1; b=2; c=3\r\naccept: */*\r\n\r\n',
  );
  expect(wire({ headers })).toMatch(/cookie: a=1\r\naccept: \*\/\*\r\ncookie: b=2\r\ncookie: c=3\r\n/);
});

test('HTTP/1.0 stays HTTP/1.0, without a host that it did not have', () => {
  expect(wire({ version: '1.0', headers: ['A', 'b'] })).toBe('GET /orders/7 HTTP/1.0\r\nA: b\r\n\r\n');
});

test('a client that went away is to go away at its time', () => {
  const gone = anExchange({ startAt: 5, abort: { at: 25, by: 'client', code: 'x' } });
  expect(toRequest(gone, options)).toMatchObject({ abandonNs: 20 });
  const broken = anExchange({ startAt: 5, abort: { at: 25, by: 'server', code: 'x' } });
  expect(toRequest(broken, options)).toMatchObject({ abandonNs: undefined });
});

test('a body that is not whole cannot be sent', () => {
  expect(skipOf({ state: 'dropped:unparseable', size: 5 })).toBe('body-not-kept');
  expect(skipOf({ state: 'dropped:unparseable', size: 0 })).toBeUndefined();
  expect(skipOf({ state: 'truncated', ...body('x') })).toBe('body-not-kept');
  expect(skipOf({ complete: false, headers: ['Host', 'a', 'Content-Length', '5'], ...body('he') })).toBe(
    'body-not-kept',
  );
  expect(skipOf({ complete: false, headers: ['Host', 'a', 'Transfer-Encoding', 'chunked'] })).toBe(
    'body-not-kept',
  );
  expect(skipOf({ complete: false })).toBeUndefined();
  expect(skipOf({ state: 'masked', ...body('masked') })).toBeUndefined();
});

test('other protocols are not sent', () => {
  expect(toRequest(anExchange({ protocol: 'grpc' }), options)).toEqual({ skip: 'protocol' });
  expect(toRequest(anExchange({ protocol: 'websocket' }), options)).toEqual({ skip: 'protocol' });
  expect(skipOf({ method: 'CONNECT', target: 'shop.test:443' })).toBe('protocol');
});

test('nothing in a capture can add a line to a request', () => {
  expect(skipOf({ method: 'GET /x' })).toBe('request-invalid');
  expect(skipOf({ method: '' })).toBe('request-invalid');
  expect(skipOf({ target: '/a b' })).toBe('request-invalid');
  expect(skipOf({ target: '/a\r\nX: y' })).toBe('request-invalid');
  expect(skipOf({ target: '/\u0100' })).toBe('request-invalid');
  expect(skipOf({ target: '' })).toBe('request-invalid');
  expect(skipOf({ headers: ['Host', 'a', 'X\r\nY', 'z'] })).toBe('request-invalid');
  expect(skipOf({ headers: ['Host', 'a', 'X', 'y\r\nZ: z'] })).toBe('request-invalid');
  expect(skipOf({ headers: ['Host', 'a', 'X', 'y\0'] })).toBe('request-invalid');
  expect(skipOf({ headers: ['Host', 'a', 'X', '\u{1f600}'] })).toBe('request-invalid');
  expect(skipOf({ headers: ['Host', 'a', 'X y', 'z'] })).toBe('request-invalid');
  const chunked = ['Host', 'a', 'Transfer-Encoding', 'chunked'];
  expect(skipOf({ headers: chunked, trailers: ['X', 'y\nZ: z'] })).toBe('request-invalid');
});

test('a request whose end two servers may see in two places is not sent', () => {
  const coded = (...values: string[]) => ({
    method: 'POST',
    headers: ['Host', 'a', 'Content-Length', '1', ...values.flatMap((value) => ['Transfer-Encoding', value])],
    ...body('x'),
  });
  for (const value of [
    'identity',
    'xchunked',
    'chunked, identity',
    'chunked, chunked',
    'gzip',
    '\x0bchunked',
  ]) {
    expect(skipOf(coded(value)), value).toBe('request-invalid');
  }
  expect(skipOf(coded('chunked', 'gzip'))).toBe('request-invalid');
  expect(skipOf({ ...coded('chunked'), version: '1.0' })).toBe('request-invalid');
  for (const request of [coded('gzip, chunked'), coded('gzip', 'chunked')]) {
    expect(wire(request)).not.toContain('Content-Length');
    expect(wire(request)).toMatch(/\r\n\r\n1\r\nx\r\n0\r\n\r\n$/);
  }
});

test('lengths that were recorded twice, or are none, are replaced by the one that is true', () => {
  const headers = ['Host', 'a', 'Content-Length', '+5', 'content-length', '0'];
  const text = wire({ method: 'POST', headers, ...body('hey') });
  expect(text).toMatch(/\r\nContent-Length: 3\r\n\r\nhey$/);
  expect(text.match(/content-length/gi)).toHaveLength(1);
});

test('trailers cannot say where a request goes or ends', () => {
  const headers = ['Host', 'a', 'Transfer-Encoding', 'chunked'];
  for (const name of ['Content-Length', 'transfer-encoding', 'HOST']) {
    expect(skipOf({ method: 'POST', headers, trailers: [name, '0'] })).toBe('request-invalid');
  }
});

test('a target for a proxy is not sent', () => {
  for (const target of ['evil.test:80', 'http:evil.test', 'http:\\\\evil.test', '*', '?q', '#x']) {
    expect(skipOf({ target }), target).toBe('request-invalid');
  }
  expect(wire({ target: 'http://a.test/http://b.test/' })).toMatch(/^GET \/http:\/\/b\.test\/ HTTP/);
});
