import { GardenhoseError } from '../errors.ts';
import type { ExchangeEvent, ExchangeId, MessageEvent, Side, StartEvent } from '../model/event.ts';
import type { Exchange, Message } from '../model/exchange.ts';
import type { JsonObject } from '../model/json-value.ts';
import { editMessage } from './change-message.ts';
import type { HookContext, RecordHooks, ReplayContext, ReplayHooks } from './hook.ts';
import { matchesGlob } from './path-pattern.ts';

/** Rewrites messages of gRPC calls as JSON. */
export interface MessageEdit<Message extends object = JsonObject> {
  /** `shop.Orders/Place`, with `*` and `**`. Default every call. */
  readonly operation?: string | readonly string[] | undefined;
  /** Default `request`. */
  readonly side?: Side | undefined;
  /**
   * Is given a message as `viewMessage` shows it, with `defaults`. It may change it, or give back another; fields that say the
   * same as before keep their bytes. A whole number of 64 bits may be given as a bigint, and bytes as a Uint8Array.
   */
  edit(message: Message, about: EditedMessage): Message | undefined | void;
}

/** What an edit may ask and do besides. */
export interface EditedMessage extends HookContext {
  readonly operation: string;
  /** Full name of the type: `shop.Order`. */
  readonly type: string;
  /** Counts from 0 in each direction. */
  readonly index: number;
}

// An exchange that another hook takes out never ends here. No recorder has so many under way at once.
const maxOpen = 65_536;
const missedMark = 'edit-missed';

/**
 * An edit as hooks while recording. A message that cannot be decoded stays as it is, and its exchange gets the mark
 * `edit-missed` with the reason. An edit that throws, or makes what does not fit the type, loses its exchange, as any hook.
 *
 * @param options - `beforeMask`: the edit sees messages before they are masked, and what it makes is masked; default false: it
 *   sees what was masked, and what it changes is masked again
 * @example
 * export const createHooks = () =>
 *   editRecordedMessages({ operation: 'shop.Orders/Place', edit: (order) => void delete order.note });
 */
export function editRecordedMessages<Message extends object = JsonObject>(
  edit: MessageEdit<Message>,
  options: { readonly beforeMask?: boolean | undefined } = {},
): RecordHooks {
  const each: MessageEdit<object> = edit;
  const open = new Map<ExchangeId, OpenCall>();
  const onEvent = (event: ExchangeEvent, context: HookContext): ExchangeEvent | undefined => {
    if (event.type === 'start') remember(open, event, each);
    forget(open, event);
    return event.type === 'message' ? editedEvent(event, open.get(event.exchange), each, context) : undefined;
  };
  if (options.beforeMask === true) return { beforeMask: onEvent };
  return {
    onExchange: (start) => remember(open, start, each),
    onEvent: (event, context) => {
      forget(open, event);
      return event.type === 'message'
        ? editedEvent(event, open.get(event.exchange), each, context)
        : undefined;
    },
  };
}

/**
 * An edit as hooks at replay: of the messages that are sent. One that cannot be decoded is sent as it was recorded, and its exchange gets
 * the mark `edit-missed` with the reason. An edit that throws, or makes what does not fit the type, leaves its exchange unsent.
 *
 * @param options - `ahead`: the edit asks nothing but its message, so that the engine may stay in its worker; default false
 * @throws GardenhoseError `invalid-option` for an edit of responses
 * @example
 * await replay('orders.hose', sender, {
 *   hooks: editSentMessages<Order>({ operation: 'shop.Orders/Place', edit: (order) => void (order.channel = 'replay') }),
 * });
 */
export function editSentMessages<Message extends object = JsonObject>(
  edit: MessageEdit<Message>,
  options: { readonly ahead?: boolean | undefined } = {},
): ReplayHooks {
  if (edit.side === 'response') {
    throw new GardenhoseError('invalid-option', 'side: hooks at replay rewrite requests only', {
      subject: 'side',
    });
  }
  const each: MessageEdit<object> = edit;
  return {
    ahead: options.ahead === true,
    onSend: (exchange, context) => editedExchange(exchange, each, context),
  };
}

interface OpenCall {
  readonly target: string;
  readonly operation: string;
  /** Reasons that were told. */
  readonly missed: Set<string>;
  /** Sides that are over. */
  readonly ended: Set<Side>;
}

function remember(open: Map<ExchangeId, OpenCall>, start: StartEvent, edit: MessageEdit<object>): undefined {
  const call = callOf(start.protocol, start.target, start.operation, edit);
  if (call === undefined) return undefined;
  open.set(start.exchange, call);
  const oldest = open.keys().next();
  if (open.size > maxOpen && oldest.done !== true) open.delete(oldest.value);
  return undefined;
}

/** A call that is over must not take the place of one that is not. */
function forget(open: Map<ExchangeId, OpenCall>, event: ExchangeEvent): void {
  if (event.type === 'end') {
    const ended = open.get(event.exchange)?.ended.add(event.side);
    if (ended?.size !== 2) return;
  } else if (event.type !== 'abort') return;
  open.delete(event.exchange);
}

function callOf(
  protocol: string,
  target: string,
  operation: string | undefined,
  { operation: wanted }: MessageEdit<object>,
): OpenCall | undefined {
  if (protocol !== 'grpc') return undefined;
  const name = operation ?? target.slice(1);
  const globs = wanted === undefined || typeof wanted === 'string' ? [wanted] : wanted;
  if (!globs.some((glob) => glob === undefined || matchesGlob(glob, name))) return undefined;
  return { target, operation: name, missed: new Set(), ended: new Set() };
}

function editedEvent(
  event: MessageEvent,
  call: OpenCall | undefined,
  edit: MessageEdit<object>,
  context: HookContext,
): MessageEvent | undefined {
  const { side, index, data } = event;
  if (call === undefined || data === undefined || side !== (edit.side ?? 'request')) return undefined;
  const changed = edited(data, index, side, call, edit, context);
  return changed === undefined ? undefined : { ...event, data: changed, state: 'masked' };
}

function editedExchange(
  exchange: Exchange,
  edit: MessageEdit<object>,
  context: ReplayContext,
): Exchange | undefined {
  const { request, protocol, operation } = exchange;
  const call = callOf(protocol, request.target, operation, edit);
  if (call === undefined) return undefined;
  const messages = request.messages.map((message, index): Message => {
    if (message.state !== 'kept' && message.state !== 'masked') return message;
    const data = edited(message.data, index, 'request', call, edit, context);
    return data === undefined ? message : { ...message, data, state: 'masked' };
  });
  return { ...exchange, request: { ...request, messages } };
}

/** The bytes of an edited message; undefined when it stays as it is. */
function edited(
  data: Uint8Array,
  index: number,
  side: Side,
  { target, operation, missed }: OpenCall,
  edit: MessageEdit<object>,
  context: HookContext,
): Uint8Array | undefined {
  const { schemas } = context;
  const type = schemas?.method(target)?.[side];
  const changed =
    schemas === undefined || type === undefined
      ? { missed: 'schema-unknown' }
      : editMessage(data, type, schemas, (message) =>
          edit.edit(message, { ...aboutOf(context), operation, type, index }),
        );
  if ('missed' in changed) {
    if (!missed.has(changed.missed)) context.mark(missedMark, changed.missed);
    missed.add(changed.missed);
    return undefined;
  }
  return changed === data ? undefined : changed;
}

/** Its methods may be those of a class. */
function aboutOf(context: HookContext): HookContext {
  return {
    mark: (name, value) => context.mark(name, value),
    drop: () => context.drop(),
    schemas: context.schemas,
  };
}
