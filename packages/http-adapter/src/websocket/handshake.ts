import { createHash } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { type HeaderList, headerValues } from '@gardenhose/core';

/** How the messages of a connection are compressed (RFC 7692); undefined where they are not. */
export interface Deflate {
  /** Whether a message of this side goes on from those before it. */
  readonly request: 'each' | 'window';
  readonly response: 'each' | 'window';
}

/** Whether a request asks for a WebSocket (RFC 6455 section 4.2.1). */
export function asksForWebSocket({
  method,
  rawHeaders,
}: Pick<IncomingMessage, 'method' | 'rawHeaders'>): boolean {
  return (
    method === 'GET' &&
    isListed(rawHeaders, 'upgrade', 'websocket') &&
    isListed(rawHeaders, 'sec-websocket-key')
  );
}

/** Whether an answer that is 101 is to that. */
export function switchesToWebSocket(headers: HeaderList): boolean {
  return isListed(headers, 'upgrade', 'websocket');
}

/** Whether the values of a header hold this one, or any. */
function isListed(headers: HeaderList, name: string, wanted?: string): boolean {
  const values = headerValues(headers, name);
  if (wanted === undefined) return values.length > 0;
  return values.some((value) => value.split(',').some((one) => one.trim().toLowerCase() === wanted));
}

/** What an answer says of compression. */
export function deflateOf(headers: HeaderList): Deflate | undefined {
  for (const { name, parameters } of extensionsOf(headers)) {
    if (name !== 'permessage-deflate') continue;
    const each = (side: string): 'each' | 'window' =>
      parameters.some(([key]) => key === `${side}_no_context_takeover`) ? 'each' : 'window';
    return { request: each('client'), response: each('server') };
  }
  return undefined;
}

/** One extension that is offered or accepted (RFC 6455 section 9.1). */
export interface Extension {
  readonly name: string;
  /** In small letters, values without quotes. */
  readonly parameters: readonly (readonly [name: string, value: string])[];
}

export function extensionsOf(headers: HeaderList): Extension[] {
  return headerValues(headers, 'sec-websocket-extensions')
    .flatMap((value) => value.split(','))
    .map((one) => {
      const [name = '', ...parameters] = one.split(';').map((part) => part.trim().toLowerCase());
      return {
        name,
        parameters: parameters.map((parameter): [string, string] => {
          const [key = '', value = ''] = parameter.split('=');
          return [key.trim(), value.trim().replace(/^"(.*)"$/, '$1')];
        }),
      };
    })
    .filter(({ name }) => name !== '');
}

/** What the server makes of the key of a client (RFC 6455 section 4.2.2). */
export function acceptOf(key: string): string {
  return createHash('sha1').update(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest('base64');
}
