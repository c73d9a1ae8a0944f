import type { Message, Response } from '../model/exchange.ts';
import type { JsonValue } from '../model/json-value.ts';
import { decodeBytes, digest } from './decode-body.ts';
import type { MessagePair } from './message-pair.ts';

const text = 1;
const close = 8;

/**
 * The messages of both answers to a WebSocket as they are compared: text as JSON or text, other bytes by length and digest, a close
 * by code and reason. Pings and pongs are left out: they come when they come.
 */
export function socketPair(recorded: Response | undefined, replayed: Response | undefined): MessagePair {
  const [before, now] = [comparedOf(recorded), comparedOf(replayed)];
  const reasons = new Set<string>();
  const views: { readonly recorded: JsonValue[]; readonly replayed: JsonValue[] } = {
    recorded: [],
    replayed: [],
  };
  for (let i = 0; i < Math.max(before.length, now.length); i++) {
    const pair = [before[i], now[i]] as const;
    const [a, b] = pair;
    const unkept = a === undefined || b === undefined ? undefined : pair.findIndex((one) => !isKept(one));
    if (unkept !== undefined && unkept >= 0) {
      reasons.add(`${unkept === 0 ? 'recorded' : 'replayed'} message ${pair[unkept]?.state}`);
      views.recorded.push(null);
      views.replayed.push(null);
      continue;
    }
    if (a !== undefined) views.recorded.push(shown(a));
    if (b !== undefined) views.replayed.push(shown(b));
  }
  return { ...views, reasons: [...reasons] };
}

/** The messages of one answer, as {@link socketPair} has them. */
export function socketList(response: Response | undefined): JsonValue[] {
  return comparedOf(response).map(shown);
}

function comparedOf(response: Response | undefined): readonly Message[] {
  return response?.messages.filter(({ kind }) => kind <= close) ?? [];
}

const isKept = (message: Message | undefined): boolean =>
  message?.state === 'kept' || message?.state === 'masked';

function shown(message: Message): JsonValue {
  const { kind, state, data } = message;
  if (!isKept(message)) return state;
  if (kind === text) return decodeBytes(data, 'text/plain');
  if (kind !== close) return digest(data);
  const bytes = Buffer.from(data.buffer, data.byteOffset, data.length);
  return bytes.length < 2
    ? { close: null }
    : { close: bytes.readUInt16BE(0), reason: bytes.toString('utf8', 2) };
}
