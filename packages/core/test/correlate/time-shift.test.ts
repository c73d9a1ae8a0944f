import { createHmac } from 'node:crypto';
import { expect, test } from 'vitest';
import { TimeShift } from '../../src/correlate/time-shift.ts';
import { bodyBytes, type Exchange } from '../../src/model/exchange.ts';
import { headerValue } from '../../src/model/headers.ts';
import { replay } from '../../src/run.ts';
import { ManualClock } from '../../src/testing/manual-clock.ts';
import { MemorySender } from '../../src/testing/memory-sender.ts';
import { settle } from '../replay/drive.ts';
import { traffic } from './traffic.ts';

const coded = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url');
const token = `${coded({ alg: 'HS256' })}.${coded({ sub: 'a', exp: 1_000 })}.c2ln`;
const recordedAt = Date.UTC(2026, 10, 1);
const dayMs = 86_400_000;

test('times in a request move by as much as the run is later, and a token that was signed anew is sent', async () => {
  const clock = new ManualClock();
  const spoken = [
    {
      method: 'POST',
      target: '/bookings?from=2026-11-01T00:00:00Z',
      headers: [
        'Authorization',
        `Bearer ${token}`,
        'Cookie',
        'sid=recorded',
        'If-Modified-Since',
        'Sun, 01 Nov 2026 00:00:00 GMT',
      ],
      body: { day: '2026-11-03', amount: 1_793_491_200, at: 1_793_491_200, at2: 'x' },
    },
  ];
  const sent: Exchange[] = [];
  class Watching extends MemorySender {
    override prepare(exchange: Exchange) {
      sent.push(exchange);
      return super.prepare(exchange);
    }
  }
  let over = false;
  const running = replay(traffic(spoken), new Watching(), {
    clock,
    timeShift: { recordedAt: clock.wallMs() - 10 * dayMs, jwtKey: 'a secret' },
  }).finally(() => {
    over = true;
  });
  for (let i = 0; i < 1_000 && !over; i++) {
    await settle();
    clock.advanceMs(1);
  }
  const report = await running;
  const [request] = sent.map((exchange) => exchange.request);
  expect(report.timeShift).toEqual({ byMs: 10 * dayMs, times: 3, tokens: 1 });
  expect(report.bindings).toBeUndefined();
  expect(request?.target).toBe('/bookings?from=2026-11-11T00%3A00%3A00Z');
  expect(
    JSON.parse(Buffer.from(bodyBytes(request ?? traffic(spoken)[0]?.request ?? fail())).toString()),
  ).toEqual({
    day: '2026-11-13',
    amount: 1_793_491_200,
    at: 1_793_491_200 + 864_000,
    at2: 'x',
  });
  const [head, body, signature] = (headerValue(request?.headers ?? [], 'authorization') ?? '')
    .slice(7)
    .split('.');
  expect(JSON.parse(Buffer.from(body ?? '', 'base64url').toString())).toEqual({
    sub: 'a',
    exp: 1_000 + 864_000,
  });
  expect(signature).toBe(createHmac('sha256', 'a secret').update(`${head}.${body}`).digest('base64url'));
  expect(headerValue(request?.headers ?? [], 'cookie')).toBeUndefined();
  expect(headerValue(request?.headers ?? [], 'if-modified-since')).toBe('Sun, 01 Nov 2026 00:00:00 GMT');
});

function fail(): never {
  throw new Error('nothing was sent');
}

test('without a key, web tokens stay as they were recorded, and so are not sent as credentials', () => {
  const shift = new TimeShift({ recordedAt });
  expect(
    shift.visit({ place: 'header.authorization', pointer: 'header.authorization', text: token }),
  ).toBeUndefined();
});

test('options that are none are refused', () => {
  expect(() => new TimeShift({})).toThrow(/needs recordedAt/);
  expect(() => new TimeShift({ recordedAt: Number.NaN })).toThrow(/recordedAt must be milliseconds/);
  expect(() => new TimeShift(Object.assign({ recordedAt }, { jwtkey: 'x' }))).toThrow(
    /did you mean "jwtKey"/,
  );
});
