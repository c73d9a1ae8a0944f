import { bodyBytes, type Exchange, type Response } from '../model/exchange.ts';
import { grpcStatusOf } from '../model/grpc-status.ts';
import { headerValue, headerValues } from '../model/headers.ts';
import type { JsonValue } from '../model/json-value.ts';
import { isEventStream, serverSentEvents } from '../model/server-sent-events.ts';
import { comparedHeaders } from './compared-headers.ts';
import { comparedMetadata } from './compared-metadata.ts';
import { type DecodedBody, decodeBody, decodeEvent } from './decode-body.ts';
import type { DifferencePart } from './difference.ts';
import { type MessageLimits, type MessagePair, messageList, messagePair } from './message-pair.ts';
import { socketList, socketPair } from './socket-messages.ts';

/** How an exchange ended: with a whole answer, in the middle of one, or without. */
export type ResponseOutcome = 'answered' | 'cut' | 'no answer';

/** The decoded form in which a response is compared. */
export interface ResponseView {
  readonly body?: JsonValue;
  readonly trailers?: Readonly<Record<string, string[]>>;
  readonly headers?: Readonly<Record<string, string[]>>;
  readonly status?: number;
  readonly outcome?: ResponseOutcome;
}

/** The views of two responses, without what cannot be compared, which is told apart. */
export interface ViewPair {
  readonly recorded: ResponseView;
  readonly replayed: ResponseView;
  readonly notCompared: readonly { readonly part: DifferencePart; readonly reason: string }[];
}

/** The two responses of an exchange as they are compared. */
export function viewPair(recorded: Exchange, replayed: Exchange, limits: MessageLimits): ViewPair {
  const unknownEnd = unknownEndOf(recorded);
  const same = haveSameBytes(recorded.response, replayed.response);
  const messages = pairOf(recorded, replayed, limits);
  const bodies = eventPair(recorded, replayed) ?? {
    recorded: same ? noBody : decodedBodyOf(recorded, limits, messages?.recorded),
    replayed: same ? noBody : decodedBodyOf(replayed, limits, messages?.replayed),
  };
  const notCompared: { part: DifferencePart; reason: string }[] = [];
  if (unknownEnd !== undefined) notCompared.push({ part: 'outcome', reason: unknownEnd });
  // Without an answer on one side there is one difference, not one for every header.
  const answered = recorded.response !== undefined && replayed.response !== undefined;
  if (answered) {
    for (const side of ['recorded', 'replayed'] as const) {
      const body = bodies[side];
      if ('notCompared' in body) notCompared.push({ part: 'body', reason: `${side} ${body.notCompared}` });
    }
  }
  const comparable = answered && !notCompared.some(({ part }) => part === 'body');
  if (comparable) for (const reason of messages?.reasons ?? []) notCompared.push({ part: 'body', reason });
  const view = (exchange: Exchange, body: DecodedBody): ResponseView => ({
    // Differences are found from the last name to the first.
    ...(comparable && 'value' in body && body.value !== undefined ? { body: body.value } : {}),
    ...(answered ? headOf(exchange, limits) : statusWithout(exchange)),
    ...(unknownEnd === undefined ? { outcome: outcomeOf(exchange) } : {}),
  });
  return {
    recorded: view(recorded, bodies.recorded),
    replayed: view(replayed, bodies.replayed),
    notCompared,
  };
}

/** The view of one response. */
export function viewOf(exchange: Exchange, limits: MessageLimits): ResponseView {
  const messages = isConversation(exchange)
    ? socketList(exchange.response)
    : hasMessages(exchange)
      ? messageList(exchange, limits)
      : undefined;
  const body = decodedBodyOf(exchange, limits, messages);
  return {
    ...('value' in body && body.value !== undefined ? { body: body.value } : {}),
    ...headOf(exchange, limits),
    outcome: outcomeOf(exchange),
  };
}

/**
 * The events that both streams had, where the recorded client went away from one that went on: how many more there would have
 * been, nobody knows, and where the replayed one was left is chance.
 */
function eventPair(
  recorded: Exchange,
  replayed: Exchange,
): Record<'recorded' | 'replayed', DecodedBody> | undefined {
  if (recorded.abort?.by !== 'client') return undefined;
  const [before, after] = [eventsOf(recorded), eventsOf(replayed)];
  const count = Math.min(before?.length ?? 0, after?.length ?? 0);
  if (before === undefined || after === undefined || count === 0) return undefined;
  return { recorded: { value: before.slice(0, count) }, replayed: { value: after.slice(0, count) } };
}

/** The finished server-sent events of an answer that is kept. */
function eventsOf({ response }: Exchange): JsonValue[] | undefined {
  if (response === undefined || !isEventStream(response.headers)) return undefined;
  if (response.state !== 'kept' && response.state !== 'masked') return undefined;
  return serverSentEvents(response)
    .filter(({ finished }) => finished)
    .map(({ text }) => decodeEvent(text));
}

const noBody: DecodedBody = { value: undefined };

/** Whether there is nothing to decode: what most answers of an unchanged build have. */
function haveSameBytes(recorded: Response | undefined, replayed: Response | undefined): boolean {
  if (recorded === undefined || replayed === undefined) return false;
  for (const { state, complete, messages } of [recorded, replayed]) {
    if (!complete || messages.length > 0 || (state !== 'kept' && state !== 'masked')) return false;
  }
  for (const name of ['content-type', 'content-encoding']) {
    if (headerValues(recorded.headers, name).join() !== headerValues(replayed.headers, name).join())
      return false;
  }
  return Buffer.compare(bodyBytes(recorded), bodyBytes(replayed)) === 0;
}

function pairOf(recorded: Exchange, replayed: Exchange, limits: MessageLimits): MessagePair | undefined {
  if (isConversation(recorded) && isConversation(replayed)) {
    return socketPair(recorded.response, replayed.response);
  }
  return hasMessages(recorded) || hasMessages(replayed) ? messagePair(recorded, replayed, limits) : undefined;
}

/** A WebSocket that was opened. */
function isConversation({ protocol, response }: Exchange): boolean {
  return protocol === 'websocket' && response?.status === 101;
}

/** @param messages - those of a gRPC call or a WebSocket, as they are compared */
function decodedBodyOf(
  { request, response, protocol }: Exchange,
  limits: MessageLimits,
  messages: readonly JsonValue[] | undefined,
): DecodedBody {
  if (response === undefined) return { value: undefined };
  if (protocol !== 'grpc' && messages === undefined) return decodeBody(response, response.headers, limits);
  if (messages === undefined) return decodeBody(response, ['content-type', grpcTypeOf(request)], limits);
  if (response.state !== 'kept' && response.state !== 'masked') return { notCompared: response.state };
  return response.complete ? { value: [...messages] } : { notCompared: 'incomplete' };
}

/** Not every tap sees the content type of the answer, and it is that of the request. */
function grpcTypeOf({ headers }: Exchange['request']): string {
  return headerValue(headers, 'content-type') ?? 'application/grpc';
}

/** Whether an answer has messages that are protobuf. */
function hasMessages({ protocol, request, response }: Exchange): boolean {
  return (
    protocol === 'grpc' &&
    (response?.messages.length ?? 0) > 0 &&
    !/json\s*(?:;|$)/i.test(grpcTypeOf(request))
  );
}

/** The status of a gRPC call, which it has even where no answer came. */
function statusWithout(exchange: Exchange): Pick<ResponseView, 'status'> {
  const status = grpcStatusOf(exchange);
  return status === undefined ? {} : { status };
}

function headOf(
  exchange: Exchange,
  { registry }: MessageLimits,
): Pick<ResponseView, 'trailers' | 'headers' | 'status'> {
  const { response, protocol } = exchange;
  if (response === undefined) return statusWithout(exchange);
  const { trailers, headers, status } = response;
  if (protocol === 'grpc') {
    return {
      trailers: comparedMetadata(trailers, registry),
      headers: comparedMetadata(headers, registry),
      ...statusWithout(exchange),
    };
  }
  return { trailers: comparedHeaders(trailers), headers: comparedHeaders(headers), status };
}

/** Why it is not known how the recorded exchange would have ended. */
function unknownEndOf({ partial, abort }: Exchange): string | undefined {
  if (partial.length > 0) return `recorded ${partial.join(', ')}`;
  if (abort?.by === 'client') return 'recorded client went away';
  return abort?.by === 'recorder' ? 'recorded no further' : undefined;
}

function outcomeOf(exchange: Exchange): ResponseOutcome {
  const { response, abort } = exchange;
  // Which side of a gRPC call saw its deadline first is chance: it ended with that status for both.
  if (grpcStatusOf(exchange) !== undefined) return 'answered';
  if (response === undefined) return 'no answer';
  return response.complete && abort === undefined ? 'answered' : 'cut';
}
