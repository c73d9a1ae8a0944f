import {
  type Exchange,
  type Message,
  type ReplayOptions,
  type ReplayResult,
  type Request,
  replayExchanges,
  type Sender,
} from '@gardenhose/core';
import { anExchange } from '@gardenhose/core/testing';

const ms = 1e6;

/** A call as it was recorded; all times in milliseconds after its start. */
export interface CallShape {
  readonly id?: number;
  readonly lane?: string;
  /** Of its start. Default 0. */
  readonly at?: number;
  /** Default `/test.Echo/Unary`. */
  readonly target?: string;
  /** When each message was sent, and what it was. Default one, at once. */
  readonly messages?: readonly (readonly [at: number, text: string])[];
  /** Half-close; null for none. Default after the last message. */
  readonly endAt?: number | null;
  /** The client broke it off. */
  readonly cancelAt?: number;
  readonly headers?: readonly string[];
  readonly request?: Partial<Request>;
  readonly over?: Partial<Exchange>;
}

export function aCall(shape: CallShape = {}): Exchange {
  const { id = 1, lane = 'a', at = 0, messages = [[0, 'hello']], cancelAt, headers = [] } = shape;
  const startAt = at * ms;
  const sent = messages.map(([offset, text], seq): Message => {
    const data = Buffer.from(text);
    return { at: startAt + offset * ms, seq, kind: 0, size: data.length, state: 'kept', data };
  });
  const { endAt = messages.at(-1)?.[0] ?? 0 } = shape;
  const last = startAt + (cancelAt ?? (endAt ?? 0) + 1) * ms;
  return anExchange({
    id,
    lane,
    protocol: 'grpc',
    startAt,
    endAt: last,
    abort: cancelAt === undefined ? undefined : { at: last, by: 'client', code: 'RST_STREAM 8' },
    request: {
      method: 'POST',
      target: shape.target ?? '/test.Echo/Unary',
      version: '2',
      headers: ['content-type', 'application/grpc', 'te', 'trailers', ...headers],
      messages: sent,
      size: sent.reduce((sum, { size }) => sum + size, 0),
      complete: endAt !== null,
      endAt: endAt === null ? undefined : startAt + endAt * ms,
      ...shape.request,
    },
    response: null,
    ...shape.over,
  });
}

/** Replays to the end and gives the results in the order of the exchanges. */
export async function replayAll(
  exchanges: readonly Exchange[],
  sender: Sender,
  options: ReplayOptions = {},
): Promise<ReplayResult[]> {
  const run = replayExchanges(exchanges, sender, { thread: 'inline', ...options });
  const results: ReplayResult[] = [];
  for await (const result of run.results) results.push(result);
  await sender.close();
  return results.sort((a, b) => a.entry.exchange - b.entry.exchange);
}

/** The messages of an answer, as text. */
export function answered(result: ReplayResult | undefined): string[] {
  return (result?.replayed?.response?.messages ?? []).map(({ data }) => Buffer.from(data).toString());
}
