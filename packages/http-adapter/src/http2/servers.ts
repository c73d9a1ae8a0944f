import type { Http2SecureServer, Http2Server, IncomingHttpHeaders } from 'node:http2';
import { createSecureServer, createServer } from 'node:http2';
import { onEmits } from '../server-emits.ts';
import { isStream, type KnownStream } from './watch-stream.ts';

// Node announces requests of HTTP/1 on a diagnostics channel; streams of HTTP/2 it announces since 22 only, and without the order
// of their headers. So the two classes of servers get an `emit` of their own while somebody listens: what a server tells of a
// stream passes there before any listener of the server.

/**
 * Is told of each stream that begins on any HTTP/2 server of this process, before the server's listeners: with its header block as
 * it came, and as the object that those get. Never throws.
 */
export type StreamListener = (
  server: object,
  stream: KnownStream,
  raw: string[],
  headers: IncomingHttpHeaders,
) => void;

/** The prototypes of Node's two classes of servers, which it does not export. Servers that do not listen are only objects. */
const prototypes: readonly object[] = [createServer(), createSecureServer()].map((server): object =>
  Object.getPrototypeOf(server),
);

/** Listens to the streams of all servers. Gives the undo. */
export function onStream(listener: StreamListener): () => void {
  const undo = prototypes.map((prototype) =>
    onEmits(prototype, (server, args) => {
      if (args[0] === 'stream') tell(listener, server, args);
    }),
  );
  return () => {
    for (const one of undo) one();
  };
}

/** The class of servers that speak HTTP/1 as well, if they are asked to. */
export const secureServers: object | undefined = prototypes[1];

export function isHttp2Server(value: unknown): value is Http2Server | Http2SecureServer {
  return (
    typeof value === 'object' &&
    value !== null &&
    prototypes.some((one) => Object.prototype.isPrototypeOf.call(one, value))
  );
}

function tell(listener: StreamListener, server: object, args: readonly unknown[]): void {
  const [, stream, headers, , raw] = args;
  if (isStream(stream) && isHeaderList(raw) && isHeaders(headers)) listener(server, stream, raw, headers);
}

const isHeaderList = (raw: unknown): raw is string[] => Array.isArray(raw);

const isHeaders = (headers: unknown): headers is IncomingHttpHeaders =>
  typeof headers === 'object' && headers !== null;
