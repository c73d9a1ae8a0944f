import * as zlib from 'node:zlib';
import {
  brotliCompressSync,
  brotliDecompressSync,
  deflateRawSync,
  deflateSync,
  gunzipSync,
  gzipSync,
  inflateSync,
} from 'node:zlib';
import { expect, test } from 'vitest';
import { createMasker } from '../../src/mask/create-masker.ts';
import type { MaskAction } from '../../src/mask/policy/policy.ts';
import { aPolicy, type Message, maskEvents, maskMessage, rawEvents, sameForEveryCut } from './support.ts';

const json = '{"id":1,"email":"bob@example.com","note":"é","password":"hunter2","list":[1,2,3]}';

test('masks a body the same wherever it is cut into chunks', () => {
  const masked = sameForEveryCut({ type: 'application/json', body: json });
  expect(masked).toMatch(
    /^\{"id":1,"email":"mk_email_.{16}","note":"é","password":"mk_secret_.{16}","list":\[1,2,3\]\}$/,
  );
  sameForEveryCut({ type: 'application/x-www-form-urlencoded', body: 'a=1&email=bob%40example.com&b=2' });
  sameForEveryCut({ type: 'text/plain', body: 'to bob@example.com or +14155552671.' });
  sameForEveryCut({ type: 'application/x-ndjson', body: '{"email":"a@b.co"}\n{"x":1}\n{"pin":12}' });
  sameForEveryCut({
    type: 'text/event-stream',
    body: ': hi\r\n\r\ndata: {"email":\ndata: "a@b.co"}\nid: 1\n\ndata: a@b.co\r\rdata: x',
  });
});

test('keeps the places between chunks before the first masked value', () => {
  const { shares } = maskMessage({ type: 'application/json', body: json, cuts: [3, 8, 20, 60] }).request;
  expect(shares.slice(0, 2)).toEqual(['{"i', 'd":1,']);
  expect(shares.length).toBe(5);
});

test('gives chunks at once without bytes, and their masked bytes before the end', () => {
  const { events, request } = maskMessage({ type: 'application/json', body: json, cuts: [10] });
  const seen = events.filter((event) => 'side' in event && event.side === 'request').map(({ type }) => type);
  expect(seen).toEqual(['chunk', 'chunk', 'body', 'end']);
  for (const event of events) if (event.type === 'chunk') expect(event).not.toHaveProperty('data');
  expect(request.state).toBe('masked');
});

test('leaves a body with nothing to mask byte for byte, and says that it kept it', () => {
  const body = '{ "id" : 1.0, "big": 9007199254740993 }\r\n';
  expect(maskMessage({ type: 'application/json', body, cuts: [5] }).request).toMatchObject({
    body,
    state: 'kept',
  });
  expect(maskMessage({ type: 'application/json', body: '' }).request).toMatchObject({
    body: '',
    state: 'kept',
  });
});

test('drops what it cannot read, with the reason', () => {
  const cases: [message: Message, state: string][] = [
    [{ type: 'application/json', body: '{"password":"x"' }, 'dropped:json-syntax'],
    [{ type: 'application/json', body: '{"a":1} trailing' }, 'dropped:json-syntax'],
    [{ type: 'application/json', body: '['.repeat(150) + ']'.repeat(150) }, 'dropped:json-depth'],
    [{ type: 'application/json', body: Buffer.from([0x22, 0xff, 0x22]) }, 'dropped:utf8'],
    [{ type: 'application/json', body: Buffer.from('{"a":1}', 'utf16le') }, 'dropped:json-syntax'],
    [{ type: 'application/json; charset=utf-7', body: '{"a":1}' }, 'dropped:charset'],
    [{ type: 'application/xml', body: '<password>x</password>' }, 'dropped:content-type'],
    [{ type: 'text/html', body: '<p>bob</p>' }, 'dropped:content-type'],
    [{ type: 'text/csv', body: 'password\n"x' }, 'dropped:csv'],
    [{ type: 'multipart/form-data; boundary=x', body: '--x\r\n\r\nx\r\n--x--' }, 'dropped:multipart'],
    [{ type: 'application/octet-stream', body: 'x' }, 'dropped:content-type'],
    [{ type: 'image/png', body: 'x' }, 'dropped:content-type'],
    [{ body: 'no type' }, 'dropped:content-type'],
    [{ type: 'text/plain', body: Buffer.from('bob@example.com', 'utf16le') }, 'dropped:charset'],
    [{ type: 'text/plain; charset=utf-16', body: 'x' }, 'dropped:charset'],
    [{ type: 'text/plain', body: '{"password":"hunter2"' }, 'dropped:json-syntax'],
    [{ type: 'application/json', body: '{}', headers: ['Content-Encoding', 'compress'] }, 'dropped:encoding'],
    [{ type: 'application/json', body: '{}', headers: ['Content-Encoding', 'gzip'] }, 'dropped:decode'],
    [
      {
        type: 'application/json',
        body: gzipSync(json).subarray(0, 30),
        headers: ['Content-Encoding', 'gzip'],
      },
      'dropped:decode',
    ],
    [
      { type: 'application/json', body: '{}', headers: ['Content-Encoding', 'gzip, gzip, gzip'] },
      'dropped:encoding',
    ],
    [{ type: 'application/json', body: json, limits: { bodyBytes: 50 } }, 'dropped:size'],
    [
      {
        type: 'application/json',
        body: gzipSync(json),
        headers: ['Content-Encoding', 'gzip'],
        limits: { bodyBytes: 81 },
      },
      'dropped:size',
    ],
    [
      {
        type: 'application/json',
        body: gzipSync('a'.repeat(500_000)),
        headers: ['Content-Encoding', 'gzip'],
      },
      'dropped:ratio',
    ],
    [{ type: 'application/json', body: json, limits: { heldBytes: 20 }, cuts: [10] }, 'dropped:backlog'],
    [{ type: 'application/json', body: '{"a":', state: 'truncated' }, 'dropped:json-syntax'],
    [{ type: 'text/plain', body: 'card 4242 4242 42', state: 'truncated' }, 'dropped:truncated'],
    [{ type: 'text/plain', body: 'card 4242 4242 42', complete: false }, 'dropped:truncated'],
    [{ type: 'application/json', body: '{"a":1}', state: 'dropped:size' }, 'dropped:size'],
  ];
  for (const [message, state] of cases) {
    const { request, rules } = maskMessage(message);
    expect([message.type, message.body, request.state]).toEqual([message.type, message.body, state]);
    expect(request.bytes.length).toBe(0);
    expect(rules).toContain(state);
  }
});

test('takes what looks like JSON for JSON, whatever its type says', () => {
  for (const type of [
    undefined,
    'text/plain',
    'text/html',
    'application/octet-stream',
    'application/x-www-form-urlencoded',
    'multipart/form-data; boundary=x',
    'text/csv',
    'application/graphql',
  ]) {
    const { request } = maskMessage({
      ...(type === undefined ? {} : { type }),
      body: ' {"password":"hunter2"}',
    });
    expect(request.body).toMatch(/^ \{"password":"mk_secret_.{16}"\}$/);
  }
  expect(maskMessage({ type: 'text/plain', body: '[INFO] to bob@example.com' }).request.body).toMatch(
    /^\[INFO\] to mk_email_/,
  );
});

test('reads JSON behind a byte order mark or a guard against scripts', () => {
  for (const before of ['\ufeff', ")]}',\n", 'while(1);']) {
    const { request } = maskMessage({ type: 'application/json', body: `${before}{"pin":"1"}` });
    expect(request.body).toMatch(/^(?:\ufeff|\)\]\}',\n|while\(1\);)\{"pin":"mk_secret_.{16}"\}$/);
  }
});

test('masks inside gzip, deflate and brotli, and closes them again', () => {
  const codings = [
    ['gzip', gzipSync, gunzipSync],
    ['x-gzip', gzipSync, gunzipSync],
    ['deflate', deflateSync, inflateSync],
    ['br', brotliCompressSync, brotliDecompressSync],
  ] as const;
  for (const [coding, encode, decode] of codings) {
    const headers = ['Content-Encoding', coding];
    const { request } = maskMessage({ type: 'application/json', body: encode(json), headers, cuts: [10] });
    expect(decode(request.bytes).toString()).toBe(
      maskMessage({ type: 'application/json', body: json }).request.body,
    );
    expect(request.state).toBe('masked');
    expect(request.headers.slice(0, 2)).toEqual(headers);
    expect(request.shares.length).toBe(2);
    const plain = encode('{"a":1}');
    expect(maskMessage({ type: 'application/json', body: plain, headers }).request).toMatchObject({
      bytes: plain,
      state: 'kept',
    });
  }
  const raw = maskMessage({
    type: 'application/json',
    body: deflateRawSync(json),
    headers: ['Content-Encoding', 'deflate'],
  });
  expect(raw.request.state).toBe('masked');
  const twice = maskMessage({
    type: 'application/json',
    body: brotliCompressSync(gzipSync(json)),
    headers: ['Content-Encoding', 'gzip, br'],
  });
  expect(gunzipSync(brotliDecompressSync(twice.request.bytes)).toString()).not.toContain('hunter2');
});

test('keeps nothing that stands beside the content of a coded body', () => {
  const plain = '{"a":1}';
  const named = Buffer.concat([
    Buffer.from([0x1f, 0x8b, 8, 8, 0, 0, 0, 0, 0, 3]),
    Buffer.from('bob@example.com\0'),
    gzipSync(plain).subarray(10),
  ]);
  for (const [coding, body, decode] of [
    ['gzip', named, gunzipSync],
    ['deflate', Buffer.concat([deflateSync(plain), Buffer.from('bob@example.com')]), inflateSync],
    ['gzip', Buffer.concat([gzipSync('{"a":'), gzipSync('1}')]), gunzipSync],
    ['gzip', Buffer.concat([gzipSync(''), named]), gunzipSync],
    ['gzip', Buffer.concat([gzipSync(plain), Buffer.from('\0bob@example.com\x07\0\0\0')]), gunzipSync],
  ] as const) {
    const { request } = maskMessage({
      type: 'application/json',
      body,
      headers: ['Content-Encoding', coding],
    });
    expect(request.bytes.includes('bob@example.com')).toBe(false);
    expect(decode(request.bytes).toString()).toBe(plain);
  }
});

test('gives out each server-sent event as soon as it is whole', () => {
  const first = 'data: {"email":"bob@example.com"}\n\n';
  const { events, response } = maskMessage({
    responseType: 'text/event-stream',
    response: `${first}data: two\n\n`,
    responseCuts: [first.length],
  });
  const seen = events.filter((event) => 'side' in event && event.side === 'response').map(({ type }) => type);
  expect(seen).toEqual(['chunk', 'body', 'chunk', 'body', 'end']);
  expect(response.shares).toEqual([
    expect.stringMatching(/^data: \{"email":"mk_email_.{16}"\}\n\n$/),
    'data: two\n\n',
  ]);
});

test('masks every field of a server-sent event, and data over several lines as one', () => {
  const pem = ['-----BEGIN PRIV', 'ATE KEY-----\ndata: MIIE\ndata: -----END PRIV', 'ATE KEY-----'].join('');
  const body = `: bob@example.com\nid: bob@example.com\nevent: x\nretry: 5\ndata: {"pass\ndata: word":1}\n\ndata: ${pem}\n\nbob@example.com\n\n`;
  const { response } = maskMessage({ responseType: 'text/event-stream', response: body });
  expect(response.body).not.toMatch(/bob@|MIIE/);
  expect(response.body).toContain('event: x\nretry: 5\n');
});

test('keeps the whole events of a stream that was cut, and drops the rest', () => {
  const response = 'data: one\n\ndata: two bob@exam';
  const message = { type: 'text/event-stream', body: response, cuts: [15] };
  const cut = maskMessage({ ...message, state: 'truncated' }).request;
  expect(cut).toMatchObject({ body: 'data: one\n\n', state: 'truncated' });
  expect(cut.shares).toEqual(['data: one\n\n', '']);
});

test('stops a stream of lines at the first that cannot be read', () => {
  const { request, rules } = maskMessage({
    type: 'application/x-ndjson',
    body: '{"a":1}\n{"pin":\n{"b":2}\n',
    cuts: [8, 16],
  });
  expect(request).toMatchObject({ body: '{"a":1}\n', state: 'truncated' });
  expect(rules).toContain('dropped:json-syntax');
});

test('copes with nothing but separators that come one by one', () => {
  const masker = createMasker(aPolicy());
  const length = 30_000;
  const cuts = Array.from({ length: length - 1 }, (_, i) => i + 1);
  const events = rawEvents({ type: 'application/json-seq', body: '\x1e'.repeat(length), cuts });
  const bodies = maskEvents(masker, events).filter((event) => event.type === 'body');
  expect(bodies.length).toBe(length);
});

test('copes with a long event that comes in tiny chunks: by the square of them, it would not end in time', () => {
  const line = 'data: x\n';
  const cuts = Array.from({ length: 60_000 }, (_, i) => (i + 1) * line.length);
  const { request } = maskMessage({ type: 'text/event-stream', body: line.repeat(60_001), cuts });
  expect(request.state).toBe('kept');
});

test('reads JSON that is handed to a function, whatever its type', () => {
  for (const type of ['application/json', 'text/javascript', 'application/javascript', 'text/plain']) {
    for (const [before, after] of [
      ['cb(', ')'],
      ["/**/ typeof app.cb === 'function' && app.cb(", ');\n'],
      [' jQuery_1[2] ( ', ' ) ; '],
    ] as const) {
      const { request } = maskMessage({ type, body: `${before}{"firstName":"Bob"}${after}` });
      expect(request.body).toBe(
        `${before}{"firstName":"${request.body.match(/mk_name_.{16}/)?.[0]}"}${after}`,
      );
    }
  }
  const named = maskMessage({
    type: 'text/javascript',
    body: `a${['AKIA', 'IOSFODNN7EXAMPLE'].join('')}({"a":1})`,
  });
  expect(named.request.state).toMatch(/^(?:kept|masked)$/);
  for (const body of ['cb({"a":1}', 'cb({"firstName":"Bob"},2)', 'cb()', 'if(x){y}', 'cb({"a":1})//bob']) {
    expect(maskMessage({ type: 'text/javascript', body }).request.state).toBe('dropped:content-type');
  }
});

test('reads pairs with `&` between as a form though they are said to be text', () => {
  const { request } = maskMessage({ type: 'text/plain', body: 'firstName=Bob&a=1\r\n' });
  expect(request.body).toMatch(/^firstName=mk_name_.{16}&a=1\r\n$/);
  expect(maskMessage({ type: 'text/plain', body: 'a=1 & b=2' }).request.state).toBe('kept');
});

test('drops a part of something longer, unless it counts other things than bytes', () => {
  const range = (value: string) =>
    maskMessage({ type: 'text/plain', body: '4242 4242', headers: ['Content-Range', value] }).request.state;
  expect(range('bytes 0-8/20')).toBe('dropped:range');
  expect(range('bytes 11-19/20')).toBe('dropped:range');
  expect(range('bytes 0-8/*')).toBe('dropped:range');
  expect(range('bytes 0-8/9')).toBe('kept');
  expect(range('items 0-24/319')).toBe('kept');
  const stream = maskMessage({
    type: 'text/event-stream',
    body: 'data: x\n\n',
    headers: ['Content-Range', 'bytes 5-8/20'],
  });
  expect(stream.request).toMatchObject({ body: '', state: 'dropped:range' });
});

test('reads records of a JSON sequence over several lines', () => {
  const body = '\x1e{"pin":\n"1"}\n\x1e\x1e[1,\n2]\n\x1e{"a":1}';
  const masked = sameForEveryCut({ type: 'application/json-seq', body });
  expect(masked.replaceAll('\x1e', '#')).toMatch(/^#\{"pin":\n"mk_secret_.{16}"\}\n##\[1,\n2\]\n#\{"a":1\}$/);
  expect(
    maskMessage({ type: 'application/json-seq', body: '\x1e{"a":1}\n\x1e{"pin":"1"', cuts: [12] }).request,
  ).toMatchObject({ body: '\x1e{"a":1}\n', state: 'truncated' });
});

test('tells the lines of an event apart as a client would', () => {
  for (const body of [
    // Not data, so the lines after it are not one further.
    'dat:a x\ndata: {"firstName":\ndata: "Bob"}\n\n',
    'data\ndata: {"firstName":\ndata: "Bob"}\ndata\n\n',
    // A client passes over the mark at the beginning of a stream.
    '\ufeffdata: {"firstName":\ndata: "Bob"}\n\n',
    'data:{"firstName":\r\ndata: "Bob"}\r\n\r\n',
    'data : {"firstName":"Bob"}\n\n',
    'Data: {"firstName":"Bob"}\n\n',
  ]) {
    const masked = sameForEveryCut({ type: 'text/event-stream', body });
    expect([body, masked.includes('Bob')]).toEqual([body, false]);
  }
});

test('does not know what to make of two types that differ', () => {
  const { request } = maskMessage({ type: 'text/plain', body: 'x', headers: ['content-type', 'text/html'] });
  expect(request.state).toBe('dropped:content-type');
});

test('reads zstd where this version of Node has it, and drops it elsewhere', () => {
  const compress: unknown = Reflect.get(zlib, 'zstdCompressSync');
  const headers = ['Content-Encoding', 'zstd'];
  if (typeof compress !== 'function') {
    const { request } = maskMessage({ type: 'application/json', body: json, headers });
    expect(request.state).toBe('dropped:encoding');
    return;
  }
  const decompress: unknown = Reflect.get(zlib, 'zstdDecompressSync');
  if (typeof decompress !== 'function') throw new Error('zstd goes one way only');
  const encoded: unknown = Reflect.apply(compress, zlib, [Buffer.from(json)]);
  if (!Buffer.isBuffer(encoded)) throw new Error('zstd gave no bytes');
  // A frame that decoders pass over.
  const hidden = Buffer.concat([Buffer.from('502a4d180f000000', 'hex'), Buffer.from('bob@example.com')]);
  for (const body of [encoded, Buffer.concat([encoded, hidden])]) {
    const { request } = maskMessage({ type: 'application/json', body, headers });
    expect(request.bytes.includes('bob@')).toBe(false);
    const plain: unknown = Reflect.apply(decompress, zlib, [request.bytes]);
    expect(String(plain)).toBe(maskMessage({ type: 'application/json', body: json }).request.body);
  }
  const cut = { type: 'application/json', body: encoded.subarray(0, -3), headers };
  expect(maskMessage(cut).request.state).toBe('dropped:decode');
  expect(maskMessage({ ...cut, body: encoded, limits: { bodyBytes: 80 } }).request.state).toMatch(
    /^dropped:(?:size|decode)$/,
  );
});

test('keeps a digest of what it cannot read when it is told to', () => {
  const policy = { unknownContent: 'digest' } as const;
  const digest = (message: Message) => maskMessage(message, policy).request;
  const one = digest({ type: 'image/png', body: Buffer.from([1, 2, 3]) });
  expect(one).toMatchObject({ body: expect.stringMatching(/^mk_content_[\w-]{16}$/), state: 'masked' });
  expect(digest({ type: 'image/gif', body: Buffer.from([1, 2, 3]), cuts: [1] }).body).toBe(one.body);
  expect(digest({ type: 'image/png', body: Buffer.from([1, 2, 4]) }).body).not.toBe(one.body);
  expect(digest({ type: 'image/png', body: one.body }).body).toBe(one.body);
  const coded = digest({
    type: 'image/png',
    body: gzipSync(Buffer.from([1, 2, 3])),
    headers: ['Content-Encoding', 'gzip'],
  });
  expect(gunzipSync(coded.bytes).toString()).toBe(one.body);
  expect(digest({ type: 'application/json', body: '{"a' }).state).toBe('dropped:json-syntax');
  const part = digest({
    type: 'multipart/form-data; boundary=x',
    body: '--x\r\nContent-Disposition: form-data; name="f"; filename="a.png"\r\nContent-Type: image/png\r\n\r\n\x01\x02\x03\r\n--x--',
  });
  expect(part.body).toContain(`\r\n\r\n${one.body}\r\n`);
});

test('follows a rule for whole bodies', () => {
  const under = (mask: MaskAction, message: Message) =>
    maskMessage(message, { rules: [{ id: 'b', when: { part: 'request' }, at: 'body', mask }] }).request;
  const text = { type: 'text/plain', body: 'to bob@example.com' };
  const png = { type: 'image/png', body: 'PNG bob@example.com' };
  const stream = { type: 'text/event-stream', body: 'data: bob@example.com\n\ndata: x\n\n', cuts: [24] };
  expect(under('redact', text)).toMatchObject({ body: '[REDACTED]', state: 'masked' });
  expect(under('redact', stream)).toMatchObject({ body: '[REDACTED]', state: 'masked' });
  expect(under('token', png).body).toMatch(/^mk_value_[\w-]{16}$/);
  expect(under('remove', text)).toMatchObject({ body: '', state: 'dropped:removed' });
  expect(under('keep', png).body).toMatch(/^PNG mk_email_.{16}$/);
  expect(under('keep', stream).body).toMatch(/^data: mk_email_.{16}\n\ndata: x\n\n$/);
  for (const message of [text, png, stream]) {
    expect(under({ do: 'keep', detectors: false }, message)).toMatchObject({
      body: message.body,
      state: 'kept',
    });
  }
  const coded = { ...text, body: gzipSync(text.body), headers: ['Content-Encoding', 'gzip'] };
  expect(gunzipSync(under('redact', coded).bytes).toString()).toBe('[REDACTED]');
  expect(under({ do: 'keep', detectors: false }, coded).bytes).toEqual(coded.body);
});

test('follows a rule for text bodies, and for no others', () => {
  const under = (mask: MaskAction, message: Message) =>
    maskMessage(message, { rules: [{ id: 't', at: 'text:*', mask }] }).request;
  const text = { type: 'text/plain', body: 'to bob@example.com' };
  expect(under('redact', text).body).toBe('[REDACTED]');
  expect(under('remove', text).state).toBe('dropped:removed');
  expect(under('keep', { ...text, body: '<b>bob@example.com' }).body).toMatch(/^<b>mk_email_/);
  expect(under({ do: 'keep', detectors: false }, text)).toMatchObject({ body: text.body, state: 'kept' });
  expect(under('redact', { ...text, body: '{"a":1}' }).body).toBe('{"a":1}');
  expect(under('redact', { type: 'application/json', body: '{"a":1}' }).body).toBe('{"a":1}');
});

test('reads a text that is one word as a string of JSON would be read', () => {
  const json = JSON.stringify({ password: 'hunter2', page: 1 });
  const body = (text: string) => maskMessage({ type: 'text/plain', body: text }).request.body;
  const coded = body(`${Buffer.from(json).toString('base64')}\n`);
  expect(JSON.parse(Buffer.from(coded, 'base64').toString())).toEqual({
    password: expect.stringMatching(/^mk_secret_/),
    page: 1,
  });
  expect(coded).toMatch(/\n$/);
  for (const text of [
    `payload=${encodeURIComponent(json)}`,
    encodeURIComponent(json),
    encodeURIComponent(`[${json}]`).toLowerCase(),
    'https://shop.test/?p%61ssword=hunter2',
    'user%5Bpassword%5D=hunter2',
    '%7B"a":"1+1","password":"hunter2"%7D',
    'password = hunter2',
    'db: secret = "hunter2"',
  ]) {
    expect([text, body(text)]).toEqual([text, expect.not.stringContaining('hunter2')]);
    expect(
      maskMessage({ type: 'application/json', body: JSON.stringify({ text }) }).request.body,
    ).not.toContain('hunter2');
  }
  for (const text of [
    'a=b',
    'eyes',
    '/a/b',
    'WzE=',
    '%7Bx%7D',
    '%5B1%5D',
    'page = 2',
    'https://shop.test/\u00e0',
    '%',
  ]) {
    expect(body(text)).toBe(text);
  }
});
