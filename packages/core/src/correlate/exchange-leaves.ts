import type { Exchange } from '../model/exchange.ts';
import type { SchemaRegistry } from '../protobuf/schema-registry.ts';
import { type MessageKind, readContent, visitContent } from './body-leaves.ts';
import { readResponseHeaders, visitRequestHeaders } from './header-leaves.ts';
import { maxLeaves, type Visit } from './leaf.ts';
import { visitUrl } from './url-leaves.ts';

/** A request with what a visit put in. */
export interface VisitedRequest {
  readonly exchange: Exchange;
  /** Header values made of nothing but what the visit gave, by the places of their names in the list of headers. */
  readonly given: ReadonlyMap<number, string>;
}

/**
 * Shows the values that a request sends; what `visit` gives back takes their places.
 *
 * @param only - Places that are looked at, as {@link withPrefixes} has them. Default all
 */
export function visitRequest(
  exchange: Exchange,
  schemas: SchemaRegistry | undefined,
  visit: Visit,
  only?: ReadonlySet<string>,
): VisitedRequest {
  const { request } = exchange;
  const budget = { left: maxLeaves, only };
  // The path of a gRPC call is its method.
  const isCall = exchange.protocol === 'grpc';
  const target = isCall
    ? request.target
    : visitUrl(request.target, { place: '', pointer: '' }, visit, budget);
  const { headers, given } = visitRequestHeaders(request.headers, visit, budget);
  const kind = messageKind(exchange, 'request', schemas);
  const content = visitContent(request, request.headers, kind, visit, budget);
  if (target === request.target && headers === request.headers && content === request)
    return { exchange, given };
  return { exchange: { ...exchange, request: { ...content, target, headers } }, given };
}

/**
 * Shows the values that an answer tells.
 *
 * @param only - Places that are looked at, as {@link withPrefixes} has them. Default all
 */
export function readResponse(
  exchange: Exchange,
  schemas: SchemaRegistry | undefined,
  visit: Visit,
  only?: ReadonlySet<string>,
): void {
  const { response } = exchange;
  if (response === undefined) return;
  const budget = { left: maxLeaves, only };
  readResponseHeaders(response.headers, visit, budget);
  readResponseHeaders(response.trailers, visit, budget);
  readContent(response, response.headers, messageKind(exchange, 'response', schemas), visit, budget);
}

function messageKind(
  { protocol, request }: Exchange,
  side: 'request' | 'response',
  registry: SchemaRegistry | undefined,
): MessageKind | undefined {
  if (protocol !== 'grpc' || registry === undefined) return undefined;
  const type = registry.method(request.target)?.[side];
  return type === undefined ? undefined : { registry, type };
}
