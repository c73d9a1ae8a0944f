import { type Exchange, grpcStatusName, grpcStatusOf, operationOf } from '@gardenhose/core';
import { isServerFault } from '@gardenhose/core/adapter';
import { showBytes, showDuration } from './output.ts';
import { printable } from './printable.ts';

/** Whether it broke off or was answered with a server error. */
export function isFailed(exchange: Exchange): boolean {
  if (exchange.abort !== undefined || (exchange.response?.status ?? 0) >= 500) return true;
  return isServerFault(grpcStatusOf(exchange) ?? 0);
}

/** The status of a gRPC call in words, such as `5 NOT_FOUND`. */
export function callStatus(exchange: Exchange): string | undefined {
  const status = grpcStatusOf(exchange);
  return status === undefined ? undefined : `${status} ${grpcStatusName(status) ?? ''}`.trimEnd();
}

/** How an exchange ended, in a word. */
export function ending(exchange: Exchange): string {
  if (exchange.abort !== undefined) return `abort ${exchange.abort.code}`;
  if (exchange.response === undefined) return 'no answer';
  return callStatus(exchange) ?? String(exchange.response.status);
}

/** An exchange as cells of a table: id, when, lane, request, ending, how long, sizes. */
export function exchangeCells(exchange: Exchange): string[] {
  return [
    String(exchange.id),
    showDuration(exchange.startAt),
    printable(exchange.lane, 12),
    printable(`${exchange.request.method} ${exchange.request.target}`, 60),
    printable(ending(exchange), 24),
    showDuration(exchange.endAt - exchange.startAt),
    `${showBytes(exchange.request.size)} > ${showBytes(exchange.response?.size ?? 0)}`,
    exchange.partial.length > 0 ? `partial: ${exchange.partial.join(', ')}` : '',
  ];
}

/** An exchange without its bodies, for JSON. */
export function exchangeJson(exchange: Exchange): Record<string, unknown> {
  return {
    id: exchange.id,
    seq: exchange.seq,
    lane: exchange.lane,
    parent: exchange.parent,
    direction: exchange.direction,
    protocol: exchange.protocol,
    operation: operationOf(exchange),
    startMs: exchange.startAt / 1e6,
    durationMs: (exchange.endAt - exchange.startAt) / 1e6,
    method: exchange.request.method,
    target: exchange.request.target,
    status: exchange.response?.status,
    grpcStatus: grpcStatusOf(exchange),
    abort: exchange.abort?.code,
    requestBytes: exchange.request.size,
    responseBytes: exchange.response?.size,
    marks: exchange.marks,
    partial: exchange.partial,
  };
}
