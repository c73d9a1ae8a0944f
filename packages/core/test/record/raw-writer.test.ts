import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { CaptureEvent, ExchangeStart } from '../../src/model/event.ts';
import type { PackedBuffer } from '../../src/record/buffer-pool.ts';
import { BufferPool } from '../../src/record/buffer-pool.ts';
import { RawReader } from '../../src/record/raw-reader.ts';
import { RawWriter } from '../../src/record/raw-writer.ts';

function unpack(memory: SharedArrayBuffer, used: number): CaptureEvent[] {
  const reader = new RawReader(memory, used);
  const events: CaptureEvent[] = [];
  for (let event = reader.next(); event !== undefined; event = reader.next()) events.push(event);
  return events;
}

const latin1 = fc.string({ unit: fc.integer({ min: 0, max: 255 }).map((code) => String.fromCharCode(code)) });
/** What may stand in a line of a head. */
const headerText = latin1.map((text) => text.replace(/[\r\n:]/g, ''));
const anyText = fc.string({ unit: 'binary' });
const headers = fc.array(fc.tuple(latin1, latin1), { maxLength: 6 }).map((pairs) => pairs.flat());
const side = fc.constantFrom('request' as const, 'response' as const);
const whole = fc.nat(2 ** 40);

const start: fc.Arbitrary<ExchangeStart> = fc.record({
  direction: fc.constantFrom('inbound', 'outbound'),
  protocol: fc.constantFrom('http', 'grpc', 'websocket'),
  lane: anyText,
  parent: fc.option(whole, { nil: undefined }),
  operation: fc.option(anyText, { nil: undefined }),
  peer: fc.option(anyText, { nil: undefined }),
  scheme: fc.constantFrom('http', 'https'),
  version: latin1,
  method: latin1,
  target: anyText,
  authority: fc.option(anyText, { nil: undefined }),
  headers,
});

/** A call of the writer and the event that must come out of it, but for its stamp. */
type Call = readonly [(writer: RawWriter, at: number) => boolean, object];

const call: fc.Arbitrary<Call> = fc.oneof(
  fc
    .tuple(start, fc.double({ min: 0.001, max: 1, noNaN: true }))
    .map(
      ([given, sampleRate]): Call => [
        (writer, at) => writer.start(at, 7, given, sampleRate),
        { type: 'start', exchange: 7, sampleRate, ...given },
      ],
    ),
  fc
    .uint8Array({ maxLength: 5000 })
    .map(
      (data): Call => [(writer, at) => writer.schema(at, data), { type: 'schema', format: 'protobuf', data }],
    ),
  fc
    .tuple(fc.nat(999), latin1, headers)
    .map(
      ([status, reason, list]): Call => [
        (writer, at) => writer.headers(at, 7, status, reason, '1.1', list),
        { type: 'headers', exchange: 7, status, reason, version: '1.1', headers: list },
      ],
    ),
  fc.tuple(fc.integer({ min: 100, max: 999 }), headerText, fc.array(fc.tuple(headerText, headerText))).map(
    ([status, reason, pairs]): Call => [
      (writer, at) => {
        const lines = pairs.map(([name, value]) => `n${name}: ${value}\r\n`);
        return writer.wireHead(at, 7, `HTTP/1.1 ${status} ${reason}\r\n${lines.join('')}\r\n`) === status;
      },
      {
        type: 'headers',
        exchange: 7,
        status,
        reason,
        version: '1.1',
        headers: pairs.flatMap(([name, value]) => [`n${name}`, value]),
      },
    ],
  ),
  fc.tuple(side, anyText).map(([of, text]): Call => {
    const data = new Uint8Array(Buffer.from(text));
    return [
      (writer, at) => writer.text(at, 7, of, text) === data.length,
      { type: 'chunk', exchange: 7, side: of, size: data.length, data },
    ];
  }),
  fc
    .tuple(side, fc.uint8Array({ maxLength: 5000 }))
    .map(
      ([of, data]): Call => [
        (writer, at) => writer.chunk(at, 7, of, data, data.length),
        { type: 'chunk', exchange: 7, side: of, size: data.length, data },
      ],
    ),
  fc.tuple(side, fc.nat(), fc.nat(255), fc.uint8Array({ minLength: 2 })).map(
    ([of, index, kind, data]): Call => [
      (writer, at) => writer.message(at, 7, of, index, kind, data, 1),
      {
        type: 'message',
        exchange: 7,
        side: of,
        index,
        kind,
        size: data.length,
        state: 'truncated',
        data: data.slice(0, 1),
      },
    ],
  ),
  fc
    .tuple(side, headers)
    .map(
      ([of, list]): Call => [
        (writer, at) => writer.trailers(at, 7, of, list),
        { type: 'trailers', exchange: 7, side: of, headers: list },
      ],
    ),
  fc
    .tuple(side, whole, fc.boolean())
    .map(
      ([of, size, complete]): Call => [
        (writer, at) => writer.end(at, 7, of, size, 'dropped', complete),
        { type: 'end', exchange: 7, side: of, size, state: 'dropped:body-limit', complete },
      ],
    ),
  fc
    .tuple(
      fc.constantFrom('client' as const, 'server' as const, 'recorder' as const, 'unknown' as const),
      anyText,
    )
    .map(
      ([by, code]): Call => [
        (writer, at) => writer.abort(at, 7, by, code),
        { type: 'abort', exchange: 7, by, code },
      ],
    ),
  fc
    .tuple(anyText, anyText)
    .map(
      ([name, value]): Call => [
        (writer, at) => writer.mark(at, 7, name, value),
        { type: 'mark', exchange: 7, name, value },
      ],
    ),
  fc
    .tuple(anyText, anyText)
    .map(
      ([name, value]): Call => [
        (writer, at) => writer.control(at, name, value),
        { type: 'control', name, value },
      ],
    ),
  fc
    .double({ min: 0, max: 2e12, noNaN: true })
    .map((wallMs): Call => [(writer, at) => writer.clock(at, wallMs), { type: 'clock', wallMs }]),
  fc
    .tuple(whole, whole, whole)
    .map(
      ([fromAt, exchanges, events]): Call => [
        (writer, at) => writer.gap(at, { reason: 'buffer-full', fromAt, exchanges, events, fromSeq: 3 }),
        { type: 'gap', reason: 'buffer-full', fromAt, exchanges, events, fromSeq: 3 },
      ],
    ),
);

test('property: what is packed comes out as it was, over as many buffers as it takes', () => {
  fc.assert(
    fc.property(fc.array(call, { maxLength: 30 }), (calls) => {
      const pool = new BufferPool(1024, 1 << 20);
      const full: PackedBuffer[] = [];
      const writer = new RawWriter((atLeast) => {
        if (writer.current !== undefined) full.push(writer.current);
        return pool.take(atLeast);
      });
      for (const [i, [pack]] of calls.entries()) expect(pack(writer, i * 1e9)).toBe(true);
      if (writer.current !== undefined) full.push(writer.current);
      const events = full.flatMap(({ memory, used }) => {
        const found = [...unpack(memory, used)];
        new Uint8Array(memory).fill(255); // the buffer is used again
        return found;
      });
      const expected = calls.map(([, event], i) => ({ seq: i + 1, at: i * 1e9, ...event }));
      expect(events.map(withoutUndefined)).toEqual(expected.map(withToAt).map(withoutUndefined));
    }),
  );
});

test('nothing is written, and no number taken, when there is no room', () => {
  const writer = new RawWriter(() => undefined);
  expect(writer.mark(1, 1, 'a', 'b')).toBe(false);
  expect(writer.seq).toBe(1);
});

function withToAt(event: object): object {
  return 'type' in event && event.type === 'gap' && 'at' in event ? { ...event, toAt: event.at } : event;
}

/** Bytes as plain arrays, and without what is absent. */
function withoutUndefined(event: object | CaptureEvent): object {
  return Object.fromEntries(
    Object.entries(event)
      .filter(([, value]) => value !== undefined)
      .map(([name, value]: [string, unknown]) => [name, value instanceof Uint8Array ? [...value] : value]),
  );
}
