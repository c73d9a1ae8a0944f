import type { CaptureHeader } from '../model/capture-header.ts';
import type { ExchangeStart, SchemaEvent } from '../model/event.ts';
import {
  type Chunk,
  type Exchange,
  emptyContent,
  emptyExchange,
  type Request,
  type Response,
} from '../model/exchange.ts';

/** An exchange to vary: `GET /orders/7`, answered 200 with a JSON body one millisecond later. */
export function anExchange(
  over: Partial<Omit<Exchange, 'request' | 'response'>> & {
    readonly request?: Partial<Request>;
    /** null for an exchange without a response. */
    readonly response?: Partial<Response> | null;
  } = {},
): Exchange {
  const { request, response, ...rest } = over;
  const startAt = rest.startAt ?? 1_000_000;
  const answerAt = startAt + 1_000_000;
  const body = aChunk('{"id":7}', answerAt);
  const type = ['Content-Type', 'application/json'];
  return {
    ...emptyExchange,
    startAt,
    endAt: answerAt,
    ...rest,
    request: {
      ...emptyExchange.request,
      target: '/orders/7',
      headers: ['Host', 'shop.test', 'Accept', '*/*'],
      endAt: startAt,
      ...request,
    },
    response:
      response === null
        ? undefined
        : {
            ...emptyContent,
            at: answerAt,
            status: 200,
            reason: 'OK',
            version: '1.1',
            headers: [...type, 'Content-Length', '8'],
            chunks: [body],
            size: body.size,
            endAt: answerAt,
            ...response,
          },
  };
}

/** A body chunk of this text. */
export function aChunk(text: string, at = 0): Chunk {
  const data = new TextEncoder().encode(text);
  return { at, size: data.length, data };
}

/** What a tap tells when an exchange begins, to vary. */
export function aStart(over: Partial<ExchangeStart> = {}): ExchangeStart {
  return {
    direction: 'inbound',
    protocol: 'http',
    lane: '1',
    scheme: 'http',
    version: '1.1',
    method: 'GET',
    target: '/orders/7',
    headers: ['Host', 'shop.test', 'Accept', '*/*'],
    ...over,
  };
}

/**
 * A schema to vary: a `FileDescriptorSet` of one file, `syntax = "proto3"; package shop;`, with the message
 * `Order { string id = 1; }` and the service `Orders { rpc Get(Order) returns (Order); }`.
 */
export function aSchema(over: Partial<SchemaEvent> = {}): SchemaEvent {
  const order = [0x0a, ...sized('Order'), 0x12, ...sized([0x0a, ...sized('id'), 0x18, 1, 0x20, 1, 0x28, 9])];
  const get = [0x0a, ...sized('Get'), 0x12, ...sized('.shop.Order'), 0x1a, ...sized('.shop.Order')];
  const orders = [0x0a, ...sized('Orders'), 0x12, ...sized(get)];
  const file = [
    ...[0x0a, ...sized('shop.proto'), 0x12, ...sized('shop')],
    ...[0x22, ...sized(order), 0x32, ...sized(orders), 0x62, ...sized('proto3')],
  ];
  const data = Uint8Array.of(0x0a, ...sized(file));
  return { type: 'schema', seq: 1, at: 1_000_000, format: 'protobuf', data, ...over };
}

/** Fewer than 128 bytes behind their length. */
function sized(content: string | readonly number[]): number[] {
  const bytes = typeof content === 'string' ? new TextEncoder().encode(content) : content;
  return [bytes.length, ...bytes];
}

/** A capture header to vary; its anchor is the first moment of 2026. */
export function aCaptureHeader(over: Partial<CaptureHeader> = {}): CaptureHeader {
  return {
    id: '00112233445566778899aabbccddeeff',
    writer: 'gardenhose/test',
    service: 'shop',
    host: 'test-host',
    pid: 42,
    wallMs: Date.UTC(2026, 0, 1),
    policy: { mode: 'none', name: 'none', digest: '', keyId: '', disabled: [] },
    sampling: 'always',
    part: 0,
    tags: {},
    ...over,
  };
}
