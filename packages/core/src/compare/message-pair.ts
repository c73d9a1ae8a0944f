import type { Exchange, Message } from '../model/exchange.ts';
import { isJsonObject, type JsonObject, type JsonValue } from '../model/json-value.ts';
import { viewMessage } from '../protobuf/message-view.ts';
import type { UnreadField } from '../protobuf/message-viewer.ts';
import type { SchemaRegistry } from '../protobuf/schema-registry.ts';
import { type BodyLimits, digest } from './decode-body.ts';

/** How the messages of gRPC calls are compared. */
export interface MessageLimits extends BodyLimits {
  readonly registry: SchemaRegistry;
}

/** The messages of both answers to a call, without what cannot be compared, which is told apart. */
export interface MessagePair {
  readonly recorded: readonly JsonValue[];
  readonly replayed: readonly JsonValue[];
  /** Why some are not compared, or by their bytes alone. */
  readonly reasons: readonly string[];
}

const maxValues = 500_000;
// No field of a schema has such a name.
const unreadName = '#unread';

interface Told {
  readonly value: JsonValue;
  readonly unread: readonly UnreadField[];
}

/** The messages of two answers to a call as they are compared: as fields, where the schemas tell both of them. */
export function messagePair(recorded: Exchange, replayed: Exchange, limits: MessageLimits): MessagePair {
  const reasons = new Set<string>();
  const type = responseType(recorded, limits);
  const [before, now] = [recorded.response?.messages ?? [], replayed.response?.messages ?? []];
  const views: { readonly recorded: JsonValue[]; readonly replayed: JsonValue[] } = {
    recorded: [],
    replayed: [],
  };
  for (let i = 0; i < Math.max(before.length, now.length); i++) {
    const [a, b] = [before[i], now[i]];
    const told = a === undefined || b === undefined ? undefined : pairOf(a, b, type, limits, reasons);
    if (a !== undefined) views.recorded.push(told === undefined ? one(a, type, limits) : told.recorded);
    if (b !== undefined) views.replayed.push(told === undefined ? one(b, type, limits) : told.replayed);
  }
  return { ...views, reasons: [...reasons] };
}

/** The messages of one answer, as {@link messagePair} has them where they are told as fields. */
export function messageList(exchange: Exchange, limits: MessageLimits): JsonValue[] {
  const type = responseType(exchange, limits);
  return exchange.response?.messages.map((message) => one(message, type, limits)) ?? [];
}

function pairOf(
  recorded: Message,
  replayed: Message,
  type: string | undefined,
  limits: MessageLimits,
  reasons: Set<string>,
): { readonly recorded: JsonValue; readonly replayed: JsonValue } {
  const nothing = { recorded: null, replayed: null };
  for (const [side, { state }] of [
    ['recorded', recorded],
    ['replayed', replayed],
  ] as const) {
    if (state === 'kept' || state === 'masked') continue;
    reasons.add(`${side} message ${state}`);
    return nothing;
  }
  if (Buffer.compare(recorded.data, replayed.data) === 0) return nothing;
  const before = toldOf(recorded, type, limits);
  const now = toldOf(replayed, type, limits);
  if (typeof before === 'object' && typeof now === 'object') {
    const hasUnread = before.unread.length + now.unread.length > 0;
    return { recorded: shown(before, hasUnread), replayed: shown(now, hasUnread) };
  }
  reasons.add(`messages as bytes alone, ${typeof before === 'string' ? before : now}`);
  return { recorded: digest(recorded.data), replayed: digest(replayed.data) };
}

function one(message: Message, type: string | undefined, limits: MessageLimits): JsonValue {
  if (message.state !== 'kept' && message.state !== 'masked') return message.state;
  const told = toldOf(message, type, limits);
  return typeof told === 'string' ? digest(message.data) : shown(told, told.unread.length > 0);
}

/** A message as fields; a text says why it cannot be. Those without presence stand with their default value: not there is the same. */
function toldOf({ data }: Message, type: string | undefined, limits: MessageLimits): Told | string {
  if (type === undefined) return 'schema-unknown';
  if (data.length > limits.maxBodyBytes) return 'protobuf-size';
  const view = viewMessage(limits.registry, type, data, { defaults: true, maxValues });
  return 'problem' in view ? view.problem : view;
}

/** With what the view does not tell: by its place and number, as length and digest. */
function shown({ value, unread }: Told, hasUnread: boolean): JsonValue {
  if (!hasUnread) return value;
  const out: JsonObject = Object.create(null);
  if (isJsonObject(value)) Object.assign(out, value);
  else out.value = value;
  if (unread.length > 0) out[unreadName] = unreadParts(unread);
  return out;
}

function unreadParts(unread: readonly UnreadField[]): JsonObject {
  const parts = new Map<string, Uint8Array[]>();
  for (const { pointer, number, data } of unread) {
    const name = `${pointer}#${number}`;
    const known = parts.get(name);
    if (known === undefined) parts.set(name, [data]);
    else known.push(data);
  }
  const out: JsonObject = Object.create(null);
  for (const [name, data] of parts) out[name] = digest(Buffer.concat(data));
  return out;
}

function responseType({ request }: Exchange, { registry }: MessageLimits): string | undefined {
  return registry.method(request.target)?.response;
}
