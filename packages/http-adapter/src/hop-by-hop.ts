import { type HeaderList, headerEntries, headerValues } from '@gardenhose/core';

/** Fields of one connection, whether or not the Connection header names them (RFC 9110 section 7.6.1). */
const ofTheConnection = new Set([
  'connection',
  'proxy-connection',
  'keep-alive',
  'te',
  'upgrade',
  'proxy-authenticate',
  'proxy-authorization',
]);

/**
 * The headers that an intermediary passes on, in their order, case and number: all but those of the one connection and
 * those that its Connection header names (RFC 9110 section 7.6.1). `Transfer-Encoding` stays, since the body is passed on
 * in the same coding; `TE: trailers` stays, since trailers are passed on.
 */
export function endToEnd(headers: HeaderList): string[] {
  const named = new Set(listed(headers, 'connection'));
  // No sender may name these: without them the message would lose its meaning.
  for (const essential of ['host', 'content-length', 'transfer-encoding', 'trailer']) named.delete(essential);
  const kept: string[] = [];
  for (const [name, value] of headerEntries(headers)) {
    const lower = name.toLowerCase();
    if (!ofTheConnection.has(lower) && !named.has(lower)) kept.push(name, value);
  }
  if (listed(headers, 'te').includes('trailers')) kept.push('TE', 'trailers', 'Connection', 'TE');
  return kept;
}

function listed(headers: HeaderList, name: string): string[] {
  return headerValues(headers, name).flatMap((value) =>
    value.split(',').map((part) => part.trim().toLowerCase()),
  );
}
