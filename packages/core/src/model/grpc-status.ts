import type { Exchange } from './exchange.ts';
import { headerValue } from './headers.ts';

/** Status codes of gRPC that a call has without being told. */
const cancelled = 1;
const unknown = 2;
const deadlineExceeded = 4;

/**
 * How a gRPC call ended, as its client would have it: 4 when a deadline ended it, 1 when the client broke it off, whatever the
 * server said meanwhile, and else the `grpc-status` that the server sent. Undefined for a call of which nothing is known, and
 * for other protocols.
 */
export function grpcStatusOf(exchange: Exchange): number | undefined {
  if (exchange.protocol !== 'grpc') return undefined;
  const { response, abort } = exchange;
  if (endedByDeadline(exchange)) return deadlineExceeded;
  if (abort?.by === 'client') return cancelled;
  const told = response === undefined ? undefined : headerValue(response.trailers, 'grpc-status');
  if (told === undefined) return undefined;
  return /^\d{1,2}$/.test(told) ? Number(told) : unknown;
}

const names = [
  'OK',
  'CANCELLED',
  'UNKNOWN',
  'INVALID_ARGUMENT',
  'DEADLINE_EXCEEDED',
  'NOT_FOUND',
  'ALREADY_EXISTS',
  'PERMISSION_DENIED',
  'RESOURCE_EXHAUSTED',
  'FAILED_PRECONDITION',
  'ABORTED',
  'OUT_OF_RANGE',
  'UNIMPLEMENTED',
  'INTERNAL',
  'UNAVAILABLE',
  'DATA_LOSS',
  'UNAUTHENTICATED',
] as const;

/** What a status code of gRPC is called; undefined for one that gRPC does not have. */
export function grpcStatusName(code: number): string | undefined {
  return names[code];
}

/**
 * The statuses of gRPC that are the server's fault, as OpenTelemetry has them for spans of servers: UNKNOWN,
 * DEADLINE_EXCEEDED, UNIMPLEMENTED, INTERNAL, UNAVAILABLE, DATA_LOSS.
 */
const serverFaults: ReadonlySet<number> = new Set([2, 4, 12, 13, 14, 15]);

/** Whether a status code of gRPC is the server's fault. */
export function isServerFault(code: number): boolean {
  return serverFaults.has(code);
}

/** A client that waits no longer resets its call, as one that cancels does. It may have lost this much time on the way. */
const nearNs = 100e6;

/** Whether a gRPC call was broken off because its time was up, by whichever side saw it first. */
export function endedByDeadline({ request, abort, startAt }: Exchange): boolean {
  if (abort === undefined) return false;
  if (abort.code === 'DEADLINE_EXCEEDED') return true;
  if (abort.by !== 'client') return false;
  const limitNs = grpcTimeoutNs(headerValue(request.headers, 'grpc-timeout') ?? '');
  return limitNs !== undefined && abort.at - startAt >= limitNs - Math.min(nearNs, limitNs / 4);
}

const unitNs: ReadonlyMap<string, number> = new Map([
  ['H', 3.6e12],
  ['M', 6e10],
  ['S', 1e9],
  ['m', 1e6],
  ['u', 1e3],
  ['n', 1],
]);

/** A `grpc-timeout` in nanoseconds; undefined where it is none (gRPC over HTTP/2, "Timeout"). */
export function grpcTimeoutNs(text: string): number | undefined {
  const [, digits = '', unit = ''] = /^(\d{1,8})([HMSmun])$/.exec(text) ?? [];
  const factor = unitNs.get(unit);
  return factor === undefined ? undefined : Number(digits) * factor;
}
