import type { Exchange } from './exchange.ts';
import { headerValue } from './headers.ts';

/** Status codes of gRPC that a call has without being told. */
const cancelled = 1;
const unknown = 2;
const deadlineExceeded = 4;

/**
 * How a gRPC call ended, as its client would have it: the `grpc-status` that the server sent; 4 when a deadline ended it, 1 when
 * the client broke it off. Undefined for a call of which nothing is known, and for other protocols.
 */
export function grpcStatusOf(exchange: Exchange): number | undefined {
  if (exchange.protocol !== 'grpc') return undefined;
  const { response, abort } = exchange;
  const told = response === undefined ? undefined : headerValue(response.trailers, 'grpc-status');
  if (told !== undefined) return /^\d{1,2}$/.test(told) ? Number(told) : unknown;
  if (abort?.code === 'DEADLINE_EXCEEDED') return deadlineExceeded;
  return abort?.by === 'client' ? cancelled : undefined;
}
