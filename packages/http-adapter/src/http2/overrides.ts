import type { ServerHttp2Stream } from 'node:http2';

// How it works. Each stream that is recorded gets methods of its own that call the original and tell the tap what passed:
// `push`, through which Node hands over what arrives, those by which an application answers (Node's requests and responses of
// HTTP/2 use the same), and `emit`, since a listener could be counted. They are shared functions that find their exchange by a
// symbol on `this`, so that a request costs no closures.

const witnessKey: unique symbol = Symbol('gardenhose.witness');

type Method = (...args: unknown[]) => unknown;

/** Who is told what passes. */
export interface Witness {
  /** The methods of the stream as they were when the tap was installed. */
  originals: Originals;
  /** Set while an original method runs: what that calls on the same stream belongs to it. */
  inside: boolean;
  /** Node hands over bytes of the request, or, by `null`, its end. */
  pushed(chunk: unknown): void;
  /** The fields behind the request's body, as their block tells them. */
  trailersCame(raw: unknown): void;
  /** An informational head went out. */
  informed(headers: unknown): void;
  /** A head went out. */
  responded(headers: unknown, options: unknown): void;
  /** Whether what is written now goes out. */
  readonly writable: boolean;
  /** `write` has returned. */
  wrote(chunk: unknown, encoding: unknown): void;
  /** Node or the application says that there is no more to come. Told before it is done. */
  ending(): void;
  /** Trailers went out. */
  trailed(headers: unknown): void;
  /** This process closes or destroys the stream, which is open until now. */
  breaking(error: unknown): void;
  /** What was written has been handed to the connection. */
  finished(): void;
  closed(): void;
}

/** What of a stream is told by. */
const told = [
  'push',
  'respond',
  'additionalHeaders',
  'write',
  'end',
  'sendTrailers',
  'close',
  'destroy',
  'emit',
] as const;

type Told = (typeof told)[number];

export type Originals = { readonly [K in Told]: Method };

export interface WatchedStream extends Omit<ServerHttp2Stream, Told | 'read' | 'unshift'> {
  [witnessKey]?: Witness;
  push: Method;
  respond: Method;
  additionalHeaders: Method;
  write: Method;
  end: Method;
  sendTrailers: Method;
  close: Method;
  destroy: Method;
  emit: Method;
  read(): unknown;
  unshift(chunk: unknown): void;
}

interface TappedStream extends WatchedStream {
  [witnessKey]: Witness;
}

/** In place of the originals before the tap is installed. */
export const none: Originals = {
  push: () => undefined,
  respond: () => undefined,
  additionalHeaders: () => undefined,
  write: () => undefined,
  end: () => undefined,
  sendTrailers: () => undefined,
  close: () => undefined,
  destroy: () => undefined,
  emit: () => undefined,
};

export function install(stream: WatchedStream, witness: Witness): void {
  const { push, respond, additionalHeaders, write, end, sendTrailers, close, destroy, emit } = stream;
  witness.originals = { push, respond, additionalHeaders, write, end, sendTrailers, close, destroy, emit };
  stream[witnessKey] = witness;
  stream.push = tellPush;
  stream.respond = tellRespond;
  stream.additionalHeaders = tellAdditionalHeaders;
  stream.write = tellWrite;
  stream.end = tellEnd;
  stream.sendTrailers = tellSendTrailers;
  stream.close = tellClose;
  stream.destroy = tellDestroy;
  stream.emit = tellEmit;
}

// Told before the original runs: pushing hands the bytes to the application, which may answer at once.
function tellPush(this: TappedStream, ...args: unknown[]): unknown {
  const witness = this[witnessKey];
  witness.pushed(args[0]);
  return witness.originals.push.apply(this, args);
}

// Those that follow are told after the original has run: it may refuse what it is given.
function tellRespond(this: TappedStream, ...args: unknown[]): unknown {
  const witness = this[witnessKey];
  const outermost = !witness.inside;
  witness.inside = true;
  try {
    witness.originals.respond.apply(this, args);
  } finally {
    if (outermost) witness.inside = false;
  }
  witness.responded(args[0], args[1]);
  return undefined;
}

function tellAdditionalHeaders(this: TappedStream, ...args: unknown[]): unknown {
  const witness = this[witnessKey];
  witness.originals.additionalHeaders.apply(this, args);
  witness.informed(args[0]);
  return undefined;
}

function tellWrite(this: TappedStream, ...args: unknown[]): unknown {
  const witness = this[witnessKey];
  if (witness.inside || !witness.writable) return witness.originals.write.apply(this, args);
  witness.inside = true;
  let more: unknown;
  try {
    more = witness.originals.write.apply(this, args);
  } finally {
    witness.inside = false;
  }
  witness.wrote(args[0], args[1]);
  return more;
}

function tellEnd(this: TappedStream, ...args: unknown[]): unknown {
  const witness = this[witnessKey];
  if (witness.inside || !witness.writable) return witness.originals.end.apply(this, args);
  witness.ending();
  witness.inside = true;
  try {
    witness.originals.end.apply(this, args);
  } finally {
    witness.inside = false;
  }
  witness.wrote(args[0], args[1]);
  return this;
}

function tellSendTrailers(this: TappedStream, ...args: unknown[]): unknown {
  const witness = this[witnessKey];
  witness.originals.sendTrailers.apply(this, args);
  witness.trailed(args[0]);
  return undefined;
}

// Those that break off are told before: afterwards nothing tells who it was.
function tellClose(this: TappedStream, ...args: unknown[]): unknown {
  const witness = this[witnessKey];
  if (!this.closed) witness.breaking(undefined);
  return witness.originals.close.apply(this, args);
}

function tellDestroy(this: TappedStream, ...args: unknown[]): unknown {
  const witness = this[witnessKey];
  if (!this.closed && !this.destroyed) witness.breaking(args[0]);
  return witness.originals.destroy.apply(this, args);
}

function tellEmit(this: TappedStream, ...args: unknown[]): unknown {
  const witness = this[witnessKey];
  if (args[0] === 'trailers') witness.trailersCame(args[3]);
  try {
    return witness.originals.emit.apply(this, args);
  } finally {
    // After the listeners: what they mark belongs to the exchange, even if one of them throws.
    if (args[0] === 'finish') witness.finished();
    else if (args[0] === 'close') witness.closed();
  }
}
