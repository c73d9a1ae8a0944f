import fc from 'fast-check';
import { expect, test } from 'vitest';
import { isEventStream, serverSentEvents } from '../../src/model/server-sent-events.ts';
import { aChunk } from '../../src/testing/index.ts';

test('each event has its fields, and the time at which its end passed', () => {
  const chunks = [
    aChunk('\ufeffdata: 1\n\nevent: price\nid: 7\nda', 2),
    aChunk('ta: {"a":\ndata:2}\n', 5),
    aChunk('\n: still there\r\r\n\r\ndata\r\n\r\ndata: cut', 9),
  ];
  expect(serverSentEvents({ chunks })).toEqual([
    { at: 2, text: 'data: 1\n', data: '1', finished: true },
    {
      at: 9,
      text: 'event: price\nid: 7\ndata: {"a":\ndata:2}\n',
      event: 'price',
      id: '7',
      data: '{"a":\n2}',
      finished: true,
    },
    { at: 9, text: ': still there\r', finished: true },
    { at: 9, text: 'data\r\n', data: '', finished: true },
    { at: 9, text: 'data: cut', data: 'cut', finished: false },
  ]);
  expect(serverSentEvents({ chunks }, 2)).toHaveLength(2);
  expect(serverSentEvents({ chunks: [] })).toEqual([]);
});

test('a body is a stream of events by its type, and where it is not compressed', () => {
  expect(isEventStream(['Content-Type', 'text/event-stream; charset=utf-8'])).toBe(true);
  expect(isEventStream(['content-type', 'TEXT/EVENT-STREAM', 'content-encoding', 'identity'])).toBe(true);
  expect(isEventStream(['content-type', 'text/event-stream', 'content-encoding', 'gzip'])).toBe(false);
  expect(isEventStream(['content-type', 'text/event-streams'])).toBe(false);
  expect(isEventStream([])).toBe(false);
});

test('however a stream is cut, its events are the same, and their times never fall', () => {
  const line = fc.constantFrom('data: a', 'data:é', 'id: 1', ': c', 'x', '');
  const end = fc.constantFrom('\n', '\r\n', '\r');
  const body = fc
    .array(fc.tuple(line, end), { maxLength: 20 })
    .map((lines) => Buffer.from(lines.flat().join('')));
  fc.assert(
    fc.property(body, fc.array(fc.nat(60), { maxLength: 6 }), (bytes, cuts) => {
      const places = [
        0,
        ...cuts.map((cut) => Math.min(cut, bytes.length)).sort((a, b) => a - b),
        bytes.length,
      ];
      const chunks = places
        .slice(1)
        .map((place, i) => ({ ...aChunk('', i), data: bytes.subarray(places[i], place) }));
      const events = serverSentEvents({ chunks });
      const whole = serverSentEvents({ chunks: [{ ...aChunk('', 0), data: bytes }] });
      expect(events.map(({ at: _, ...event }) => event)).toEqual(whole.map(({ at: _, ...event }) => event));
      const times = events.map(({ at }) => at);
      expect(times).toEqual([...times].sort((a, b) => a - b));
    }),
    { numRuns: 100 },
  );
});
