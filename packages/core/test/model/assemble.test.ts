import fc from 'fast-check';
import { expect, test } from 'vitest';
import { Assembler, assemble } from '../../src/model/assemble.ts';
import type { CaptureEvent, ExchangeEvent, Side } from '../../src/model/event.ts';
import type { Content, Exchange } from '../../src/model/exchange.ts';
import { bodyBytes } from '../../src/model/exchange.ts';
import { assembleAll } from '../../src/testing/assemble-all.ts';
import { exchangeEvents, exchangeKinds, interleave } from '../../src/testing/exchange-events.ts';

const text = (data: Uint8Array): string => Buffer.from(data).toString();
const ids = (exchanges: readonly Exchange[]): number[] => exchanges.map(({ id }) => id);

test('an HTTP exchange keeps its heads, body, sizes and times', () => {
  const [exchange] = assembleAll(exchangeEvents({ kind: 'http', at: 1000, stepNs: 10 }));

  expect(exchange).toMatchObject({
    id: 1,
    seq: 1,
    startAt: 1000,
    endAt: 1040,
    partial: [],
    request: { method: 'GET', target: '/orders/7', complete: true, endAt: 1010, size: 0 },
    response: { status: 200, reason: 'OK', at: 1020, size: 8, complete: true, endAt: 1040 },
  });
  expect(exchange?.response && text(bodyBytes(exchange.response))).toBe('{"id":7}');
});

test('a chunked upload keeps each chunk, its trailers and the informational head', () => {
  const [exchange] = assembleAll(exchangeEvents({ kind: 'chunked-upload', at: 0, stepNs: 10 }));

  expect(exchange?.informational.map(({ status }) => status)).toEqual([100]);
  expect(exchange?.request.chunks.map(({ at, data }) => [at, text(data)])).toEqual([
    [20, 'first,'],
    [30, 'second,'],
    [40, 'third'],
  ]);
  expect(exchange?.request.trailers).toEqual(['X-Checksum', 'abc']);
  expect(exchange?.response?.status).toBe(201);
  expect(exchange?.partial).toEqual([]);
});

test('server-sent events are a body whose chunks keep their times', () => {
  const [exchange] = assembleAll(exchangeEvents({ kind: 'sse', at: 0, stepNs: 1000 }));

  expect(exchange?.protocol).toBe('http');
  expect(exchange?.response?.chunks.map(({ at }) => at)).toEqual([3000, 4000, 5000]);
  expect(exchange?.partial).toEqual([]);
});

test('a WebSocket connection is one exchange, answered 101, with the messages of both sides', () => {
  const [exchange] = assembleAll(exchangeEvents({ kind: 'websocket' }));

  expect(exchange?.protocol).toBe('websocket');
  expect(exchange?.response?.status).toBe(101);
  expect(exchange?.request.messages.map(({ kind, data }) => [kind, text(data)])).toEqual([
    [1, 'hello'],
    [8, 'bye'],
  ]);
  expect(exchange?.response?.messages.map(({ kind }) => kind)).toEqual([1, 2, 8]);
  expect(exchange?.partial).toEqual([]);
});

test.each([
  ['grpc-unary', 1, 1],
  ['grpc-client-streaming', 2, 1],
  ['grpc-server-streaming', 1, 2],
  ['grpc-bidi', 2, 2],
] as const)('a %s call keeps its messages, half-close and status', (kind, sent, received) => {
  const [exchange] = assembleAll(exchangeEvents({ kind }));

  expect(exchange?.protocol).toBe('grpc');
  expect(exchange?.operation).toMatch(/^shop\.Orders\//);
  expect(exchange?.request.messages).toHaveLength(sent);
  expect(exchange?.request.endAt).toBeDefined();
  expect(exchange?.response?.messages).toHaveLength(received);
  expect(exchange?.response?.trailers).toEqual(['grpc-status', '0']);
  expect(exchange?.partial).toEqual([]);
});

test('messages keep the order of both sides by their sequence numbers', () => {
  const [exchange] = assembleAll(exchangeEvents({ kind: 'grpc-bidi', seq: 1 }));
  const sides = [...(exchange?.request.messages ?? []), ...(exchange?.response?.messages ?? [])]
    .sort((a, b) => a.seq - b.seq)
    .map(({ data }) => text(data));

  expect(sides).toEqual(['ping', 'pong', 'ping', 'pong']);
});

test('an aborted exchange is whole: how it broke off is what happened', () => {
  const [exchange] = assembleAll(exchangeEvents({ kind: 'aborted' }));

  expect(exchange?.abort).toMatchObject({ by: 'client', code: 'ECONNRESET' });
  expect(exchange?.response?.complete).toBe(false);
  expect(exchange?.partial).toEqual([]);
});

test.each(exchangeKinds)('bytes that come later in body events make the same %s exchange', (kind) => {
  const [raw] = assembleAll(exchangeEvents({ kind }));
  const [masked] = assembleAll(exchangeEvents({ kind, masked: true }));

  expect(masked).toEqual(raw);
});

test('exchanges come out in order of start, whichever ends first', () => {
  const events = interleave(
    exchangeEvents({ exchange: 1, at: 0, stepNs: 1000 }),
    exchangeEvents({ exchange: 2, at: 1, stepNs: 1 }),
    exchangeEvents({ exchange: 3, at: 2, stepNs: 100 }),
  );

  expect(ids(assembleAll(events))).toEqual([1, 2, 3]);
  expect(ids(assembleAll(events, { order: 'end' }))).toEqual([2, 3, 1]);
});

test('assemble() reads events from an async source and stops when its reader does', async () => {
  let closed = false;
  async function* source(): AsyncGenerator<CaptureEvent> {
    try {
      for (let id = 1; ; id++) yield* exchangeEvents({ exchange: id });
    } finally {
      closed = true;
    }
  }
  const seen: number[] = [];
  for await (const exchange of assemble(source())) {
    seen.push(exchange.id);
    if (seen.length === 3) break;
  }

  expect(seen).toEqual([1, 2, 3]);
  expect(closed).toBe(true);
});

test('an exchange that the input cuts off is given out with what there is, marked no-end', () => {
  const exchanges = assembleAll(exchangeEvents({ kind: 'sse' }).slice(0, 5));

  expect(exchanges[0]?.partial).toEqual(['no-end']);
  expect(exchanges[0]?.response?.chunks).toHaveLength(2);
  expect(exchanges[0]?.response?.complete).toBe(false);
});

test('an exchange whose start is missing is given out, marked no-start', () => {
  const [exchange] = assembleAll(exchangeEvents({ exchange: 9 }).slice(1));

  expect(exchange).toMatchObject({ id: 9, partial: ['no-start'], response: { status: 200 } });
});

test('a resume event tells the head of an exchange that began in an earlier file', () => {
  const [start, ...rest] = exchangeEvents({ kind: 'sse', exchange: 4, seq: 10 });
  if (start?.type !== 'start') throw new Error('a list of events begins with a start');
  const resume: ExchangeEvent = { ...start, type: 'resume', seq: 12, at: 5, startSeq: 10, startAt: 1 };
  const [exchange] = assembleAll([resume, ...rest.slice(3)]);

  expect(exchange).toMatchObject({ id: 4, seq: 10, startAt: 1, partial: ['no-start'], lane: '4' });
  expect(exchange?.request.target).toBe('/orders/live');
});

test('a resume event changes nothing for one who has read the earlier file too', () => {
  const [start, ...rest] = exchangeEvents({ kind: 'sse' });
  if (start?.type !== 'start') throw new Error('a list of events begins with a start');
  const resume: ExchangeEvent = { ...start, type: 'resume', startSeq: 1, startAt: start.at };
  const [exchange] = assembleAll([start, ...rest.slice(0, 2), resume, ...rest.slice(2)]);

  expect(exchange).toEqual(assembleAll([start, ...rest])[0]);
});

test('a gap within one exchange marks that exchange', () => {
  const events = interleave(exchangeEvents({ exchange: 1 }), exchangeEvents({ exchange: 2 }));
  const gap: CaptureEvent = {
    type: 'gap',
    seq: 5,
    at: 2_000_000,
    reason: 'hook',
    fromAt: 0,
    toAt: 1,
    exchanges: 0,
    events: 1,
    fromSeq: 4,
    exchange: 2,
  };
  const exchanges = assembleAll([...events.slice(0, 4), gap, ...events.slice(4)]);

  expect(exchanges.map(({ partial }) => partial)).toEqual([[], ['events-lost']]);
});

test('a gap that names no exchange marks all that were under way, and none that came later', () => {
  const gap: CaptureEvent = {
    type: 'gap',
    seq: 5,
    at: 2_000_000,
    reason: 'damage',
    fromAt: 0,
    toAt: 1,
    exchanges: 2,
    events: 7,
    fromSeq: 4,
  };
  const under = interleave(exchangeEvents({ exchange: 1 }), exchangeEvents({ exchange: 2 }));
  const assembler = new Assembler();
  const exchanges = [
    ...under.slice(0, 4),
    gap,
    ...under.slice(4),
    ...exchangeEvents({ exchange: 3 }),
  ].flatMap((event) => assembler.push(event));

  expect(exchanges.map(({ partial }) => partial)).toEqual([['events-lost'], ['events-lost'], []]);
  expect(assembler.stats()).toMatchObject({ missingExchanges: 2, missingEvents: 7 });
});

test('an exchange that a recorder gave up is not whole; what else was under way then is', () => {
  const events = interleave(exchangeEvents({ exchange: 1 }), exchangeEvents({ exchange: 2 }));
  const at = events[4]?.at ?? 0;
  const gap: CaptureEvent = {
    type: 'gap',
    seq: 5,
    at,
    reason: 'buffer-full',
    fromAt: 0,
    toAt: at,
    exchanges: 2,
    events: 1,
    fromSeq: 4,
  };
  const abort: CaptureEvent = { type: 'abort', seq: 6, at, exchange: 2, by: 'recorder', code: 'buffer-full' };
  const rest = events.slice(4).filter((event) => 'exchange' in event && event.exchange === 1);
  const exchanges = assembleAll([...events.slice(0, 4), gap, abort, ...rest]);

  expect(exchanges.map(({ partial }) => partial)).toEqual([[], ['no-end']]);
});

test('a mark named operation sets the operation', () => {
  const [start, ...rest] = exchangeEvents();
  const mark: ExchangeEvent = {
    type: 'mark',
    seq: 2,
    at: 5,
    exchange: 1,
    name: 'operation',
    value: 'GET /orders/:id',
  };
  const [exchange] = assembleAll([start, mark, ...rest].filter((event) => event !== undefined));

  expect(exchange?.operation).toBe('GET /orders/:id');
});

test('events after the end of their exchange are counted and left out', () => {
  const events = exchangeEvents();
  const assembler = new Assembler();
  const exchanges = [...events, ...events].flatMap((event) => assembler.push(event));

  expect(ids(exchanges)).toEqual([1]);
  expect(assembler.stats()).toMatchObject({ exchanges: 1, ignoredEvents: events.length });
});

test('a repeated start, a second head, a second end and a chunk after its end are left out', () => {
  const events = exchangeEvents();
  const [start, end, head, chunk] = events;
  const assembler = new Assembler();
  const exchanges = [start, start, end, end, head, head, chunk, ...events.slice(4)]
    .filter((event) => event !== undefined)
    .flatMap((event) => assembler.push(event));

  expect(exchanges).toEqual(assembleAll(events));
  expect(assembler.stats().ignoredEvents).toBe(3);
});

test.each([
  ['fall', [6, 2, 8]],
  ['go past the data', [1, 2, 900]],
  ['are too few', [8]],
  ['are too many', [1, 2, 3, 8]],
  ['are not numbers', [Number.NaN, 2, 8]],
  ['stop short', [1, 2, 3]],
])('ends that %s leave the bytes whole and mark the exchange', (_, ends) => {
  const [start, end, head] = exchangeEvents();
  const chunk = (seq: number): CaptureEvent => ({
    type: 'chunk',
    seq,
    at: seq,
    exchange: 1,
    side: 'response',
    size: 3,
  });
  const body: CaptureEvent = {
    type: 'body',
    seq: 6,
    at: 6,
    exchange: 1,
    side: 'response',
    data: Buffer.from('12345678'),
    ends,
  };
  const responseEnd: CaptureEvent = {
    type: 'end',
    seq: 7,
    at: 7,
    exchange: 1,
    side: 'response',
    size: 9,
    state: 'masked',
    complete: true,
  };
  const events = [start, end, head, chunk(4), chunk(5), chunk(6), body, responseEnd].filter(
    (event) => event !== undefined,
  );
  const [exchange] = assembleAll(events);

  expect(exchange?.partial).toContain('events-lost');
  expect(exchange?.response && text(bodyBytes(exchange.response))).toBe('12345678');
});

test('more open exchanges than allowed: the oldest unfinished is given up, its later events counted', () => {
  const assembler = new Assembler({ maxOpenExchanges: 2 });
  const first = exchangeEvents({ exchange: 1, kind: 'sse' });
  const out = [
    ...first.slice(0, 4),
    ...exchangeEvents({ exchange: 2 }),
    ...exchangeEvents({ exchange: 3 }),
    ...first.slice(4),
  ].flatMap((event) => assembler.push(event));

  expect(out.map(({ id, partial }) => [id, partial])).toEqual([
    [1, ['evicted']],
    [2, []],
    [3, []],
  ]);
  expect(out[0]?.response?.chunks).toHaveLength(1);
  expect(assembler.stats()).toMatchObject({ ignoredEvents: 3, partial: { evicted: 1 } });
});

test('a flood of events of one exchange does not grow memory', () => {
  const assembler = new Assembler({ maxHeldBytes: 100_000 });
  const [start] = exchangeEvents();
  let out = start === undefined ? 0 : assembler.push(start).length;
  for (let seq = 2; seq < 5000; seq++) {
    out += assembler.push({ type: 'mark', seq, at: seq, exchange: 1, name: 'a', value: 'b' }).length;
  }

  expect(out).toBe(1);
  expect(assembler.stats().partial.evicted).toBe(1);
  expect(assembler.stats().ignoredEvents).toBeGreaterThan(4000);
});

test('a body over the limit keeps its beginning and its true size', () => {
  const [exchange] = assembleAll(exchangeEvents({ kind: 'chunked-upload' }), { maxBodyBytes: 8 });

  expect(exchange?.request).toMatchObject({ size: 18, state: 'truncated', complete: true });
  expect(exchange && text(bodyBytes(exchange.request))).toBe('first,se');
});

test('messages over the limit are left out whole', () => {
  const [exchange] = assembleAll(exchangeEvents({ kind: 'websocket' }), { maxBodyBytes: 6 });

  expect(exchange?.request.messages.map(({ state, data }) => [state, text(data)])).toEqual([
    ['kept', 'hello'],
    ['dropped:assembler-limit', ''],
  ]);
  expect(exchange?.request.state).toBe('truncated');
});

test('small data does not keep a large buffer alive', () => {
  const large = Buffer.alloc(1 << 20, 'x');
  const [start, end, head] = exchangeEvents();
  const chunk: CaptureEvent = {
    type: 'chunk',
    seq: 4,
    at: 4,
    exchange: 1,
    side: 'response',
    size: 5,
    data: large.subarray(0, 5),
  };
  const [exchange] = assembleAll([start, end, head, chunk].filter((event) => event !== undefined));

  expect(exchange?.response?.chunks[0]?.data.buffer.byteLength).toBe(5);
});

test.each([
  ['maxOpenExchanges', 0],
  ['maxHeldBytes', Number.NaN],
  ['maxBodyBytes', 1.5],
])('%s of %s is refused by name', (name, value) => {
  expect(() => new Assembler({ [name]: value })).toThrow(new RegExp(`^${name} must be a whole number`));
});

const anyCapture = fc
  .array(
    fc.record({
      kind: fc.constantFrom(...exchangeKinds),
      at: fc.nat(5000),
      step: fc.integer({ min: 1, max: 900 }),
    }),
    {
      maxLength: 12,
    },
  )
  .map((list) =>
    interleave(
      ...list.map(({ kind, at, step }, i) =>
        exchangeEvents({ kind, exchange: i + 1, at, stepNs: step, masked: i % 2 === 0 }),
      ),
    ),
  );

test('property: whole exchanges come out whole, once, in order of start, however they overlap', () => {
  fc.assert(
    fc.property(anyCapture, (events) => {
      const exchanges = assembleAll(events);
      const starts = events.filter(({ type }) => type === 'start').map((event) => event.seq);
      expect(exchanges.map(({ seq }) => seq)).toEqual(starts);
      expect(exchanges.flatMap(({ partial }) => partial)).toEqual([]);
      const byEnd = assembleAll(events, { order: 'end' });
      expect([...byEnd].sort((a, b) => a.seq - b.seq)).toEqual(exchanges);
    }),
  );
});

test('property: shuffled, repeated and missing events never crash it, and no exchange comes out twice', () => {
  const damaged = anyCapture.chain((events) =>
    fc
      .array(fc.nat(), { maxLength: 2 * events.length })
      .map((picks) =>
        picks.map((pick) => events[pick % events.length]).filter((event) => event !== undefined),
      ),
  );
  fc.assert(
    fc.property(
      damaged,
      fc.constantFrom('start' as const, 'end' as const),
      fc.integer({ min: 1, max: 5 }),
      (events, order, open) => {
        const assembler = new Assembler({ order, maxOpenExchanges: open });
        const exchanges = [...events.flatMap((event) => [...assembler.push(event)]), ...assembler.finish()];
        // Ids are remembered up to the limit; with so few kept, one that comes back much later may come out again.
        if (
          open === 5 &&
          new Set(events.map((event) => ('exchange' in event ? event.exchange : 0))).size <= 5
        ) {
          expect(new Set(ids(exchanges)).size).toBe(exchanges.length);
        }
        expect(assembler.finish()).toEqual([]);
        expect(assembler.stats().exchanges).toBe(exchanges.length);
      },
    ),
  );
});

test('a message that its tap could not read counts as dropped, and not as an empty one', () => {
  const around = exchangeEvents({ kind: 'http', at: 0, stepNs: 10 }).filter(
    ({ type }) => type === 'start' || type === 'headers',
  );
  const message = (side: Side, index: number, data = ''): ExchangeEvent => ({
    ...{ type: 'message', seq: 10, at: 50, exchange: 1, side, index, kind: 1, state: 'kept' },
    ...{ size: data.length, data: Buffer.from(data) },
  });
  const undecoded = (side: Side): ExchangeEvent => ({
    ...{ type: 'mark', seq: 10, at: 50, exchange: 1, name: 'undecoded', value: `${side} message of 9 bytes` },
  });
  const [exchange] = assembleAll([
    ...around,
    ...[message('request', 0), message('request', 1), undecoded('request'), message('request', 2, 'x')],
    ...[undecoded('request'), message('response', 0), message('response', 1), undecoded('response')],
  ]);
  const states = (content: Content | undefined) => content?.messages.map(({ state }) => state);
  expect(states(exchange?.request)).toEqual(['kept', 'dropped:undecoded', 'kept']);
  expect(states(exchange?.response)).toEqual(['kept', 'dropped:undecoded']);
});
