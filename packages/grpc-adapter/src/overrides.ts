import type { ServerHttp2Stream } from 'node:http2';

// How it works. Each stream that is recorded gets methods of its own that call the original and tell the tap what passed:
// `push`, through which Node hands over what arrives, and `respond`, `write` and `sendTrailers`, through which grpc-js answers.
// They are shared functions that find their call by a symbol on `this`, so that a call costs no closures.

const witnessKey: unique symbol = Symbol('gardenhose.witness');

export type Method = (this: unknown, ...args: unknown[]) => unknown;

/** Who is told what passes, and keeps the originals of the methods that tell. */
export interface Witness {
  push: Method;
  respond: Method;
  write: Method;
  sendTrailers: Method;
  /** Node hands over bytes of the request, or, by `null`, its end. */
  pushed(chunk: unknown): void;
  responded(headers: unknown, options: unknown): void;
  wrote(chunk: unknown): void;
  trailed(headers: unknown): void;
  closed(): void;
}

export interface WatchedStream
  extends Omit<ServerHttp2Stream, 'push' | 'respond' | 'write' | 'sendTrailers'> {
  [witnessKey]?: Witness;
  push(...args: unknown[]): boolean;
  respond(...args: unknown[]): void;
  write(...args: unknown[]): boolean;
  sendTrailers(...args: unknown[]): void;
}

interface TappedStream extends WatchedStream {
  [witnessKey]: Witness;
}

export function install(stream: WatchedStream, witness: Witness): void {
  witness.push = stream.push;
  witness.respond = stream.respond;
  witness.write = stream.write;
  witness.sendTrailers = stream.sendTrailers;
  stream[witnessKey] = witness;
  stream.push = push;
  stream.respond = respond;
  stream.write = write;
  stream.sendTrailers = sendTrailers;
  stream.on('close', closed);
}

// Told before the original runs: pushing hands the bytes to the application, which may answer at once.
function push(this: TappedStream, chunk: unknown, encoding: unknown): boolean {
  const witness = this[witnessKey];
  witness.pushed(chunk);
  return witness.push.call(this, chunk, encoding) === true;
}

// Told after the original has run: it may refuse what it is given.
function respond(this: TappedStream, headers: unknown, options: unknown): void {
  const witness = this[witnessKey];
  witness.respond.call(this, headers, options);
  witness.responded(headers, options);
}

function write(this: TappedStream, chunk: unknown, encoding: unknown, callback: unknown): boolean {
  const witness = this[witnessKey];
  const open = !this.destroyed && !this.closed;
  const more = witness.write.call(this, chunk, encoding, callback) === true;
  if (open) witness.wrote(chunk);
  return more;
}

function sendTrailers(this: TappedStream, headers: unknown): void {
  const witness = this[witnessKey];
  witness.sendTrailers.call(this, headers);
  witness.trailed(headers);
}

function closed(this: TappedStream): void {
  this[witnessKey].closed();
}
