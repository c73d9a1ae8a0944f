import { expect, test } from 'vitest';
import { assemble } from '../../src/model/assemble.ts';
import type { Exchange } from '../../src/model/exchange.ts';
import { grpcStatusOf } from '../../src/model/grpc-status.ts';
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
