import { expect, test } from 'vitest';
import { createMasker } from '../../src/mask/create-masker.ts';
import { maskExchange } from '../../src/mask/mask-exchange.ts';
import type { Masker } from '../../src/mask/masker.ts';
import type { CaptureEvent, GapEvent } from '../../src/model/event.ts';
import { bodyBytes } from '../../src/model/exchange.ts';
import { exchangeEvents, exchangeKinds } from '../../src/testing/exchange-events.ts';
import { anExchange, aSchema } from '../../src/testing/factories.ts';
import { aPolicy, type Message, maskEvents, maskMessage, rawEvents, read } from './support.ts';

function aGap(over: Partial<GapEvent> = {}): GapEvent {
  const at = { seq: 2, at: 2, fromAt: 1, toAt: 2, fromSeq: 3 };
  return { type: 'gap', ...at, reason: 'damage', exchanges: 0, events: 1, ...over };
}

const rich = {
  target: '/users/bob@example.com?token=abc&page=2',
  headers: [
    'Host',
    'shop.test',
    'Cookie',
    'sid=abc; theme=dark',
    'X-Strange',
    'v',
    'Authorization',
    'Basic dXNlcjpwdw==',
    'If-None-Match',
    '"tag"',
    'Referer',
    'https://u:p@shop.test/?code=1234567890',
  ],
  peer: '10.1.2.3:5000',
  type: 'application/json',
  body: '{"email":"bob@example.com","nested":"{\\"password\\":\\"x\\"}","text":"card 4242424242424242","q":"{ user(name: \\"bob\\") }"}',
  responseHeaders: ['Set-Cookie', 'sid=abc; Path=/; HttpOnly'],
  responseType: 'text/event-stream',
  response: 'data: {"email":"bob@example.com"}\n\ndata: bob@example.com\n\n',
  reason: 'Hello bob@example.com',
  cuts: [20, 40],
  responseCuts: [10, 50],
};

test('changes nothing when it masks a second time with the same policy', () => {
  const once = maskEvents(createMasker(aPolicy()), rawEvents(rich));
  const twice = maskEvents(createMasker(aPolicy()), once);
  const [one, two] = [read(once), read(twice)];
  expect(two.target).toBe(one.target);
  expect(two.peer).toBe(one.peer);
  expect(two.reason).toBe(one.reason);
  expect(two.request).toEqual(one.request);
  expect(two.response).toEqual(one.response);
  expect(twice.filter(({ type }) => type === 'audit')).toHaveLength(1);
  expect(two.rules).toEqual(one.rules);
});

test('lets gaps, clocks, controls and schemas pass', () => {
  const passing: CaptureEvent[] = [
    { type: 'clock', seq: 1, at: 1, wallMs: 5 },
    aGap(),
    aGap({ exchange: 1 }),
    { type: 'control', seq: 3, at: 3, name: 'pause', value: '' },
    aSchema(),
  ];
  expect(maskEvents(createMasker(aPolicy()), passing)).toEqual(passing);
});

test('drops bodies of which a part is missing, and no others', () => {
  const masked = (message: Message, gap: Partial<GapEvent>, lost: 'first' | 'middle' | 'all' | 'none') => {
    const whole = [...rawEvents({ ...message, cuts: [15, 20] }), ...rawEvents(message, 2, 100)];
    const chunks = whole.filter((event) => event.type === 'chunk' && event.exchange === 1);
    const gone: readonly CaptureEvent[] = {
      first: chunks.slice(0, 1),
      middle: chunks.slice(1, 2),
      all: chunks,
      none: [],
    }[lost];
    const place = gone[0] ?? chunks[1];
    const left = whole.flatMap((event): CaptureEvent[] => [
      ...(event === place ? [aGap(gap)] : []),
      ...(gone.includes(event) ? [] : [event]),
    ]);
    const events = maskEvents(createMasker(aPolicy()), left);
    return [1, 2].map(
      (id) => read(events.filter((event) => 'exchange' in event && event.exchange === id)).request,
    );
  };
  const text = { type: 'text/plain', body: 'a note password=hunter2hunter3' };
  for (const lost of ['first', 'middle', 'all'] as const) {
    for (const gap of [{}, { exchange: 1 }, { reason: 'sink-failed' }] as const) {
      const [cut, other] = masked(text, gap, lost);
      expect([lost, cut]).toMatchObject([lost, { body: '', state: 'dropped:truncated' }]);
      expect(other).toMatchObject({ state: 'masked', body: expect.stringContaining('a note password=mk_') });
    }
  }
  for (const gap of [{}, { reason: 'buffer-full' }, { exchange: 7 }] as const) {
    expect(masked(text, gap, 'none').map(({ state }) => state)).toEqual(['masked', 'masked']);
  }
  const stream = {
    type: 'text/event-stream',
    body: 'data: abcdefg\n\ndata: password=hunter2\n\ndata: x\n\n',
  };
  expect(masked(stream, {}, 'middle')[0]).toMatchObject({ body: 'data: abcdefg\n\n', state: 'truncated' });
  expect(masked(stream, {}, 'first')[0]).toMatchObject({ body: '', state: 'dropped:truncated' });
  expect(masked(stream, { exchange: 7 }, 'none')[0]?.state).toBe('masked');
});

test('keeps every kind of exchange in order, with one audit before its last event', () => {
  for (const kind of exchangeKinds) {
    const masked = maskEvents(createMasker(aPolicy()), exchangeEvents({ kind }));
    const types = masked.map(({ type }) => type);
    expect(types.filter((type) => type === 'audit')).toHaveLength(1);
    expect(types.at(-2)).toBe('audit');
    let last = 0;
    for (const { seq } of masked) {
      expect(seq).toBeGreaterThanOrEqual(last);
      last = seq;
    }
  }
});

test('drops messages that have no readable form, and masks those of text', () => {
  const masker = createMasker(aPolicy());
  const messages = (kind: 'websocket' | 'grpc-unary', kinds: number, text: string) => {
    const events = exchangeEvents({ kind }).map((event) =>
      event.type === 'message' ? { ...event, kind: kinds, data: Buffer.from(text, 'latin1') } : event,
    );
    return maskEvents(masker, events).filter((event) => event.type === 'message');
  };
  const [message] = messages('websocket', 1, '{"password":"hunter2"}');
  expect(Buffer.from(message?.data ?? '').toString()).toMatch(/^\{"password":"mk_secret_.{16}"\}$/);
  expect(message?.state).toBe('masked');
  expect(messages('websocket', 1, 'hello')[0]).toMatchObject({ state: 'kept', data: Buffer.from('hello') });
  expect(messages('websocket', 2, 'bob')[0]).toMatchObject({ state: 'dropped:binary' });
  expect(messages('websocket', 2, 'bob')[0]).not.toHaveProperty('data');
  expect(messages('grpc-unary', 0, 'bob')[0]).toMatchObject({ state: 'dropped:schema-unknown' });
  const [close] = messages('websocket', 8, '\x03\xe8bye bob@example.com');
  expect(Buffer.from(close?.data ?? '').toString()).toMatch(/bye mk_email_.{16}$/);
});

test('counts what each rule did, without values, and names headers that no rule knows', () => {
  const { events, unknownHeaders } = maskMessage(rich);
  const audit = events.find((event) => event.type === 'audit');
  expect(unknownHeaders).toEqual(['x-strange']);
  expect(audit?.entries).toContainEqual({
    rule: 'default/detect/email',
    part: 'target',
    side: 'request',
    count: 1,
  });
  expect(audit?.entries).toContainEqual({ rule: 'default/peer', part: 'address', side: 'request', count: 1 });
  expect(JSON.stringify(audit)).not.toMatch(/bob|abc|4242|dark/);
});

test('drops the body of an exchange that broke off, unless it is whole all the same', () => {
  const abort: CaptureEvent = { type: 'abort', seq: 9, at: 9, exchange: 1, by: 'client', code: 'ECONNRESET' };
  const upToBody = (body: string) => rawEvents({ type: 'application/json', body }).slice(0, 2);
  const broken = maskEvents(createMasker(aPolicy()), [...upToBody('{"password":"hun'), abort]);
  expect(broken.map(({ type }) => type)).toEqual(['start', 'chunk', 'audit', 'abort']);
  expect(read(broken).rules).toContain('dropped:json-syntax');
  const whole = maskEvents(createMasker(aPolicy()), [...upToBody('{"password":"hunter2"}'), abort]);
  expect(read(whole).request.body).toMatch(/mk_secret_/);
});

test('gives up the oldest exchanges over its limits, and keeps none of their bytes', () => {
  const masker = createMasker(aPolicy({ limits: { openExchanges: 2 } }));
  const starts = [1, 2, 3].flatMap((exchange) => maskEvents(masker, rawEvents({}, exchange).slice(0, 1)));
  expect(starts).toHaveLength(3);
  const rest = maskEvents(masker, rawEvents({ type: 'application/json', body: '{"a":1}' }, 1).slice(1));
  expect(rest.some(({ type }) => type === 'body')).toBe(false);
  expect(rest.find((event) => event.type === 'end')).toMatchObject({ state: 'dropped:unknown-exchange' });
  expect(read(rest).response.headers).toEqual([]);
});

test('never keeps an event that it failed on', () => {
  const masker = createMasker(aPolicy());
  const bad = new Proxy(['Cookie', 'sid=hunter2'], {
    get() {
      throw new Error('hunter2');
    },
  });
  const [start] = rawEvents({ target: '/?token=hunter2' });
  if (start?.type !== 'start') throw new Error('no start');
  const masked = masker.mask({ ...start, headers: bad });
  expect(JSON.stringify(masked)).not.toContain('hunter2');
  expect(masked).toMatchObject([{ type: 'start', target: '/', headers: [] }]);
});

test('keeps nothing of a body when it failed on a part of it, also of one that was masked before', () => {
  const masker = createMasker(aPolicy());
  const broken = new Uint8Array(4);
  Object.defineProperty(broken, 'subarray', {
    value: () => {
      throw new Error('hunter2');
    },
  });
  const [start, ...rest] = maskEvents(
    createMasker(aPolicy()),
    rawEvents({ type: 'text/plain', body: 'one two three', cuts: [4] }),
  );
  if (start === undefined) throw new Error('no start');
  const masked = maskEvents(masker, [
    start,
    ...rest.flatMap((event): CaptureEvent[] =>
      event.type === 'body'
        ? [
            { ...event, data: broken, ends: [4] },
            { ...event, data: Buffer.from('two three'), ends: [9] },
          ]
        : [event],
    ),
  ]);
  expect(read(masked).request).toMatchObject({ state: 'dropped:error', body: '' });
});

test('passes everything under a policy that extends none, whose summary says so', () => {
  const masker = createMasker({ version: 1, extends: 'none' });
  const events = rawEvents(rich);
  expect(maskEvents(masker, events)).toEqual(events);
  expect(masker.summary.mode).toBe('none');
});

test('masks marks by their names and by how their values look', () => {
  const masker = createMasker(aPolicy());
  maskEvents(masker, rawEvents({}).slice(0, 1));
  const mark = (name: string, value: string) =>
    masker.mask({ type: 'mark', seq: 2, at: 2, exchange: 1, name, value })[0];
  expect(mark('tenant', 'acme')).toMatchObject({ value: 'acme' });
  expect(mark('password', 'x')).toMatchObject({ value: expect.stringMatching(/^mk_secret_/) });
  expect(mark('who', 'bob@example.com')).toMatchObject({ value: expect.stringMatching(/^mk_email_/) });
});

test('keeps lanes that are counted up and tokenises others, the same each time', () => {
  const masker = createMasker(aPolicy());
  const lane = (text: string, exchange: number) => {
    const [start] = rawEvents({}, exchange);
    const [masked] = start?.type === 'start' ? masker.mask({ ...start, lane: text }) : [];
    return masked?.type === 'start' ? masked.lane : undefined;
  };
  expect(lane('connection-17', 1)).toBe('connection-17');
  expect(lane('a session key of one person', 2)).toMatch(/^mk_lane_/);
  expect(lane('a session key of one person', 3)).toBe(lane('a session key of one person', 4));
  expect(lane('10.1.2.3', 5)).toMatch(/^mk_ip_/);
});

test('maskExchange() masks a whole exchange as its events would have been', () => {
  const masker: Masker = createMasker(aPolicy());
  const data = Buffer.from('{"email":"bob@example.com"}');
  const exchange = anExchange({
    request: { target: '/?email=bob%40example.com' },
    response: { chunks: [{ at: 2_000_000, size: data.length, data }], size: data.length },
  });
  const masked = maskExchange(masker, exchange);
  expect(masked.request.target).toMatch(/^\/\?email=mk_email_/);
  expect(masked.response?.state).toBe('masked');
  const body = masked.response === undefined ? '' : Buffer.from(bodyBytes(masked.response)).toString();
  expect(body).toMatch(/^\{"email":"mk_email_.{16}"\}$/);
  expect(masked).toMatchObject({
    id: exchange.id,
    startAt: exchange.startAt,
    endAt: exchange.endAt,
    partial: [],
  });
  expect(maskExchange(masker, exchange)).toEqual(masked);
});

test('maskExchange() copes with exchanges without an answer, and with those that broke off', () => {
  const masker = createMasker(aPolicy());
  const silent = anExchange({ response: null, partial: ['no-end'] });
  expect(maskExchange(masker, silent)).toMatchObject({ partial: ['no-end'], abort: undefined });
  expect(maskExchange(masker, silent).response).toBeUndefined();
  const unmasked = createMasker({ version: 1, extends: 'none' });
  const exchange = anExchange();
  expect(maskExchange(unmasked, exchange).response?.chunks).toEqual(exchange.response?.chunks);
});

test('counts a container that is replaced as a whole once, and nothing for what was in it', () => {
  const rules = [{ id: 'r', at: 'key:profile', mask: 'redact' }] as const;
  const body =
    '{"email":"a@b.co","profile":{"email":"a@b.co","c":{"password":"x","t":"to c@d.co"}},"profile":1}';
  const masked = maskEvents(createMasker(aPolicy({ rules })), rawEvents({ type: 'application/json', body }));
  const audit = masked.find((event) => event.type === 'audit');
  expect(audit?.entries.filter(({ part }) => part === 'body')).toEqual([
    { rule: 'default/key/contact', part: 'body', side: 'request', count: 1 },
    { rule: 'r', part: 'body', side: 'request', count: 2 },
  ]);
});
