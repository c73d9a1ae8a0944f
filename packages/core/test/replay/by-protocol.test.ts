import { expect, test } from 'vitest';
import type { Exchange } from '../../src/model/exchange.ts';
import { byProtocol } from '../../src/replay/by-protocol.ts';
import { anExchange, MemorySender } from '../../src/testing/index.ts';
import { drive } from './drive.ts';

const ms = 1e6;
const recorded = (
  id: number,
  protocol: Exchange['protocol'],
  lane: string,
  from: number,
  to: number,
): Exchange =>
  anExchange({
    id,
    protocol,
    lane,
    startAt: from * ms,
    endAt: to * ms,
    response: { at: to * ms, endAt: to * ms },
  });

test('each exchange goes to the sender of its protocol, on one clock, in the order of its lane', async () => {
  const http = new MemorySender(() => ({ delayNs: 5 * ms }));
  const grpc = new MemorySender();
  const { of } = await drive(
    [
      recorded(1, 'http', 'session', 0, 1),
      recorded(2, 'grpc', 'session', 2, 3),
      recorded(3, 'grpc', 'other', 4, 5),
      recorded(4, 'websocket', 'other', 6, 7),
    ],
    byProtocol({ http, grpc }),
  );
  // WebSockets begin as HTTP: they go to its sender.
  expect(http.sent.map(({ exchange }) => exchange)).toEqual([1, 4]);
  // The answer over HTTP came late, and the call of its lane was recorded after it.
  expect(grpc.sent.map(({ exchange, sentAt }) => [exchange, sentAt / ms])).toEqual([
    [3, 4],
    [2, 5],
  ]);
  expect(of(2).entry).toMatchObject({ protocol: 'grpc', blockedNs: 3 * ms });
  expect(of(4).entry).toMatchObject({ protocol: 'websocket', outcome: 'answered' });
  expect([http.lanesOpened, http.lanesClosed, grpc.lanesOpened, grpc.lanesClosed]).toEqual([2, 2, 2, 2]);
});

test('WebSockets go to a sender of their own where there is one; what has no sender is skipped', async () => {
  const [http, websocket] = [new MemorySender(), new MemorySender()];
  const exchanges = [
    recorded(1, 'http', 'a', 0, 1),
    recorded(2, 'websocket', 'a', 2, 3),
    recorded(3, 'grpc', 'a', 4, 5),
  ];
  const { of } = await drive(exchanges, byProtocol({ http, websocket }));
  expect([http, websocket].map(({ sent }) => sent.map(({ exchange }) => exchange))).toEqual([[1], [2]]);
  expect(of(3).entry).toMatchObject({ outcome: 'skipped', skip: 'protocol' });
  expect((await drive(exchanges, byProtocol({ grpc: http }))).of(2).entry.skip).toBe('protocol');
});

test('the guard looks at the targets of all senders', async () => {
  const http = new MemorySender(undefined, 'http://127.0.0.1:3000');
  const grpc = new MemorySender(undefined, 'https://staging.example');
  const sender = byProtocol({ http, grpc });
  expect(sender.target).toBe('http://127.0.0.1:3000, https://staging.example');
  await expect(drive([], sender)).rejects.toMatchObject({
    code: 'target-refused',
    place: { subject: 'https://staging.example' },
  });
  const { run } = await drive([recorded(1, 'http', 'a', 0, 1), recorded(2, 'grpc', 'b', 0, 1)], sender, {
    guard: { allow: ['https://staging.example'], readOnly: ['shop.Orders/Get'] },
  });
  // One target is not loopback: calls that may change something stay away from both.
  expect(run.progress().skipped).toEqual(new Map([['mutation', 1]]));
});

test('without a sender there is nothing to send with', () => {
  expect(() => byProtocol({})).toThrow(expect.objectContaining({ code: 'invalid-option' }));
});

test('it can leave its thread only when all its senders can', () => {
  const source = { url: 'data:text/javascript,', options: 1 };
  const movable = Object.assign(new MemorySender(), { source });
  expect(byProtocol({ http: movable, grpc: new MemorySender() }).source).toBeUndefined();
  expect(byProtocol({ http: movable, grpc: movable }).source).toMatchObject({
    options: [
      ['http', source],
      ['grpc', source],
    ],
  });
});
