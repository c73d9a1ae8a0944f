import type { Http2SecureServer, Http2Server } from 'node:http2';
import { createSecureServer, createServer } from 'node:http2';
import type { HeaderList } from '@gardenhose/core';
import { isStream, type KnownStream } from './watch-stream.ts';

// Node announces requests of HTTP/1 on a diagnostics channel; streams of HTTP/2 it announces since 22 only, and without the order
// of their headers. So the two classes of servers get an `emit` of their own while somebody listens: what a server tells of a
// stream passes there before any listener of the server. No server is touched, and it does not matter what was imported first.

/** Is told of each stream that begins on any HTTP/2 server of this process, before the server's listeners. Never throws. */
export type StreamListener = (server: object, stream: KnownStream, raw: HeaderList) => void;

type Emit = (this: object, ...args: unknown[]) => boolean;

/** The prototypes of Node's two classes of servers, which it does not export. Servers that do not listen are only objects. */
const prototypes: readonly object[] = [createServer(), createSecureServer()].map((server): object =>
  Object.getPrototypeOf(server),
);

let listeners: readonly StreamListener[] = [];
const undo: (() => void)[] = [];

/** Listens to the streams of all servers. Gives the undo. */
export function onStream(listener: StreamListener): () => void {
  listeners = [...listeners, listener];
  if (listeners.length === 1) for (const prototype of prototypes) undo.push(tellStreams(prototype));
  return () => {
    if (!listeners.includes(listener)) return;
    listeners = listeners.filter((one) => one !== listener);
    if (listeners.length === 0) for (const one of undo.splice(0)) one();
  };
}

export function isHttp2Server(value: unknown): value is Http2Server | Http2SecureServer {
  return (
    typeof value === 'object' &&
    value !== null &&
    prototypes.some((one) => Object.prototype.isPrototypeOf.call(one, value))
  );
}

function tellStreams(prototype: object): () => void {
  const inherited: Emit = Reflect.get(prototype, 'emit');
  const emit: Emit = function (...args) {
    if (args[0] === 'stream') tell(this, args[1], args[4]);
    return inherited.apply(this, args);
  };
  Object.defineProperty(prototype, 'emit', { value: emit, configurable: true, writable: true });
  return () => {
    // Somebody else may have put theirs over it, and calls it.
    if (Reflect.get(prototype, 'emit') === emit) Reflect.deleteProperty(prototype, 'emit');
  };
}

function tell(server: object, stream: unknown, raw: unknown): void {
  if (!isStream(stream) || !isHeaderList(raw)) return;
  for (const listener of listeners) listener(server, stream, raw);
}

const isHeaderList = (raw: unknown): raw is HeaderList => Array.isArray(raw);
