import { Assembler } from '../model/assemble.ts';
import type { CaptureEvent, ContentState, ExchangeStart, Side, Stamp } from '../model/event.ts';
import type { Content, Exchange, Message } from '../model/exchange.ts';
import type { Masker } from './masker.ts';

/**
 * Masks a whole exchange, as its events would have been masked one by one: for answers that were never recorded, before
 * they are compared with a masked capture. A masker for this use must not be in the middle of other exchanges of the
 * same id.
 *
 * @returns the masked exchange; times, marks and what made it partial stay as they were
 */
export function maskExchange(masker: Masker, exchange: Exchange): Exchange {
  const assembler = new Assembler({ order: 'end', maxBodyBytes: Number.MAX_SAFE_INTEGER });
  const masked: Exchange[] = [];
  for (const event of exchangeEvents(exchange)) {
    for (const kept of masker.mask(event)) masked.push(...assembler.push(kept));
  }
  masked.push(...assembler.finish());
  const [whole] = masked;
  // The assembler gives out each exchange that began, and this one did.
  if (whole === undefined) return exchange;
  const { endAt, abort, partial } = exchange;
  return { ...whole, endAt, abort, partial };
}

/** The events that a tap would have seen, request first: masking does not depend on how the sides interleave. */
function exchangeEvents(exchange: Exchange): CaptureEvent[] {
  const { id, request, response } = exchange;
  let { seq } = exchange;
  const stamp = (at: number): Stamp & { readonly exchange: number } => ({ seq: seq++, at, exchange: id });
  const start: ExchangeStart = {
    direction: exchange.direction,
    protocol: exchange.protocol,
    lane: exchange.lane,
    parent: exchange.parent,
    operation: exchange.operation,
    peer: exchange.peer,
    scheme: request.scheme,
    version: request.version,
    method: request.method,
    target: request.target,
    authority: request.authority,
    headers: request.headers,
  };
  const events: CaptureEvent[] = [
    { type: 'start', ...stamp(exchange.startAt), ...start, sampleRate: exchange.sampleRate },
  ];
  for (const mark of exchange.marks) events.push({ type: 'mark', ...stamp(exchange.startAt), ...mark });
  const addContent = (side: Side, content: Content, from: number): void => {
    for (const chunk of content.chunks) {
      events.push({ type: 'chunk', ...stamp(chunk.at), side, size: chunk.size, data: chunk.data });
    }
    for (const [index, message] of content.messages.entries()) {
      events.push({ type: 'message', ...stamp(message.at), side, index, ...messageContent(message) });
    }
    if (content.trailers.length > 0) {
      events.push({ type: 'trailers', ...stamp(content.endAt ?? from), side, headers: content.trailers });
    }
    const { size, state, complete } = content;
    if (content.endAt !== undefined)
      events.push({ type: 'end', ...stamp(content.endAt), side, size, state, complete });
  };
  addContent('request', request, exchange.startAt);
  for (const head of exchange.informational) {
    const { at, status, reason, version, headers } = head;
    events.push({ type: 'headers', ...stamp(at), status, reason, version, headers });
  }
  if (response !== undefined) {
    const { at, status, reason, version, headers } = response;
    events.push({ type: 'headers', ...stamp(at), status, reason, version, headers });
    addContent('response', response, at);
  }
  if (request.endAt === undefined || response?.endAt === undefined) {
    const { by, code } = exchange.abort ?? { by: 'unknown', code: '' };
    events.push({ type: 'abort', ...stamp(exchange.abort?.at ?? exchange.endAt), by, code });
  }
  return events;
}

function messageContent(message: Message): {
  kind: number;
  size: number;
  state: ContentState;
  data?: Uint8Array;
} {
  const { kind, size, state, data } = message;
  return state.startsWith('dropped') ? { kind, size, state } : { kind, size, state, data };
}
