import type { CaptureEvent, ExchangeEvent, ExchangeStart, Side } from '../model/event.ts';
import type { HeaderList } from '../model/headers.ts';
import { aStart } from './factories.ts';

/** The kinds of exchange that the model must hold. */
export const exchangeKinds = [
  'http',
  'chunked-upload',
  'sse',
  'websocket',
  'grpc-unary',
  'grpc-client-streaming',
  'grpc-server-streaming',
  'grpc-bidi',
  'aborted',
] as const;
export type ExchangeKind = (typeof exchangeKinds)[number];

/** What to vary in {@link exchangeEvents}. */
export interface ExchangeEventsOptions {
  /** Default `http`. */
  readonly kind?: ExchangeKind;
  /** Default 1. */
  readonly exchange?: number;
  /** Sequence number of the first event; each later one is one higher. Default 1. */
  readonly seq?: number;
  /** Time of the first event, nanoseconds since the anchor. Default 1,000,000. */
  readonly at?: number;
  /** Nanoseconds between two events. Default 100,000. */
  readonly stepNs?: number;
  readonly lane?: string;
  /** As a mask stage gives them: chunks without bytes, the bytes in `body` events, an audit before the end. Default false. */
  readonly masked?: boolean;
  readonly start?: Partial<ExchangeStart>;
}

type EventOf<T> = T extends ExchangeEvent ? Omit<T, 'seq' | 'at' | 'exchange'> : never;
type Unstamped = EventOf<ExchangeEvent>;

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);

const chunk = (side: Side, text: string): Unstamped => ({
  type: 'chunk',
  side,
  size: bytes(text).length,
  data: bytes(text),
});

const end = (side: Side): Unstamped => ({ type: 'end', side, size: 0, state: 'kept', complete: true });

const head = (status: number, reason: string, headers: HeaderList, version = '1.1'): Unstamped => ({
  type: 'headers',
  status,
  reason,
  version,
  headers,
});

const message = (side: Side, index: number, kind: number, text: string): Unstamped => ({
  type: 'message',
  side,
  index,
  kind,
  size: bytes(text).length,
  state: 'kept',
  data: bytes(text),
});

const grpcStart = {
  protocol: 'grpc',
  version: '2',
  method: 'POST',
  authority: 'shop.test:50051',
  headers: ['content-type', 'application/grpc', 'te', 'trailers'],
} as const;
const grpcHead = head(200, '', ['content-type', 'application/grpc'], '2');
const grpcTrailers: Unstamped = { type: 'trailers', side: 'response', headers: ['grpc-status', '0'] };

const scripts: Record<
  ExchangeKind,
  { readonly start: Partial<ExchangeStart>; readonly events: readonly Unstamped[] }
> = {
  http: {
    start: {},
    events: [
      end('request'),
      head(200, 'OK', ['Content-Type', 'application/json', 'Content-Length', '8']),
      chunk('response', '{"id":7}'),
      end('response'),
    ],
  },
  'chunked-upload': {
    start: {
      method: 'PUT',
      target: '/orders/7/scan',
      headers: ['Host', 'shop.test', 'Transfer-Encoding', 'chunked', 'Expect', '100-continue'],
    },
    events: [
      head(100, 'Continue', []),
      chunk('request', 'first,'),
      chunk('request', 'second,'),
      chunk('request', 'third'),
      { type: 'trailers', side: 'request', headers: ['X-Checksum', 'abc'] },
      end('request'),
      head(201, 'Created', ['Content-Length', '0']),
      end('response'),
    ],
  },
  sse: {
    start: { target: '/orders/live', headers: ['Host', 'shop.test', 'Accept', 'text/event-stream'] },
    events: [
      end('request'),
      head(200, 'OK', ['Content-Type', 'text/event-stream']),
      chunk('response', 'data: 1\n\n'),
      chunk('response', 'data: 2\n\n'),
      chunk('response', 'data: 3\n\n'),
      end('response'),
    ],
  },
  websocket: {
    start: {
      protocol: 'websocket',
      target: '/orders/chat',
      headers: ['Host', 'shop.test', 'Connection', 'Upgrade', 'Upgrade', 'websocket'],
    },
    events: [
      head(101, 'Switching Protocols', ['Connection', 'Upgrade', 'Upgrade', 'websocket']),
      message('request', 0, 1, 'hello'),
      message('response', 0, 1, 'hello you'),
      message('response', 1, 2, 'binary'),
      message('request', 1, 8, 'bye'),
      end('request'),
      message('response', 2, 8, 'bye'),
      end('response'),
    ],
  },
  'grpc-unary': {
    start: { ...grpcStart, target: '/shop.Orders/Get', operation: 'shop.Orders/Get' },
    events: [
      message('request', 0, 0, 'order 7'),
      end('request'),
      grpcHead,
      message('response', 0, 0, 'an order'),
      grpcTrailers,
      end('response'),
    ],
  },
  'grpc-client-streaming': {
    start: { ...grpcStart, target: '/shop.Orders/Upload', operation: 'shop.Orders/Upload' },
    events: [
      message('request', 0, 0, 'one'),
      message('request', 1, 0, 'two'),
      end('request'),
      grpcHead,
      message('response', 0, 0, 'got 2'),
      grpcTrailers,
      end('response'),
    ],
  },
  'grpc-server-streaming': {
    start: { ...grpcStart, target: '/shop.Orders/List', operation: 'shop.Orders/List' },
    events: [
      message('request', 0, 0, 'all'),
      end('request'),
      grpcHead,
      message('response', 0, 0, 'one'),
      message('response', 1, 1, 'two, compressed'),
      grpcTrailers,
      end('response'),
    ],
  },
  'grpc-bidi': {
    start: { ...grpcStart, target: '/shop.Orders/Chat', operation: 'shop.Orders/Chat' },
    events: [
      grpcHead,
      message('request', 0, 0, 'ping'),
      message('response', 0, 0, 'pong'),
      message('request', 1, 0, 'ping'),
      message('response', 1, 0, 'pong'),
      end('request'),
      { type: 'mark', name: 'tenant', value: 'garden' },
      grpcTrailers,
      end('response'),
    ],
  },
  aborted: {
    start: { target: '/orders/export' },
    events: [
      end('request'),
      head(200, 'OK', ['Content-Type', 'text/csv']),
      chunk('response', 'id,total\n'),
      { type: 'abort', by: 'client', code: 'ECONNRESET' },
    ],
  },
};

/** A realistic run of events of one exchange, in order. */
export function exchangeEvents(options: ExchangeEventsOptions = {}): ExchangeEvent[] {
  const { kind = 'http', exchange = 1, seq = 1, at = 1_000_000, stepNs = 100_000, masked = false } = options;
  const script = scripts[kind];
  const lane = options.lane ?? String(exchange);
  const stamp = { seq, at, exchange };
  const first: ExchangeEvent = {
    ...aStart({ ...script.start, lane, ...options.start }),
    ...stamp,
    type: 'start',
    sampleRate: 1,
  };
  const passed = { request: 0, response: 0 };
  const events = script.events.map((event, i): ExchangeEvent => {
    if (event.type === 'chunk' || event.type === 'message') passed[event.side] += event.size;
    const own = { seq: seq + 1 + i, at: at + (1 + i) * stepNs, exchange };
    return event.type === 'end' ? { ...event, size: passed[event.side], ...own } : { ...event, ...own };
  });
  return masked ? asMasked([first, ...events]) : [first, ...events];
}

/** Several lists of events as one capture: in order of time, numbered anew from 1. */
export function interleave(...lists: readonly (readonly CaptureEvent[])[]): CaptureEvent[] {
  let seq = 0;
  return lists
    .flat()
    .sort((a, b) => a.at - b.at)
    .map((event) => {
      // Events that a pipeline makes repeat the number before them.
      if (event.type !== 'body' && event.type !== 'audit') seq++;
      return { ...event, seq };
    });
}

/** The same events as a mask stage would give them, with nothing replaced. */
function asMasked(events: readonly ExchangeEvent[]): ExchangeEvent[] {
  const out: ExchangeEvent[] = [];
  const held: Record<Side, Uint8Array[]> = { request: [], response: [] };
  const last = events.at(-1);
  for (const event of events) {
    const lastSeq = out.at(-1)?.seq ?? event.seq;
    if (event.type === 'end' || event.type === 'abort') {
      for (const side of event.type === 'end' ? [event.side] : (['request', 'response'] as const)) {
        const data = held[side];
        if (data.length === 0) continue;
        let offset = 0;
        const ends = data.map((piece) => (offset += piece.length));
        const { at, exchange } = event;
        out.push({ type: 'body', seq: lastSeq, at, exchange, side, data: Buffer.concat(data), ends });
        held[side] = [];
      }
    }
    if (event === last) {
      const { at, exchange } = event;
      out.push({ type: 'audit', seq: lastSeq, at, exchange, entries: [], unknownHeaders: [] });
    }
    if (event.type === 'chunk' && event.data !== undefined) {
      held[event.side].push(event.data);
      out.push({ ...event, data: undefined });
    } else {
      out.push(event);
    }
  }
  return out;
}
