import { expect, test } from 'vitest';
import { assemble } from '../../src/model/assemble.ts';
import type { Exchange } from '../../src/model/exchange.ts';
import { endedByDeadline, grpcStatusName, grpcStatusOf, grpcTimeoutNs } from '../../src/model/grpc-status.ts';
import { anExchange } from '../../src/testing/factories.ts';
import { exchangeEvents } from '../../src/testing/index.ts';

const call = (over: Parameters<typeof anExchange>[0]) =>
  grpcStatusOf({ ...anExchange({ protocol: 'grpc' }), response: undefined, ...over } as Exchange);

async function assembled(events: Parameters<typeof assemble>[0]): Promise<Exchange[]> {
  const exchanges: Exchange[] = [];
  for await (const exchange of assemble(events)) exchanges.push(exchange);
  return exchanges;
}

test('a call has the status that the server told, or that of what ended it', () => {
  const trailers = (...list: string[]) => ({ response: { ...anExchange().response, trailers: list } });
  expect(call(trailers('grpc-status', '5') as never)).toBe(5);
  expect(call(trailers('grpc-status', 'none') as never)).toBe(2);
  expect(call({ abort: { at: 1, by: 'client', code: 'RST_STREAM 8' } })).toBe(1);
  expect(call({ abort: { at: 1, by: 'server', code: 'DEADLINE_EXCEEDED' } })).toBe(4);
  expect(call({ abort: { at: 1, by: 'server', code: 'RST_STREAM 2' } })).toBeUndefined();
  expect(grpcStatusOf(anExchange())).toBeUndefined();
});

test('a call that its client broke off is cancelled, whatever the server said, unless its time was up', () => {
  const broken = (atMs: number, timeout: string, by: 'client' | 'server' = 'client') => ({
    ...anExchange({ protocol: 'grpc', startAt: 0, request: { headers: ['grpc-timeout', timeout] } }),
    response: { ...anExchange().response, trailers: ['grpc-status', '0'] } as Exchange['response'],
    abort: { at: atMs * 1e6, by, code: 'RST_STREAM 8' },
  });
  expect(grpcStatusOf(broken(50, '100m'))).toBe(1);
  expect(grpcStatusOf(broken(99, '100m'))).toBe(4);
  expect([broken(899, '1S'), broken(901, '1S')].map(endedByDeadline)).toEqual([false, true]);
  expect(grpcStatusOf(broken(99, 'soon'))).toBe(1);
  expect(grpcStatusOf(broken(99, '100m', 'server'))).toBe(0);
  expect([broken(4, '5m'), broken(3, '5m')].map(endedByDeadline)).toEqual([true, false]);
});

test('a timeout is read as the protocol writes it', () => {
  expect(['2H', '3M', '5S', '100m', '7u', '9n'].map(grpcTimeoutNs)).toEqual([
    7.2e12, 1.8e11, 5e9, 1e8, 7e3, 9,
  ]);
  expect(['', '5', '100000000S', '-1S', '1s', '1.5S'].map(grpcTimeoutNs)).toEqual(Array(6).fill(undefined));
});

test('trailers alone are the whole answer of a call, and are kept', async () => {
  const events = exchangeEvents({ kind: 'grpc-unary' })
    .filter((event) => event.type !== 'headers' && !(event.type === 'message' && event.side === 'response'))
    .map((event) =>
      event.type === 'trailers' ? { ...event, headers: ['grpc-status', '5', 'grpc-message', 'none'] } : event,
    );
  const [exchange] = await assembled(events);
  expect(exchange).toMatchObject({
    partial: [],
    response: { status: 200, headers: [], messages: [], complete: true },
  });
  expect(exchange && grpcStatusOf(exchange)).toBe(5);
});

test('grpcStatusName() knows the seventeen codes of gRPC and no other', () => {
  expect([0, 12, 16].map(grpcStatusName)).toEqual(['OK', 'UNIMPLEMENTED', 'UNAUTHENTICATED']);
  expect([-1, 17, 0.5].map(grpcStatusName)).toEqual([undefined, undefined, undefined]);
});
