import type { Exchange, Shipment, Unsendable } from '@gardenhose/core';
import { type RequestOptions, toRequest } from './to-request.ts';
import { toConversation } from './websocket/to-conversation.ts';

/** A recorded exchange as what to send, whichever of the protocols of HTTP/1 it is of. */
export function toShipment(
  exchange: Exchange,
  options: RequestOptions,
  recorded?: Exchange,
  authority?: (authority: string) => string,
): Shipment | Unsendable {
  const make = exchange.protocol === 'websocket' ? toConversation : toRequest;
  return make(exchange, options, recorded, authority);
}
