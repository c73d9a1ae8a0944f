import { splitTarget } from '../hook/path-pattern.ts';
import { tokenType } from '../mask/tokens.ts';
import type { Exchange } from '../model/exchange.ts';

const maxLength = 256;
const idSegment =
  /^(?:\d+|[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}|(?=\w*\d)[0-9a-f]{12,}|[0-7][0-9A-HJKMNP-TV-Z]{25})$/i;

/**
 * What an exchange is counted under: its route template or gRPC method; where none is known, its method and path with
 * `{id}` for segments that are numbers, UUIDs, ULIDs, long hexadecimal ids or mask tokens.
 */
export function operationName(exchange: Exchange): string {
  const known = exchange.operation ?? exchange.marks.findLast(({ name }) => name === 'operation')?.value;
  if (known !== undefined) return known.slice(0, maxLength);
  const { method, target } = exchange.request;
  const path = splitTarget(target.slice(0, 4 * maxLength)).path;
  const segments = path.split('/').map((segment) => (isId(segment) ? '{id}' : segment));
  return `${method} ${segments.join('/')}`.slice(0, maxLength);
}

function isId(segment: string): boolean {
  return segment.length <= 64 && (idSegment.test(segment) || tokenType(segment) !== undefined);
}
