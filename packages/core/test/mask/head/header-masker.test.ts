import { expect, test } from 'vitest';
import { headerShape, shapedHeaders } from '../../../src/mask/head/header-shapes.ts';
import { headerKinds } from '../../../src/mask/policy/default-policy.ts';
import { expectLinear } from '../linear.ts';
import { maskHeader, maskMessage } from '../support.ts';

const stem = 'zQx7kVw3J';
const awsKey = ['AKIA', 'IOSFODNN7EXAMPLE'].join('');

test('looks at the host with the detectors, but leaves the address of the server', () => {
  expect(maskHeader('Host', 'api.shop.test:8080')).toBe('api.shop.test:8080');
  expect(maskHeader('Host', '10.1.2.3:8080')).toBe('10.1.2.3:8080');
  expect(maskHeader('Host', '10.1.2.3')).toBe('10.1.2.3');
  expect(maskHeader('Host', '[2001:db8::1]:80')).toBe('[2001:db8::1]:80');
  expect(maskHeader('Host', `${awsKey}.shop.test`)).toMatch(/^mk_secret_[\w-]{16}\.shop\.test$/);
  expect(maskHeader('Host', `${stem}:${stem}@shop.test:80`)).toMatch(/^mk_secret_.{16}@shop\.test:80$/);
  expect(maskHeader('X-Forwarded-Host', `a.test, ${stem}@b.test`)).toMatch(
    /^a\.test, mk_secret_.{16}@b\.test$/,
  );
  expect(maskHeader(':authority', `${awsKey}.shop.test`)).not.toContain(awsKey);
  expect(maskHeader('X-Forwarded-Host', `a.test, ${awsKey}.test`)).toMatch(/^a\.test, mk_secret_/);
});

test('puts its own boundary in the place of any other', () => {
  const typed = (value: string) => maskHeader('Content-Type', value);
  expect(typed(`multipart/form-data; boundary=${stem}`)).toBe(
    'multipart/form-data; boundary=gardenhose-boundary-0',
  );
  expect(typed(`multipart/mixed; Boundary="${stem}"; charset=utf-8`)).not.toContain(stem);
  expect(typed('application/json; charset=utf-8')).toBe('application/json; charset=utf-8');
  expect(
    maskHeader('Content-Type', `multipart/form-data; boundary=${stem}`, {
      rules: [{ id: 'r', at: 'header:content-type', mask: 'keep' }],
    }),
  ).not.toContain(stem);
});

test('masks each part of Forwarded by what it says', () => {
  const masked = maskHeader(
    'Forwarded',
    `for="10.9.8.7:99";by=10.1.1.1;host=shop.test;proto=https;x=${stem}`,
  );
  expect(masked).toMatch(/^for="mk_ip_.{16}";by=mk_ip_.{16};host=shop\.test;proto=https;x=mk_ip_.{16}$/);
  expect(maskHeader('Forwarded', `host="${awsKey}.test"`)).toMatch(/^host="mk_secret_.{16}\.test"$/);
  expect(maskHeader('Forwarded', `for=1.2.3.4;proto=${stem}`)).not.toContain(stem);
  expect(maskHeader('Forwarded', `"a;for=10.9.8.7`)).not.toContain('10.9.8.7');
});

test('takes out what each WebSocket handshake makes anew', () => {
  expect(maskHeader('Sec-WebSocket-Key', 'dGhlIHNhbXBsZSBub25jZQ==')).toBeUndefined();
  expect(maskHeader('Sec-WebSocket-Accept', 's3pPLMBiTxaQ9kYGzzhZRbK+xOo=')).toBeUndefined();
});

test('keeps the value of a listed header only if it has the form that the header asks for', () => {
  const good: [name: string, value: string][] = [
    ['Last-Event-ID', '42'],
    ['Prefer', 'respond-async, wait=10; return=minimal'],
    ['Expect', '100-continue'],
    ['X-Requested-With', 'XMLHttpRequest'],
    ['Keep-Alive', 'timeout=5, max=100'],
    ['X-Powered-By', 'Express'],
    ['X-RateLimit-Remaining', '99'],
    ['RateLimit', '10;w=60'],
    ['x-ratelimit-reset-tokens', '6m0s'],
    ['Alt-Svc', 'h3=":443"; ma=86400, h2=":443"'],
    ['X-Forwarded-Proto', 'https, http'],
    ['Priority', 'u=1, i'],
    ['Sec-WebSocket-Extensions', 'permessage-deflate; client_max_window_bits'],
    ['Referrer-Policy', 'strict-origin-when-cross-origin'],
    ['X-Content-Type-Options', 'nosniff'],
    ['X-Response-Time', '12.5ms'],
    ['Upgrade-Insecure-Requests', '1'],
  ];
  for (const [name, value] of good) expect([name, maskHeader(name, value)]).toEqual([name, value]);
  for (const name of shapedHeaders) {
    const header = name.replace('*', 'limit');
    expect([header, maskHeader(header, stem)]).toEqual([header, expect.stringMatching(/^mk_/)]);
    expect(maskMessage({ headers: [header, stem] }).unknownHeaders).toEqual([header]);
  }
});

test('does not take for known what no list of kept headers names', () => {
  for (const name of [
    'Server-Timing',
    'HTTP2-Settings',
    'Content-Security-Policy',
    'Gardenhose-X',
    'X-Foo',
  ]) {
    expect(maskHeader(name, stem)).toMatch(/^mk_header_/);
  }
});

test('lists no header twice', () => {
  const names = [...Object.values(headerKinds).flat(), ...shapedHeaders];
  expect(names.filter((name, i) => names.indexOf(name) !== i)).toEqual([]);
  for (const name of Object.values(headerKinds).flat()) expect(headerShape(name)).toBeUndefined();
});

test('keeps dates and counts, and reads anything else in their place', () => {
  expect(maskHeader('Date', 'Sat, 21 Nov 2026 15:00:00 GMT')).toBe('Sat, 21 Nov 2026 15:00:00 GMT');
  expect(maskHeader('Expires', '0')).toBe('0');
  expect(maskHeader('Date', 'bob@example.com')).toMatch(/^mk_email_/);
  expect(maskHeader('Content-Length', '11')).toBe('11');
  expect(maskHeader('Content-Length', '4242424242424242')).toMatch(/^mk_card_/);
});

test('masks what a name holds beyond the beginning that is known', () => {
  const names = maskMessage({ headers: ['Sec-CH-4242424242424242', '1', 'Sec-CH-UA', '1'] }).request.headers;
  expect(names[0]).toMatch(/mk_card_/);
  expect(names[2]).toBe('Sec-CH-UA');
});

test('counts the same for a value that it met before, under names in any case', () => {
  const once = maskMessage({ headers: ['Cookie', 'sid=abc; a=b', 'X-Strange', 'v', 'X-Card', '1'] });
  const headers = ['Cookie', 'sid=abc; a=b', 'cookie', 'sid=abc; a=b', 'Cookie', 'sid=abc; a=b'];
  const often = maskMessage({ headers: [...headers, 'X-Strange', 'v', 'x-strange', 'v', 'X-Strange', 'v'] });
  const count = (message: typeof once, rule: string) =>
    message.events
      .flatMap((event) => (event.type === 'audit' ? event.entries : []))
      .filter((entry) => entry.rule === rule && entry.part === 'header')
      .reduce((sum, entry) => sum + entry.count, 0);
  expect(count(often, 'default/key/secret')).toBe(3);
  expect(count(often, 'default/cookie')).toBe(3);
  expect(count(often, 'default/header/unknown')).toBe(3);
  expect(count(once, 'default/header/unknown')).toBe(2);
  expect(often.unknownHeaders).toEqual(['x-strange']);
  expect(often.request.headers[3]).toBe(often.request.headers[1]);
});

// Each is read by code of its own; what only the detectors read is tested with them.
const kinds = [
  'www-authenticate',
  'cookie',
  'set-cookie',
  'x-forwarded-for',
  'forwarded',
  'via',
  'etag',
  'referer',
  'link',
  'refresh',
  'sec-websocket-protocol',
  'baggage',
  'content-disposition',
  'grpc-message',
  'content-type',
  'host',
];
const seeds = [
  '<',
  ' ',
  'a= ',
  '"',
  '" ',
  '\\"',
  ',',
  'a=1;',
  ';filename=a ',
  '%2525',
  'a[b]&',
  '/a;b=1',
  '::',
  '1.1.1.1 ',
];

test.each(kinds)(
  'reads %s in time that grows with its length, whatever is in it',
  (name) => {
    for (const seed of seeds) {
      expectLinear(`${name}: ${seed}`, '', seed, (value) => maskHeader(name, value));
      expectLinear(`${name}: a="${seed}`, 'a="', seed, (value) => maskHeader(name, value));
    }
  },
  60_000,
);

test('tells the form of a value in time that grows with its length', () => {
  for (const name of shapedHeaders) {
    const shape = headerShape(name);
    for (const seed of ['1', '1,', '1;a=1', 'i', 'all, ', 'a=":1";', 'wait=1,', 'https,', '1s', ' ']) {
      expectLinear(`${name}: ${seed}`, '', seed, (value) => shape?.test(value));
    }
  }
});

test('keeps times where they are times, and nothing else in their place', () => {
  const cookie = (value: string) =>
    maskMessage({ responseHeaders: ['Set-Cookie', value] }).response.headers[1];
  for (const date of [
    'Wed, 21 Oct 2026 07:28:00 GMT',
    'Wed, 21-Oct-2026 07:28:00 GMT',
    'Wed Oct 21 07:28:00 2026',
    '0',
  ]) {
    expect(cookie(`a=1; Expires=${date}; Path=/`)).toContain(`; Expires=${date}; Path=/`);
  }
  for (const other of [stem, '4242424242424242', `Wed, 21 Oct 2026 07:28:00 ${stem}`]) {
    expect(cookie(`a=1; Expires=${other}; Secure`)).toMatch(/^a=mk_cookie_.{16}; Secure$/);
  }
  expect(cookie('a=1; Max-Age=4242424242424242')).toMatch(/^a=mk_cookie_.{16}$/);
  expect(maskHeader('If-Range', 'Wed, 21 Oct 2026 07:28:00 GMT')).toBe('Wed, 21 Oct 2026 07:28:00 GMT');
  expect(maskHeader('If-Range', `${stem} GMT`)).toMatch(/^mk_etag_/);
});

test('masks file names that are told in pieces', () => {
  for (const piece of [`filename*0="${stem}"`, `filename*1*=${stem}.pdf`, `filename*0*=UTF-8''${stem}`]) {
    expect(maskHeader('Content-Disposition', `attachment; ${piece}`)).not.toContain(stem);
  }
});
