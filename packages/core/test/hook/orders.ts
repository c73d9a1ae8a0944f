import type { Exchange, Message } from '../../src/model/exchange.ts';
import { SchemaRegistry } from '../../src/protobuf/schema-registry.ts';
import { anExchange } from '../../src/testing/factories.ts';
import { schemaOf } from '../protobuf/support.ts';

const { root, schema } = schemaOf(`syntax = "proto3"; package shop;
  service Orders { rpc Place(stream Order) returns (Order); rpc Odd(Order) returns (Order); }
  message Order { string id = 1; string email = 2; int32 total = 3; int64 big = 4; bytes blob = 5; Order inner = 6;
    map<string, int32> counts = 7; }`);
const order = root.lookupType('shop.Order');

export { schema };
export const schemas: SchemaRegistry = new SchemaRegistry();
schemas.add(schema);

export const encoded = (fields: Record<string, unknown>): Uint8Array =>
  order.encode(order.fromObject(fields)).finish();
export const decoded = (data: Uint8Array | undefined): Record<string, unknown> =>
  order.toObject(order.decode(data ?? new Uint8Array(0)), { longs: String, bytes: String });

/** A call of `shop.Orders/Place` with these messages, and the first of them as its answer. */
export function placed(...messages: readonly Uint8Array[]): Exchange {
  const all = messages.map(
    (data, seq): Message => ({ at: seq, seq, kind: 0, size: data.length, state: 'kept', data }),
  );
  return anExchange({
    protocol: 'grpc',
    operation: 'shop.Orders/Place',
    request: {
      method: 'POST',
      target: '/shop.Orders/Place',
      headers: ['content-type', 'application/grpc'],
      messages: all,
      chunks: [],
    },
    response: { chunks: [], messages: all.slice(0, 1), trailers: ['grpc-status', '0'] },
  });
}
