import type { Exchange } from './exchange.ts';

const maxLength = 256;
const longestName = 40;

/**
 * What an exchange is counted under, without what changes from one request to the next: its gRPC method, or its HTTP
 * method with the route template; where that is not known, with the path, `:id` in place of segments that look like
 * identifiers.
 */
export function operationOf(exchange: Exchange): string {
  const { method, target } = exchange.request;
  if (exchange.operation !== undefined) {
    const route = exchange.protocol === 'http' && exchange.operation.startsWith('/');
    return `${route ? `${method} ` : ''}${exchange.operation}`.slice(0, maxLength);
  }
  const [path = ''] = target
    .slice(0, 4 * maxLength)
    .replace(/^https?:\/\/[^/?]*/i, '')
    .split('?', 1);
  return `${method} ${path.split('/').map(templateOf).join('/')}`.slice(0, maxLength);
}

/** A segment with a digit, a mask token, or what is too long for a name is taken for an identifier; `v1` and its like are names. */
function templateOf(segment: string): string {
  if (segment.length > longestName || segment.startsWith('mk_')) return ':id';
  return /\d/.test(segment) && !/^v\d{1,2}$/.test(segment) ? ':id' : segment;
}
