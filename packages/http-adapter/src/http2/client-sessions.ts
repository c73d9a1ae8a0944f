import { type ClientHttp2Session, type ClientHttp2Stream, connect } from 'node:http2';
import { Duplex } from 'node:stream';

// Connections of HTTP/2 to servers are objects of one class, which Node does not export. While somebody listens, its `request` is one
// that tells of each stream that was made: connections that were made before are seen, and it does not matter what was imported first.

/** Is told of each request that this process has just made over HTTP/2, and what options it was made with. Never throws. */
export type ClientStreamListener = (
  session: ClientHttp2Session,
  stream: ClientHttp2Stream,
  options: unknown,
) => void;

type Request = (...args: unknown[]) => ClientHttp2Stream;

interface SessionClass {
  request: Request;
}

let found: SessionClass | undefined;
let listeners: readonly ClientStreamListener[] = [];
let undo: () => void = () => undefined;

/** Listens to the requests of all connections. Gives the undo. */
export function onClientStream(listener: ClientStreamListener): () => void {
  listeners = [...listeners, listener];
  if (listeners.length === 1) {
    found ??= sessionClass();
    undo = tellStreams(found);
  }
  return () => {
    if (!listeners.includes(listener)) return;
    listeners = listeners.filter((one) => one !== listener);
    if (listeners.length === 0) undo();
  };
}

/** The prototype of a connection that leads nowhere. */
function sessionClass(): SessionClass {
  const nowhere = new Duplex({ read: () => undefined, write: (_chunk, _encoding, done) => done() });
  const session = connect('http://localhost', { createConnection: () => nowhere });
  session.destroy();
  return Object.getPrototypeOf(session);
}

function tellStreams(prototype: SessionClass): () => void {
  const { request } = prototype;
  let undone = false;
  const told: Request = function (this: ClientHttp2Session, ...args) {
    const stream = request.apply(this, args);
    if (!undone) for (const listener of listeners) listener(this, stream, args[1]);
    return stream;
  };
  prototype.request = told;
  return () => {
    undone = true;
    // Somebody else may have put theirs over it, and calls it.
    if (prototype.request === told) prototype.request = request;
  };
}

/** What undici keeps on its connections of HTTP/2, in all versions from 6 to 8. */
const ofUndici = 'open streams';

/** Whether an undici made this connection, such as that of a `fetch`: its requests are told of elsewhere. */
export function isOfUndici(session: ClientHttp2Session): boolean {
  return Object.getOwnPropertySymbols(session).some(({ description }) => description === ofUndici);
}
