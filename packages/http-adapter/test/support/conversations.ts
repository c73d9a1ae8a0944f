import type { Exchange, Message, Side } from '@gardenhose/core';
import { anExchange } from '@gardenhose/core/testing';

const ms = 1e6;

/** What one side said: when, in milliseconds, with which opcode, and what. */
export type Said = readonly [side: Side, atMs: number, kind: number, text: string | Uint8Array];

/** A recorded WebSocket. */
export function aConversation(said: readonly Said[], over: Partial<Exchange> = {}): Exchange {
  const { request, ...rest } = anExchange({ protocol: 'websocket' });
  const of = (side: Side): Message[] =>
    said.flatMap(([by, atMs, kind, text], i): Message[] => {
      if (by !== side) return [];
      const data = Buffer.from(text);
      return [{ at: atMs * ms, seq: i + 10, kind, size: data.length, state: 'kept', data }];
    });
  const content = { chunks: [], trailers: [], size: 0, state: 'kept', complete: true } as const;
  const last = Math.max(1, ...said.map(([, atMs]) => atMs)) * ms;
  return {
    ...rest,
    startAt: 0,
    endAt: last,
    request: {
      ...request,
      ...content,
      method: 'GET',
      target: '/chat',
      headers: [
        ...['Host', 'shop.test', 'UPGRADE', 'websocket', 'connection', 'keep-alive, Upgrade'],
        ...['X-Own', 'a', 'Sec-WebSocket-Version', '13', 'X-Own', 'b'],
      ],
      messages: of('request'),
      endAt: last,
    },
    response: {
      ...content,
      at: 0,
      status: 101,
      reason: 'Switching Protocols',
      version: '1.1',
      headers: ['Upgrade', 'websocket', 'Connection', 'Upgrade'],
      messages: of('response'),
      endAt: last,
    },
    ...over,
  };
}

export const bye = Buffer.from('\x03\xe8bye', 'latin1');

/** The messages that came back: opcode and text. */
export const answeredWith = (exchange: Exchange | undefined): [number, string][] =>
  exchange?.response?.messages.map(({ kind, data }) => [kind, Buffer.from(data).toString('latin1')]) ?? [];
